"""What the commands of ``hearthgate-edge`` share: the options that they all have, and how they show a list."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="The device's TOML file.")]
KindsOption = Annotated[list[Path] | None, typer.Option("--kinds", help="A folder of further kinds of station.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DEFAULT_CONFIG = Path("/etc/hearthgate/device.toml")


def columns(*names: str) -> Table:
    """A plain table with these columns."""
    made = Table(box=None, pad_edge=False)
    for name in names:
        made.add_column(name)
    return made
