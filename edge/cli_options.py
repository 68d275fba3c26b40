"""What the commands of ``hearthgate-edge`` share: the options that they all have, and how they show a list."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from typer.core import TyperGroup

from edge.config.kinds import add_kinds
from edge.machine.mendable import mendable
from service.version import version_of


class CommandGroup(TyperGroup):
    """A group of commands: what the user can mend ends any of them with one line."""

    invoke = mendable()(TyperGroup.invoke)


def _find_kinds(folders: list[Path] | None) -> None:
    add_kinds(folders or [])


ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="The device's TOML file.")]
KindsOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--kinds",
        callback=_find_kinds,
        help="A folder of further kinds: what both sides know of each in its kinds, its station in its stations.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DEFAULT_CONFIG = Path("/etc/hearthgate/device.toml")
WIDE = 4096
"""Characters of a line that goes into a file or to another program."""


def table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> Table:
    """A plain table of these rows."""
    grid = Table(box=None, pad_edge=False)
    for name in columns:
        # What does not fit a terminal is broken, never cut: a reason or an id is there to be read whole.
        grid.add_column(name, overflow="fold", no_wrap=not sys.stdout.isatty())
    for row in rows:
        grid.add_row(*map(escape, row))
    return grid


def show(*tables: Table) -> None:
    """Print them with a line between; into a file or another program each row is one line, however long."""
    console = Console(width=None if sys.stdout.isatty() else WIDE)
    for number, shown in enumerate(tables):
        console.print(*([""] if number else []), shown, sep="\n")


VersionOption = Annotated[
    bool,
    typer.Option("--version", callback=version_of("hearthgate-edge"), is_eager=True, help="Print the version and end."),
]
