"""Tables as the command lines print them."""

import sys
from collections.abc import Iterable

from rich.box import Box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

WIDE = 4096
"""Characters of a line that goes into a file or to another program, where nothing need be broken."""


def table(columns: Iterable[str], rows: Iterable[Iterable[str]], *, box: Box | None = None) -> Table:
    """A table of these rows. What does not fit a terminal is broken, never cut: a reason or an id is there to be read
    whole and typed again."""
    grid = Table(box=box, pad_edge=box is not None)
    for name in columns:
        grid.add_column(name, overflow="fold", no_wrap=not sys.stdout.isatty())
    for row in rows:
        grid.add_row(*map(escape, row))
    return grid


def print_tables(*tables: Table) -> None:
    """Print them with a line between; into a file or another program each row is one line, however long."""
    console = Console(width=None if sys.stdout.isatty() else WIDE)
    for number, shown in enumerate(tables):
        console.print(*([""] if number else []), shown, sep="\n")
