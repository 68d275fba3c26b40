"""What a journal's file holds, how its chain is walked, and how a damaged one is replaced."""

import secrets
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from contract.codec import Malformed
from contract.events import CHAIN_START, Event, chain, decode_event, encode_event, read_gap
from contract.kinds import grade_of
from edge.machine import files

RANKS = ("watch", "access", "value")
"""The grades of events, in the order in which a full journal gives rows up. A row's rank is its place here."""
GAP_RANK = len(RANKS)
"""The rank of a gap: it stands for rows that were given up, and is never given up itself."""

RANK = f"max(0, min({GAP_RANK}, CAST(ifnull(rank, 0) AS INTEGER)))"
_COLUMNS = f"SELECT seq, CAST(ifnull(stored, x'') AS BLOB), CAST(ifnull(link, x'') AS BLOB), {RANK} FROM rows"  # noqa: S608, of our own words
"""A bit that rots may turn any of them into a text, a number or nothing."""
INSERT = "INSERT INTO rows (seq, stored, link, rank) VALUES (?, ?, ?, ?)"
AFTER = f"{_COLUMNS} WHERE seq > ? ORDER BY seq"
BETWEEN = f"{_COLUMNS} WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?"
LATEST = f"{_COLUMNS} ORDER BY seq DESC LIMIT ?"
ONE = f"{_COLUMNS} WHERE seq = ?"
UPTO = f"{_COLUMNS} WHERE seq <= ? ORDER BY seq DESC LIMIT 1"
_META = "SELECT id, acked, base_seq, base_link, clean, boot, recovered FROM meta"


class Row(Struct, array_like=True, frozen=True):
    """One event as it is stored, its link in the chain, and its rank when the journal is full.

    A gap stands in the place of the last row it is for, and has that row's link.
    """

    seq: int
    stored: bytes
    link: bytes
    rank: int


class ChainVerdict(Struct, frozen=True):
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
    return files.open_made(path, "journal", rows_and_meta, ranks)


def rows_and_meta(database: "files.Database") -> None:
    """The first schema."""
    columns = {"seq": int, "stored": bytes, "link": bytes}
    database.table("rows").create(columns, pk="seq", not_null={"stored", "link"})
    meta = Meta(secrets.token_hex(8), 0, 0, CHAIN_START, 1, "", "")
    database.table("meta").insert(msgspec.structs.asdict(meta))


def ranks(database: "files.Database") -> None:
    """The second schema: each row has a rank."""
    rows = database.table("rows")
    if "rank" not in rows.columns_dict:
        rows.add_column("rank", int, not_null_default=RANKS.index("value"))
    database.register_function(_rank_of_stored, name="rank_of")
    database.execute("UPDATE rows SET rank = rank_of(stored)")


def read_meta(connection: sqlite3.Connection) -> Meta:
    return msgspec.convert(connection.execute(_META).fetchone(), Meta)


def read_rows(connection: sqlite3.Connection, query: str, *arguments: int) -> Iterator[Row]:
    return (Row(*columns) for columns in connection.execute(query, arguments))


def rank_of(kind: str) -> int:
    """The rank of an event by its kind."""
    return RANKS.index(grade_of(kind))


def _rank_of_stored(stored: bytes) -> int:
    """A row that cannot be read is kept longest: the chain has more to say about it."""
    try:
        return rank_of(decode_event(stored).kind)
    except Malformed:
        return RANKS.index("value")


def follows(row: Row, last: int, tip: bytes) -> bool:
    """Whether a row, or what a gap stands for, comes right behind row ``last`` and its link ``tip``."""
    if row.rank != GAP_RANK:
        return row.seq == last + 1 and chain(tip, row.stored) == row.link
    gap = read_gap(row.stored)
    return gap is not None and (gap.first, gap.last, gap.tip_after) == (last + 1, row.seq, row.link.hex())


def fitting(rows: Iterable[Row], max_bytes: int, size: int = 0) -> Iterator[Row]:
    """The rows that fit into a message beside ``size`` bytes; one of them, if there is nothing else in it."""
    for row in rows:
        before, size = (
            size,
            size + len(row.stored) + 3,
        )  # msgpack writes up to three bytes before a field of this length
        if before and size > max_bytes:
            return
        yield row


def walk(connection: sqlite3.Connection, base_seq: int, base_link: bytes) -> ChainVerdict:
    """Follow the chain from its base to the first row that is missing, changed or cannot be read."""
    last, tip = base_seq, base_link
    try:
        for row in read_rows(connection, AFTER, base_seq):
            if row.seq != last + 1 and row.rank != GAP_RANK:
                return ChainVerdict(base_seq + 1, last, tip, f"row {last + 1} is missing")
            if not follows(row, last, tip):
                return ChainVerdict(base_seq + 1, last, tip, f"row {row.seq} is not the row that was written")
            last, tip = row.seq, row.link
    except sqlite3.DatabaseError as error:
        if not files.is_damage(error):
            raise
        return ChainVerdict(base_seq + 1, last, tip, str(error))
    return ChainVerdict(base_seq + 1, last, tip)


def recover(path: Path, why: str) -> None:
    """Carry what is whole into a new journal, then exchange the files; a power cut at any line is made good later.

    The new journal has an id of its own: the cloud may already hold rows that are lost here, so their numbers must not
    be given out again.
    """
    old, waiting = _salvage(path)
    last_seq = waiting[-1].seq if waiting else old.acked
    with _new_journal(path, "recovered") as connection:
        carried = 0
        for row in numbered_anew(waiting, old.acked):
            connection.execute(INSERT, msgspec.structs.astuple(row))
            carried = row.seq
        recovery = msgspec.json.encode(Recovery(old.id, last_seq, last_seq + 1, carried, why)).decode()
        connection.execute("UPDATE meta SET clean = 0, recovered = ?, boot = ?", (recovery, old.boot))
    finish_exchange(path)


def fork(connection: sqlite3.Connection, path: Path, upto: int, forked: Event) -> None:
    """Make a new journal ready that carries all rows behind ``upto``, and then ``forked``, with its data filled in.

    ``finish_exchange`` puts it in the place of the old one. Raises ``sqlite3.Error`` or ``OSError``.
    """
    old = read_meta(connection)
    upto = max(upto, old.base_seq)
    with _new_journal(path, "forked") as draft:
        last, tip = 0, CHAIN_START
        for row in numbered_anew(read_rows(connection, AFTER, upto), upto):
            draft.execute(INSERT, msgspec.structs.astuple(row))
            last, tip = row.seq, row.link
        data = {"journal": old.id, "upto": upto, "carried": last}
        stored = encode_event(msgspec.structs.replace(forked, seq=last + 1, data=data))
        draft.execute(INSERT, (last + 1, stored, chain(tip, stored), rank_of(forked.kind)))
        draft.execute("UPDATE meta SET clean = 0, boot = ?", (old.boot,))


def finish_exchange(path: Path) -> None:
    """Put a new journal in the place of the damaged or forked one, if one stands ready."""
    for why, left_as in _LEFT_AS.items():
        ready = _ready_name(path, why)
        if ready.exists():
            files.set_aside(path, left_as)
            ready.replace(path)
            files.sync_folder(path.parent)


_LEFT_AS = {"recovered": "damaged", "forked": "left"}


def _make_ready(path: Path, why: str) -> None:
    """From here on the exchange will be made. That must be on the disk before the old file loses its name."""
    ready = _ready_name(path, why)
    _draft_name(path).replace(ready)
    try:
        files.sync_folder(path.parent)
    except OSError:
        ready.unlink()  # the old file is gone on with; at a later start this one would take the place of newer rows
        raise


def _ready_name(path: Path, why: str) -> Path:
    return path.with_name(f"{path.name}.{why}")


def _draft_name(path: Path) -> Path:
    return path.with_name(f"{path.name}.draft")


@contextmanager
def _new_journal(path: Path, why: str) -> Iterator[sqlite3.Connection]:
    """An empty journal beside ``path``, filled in one transaction and then ready for the exchange. A failure leaves
    nothing of it on a full disk."""
    _drop_draft(path)
    try:
        with closing(open_made(_draft_name(path))) as connection:
            with files.transaction(connection):
                yield connection
            _move_wal(connection)
        _make_ready(path, why)
    except BaseException:
        _drop_draft(path)
        raise


def _move_wal(connection: sqlite3.Connection) -> None:
    """All rows into the table file, which alone gets another name. Closing would do so too, and tell no failure."""
    busy, in_wal, moved = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    if busy or in_wal != moved:
        raise sqlite3.OperationalError(f"{in_wal - moved} pages of the new journal stay in its WAL")


def _drop_draft(path: Path) -> None:
    draft = _draft_name(path)
    for suffix in ("", "-wal", "-shm"):
        draft.with_name(draft.name + suffix).unlink(missing_ok=True)


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
                if not _is_next(row, before):
                    break
                rows.append(row)
                before = row
    except sqlite3.DatabaseError:
        pass  # the rest cannot be read; what was read so far is whole
    return meta, rows


def _is_next(row: Row, before: Row | None) -> bool:
    """Whether a row is whole and next. The first row that is left has none before it to be held against."""
    try:
        numbered = decode_event(row.stored).seq
    except Malformed:
        return False
    return numbered == row.seq and (before is None or follows(row, before.seq, before.link))


def numbered_anew(rows: Iterable[Row], behind: int, last: int = 0, tip: bytes = CHAIN_START) -> Iterator[Row]:
    """The rows of one journal as they go on in another, behind its row ``last`` with the link ``tip``.

    ``behind`` is the old number before the first of them: of a gap that reaches further back, the rest is carried.
    """
    for row in rows:
        event, gap = decode_event(row.stored), read_gap(row.stored) if row.rank == GAP_RANK else None
        if gap is None:
            last += 1
            stored = encode_event(msgspec.structs.replace(event, seq=last))
            tip = chain(tip, stored)
        else:
            count = gap.last - max(gap.first, behind + 1) + 1
            data = event.data | {"first": last + 1, "last": last + count, "count": count}
            last += count
            stored = encode_event(msgspec.structs.replace(event, seq=last, data=data))
            tip = row.link
        yield Row(last, stored, tip, row.rank)
