"""The seals of batches: kept as they come, and deleted with the events that they prove."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec import msgpack
from sqlalchemy import Connection, bindparam, delete, select
from sqlalchemy.dialects.sqlite import insert

from cloud.devices.tables import journal_seals
from cloud.store.prepared import Prepared

SealRow = tuple[int, int, str, int, bytes, bytes, bytes]
"""A row of the table, its columns in their order."""


class BatchSeal(NamedTuple):
    """What a device signed of a batch."""

    first: int
    last: int
    tip: bytes
    seal: bytes
    gaps: Sequence[bytes]


def pack_gaps(gaps: Sequence[bytes]) -> bytes:
    return msgpack.encode(list(gaps)) if gaps else b""


def keep_seals(connection: Connection, rows: Sequence[SealRow]) -> None:
    """Of two over the same row the newer one is kept."""
    _KEEP.run_many(connection, rows)


def next_seal(connection: Connection, site: str, journal_id: int, seq: int) -> BatchSeal | None:
    """That of the batch which a row came in, or where none is kept of it, of the next batch behind it."""
    columns = (journal_seals.c[name] for name in ("first", "last", "tip", "seal", "gaps"))
    of = (journal_seals.c.site == site) & (journal_seals.c.journal_id == journal_id)
    mine = select(*columns).where(of, journal_seals.c.last >= seq)
    row = connection.execute(mine.order_by(journal_seals.c.last).limit(1)).first()
    if row is None:
        return None
    gaps = msgpack.decode(row.gaps, type=list[bytes]) if row.gaps else []
    return BatchSeal(row.first, row.last, row.tip, row.seal, gaps)


def newest_tip(connection: Connection, site: str, journal_id: int, seq: int) -> tuple[int, bytes] | None:
    """The newest row up to this one with which a batch ended, and its link."""
    of = (journal_seals.c.site == site) & (journal_seals.c.journal_id == journal_id)
    mine = select(journal_seals.c.last, journal_seals.c.tip).where(of, journal_seals.c.last <= seq)
    row = connection.execute(mine.order_by(journal_seals.c.last.desc()).limit(1)).first()
    return None if row is None else (row.last, row.tip)


def delete_seals(connection: Connection, upto: Mapping[int, int]) -> None:
    """Those of batches whose rows are all deleted, by journal; the link behind them stands in the journal's anchor."""
    _DELETE.run_many(connection, list(upto.items()))


_KEEP = Prepared(insert(journal_seals).prefix_with("OR REPLACE"), *journal_seals.columns.keys())
_DELETE = Prepared(
    delete(journal_seals).where(
        journal_seals.c.journal_id == bindparam("journal"), journal_seals.c.last <= bindparam("upto")
    ),
    *("journal", "upto"),
)
