"""Every roster that was published, and the pages they are made of."""

from collections.abc import Mapping, Sequence

from msgspec import Struct
from sqlalchemy import Connection, insert, select

from cloud.store.schema import roster_pages, rosters

HASH_BYTES = 16
_AT_ONCE = 500


class Roster(Struct, frozen=True):
    """What a manifest says, save whom it is for. ``pages`` are hashes in the order of their prefixes."""

    number: int
    issued_ms: int
    site_page: bytes
    pages: Sequence[bytes]
    count: int


def newest_roster(connection: Connection) -> Roster | None:
    """The roster that stands, or None before the first."""
    row = connection.execute(select(rosters).order_by(rosters.c.number.desc()).limit(1)).one_or_none()
    if row is None:
        return None
    pages = [row.pages[start : start + HASH_BYTES] for start in range(0, len(row.pages), HASH_BYTES)]
    return Roster(row.number, row.issued_ms, row.site_page, pages, row._mapping["count"])


def add_roster(connection: Connection, roster: Roster, blobs: Mapping[bytes, bytes]) -> None:
    """Store a roster and those of its pages, by hash, that are not there yet."""
    known = find_pages(connection, list(blobs))
    made = [{"hash": name, "blob": blob, "made_ms": roster.issued_ms} for name, blob in blobs.items()]
    new = [page for page in made if page["hash"] not in known]
    if new:
        connection.execute(insert(roster_pages), new)
    connection.execute(
        insert(rosters).values(
            number=roster.number,
            issued_ms=roster.issued_ms,
            site_page=roster.site_page,
            pages=b"".join(roster.pages),
            count=roster.count,
        )
    )


def find_pages(connection: Connection, hashes: Sequence[bytes]) -> Mapping[bytes, bytes]:
    """The pages of these hashes, as far as there are such."""
    found: dict[bytes, bytes] = {}
    for start in range(0, len(hashes), _AT_ONCE):
        some = roster_pages.c.hash.in_(hashes[start : start + _AT_ONCE])
        rows = connection.execute(select(roster_pages.c.hash, roster_pages.c.blob).where(some))
        found.update((row.hash, row.blob) for row in rows)
    return found
