"""Journals for tests: a time to record at, rows that chain, and ways to hurt a file."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from contract.decide import Trust
from contract.events import GAP, Event, chain, decode_event, encode_event, grade
from edge.journal.file import Row, rank_of
from edge.journal.journal import Journal

BOOT = "b0070001"
NEXT_BOOT = "b0070002"


class FixedTime:
    """A clock that stands still until a test moves it."""

    boot = BOOT
    trust = Trust.SYNCED
    floor_ms = last_contact_ms = 0
    error_ms: int | None = None

    def __init__(self, at_ms: int = 1_800_000_000_000) -> None:
        self.at_ms = at_ms

    def now_ms(self) -> int:
        return self.at_ms

    def mono_ms(self) -> int:
        return self.at_ms % 1_000_000


KINDS = {"w": "device.started", "a": "access.allowed", "v": "charge.started"}


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


def reopen(path: Path, boot: str = BOOT) -> Journal:
    return Journal(path, boot=boot)


def mixed(journal: Journal, kinds: str) -> None:
    """Rows whose kinds are spelled by letters: w watch, a access, v value."""
    journal.insert(rows_after(journal.last_seq, journal.tip, len(kinds), [KINDS[letter] for letter in kinds]))
    journal.flush()


def left(journal: Journal) -> str:
    """The journal as it is: a letter a row, and how many rows a gap stands for."""
    assert journal.verify().broken == ""
    events = [decode_event(row.stored) for row in journal.tail(1000)]
    return " ".join(str(one.data["count"]) if one.kind == GAP else grade(one.kind)[0] for one in events)
