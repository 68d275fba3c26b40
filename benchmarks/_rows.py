"""The figures that are published, as ``rows.toml`` declares them: there, and nowhere else.

A program prints what it measured; ``_judging`` says of each row whether it met its target; the tables of the README are
made from the words of the row and from ``figures.jsonl`` (see ``_readme``).
"""

import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

DECLARED = Path(__file__).with_name("rows.toml")

Kind = Literal["wall", "wall ratio", "cpu", "exact"]
"""What other programs on the machine do to a figure. ``wall``: they make it worse, never better. ``wall ratio``: of two
times of the same run, so they may do either. ``cpu``: processor time, which they make worse where they use a core and
more. ``exact``: bytes, memory, counts and virtual time, nothing."""


class Beside(Struct, frozen=True, forbid_unknown_fields=True):
    """A control or a peer of the same run: where it stands, and what it is. ``unit`` where it has another than its row:
    then the two are not divided."""

    at: str
    en: str
    zh: str
    unit: str = ""


class LeastWork(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the time of the least that could be done stands, and what that is."""

    at: str
    en: str


class Row(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One figure of one program.

    ``name`` begins with its program. ``at`` says where the figure stands in what the program found, its keys parted by
    slashes; it is multiplied by ``scale``. ``most`` and ``least`` are targets; a figure without one is only shown.
    ``of`` is the promise that it keeps. ``least_work`` is what takes as long with next to nothing done in it: where
    that alone is above the target, this machine cannot judge the row. ``size`` is how much there was of the table's
    dimension; a row with ``sizes`` is declared once and stands for one of each.
    """

    name: str
    at: str
    en: str
    zh: str
    unit: str
    kind: Kind
    scale: float = 1.0
    of: str = ""
    most: float | None = None
    least: float | None = None
    beside: Beside | None = None
    least_work: LeastWork | None = None
    size: int = 0
    sizes: tuple[int, ...] = ()

    @property
    def program(self) -> str:
        return self.name.partition(".")[0]

    @property
    def key(self) -> str:
        """Its name, with its size where it has one."""
        return f"{self.name}@{self.size}" if self.size else self.name

    def each_size(self) -> Iterator["Row"]:
        """Itself, or one row for each of its sizes."""
        if not self.sizes:
            yield self
        for size in self.sizes:
            yield msgspec.structs.replace(self, at=self.at.replace("SIZE", str(size)), size=size, sizes=())


class Table(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the README. ``promises``: each has at least one row with a target. With ``dimension``, its name in
    English and in Chinese, all sizes of a figure stand in one line."""

    name: str
    en: str
    zh: str
    rows: tuple[Row, ...]
    promises: tuple[str, ...] = ()
    dimension: tuple[str, str] | None = None


@cache
def tables() -> tuple[Table, ...]:
    declared = tomllib.loads(DECLARED.read_text(encoding="utf-8"))
    found = msgspec.convert(declared["tables"], tuple[Table, ...])
    return tuple(
        msgspec.structs.replace(table, rows=tuple(one for row in table.rows for one in row.each_size()))
        for table in found
    )


def rows(program: str | None = None) -> list[Row]:
    """All rows, or those of a program."""
    return [row for table in tables() for row in table.rows if program in (None, row.program)]
