"""What a journal's file holds, how its chain is walked, and how a damaged one is replaced."""

import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from contract.codec import Malformed
from contract.events import CHAIN_START, chain, decode_event, encode_event
from edge import files

SCHEMA = 1

INSERT = "INSERT INTO rows (seq, stored, link) VALUES (?, ?, ?)"
AFTER = "SELECT seq, stored, link FROM rows WHERE seq > ? ORDER BY seq"
BETWEEN = "SELECT seq, stored, link FROM rows WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?"
LATEST = "SELECT seq, stored, link FROM rows ORDER BY seq DESC LIMIT ?"
ONE = "SELECT seq, stored, link FROM rows WHERE seq = ?"
_META = "SELECT id, acked, base_seq, base_link, clean, boot, recovered FROM meta"
_RECOVERED = "UPDATE meta SET clean = 0, recovered = ?, boot = ?"


class Row(Struct, frozen=True):
    """One event as it is stored, and its link in the chain."""

    seq: int
    stored: bytes
    link: bytes


class Verdict(Struct, frozen=True):
    """The chain from ``first`` to ``last`` holds. ``broken`` says what is wrong behind ``last``, if anything."""

    first: int
    last: int
    tip: bytes
    broken: str = ""


class Recovery(Struct, frozen=True):
    """A damaged file was replaced by a new journal.

    The chain of ``journal`` held up to ``last_seq``; what rows there were from ``lost_from`` on are gone. ``carried``
    rows that were not known to be acknowledged stand in the new journal under new numbers: if an acknowledgement was
    still on its way, the cloud has them under both.
    """

    journal: str
    last_seq: int
    lost_from: int
    carried: int
    why: str


class Meta(Struct, array_like=True, frozen=True):
    """What a journal says of itself. The chain of its rows begins behind ``base_seq`` with ``base_link``; ``clean``,
    ``boot`` and ``recovered`` (JSON of a ``Recovery``, or empty) tell how the last run ended and whence the file came.
    """

    id: str
    acked: int
    base_seq: int
    base_link: bytes
    clean: int
    boot: str
    recovered: str


def open_made(path: Path) -> sqlite3.Connection:
    """A connection to the journal at ``path``, which is made if it is not there. Raises ``sqlite3.Error``."""
    return files.open_made(path, SCHEMA, _migrate)


def _migrate(connection: sqlite3.Connection) -> None:
    """Bring a new or old file to the present schema. Imported late: sqlite-utils takes 24 MiB and 200 ms."""
    from sqlite_utils import Database, Migrations

    migrations = Migrations("journal")

    @migrations()
    def rows_and_meta(database: Database) -> None:
        columns = {"seq": int, "stored": bytes, "link": bytes}
        database.table("rows").create(columns, pk="seq", not_null={"stored", "link"})
        database.table("meta").insert(
            {
                "id": secrets.token_hex(8),
                "acked": 0,
                "base_seq": 0,
                "base_link": CHAIN_START,
                "clean": 1,
                "boot": "",
                "recovered": "",
            }
        )

    migrations.apply(Database(connection))


def read_meta(connection: sqlite3.Connection) -> Meta:
    return msgspec.convert(connection.execute(_META).fetchone(), Meta)


def read_rows(connection: sqlite3.Connection, query: str, *arguments: int) -> Iterator[Row]:
    return (Row(seq, stored, link) for seq, stored, link in connection.execute(query, arguments))


def walk(connection: sqlite3.Connection, base_seq: int, base_link: bytes) -> Verdict:
    """Follow the chain from its base to the first row that is missing, changed or cannot be read."""
    last, tip = base_seq, base_link
    try:
        for row in read_rows(connection, AFTER, base_seq):
            if row.seq != last + 1:
                return Verdict(base_seq + 1, last, tip, f"row {last + 1} is missing")
            if chain(tip, row.stored) != row.link:
                return Verdict(base_seq + 1, last, tip, f"row {row.seq} is not the row that was written")
            last, tip = row.seq, row.link
    except sqlite3.DatabaseError as error:
        if not files.is_damage(error):
            raise
        return Verdict(base_seq + 1, last, tip, str(error))
    return Verdict(base_seq + 1, last, tip)


def recover(path: Path, why: str) -> None:
    """Carry what is whole into a new journal, then exchange the files; a power cut at any line is made good later.

    The new journal has an id of its own: the cloud may already hold rows that are lost here, so their numbers must not
    be given out again.
    """
    old, waiting = _salvage(path)
    draft = path.with_name(f"{path.name}.draft")
    for suffix in ("", "-wal", "-shm"):
        draft.with_name(draft.name + suffix).unlink(missing_ok=True)
    last_seq = waiting[-1].seq if waiting else old.acked
    facts = Recovery(old.id, last_seq, last_seq + 1, len(waiting), why)
    with closing(open_made(draft)) as connection, files.transaction(connection):
        connection.executemany(INSERT, _numbered_anew(waiting))
        connection.execute(_RECOVERED, (msgspec.json.encode(facts).decode(), old.boot))
    draft.replace(_recovered_name(path))
    finish_recovery(path)


def finish_recovery(path: Path) -> None:
    """Put a recovered journal in the place of the damaged one, if one stands ready."""
    recovered = _recovered_name(path)
    if recovered.exists():
        files.set_aside(path)
        recovered.replace(path)
        files.sync_folder(path.parent)


def _recovered_name(path: Path) -> Path:
    return path.with_name(f"{path.name}.recovered")


def _salvage(path: Path) -> tuple[Meta, list[Row]]:
    """What can still be read: the meta row, and the whole rows behind the last one known to be acknowledged."""
    meta = Meta("", 0, 0, CHAIN_START, 0, "", "")
    rows: list[Row] = []
    try:
        with closing(open_made(path)) as connection:
            with suppress(sqlite3.DatabaseError, msgspec.ValidationError):
                meta = read_meta(connection)
            before = next(read_rows(connection, ONE, meta.acked), None)
            for row in read_rows(connection, AFTER, meta.acked):
                if not _follows(row, before):
                    break
                rows.append(row)
                before = row
    except sqlite3.DatabaseError:
        pass  # the rest cannot be read; what was read so far is whole
    return meta, rows


def _follows(row: Row, before: Row | None) -> bool:
    """Whether a row is whole and next. The first row that is left has none before it to be held against."""
    try:
        numbered = decode_event(row.stored).seq
    except Malformed:
        return False
    is_next = before is None or (row.seq == before.seq + 1 and row.link == chain(before.link, row.stored))
    return is_next and numbered == row.seq


def _numbered_anew(rows: Sequence[Row]) -> Iterator[tuple[int, bytes, bytes]]:
    tip = CHAIN_START
    for seq, row in enumerate(rows, 1):
        stored = encode_event(msgspec.structs.replace(decode_event(row.stored), seq=seq))
        tip = chain(tip, stored)
        yield seq, stored, tip
