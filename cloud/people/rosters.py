"""The newest rosters that were published, the pages they are made of, and how far each has got: on which points it is
applied, who still lacks it, and since when."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from cloud.devices.views import DeviceView, list_devices
from cloud.store.labels import Label
from cloud.store.revision import revision as site_revision
from cloud.store.schema import devices, roster_pages, rosters

HASH_BYTES = 16
MAX_KEPT = 16
"""Rosters, with the pages they name: a device that is still fetching an older one than the newest gets on with it."""
_AT_ONCE = 500
_ROSTER = (rosters.c.number, rosters.c.issued_ms, rosters.c.site_page, rosters.c.pages, rosters.c.count)


class Roster(Struct, frozen=True):
    """What a manifest says, save whom it is for. ``pages`` are hashes in the order of their prefixes."""

    number: int
    issued_ms: int
    site_page: bytes
    pages: Sequence[bytes]
    count: int


def newest_roster(connection: Connection) -> Roster | None:
    """The roster that stands, or None before the first."""
    row = connection.execute(select(*_ROSTER).order_by(rosters.c.number.desc()).limit(1)).one_or_none()
    if row is None:
        return None
    number, issued_ms, site_page, pages, count = row
    return Roster(number, issued_ms, site_page, _split(pages), count)


def newest_roster_number(connection: Connection) -> int:
    """0 before the first."""
    return int(connection.execute(select(func.coalesce(func.max(rosters.c.number), 0))).scalar_one())


def add_roster(connection: Connection, roster: Roster, blobs: Mapping[bytes, bytes], revision: int) -> None:
    """Store a roster and those of its pages, by hash, that are not there yet. The oldest beyond ``MAX_KEPT`` go."""
    stored = find_pages(connection, list(blobs))
    made = [{"hash": name, "blob": blob, "made_ms": roster.issued_ms} for name, blob in blobs.items()]
    new = [page for page in made if page["hash"] not in stored]
    if new:
        connection.execute(insert(roster_pages), new)
    connection.execute(
        insert(rosters).values(
            number=roster.number,
            issued_ms=roster.issued_ms,
            site_page=roster.site_page,
            pages=b"".join(roster.pages),
            count=roster.count,
            revision=revision,
        )
    )
    _forget_before(connection, roster.number - MAX_KEPT + 1)


def confirm(connection: Connection, number: int, revision: int) -> None:
    """The community has changed to this revision, and the roster is still what it would be made into."""
    connection.execute(update(rosters).where(rosters.c.number == number).values(revision=revision))


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
    rows = connection.execute(select(*columns).order_by(rosters.c.number.desc())).all()
    issued = {row.number: row.issued_ms for row in rows}
    listed = list_devices(connection) if seen is None else seen
    unpublished = not rows or rows[0].revision != site_revision(connection)
    return Spread([reach(row.number, row.grants, issued, listed) for row in rows], unpublished)


def find_pages(connection: Connection, hashes: Sequence[bytes]) -> Mapping[bytes, bytes]:
    """The pages of these hashes, as far as there are such."""
    pages: dict[bytes, bytes] = {}
    for some in _some(hashes):
        query = select(roster_pages.c.hash, roster_pages.c.blob).where(roster_pages.c.hash.in_(some))
        pages.update((row.hash, row.blob) for row in connection.execute(query))
    return pages


def _forget_before(connection: Connection, first_kept: int) -> None:
    """Remove older rosters, and the pages that only they name."""
    is_old = rosters.c.number < first_kept
    gone = _named(connection, is_old)
    if not gone:
        return
    gone -= _named(connection, ~is_old)
    connection.execute(delete(rosters).where(is_old))
    for some in _some(sorted(gone)):
        connection.execute(delete(roster_pages).where(roster_pages.c.hash.in_(some)))


def _named(connection: Connection, which: ColumnElement[bool]) -> set[bytes]:
    named = connection.execute(select(rosters.c.site_page, rosters.c.pages).where(which))
    return {name for row in named for name in (row.site_page, *_split(row.pages))}


def _split(pages: bytes) -> list[bytes]:
    return [pages[start : start + HASH_BYTES] for start in range(0, len(pages), HASH_BYTES)]


def _some(hashes: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """As many at a time as a statement can hold."""
    for start in range(0, len(hashes), _AT_ONCE):
        yield hashes[start : start + _AT_ONCE]
