"""By which points people leave a zone without being named: as the wirings of their devices say."""

from collections.abc import Iterable

from sqlalchemy import Connection, select

from cloud.devices.registry import wiring_of
from cloud.devices.wired import wired_points
from cloud.people.counted import Way
from cloud.store.schema import points
from contract.kinds import counted_at


def ways_into(connection: Connection, zone: str) -> list[Way]:
    """The points that stand in a zone, whether or not it counts."""
    mine = select(points.c.name, points.c.kind, points.c.zone, points.c.device).where(points.c.zone == zone)
    return [Way(*row) for row in connection.execute(mine.order_by(points.c.name))]


def unnamed_exits(connection: Connection, ways: Iterable[tuple[str, str, str]], counts: str) -> list[str]:
    """Those of these points (name, device and kind) that count what the zone does, and have a way out that asks for no
    card, or of whose wiring nothing is known here."""
    counting = [(name, device) for name, device, kind in ways if not kind or counted_at(kind) == counts]
    wirings = {device: wired_points(wiring_of(connection, device)) for _, device in counting}
    named = {(one.name, device) for device, wired in wirings.items() for one in wired if one.names_exits}
    return [name for name, device in counting if (name, device) not in named]
