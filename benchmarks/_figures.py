"""The figures last measured, a line of JSON for each row: what ``bench --write`` writes and the README is made from."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from benchmarks import _rows
from benchmarks._judging import IdleControl, Judged, Verdict, number, target
from benchmarks._rows import Row

FILE = Path(__file__).with_name("figures.jsonl")


class Peer(Struct, frozen=True):
    """What stands beside a figure; ``ratio`` is the figure divided by it."""

    what: str
    value: float
    unit: str
    ratio: float | None


class Machine(Struct, frozen=True):
    """Where a figure was measured. ``load`` is that at the end; ``fdatasync_us`` is an append of 4 KiB, median."""

    cores: int
    cpu: str
    kernel: str
    python: str
    filesystem: str
    fdatasync_us: float
    load: float


class Line(Struct, frozen=True):
    """A row as it was measured."""

    row: str
    what: str
    value: float | None
    unit: str
    target: str
    met: Verdict
    why: str
    beside: Peer | None
    date: str
    commit: str
    machine: Machine
    idle: IdleControl

    def cells(self) -> list[str]:
        """For a table on a terminal."""
        peer = self.beside
        shown = f"{peer.what} {number(peer.value)} {peer.unit}" if peer else ""
        why = f"{self.met}: {self.why}" if self.why else self.met
        return [self.what, measured(self), self.target, why, shown]


def measured(line: Line) -> str:
    """The figure with its unit."""
    return "–" if line.value is None else f"{number(line.value)} {line.unit}"


def line_of(row: Row, found: Judged, machine: dict[str, Any], idle: IdleControl, commit: str, date: str) -> Line:
    """The line of a row."""
    beside = row.beside
    peer = None
    if beside and found.beside is not None:
        ratio = None if found.ratio is None else _digits(found.ratio)
        peer = Peer(beside.en, _digits(found.beside), beside.unit or row.unit, ratio)
    what = f"{row.en}, {row.size:,}" if row.size else row.en
    return Line(
        row=row.key,
        what=what,
        value=None if found.value is None else _digits(found.value),
        unit=row.unit,
        target=target(row),
        met=found.met,
        why=found.why,
        beside=peer,
        date=date,
        commit=commit,
        machine=_machine(machine),
        idle=idle,
    )


def _machine(found: dict[str, Any]) -> Machine:
    disk = found["disk"]
    return Machine(
        cores=found["cores"],
        cpu=found["cpu"],
        kernel=found["kernel"],
        python=found["versions"]["python"],
        filesystem=disk["filesystem"],
        fdatasync_us=disk["fdatasync_4k_us"]["p50"],
        load=found["load"],
    )


def _digits(value: float) -> float:
    """Five digits are more than any figure here is worth."""
    return float(f"{value:.5g}")


def encoded(line: Line) -> str:
    return msgspec.json.encode(line).decode()


def read() -> dict[str, Line]:
    """The lines last written, by row."""
    if not FILE.exists():
        return {}
    lines = (msgspec.json.decode(text, type=Line) for text in FILE.read_text(encoding="utf-8").splitlines())
    return {line.row: line for line in lines}


def merged(old: dict[str, Line], new: Iterable[Line]) -> list[Line]:
    """The new lines in the place of those of before, in the order of the rows; a row that is gone has none."""
    by_row = old | {line.row: line for line in new}
    return [by_row[row.key] for row in _rows.rows() if row.key in by_row]


def write(lines: Iterable[Line]) -> None:
    FILE.write_text("".join(f"{encoded(line)}\n" for line in lines), encoding="utf-8", newline="\n")
