"""What the commands of ``hearthgate-edge`` share: the options that they all have, and how they show a list."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="The device's TOML file.")]
KindsOption = Annotated[list[Path] | None, typer.Option("--kinds", help="A folder of further kinds of station.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DEFAULT_CONFIG = Path("/etc/hearthgate/device.toml")


def table(*columns: str) -> Table:
    """A plain table with these columns."""
    made = Table(box=None, pad_edge=False)
    for column in columns:
        made.add_column(column)
    return made
