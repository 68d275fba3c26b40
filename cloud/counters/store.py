"""Counted zones as they are stored: how many are inside, who, and what each device may still admit."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import ColumnElement, Connection, delete, select
from sqlalchemy.dialects.sqlite import insert as insert_or_change

from cloud.counters.rooms import Room, settle
from cloud.counters.rule import ZoneTally
from cloud.counters.tables import zone_counts, zone_people, zone_rooms
from cloud.people.counted import counted_ways
from cloud.points.rule import SiteZone
from cloud.points.setup_store import list_site_zones
from cloud.store.schema import breaks, devices
from contract.occupancy import Count

NEWS_FROM = 5
"""The version of site pages from which on a device reads the news of its zones, and keeps to them."""


class SeenPerson(Struct, frozen=True):
    """Somebody who was seen to pass, and which way."""

    holder: bytes
    is_inside: bool
    passed_ms: int


def counted_zones(connection: Connection) -> dict[str, SiteZone]:
    """Those of the site that count, by name."""
    return {zone.name: zone for zone in list_site_zones(connection) if zone.is_counted}


def load_state(connection: Connection, site: str, zone: str) -> ZoneTally:
    """How a zone stands; nobody knows how many are inside where nothing was ever recorded."""
    row = connection.execute(select(zone_counts).where(zone_counts.c.site == site, zone_counts.c.zone == zone)).first()
    return ZoneTally(zone) if row is None else _state(row)


def load_states(connection: Connection, site: str) -> dict[str, ZoneTally]:
    """The zones of which anything was recorded, by name."""
    return {row.zone: _state(row) for row in connection.execute(select(zone_counts).where(zone_counts.c.site == site))}


def _state(row: Any) -> ZoneTally:
    count = Count(row.inside, row.count_doubt, row.names_doubt)
    return ZoneTally(row.zone, count, row.counted_ms, row.emptied_ms, row.swept_ms, row.changes)


def save_state(connection: Connection, site: str, state: ZoneTally) -> None:
    values = asdict(state)
    values |= asdict(values.pop("count"))
    kept = {name: value for name, value in values.items() if name != "zone"}
    adding = insert_or_change(zone_counts).values(site=site, **values)
    connection.execute(adding.on_conflict_do_update(["site", "zone"], set_=kept))


def note_people(connection: Connection, site: str, zone: str, people: Iterable[SeenPerson]) -> None:
    """Somebody was seen to pass. What was seen later already stands."""
    adding = insert_or_change(zone_people)
    newer = adding.excluded.passed_ms >= zone_people.c.passed_ms
    kept = {"is_inside": adding.excluded.is_inside, "passed_ms": adding.excluded.passed_ms}
    statement = adding.on_conflict_do_update(["site", "zone", "holder"], set_=kept, where=newer)
    connection.execute(statement, [{"site": site, "zone": zone, **asdict(one)} for one in people])


def list_people(connection: Connection, site: str, zone: str, *, only_inside: bool = True) -> list[SeenPerson]:
    """Who was last seen to go in, those who are in longest first."""
    mine = (zone_people.c.site == site) & (zone_people.c.zone == zone)
    query = select(zone_people.c.holder, zone_people.c.is_inside, zone_people.c.passed_ms)
    wanted = mine & zone_people.c.is_inside if only_inside else mine
    rows = connection.execute(query.where(wanted).order_by(zone_people.c.passed_ms, zone_people.c.holder))
    return [SeenPerson(*row) for row in rows]


def forget_people(connection: Connection, site: str, zone: str, before_ms: int) -> None:
    """Nobody who passed before then is held to be anywhere."""
    mine = zone_people.c.site == site, zone_people.c.zone == zone
    connection.execute(delete(zone_people).where(*mine, zone_people.c.passed_ms < before_ms))


def has_left_before(connection: Connection, site: str, zone: str, before_ms: int) -> bool:
    """Whether anybody is remembered who left before then."""
    return (
        connection.execute(select(zone_people.c.holder).where(*_left(site, zone, before_ms)).limit(1)).first()
        is not None
    )


def forget_left(connection: Connection, site: str, zone: str, before_ms: int) -> None:
    """Nobody remembers who left before then."""
    connection.execute(delete(zone_people).where(*_left(site, zone, before_ms)))


def _left(site: str, zone: str, before_ms: int) -> tuple[ColumnElement[bool], ...]:
    mine = zone_people.c.site == site, zone_people.c.zone == zone
    return *mine, zone_people.c.is_inside.is_(False), zone_people.c.passed_ms < before_ms


def forget_person(connection: Connection, site: str, zone: str, holder: bytes) -> bool:
    """This person is held to be nowhere; whether they were."""
    mine = zone_people.c.site == site, zone_people.c.zone == zone
    return connection.execute(delete(zone_people).where(*mine, zone_people.c.holder == holder)).rowcount > 0


def load_rooms(connection: Connection, site: str, zone: str) -> dict[str, Room]:
    """What devices may admit, by their names."""
    columns = [zone_rooms.c[name] for name in Room.__struct_fields__]
    mine = zone_rooms.c.site == site, zone_rooms.c.zone == zone
    rows = connection.execute(select(*columns).where(*mine).order_by(zone_rooms.c.device))
    return {row.device: Room(*row) for row in rows}


def connections_at_several(connection: Connection, site: str) -> dict[tuple[str, str], int]:
    """The newest connection of each device that stands at several zones, by zone and device."""
    mine = zone_rooms.c.site == site, devices.c.site == site
    query = select(zone_rooms.c.zone, zone_rooms.c.device, devices.c.connection).where(*mine)
    rows = connection.execute(query.join(devices, devices.c.name == zone_rooms.c.device)).all()
    many = Counter(row.device for row in rows)
    return {(row.zone, row.device): row.connection for row in rows if many[row.device] > 1}


def save_rooms(
    connection: Connection, site: str, zone: str, before: Mapping[str, Room], after: Mapping[str, Room]
) -> None:
    """Write those that are others now."""
    mine = zone_rooms.c.site == site, zone_rooms.c.zone == zone
    gone = before.keys() - after.keys()
    if gone:
        connection.execute(delete(zone_rooms).where(*mine, zone_rooms.c.device.in_(gone)))
    changed = [room for device, room in after.items() if before.get(device) != room]
    if changed:
        adding = insert_or_change(zone_rooms)
        kept = {name: adding.excluded[name] for name in Room.__struct_fields__ if name != "device"}
        statement = adding.on_conflict_do_update(["site", "zone", "device"], set_=kept)
        connection.execute(statement, [{"site": site, "zone": zone, **asdict(room)} for room in changed])


def divide_anew(connection: Connection, zone: SiteZone, inside: int, rooms: Mapping[str, Room]) -> dict[str, Room]:
    """The rooms of the zone's devices, divided anew where that is due. A device that is lost, or reads no news, has
    none."""
    readers = readers_of(connection, zone.name)
    present = [rooms.get(device, Room(device)) for device in readers]
    if zone.fire_limit is None:
        return {room.device: room for room in present}
    return {room.device: room for room in settle(zone.fire_limit - inside, present)}


def has_lost_rows(connection: Connection, zone: str, since_ms: int) -> bool:
    """Whether rows of a device with a way into the zone are known since then to be lost: passages may be among them."""
    here = {way.device for way in counted_ways(connection) if way.zone == zone}
    lost = select(breaks.c.id).join(devices, devices.c.id == breaks.c.device_id)
    return (
        connection.execute(lost.where(devices.c.name.in_(here), breaks.c.noted_ms > since_ms).limit(1)).first()
        is not None
    )


def readers_of(connection: Connection, zone: str) -> Sequence[str]:
    """The devices with a way into the zone that read its news."""
    here = sorted({way.device for way in counted_ways(connection) if way.zone == zone})
    reads = devices.c.name.in_(here), devices.c.page_version >= NEWS_FROM, devices.c.lost_ms.is_(None)
    return sorted(connection.execute(select(devices.c.name).where(*reads)).scalars())
