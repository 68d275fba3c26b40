"""A log of passages as a file: its rows read one by one, however many there are, and every bad line named. Pure."""

import csv
import re
from collections.abc import Iterable, Iterator
from datetime import datetime, tzinfo
from typing import NamedTuple

from contract.decide import Direction

COLUMNS = ("time", "holder", "point", "direction")
DELIMITERS = ",;\t"
MAX_CELL = 200
"""Characters: no name, point or time is longer."""
LAST_MS = 253_402_300_800_000
"""The year 10000."""
BAD_TIME = "time: write it as 2027-01-31T18:05:00, with or without an offset, or leave it empty"
DIRECTIONS: dict[str, Direction] = {"in": "in", "out": "out", "进": "in", "出": "out"}


class NoLog(ValueError):
    """The file is no log; the text says why, and the cure."""


class LogRow(NamedTuple):
    """A row of a log, and the line that it begins on. ``at_ms`` is UTC: its own time, or where it has none that of the
    row before; None as long as there was no time."""

    line: int
    at_ms: int | None
    holder: str
    point: str
    direction: Direction


class BadLine(NamedTuple):
    """A line that is no row, and why."""

    line: int
    why: str


def read_log(lines: Iterable[str], zone: tzinfo) -> Iterator[LogRow | BadLine]:
    """The rows of a log under its heading. A time without an offset is the wall clock of ``zone``; in the hour that
    comes twice the order of the rows says which it is. Raises ``NoLog``."""
    source = iter(lines)
    heading = next(source, "")
    delimiter = max(DELIMITERS, key=heading.count)
    places = _places([cell.strip().casefold() for cell in next(csv.reader([heading], delimiter=delimiter), [])])
    reader = csv.reader(source, delimiter=delimiter, strict=True)
    reading, before = _LogReading(places, zone), 0
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as wrong:
            yield BadLine(before + 2, f"this is no CSV: {wrong}")
            before = reader.line_num
            continue
        if cells is None:
            return
        line, before = before + 2, reader.line_num
        if any(cells):
            yield reading.read(line, cells)


def _places(heading: list[str]) -> list[int]:
    """Where each of ``COLUMNS`` stands. Raises ``NoLog``."""
    missing = [name for name in COLUMNS if name not in heading]
    if missing:
        raise NoLog(f"line 1 names the columns {','.join(COLUMNS)}, in any order; missing: {', '.join(missing)}")
    double = [name for name in COLUMNS if heading.count(name) > 1]
    if double:
        raise NoLog(f"line 1 names {double[0]} twice: leave one out")
    return [heading.index(name) for name in COLUMNS]


class _LogReading:
    """The reading of one log, which knows the last time."""

    def __init__(self, places: list[int], zone: tzinfo) -> None:
        self._places, self._zone = places, zone
        self._width = max(places) + 1
        self._last_ms: int | None = None

    def read(self, line: int, cells: list[str]) -> LogRow | BadLine:
        if len(cells) < self._width:
            return BadLine(line, f"{len(cells)} cells, and the heading has more columns")
        time, holder, point, towards = (cells[place].strip() for place in self._places)
        if max(len(time), len(holder), len(point)) > MAX_CELL:
            return BadLine(line, f"a cell of more than {MAX_CELL} characters")
        direction = DIRECTIONS.get(towards.casefold())
        if direction is None:
            return BadLine(line, "direction: write in or out")
        if not holder or not point:
            return BadLine(line, f"{'point' if holder else 'holder'}: it is empty")
        if time:
            at_ms = self._moment(time)
            if at_ms is None:
                return BadLine(line, BAD_TIME)
            self._last_ms = at_ms
        return LogRow(line, self._last_ms, holder, point, direction)

    def _moment(self, text: str) -> int | None:
        """UTC milliseconds of a time as people and Excel write it; None for what is none."""
        moment = _read_moment(text)
        if moment is None:
            return None
        at_ms = self._utc_ms(moment)
        if moment.tzinfo is None and self._last_ms is not None and at_ms < self._last_ms:
            again_ms = self._utc_ms(moment.replace(fold=1))
            at_ms = again_ms if again_ms >= self._last_ms else at_ms
        return at_ms if 0 <= at_ms < LAST_MS else None

    def _utc_ms(self, moment: datetime) -> int:
        """Negative where no calendar has it."""
        try:
            placed = moment if moment.tzinfo else moment.replace(tzinfo=self._zone)
            return int(placed.timestamp() * 1000)
        except (OverflowError, ValueError):
            return -1


_EXCEL = re.compile(r"(\d{4})/(\d{1,2})/(\d{1,2})[ T](\d{1,2}):(\d{2})(?::(\d{2}))?")


def _read_moment(text: str) -> datetime | None:
    written = _EXCEL.fullmatch(text)
    if written:
        year, month, day, hour, minute, second = (part or "0" for part in written.groups())
        text = f"{year}-{month:0>2}-{day:0>2}T{hour:0>2}:{minute}:{second:0>2}"
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
