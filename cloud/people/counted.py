"""The zones that count and the ways into them, as devices are told them with the site page."""

from collections.abc import Mapping

from msgspec import Struct
from sqlalchemy import Connection, select

from cloud.store.counted import IS_COUNTED
from cloud.store.schema import points, zones
from contract.kinds import counted_at
from contract.zone_rules import PageZone


class Way(Struct, frozen=True):
    """A point of a ``device`` by which people or vehicles get into a counted zone, and out of it."""

    point: str
    kind: str
    zone: str
    device: str


def counted_ways(connection: Connection) -> list[Way]:
    """The points that count what their zone counts, by name."""
    query = (
        select(points.c.name, points.c.kind, points.c.zone, points.c.device, zones.c.counts)
        .join_from(points, zones, zones.c.name == points.c.zone)
        .where(IS_COUNTED)
        .order_by(points.c.name)
    )
    rows = connection.execute(query)
    return [Way(row.name, row.kind, row.zone, row.device) for row in rows if counted_at(row.kind) == row.counts]


def page_zones(connection: Connection) -> Mapping[str, PageZone]:
    """The rule of every zone that counts, by name."""
    rows = connection.execute(select(zones).where(IS_COUNTED).order_by(zones.c.name))
    return {
        row.name: PageZone(row.counts, row.capacity or 0, row.fire_limit or 0, row.anti_passback, row.timed_s)
        for row in rows
    }
