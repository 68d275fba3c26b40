"""The rosters that were published, the pages they are made of, and how far the newest have got: on which points each is
applied, who still lacks it, and since when.

An event names the roster that decided, so a roster is held as long as such an event. Rosters share what did not change
between them: one more costs the pages that its change touched.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct, structs
from sqlalchemy import BigInteger, Connection, Select, bindparam, delete, func, insert, select, update

from cloud.devices.views import DeviceView, list_devices
from cloud.people.tables import roster_pages, rosters
from cloud.store.chunks import chunks
from cloud.store.labels import Label
from cloud.store.prepared import Prepared
from cloud.store.revision import revision as site_revision
from cloud.store.schema import devices
from contract.roster_index import is_index_page

NEWEST = 16
"""Rosters that are held in any case: a device that is still fetching an older one than the newest gets on with it."""
MAX_FORGOTTEN = 100
"""Rosters that are forgotten in one transaction."""
_BLOB = Prepared(select(roster_pages.c.blob).where(roster_pages.c.hash == bindparam("name")), "name")


class Roster(Struct, frozen=True):
    """What manifests say, save whom they are for. ``root`` names the index pages (``cloud.people.tree``); it is empty
    in a roster of before there were any, of which no page is kept. ``site_pages`` are the hashes of its site pages by
    their version, of those that devices read. ``revision`` is the newest of the site's that it is known to hold, None
    in the oldest databases."""

    number: int
    issued_ms: int
    site_pages: Mapping[int, bytes]
    root: bytes
    count: int
    revision: int | None


class Withheld(Struct, frozen=True):
    """Devices that a roster is withheld from: in the version that they read its site page is too large. They go on with
    the roster that they have."""

    version: int
    why: str
    devices: Sequence[str]


def newest_roster(connection: Connection) -> Roster | None:
    """The roster that stands, or None before the first."""
    return _roster(connection, _ROSTERS.order_by(rosters.c.number.desc()).limit(1))


def find_roster(connection: Connection, number: int) -> Roster | None:
    """The roster of this number, None where it is not held any more."""
    return _roster(connection, _ROSTERS.where(rosters.c.number == number))


_ROSTERS = select(*(rosters.c[name] for name in Roster.__struct_fields__))


def _roster(connection: Connection, query: Select[Any]) -> Roster | None:
    row = connection.execute(query).one_or_none()
    return None if row is None else Roster(**{**row._mapping, "site_pages": _hashes(row.site_pages)})


def _hashes(stored: Mapping[str, str]) -> dict[int, bytes]:
    return {int(version): bytes.fromhex(name) for version, name in stored.items()}


def _in_hex(site_pages: Mapping[int, bytes]) -> dict[str, str]:
    return {str(version): name.hex() for version, name in site_pages.items()}


def newest_roster_number(connection: Connection) -> int:
    """0 before the first."""
    return int(connection.execute(select(func.coalesce(func.max(rosters.c.number), 0))).scalar_one())


def add_roster(
    connection: Connection, roster: Roster, new: Mapping[bytes, bytes], gone: Collection[bytes] = ()
) -> None:
    """Store a roster, the pages that came in with it by their hash, and which went. The one before is needed until
    now."""
    _add_pages(connection, new, roster.number, roster.issued_ms)
    for some in chunks(sorted(gone)):
        went = roster_pages.c.hash.in_(some)
        connection.execute(update(roster_pages).where(went).values(gone=roster.number))
    values = structs.asdict(roster) | {"site_pages": _in_hex(roster.site_pages)}
    need_rosters(connection, {newest_roster_number(connection): roster.issued_ms})
    connection.execute(insert(rosters).values(values))


def need_rosters(connection: Connection, until_ms: Mapping[int, int]) -> None:
    """Each of these rosters, by number, is needed until then at least."""
    for number, at_ms in until_ms.items():
        connection.execute(_NEED, {"one": number, "at_ms": at_ms})


_NEED = (
    update(rosters)
    .where(rosters.c.number == bindparam("one"), rosters.c.needed_ms < bindparam("at_ms", type_=BigInteger))
    .values(needed_ms=bindparam("at_ms", type_=BigInteger))
)


def forget_rosters(connection: Connection, before_ms: int) -> int:
    """Forget the oldest rosters that nothing needed since, with the pages that only they have; returns how many."""
    old = rosters.c.number <= newest_roster_number(connection) - NEWEST
    unneeded = select(rosters.c.number).where(old, rosters.c.needed_ms < before_ms).order_by(rosters.c.number)
    numbers = list(connection.execute(unneeded.limit(MAX_FORGOTTEN)).scalars())
    if numbers:
        connection.execute(delete(rosters).where(rosters.c.number.in_(numbers)))
        theirs = roster_pages.c.came <= numbers[-1], roster_pages.c.gone > numbers[0]
        has_it = rosters.c.number >= roster_pages.c.came, rosters.c.number < roster_pages.c.gone
        held = select(rosters.c.number).where(*has_it).exists()
        connection.execute(delete(roster_pages).where(*theirs, ~held))
    return len(numbers)


def _add_pages(connection: Connection, new: Mapping[bytes, bytes], number: int, now_ms: int) -> None:
    stored: set[bytes] = set()
    for some in chunks(list(new)):
        these = roster_pages.c.hash.in_(some)
        stored.update(connection.execute(select(roster_pages.c.hash).where(these)).scalars())
        connection.execute(update(roster_pages).where(these).values(gone=None))
    added = [{"hash": name, "blob": blob, "made_ms": now_ms, "came": number} for name, blob in new.items()]
    if missing := [page for page in added if page["hash"] not in stored]:
        connection.execute(insert(roster_pages), missing)


def confirm(connection: Connection, roster: Roster, new: Mapping[bytes, bytes], now_ms: int) -> None:
    """A stored roster is still what the community makes, at this revision. ``new`` are its site pages of versions that
    no device read before."""
    _add_pages(connection, new, roster.number, now_ms)
    values = {"revision": roster.revision, "site_pages": _in_hex(roster.site_pages)}
    connection.execute(update(rosters).where(rosters.c.number == roster.number).values(values))


_HIGHEST = select(func.coalesce(func.max(devices.c.roster_number), 0))
"""Kept ready: the publisher asks ten times a second."""


def highest_adopted(connection: Connection) -> int:
    """The highest number of a roster that any device has reported; 0 before the first."""
    return int(connection.execute(_HIGHEST).scalar_one())


class Behind(Struct, frozen=True):
    """A device that lacks a roster. ``since_ms`` is when the first one that it lacks was issued, as far as known."""

    name: str
    label: Label
    number: int
    points: int
    since_ms: int


class Reach(Struct, frozen=True):
    """A roster, and on how many of the site's points it is applied. ``behind`` begins with who waits longest."""

    number: int
    issued_ms: int
    grants: int
    applied: int
    points: int
    behind: Sequence[Behind]

    def oldest_ms(self, now_ms: int) -> int:
        """For how long the points that lack it have lacked something; 0 if none does."""
        return max(0, now_ms - self.behind[0].since_ms) if self.behind else 0


def reach(number: int, grants: int, issued: Mapping[int, int], views: Sequence[DeviceView]) -> Reach:
    """``issued`` are the rosters known, this one among them, by number, with their times of issue.

    A device uses the roster that it last reported. One without points has nothing to apply it to and is not counted.
    """
    with_points = [device for device in views if device.points]
    behind = [
        Behind(
            device.name,
            device.label,
            device.roster_number,
            len(device.points),
            min(at_ms for other, at_ms in issued.items() if device.roster_number < other <= number),
        )
        for device in with_points
        if device.roster_number < number
    ]
    points = sum(len(device.points) for device in with_points)
    return Reach(
        number=number,
        issued_ms=issued[number],
        grants=grants,
        applied=points - sum(device.points for device in behind),
        points=points,
        behind=sorted(behind, key=lambda device: (device.since_ms, device.name)),
    )


class Spread(Struct, frozen=True):
    """How far the newest rosters have got, the newest first. ``unpublished``: something has changed since."""

    rosters: Sequence[Reach]
    unpublished: bool

    @property
    def newest(self) -> Reach | None:
        return self.rosters[0] if self.rosters else None


def spread(connection: Connection, seen: Sequence[DeviceView] | None = None) -> Spread:
    """``seen`` are all devices, if they have been listed already."""
    columns = rosters.c.number, rosters.c.issued_ms, rosters.c["count"].label("grants"), rosters.c.revision
    rows = connection.execute(select(*columns).order_by(rosters.c.number.desc()).limit(NEWEST)).all()
    issued = {row.number: row.issued_ms for row in rows}
    listed = list_devices(connection) if seen is None else seen
    unpublished = not rows or rows[0].revision != site_revision(connection)
    return Spread([reach(row.number, row.grants, issued, listed) for row in rows], unpublished)


def page_blob(connection: Connection, name: bytes) -> bytes:
    """The page of this hash, which a roster that is kept has. Raises ``KeyError``."""
    found = _BLOB.first(connection, name)
    if found is None:
        raise KeyError(f"page {name.hex()} is missing")
    return bytes(found[0])


def row_pages_since(connection: Connection, first: int) -> Iterator[bytes]:
    """Every page of rows of the rosters that are kept, from number ``first`` on; of the newest in any case."""
    stored = connection.execute(select(rosters.c.site_pages)).scalars()
    site_pages = {name for hashes in stored for name in _hashes(hashes).values()}
    used = roster_pages.c.gone.is_(None) | (roster_pages.c.gone > first)
    named = select(roster_pages.c.blob).where(used, roster_pages.c.hash.not_in(site_pages))
    return (blob for blob in connection.execute(named).scalars() if not is_index_page(blob))
