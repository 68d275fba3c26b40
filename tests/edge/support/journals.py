"""Journals for tests: a time to record at, rows that chain, and ways to hurt a file."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from contract.decide import Trust
from contract.events import Event, chain, encode_event
from edge.journal.file import Row, rank_of
from edge.journal.journal import Journal

BOOT = "b0070001"
NEXT_BOOT = "b0070002"


class FixedTime:
    """A clock that stands still until a test moves it."""

    boot = BOOT
    trust = Trust.SYNCED

    def __init__(self, at_ms: int = 1_800_000_000_000) -> None:
        self.at_ms = at_ms

    def now_ms(self) -> int:
        return self.at_ms

    def mono_ms(self) -> int:
        return self.at_ms % 1_000_000


def event(seq: int, kind: str = "access.allowed") -> Event:
    return Event(seq, 1_800_000_000_000 + seq, seq, BOOT, Trust.SYNCED, "gym", kind, {"n": seq})


def rows_after(seq: int, tip: bytes, count: int, kinds: Sequence[str] = ()) -> list[Row]:
    """Rows that follow: of these kinds, or all alike."""
    rows = []
    for number, kind in enumerate(kinds or ["access.allowed"] * count, seq + 1):
        stored = encode_event(event(number, kind))
        tip = chain(tip, stored)
        rows.append(Row(number, stored, tip, rank_of(kind)))
    return rows


def write(journal: Journal, count: int) -> list[Row]:
    """Append so many rows and make them durable."""
    rows = rows_after(journal.last_seq, journal.tip, count)
    journal.insert(rows)
    journal.flush()
    return rows


def meddle(path: Path, statement: str) -> None:
    """Change a journal's file behind its back."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(statement)


def spoil(path: Path, needle: bytes) -> None:
    """Flip one bit of the last place in a file that holds these bytes."""
    content = bytearray(path.read_bytes())
    content[content.rindex(needle)] ^= 1
    path.write_bytes(content)
