"""By which points people leave a zone, and whether anybody is named there: as the wirings of their devices say."""

from collections.abc import Collection, Iterable

from sqlalchemy import Connection, select

from cloud.commands.store import archetype_of
from cloud.devices.registry import wiring_of
from cloud.devices.wired import Wired, wired_points
from cloud.people.counted import Way
from cloud.points.rule import AntiPassback
from cloud.store.schema import devices, points, zones
from contract.kinds import counted_at


def ways_into(connection: Connection, zone: str) -> list[Way]:
    """The points that stand in a zone, whether or not it counts."""
    mine = select(points.c.name, points.c.kind, points.c.zone, points.c.device).where(points.c.zone == zone)
    return [Way(*row) for row in connection.execute(mine.order_by(points.c.name))]


def unnamed_exits(connection: Connection, ways: Iterable[tuple[str, str, str]], counts: str) -> list[str]:
    """Those of these points (name, device and kind) that count what the zone does, and have a way out that asks for no
    card, or of whose wiring nothing is known here."""
    counting = [(name, device) for name, device, kind in ways if not kind or counted_at(kind) == counts]
    wired = _wired(connection, {device for _, device in counting})
    named = {at for at, one in wired.items() if one.names_exits}
    return [name for name, device in counting if (name, device) not in named]


def exits_of_hard_zones(connection: Connection) -> list[Way]:
    """The unnamed ways out of zones whose anti-passback is hard. Setup takes none; a new wiring may bring one."""
    hard = select(zones.c.name, zones.c.counts).where(zones.c.anti_passback == AntiPassback.HARD)
    found = []
    for zone, counts in connection.execute(hard).all():
        ways = ways_into(connection, zone)
        unnamed = set(unnamed_exits(connection, [(way.point, way.device, way.kind) for way in ways], counts))
        found += [way for way in ways if way.point in unnamed]
    return found


def may_read_who_leaves(connection: Connection, names: Collection[str]) -> bool:
    """Whether a reader may name who leaves by one of these doors: there is one, or the wiring of the door is not known
    here. What no device is registered for opens to nobody."""
    query = select(points.c.name, points.c.device, points.c.kind, points.c["class"]).where(points.c.name.in_(names))
    rows = connection.execute(query.join_from(points, devices, devices.c.name == points.c.device)).all()
    doors = [(name, device) for name, device, kind, class_name in rows if archetype_of(kind, class_name) == "portal"]
    wired = _wired(connection, {device for _, device in doors})
    return any((one := wired.get(door)) is None or one.reads_exits for door in doors)


def _wired(connection: Connection, names: Iterable[str]) -> dict[tuple[str, str], Wired]:
    """The points of these devices as their wirings say, by name and device."""
    read = {device: wired_points(wiring_of(connection, device)) for device in names}
    return {(one.name, device): one for device, wired in read.items() for one in wired}
