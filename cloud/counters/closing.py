"""Who is still inside a zone after it has closed."""

from datetime import time
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from cloud.counters.rule import ZoneTally, last_time_of
from cloud.counters.store import counted_zones, load_states
from cloud.devices.registry import site_of
from cloud.points.rule import Counted, SiteZone
from contract.decide import HOUR_MS

LOOKED_FOR_MS = 6 * HOUR_MS
"""By then the next people come in, or the night has taken everybody for gone."""


class StayedBehind(NamedTuple):
    """A zone in which people are though it closed, at ``closed_ms`` (UTC milliseconds)."""

    zone: str
    closed_ms: int


def stayed_behind(connection: Connection, now_ms: int) -> list[StayedBehind]:
    """The zones that are closed and not empty. Cars may stay overnight."""
    site = site_of(connection)
    states, clock = load_states(connection, site.name), ZoneInfo(site.zone)
    closed = {
        name: _closed_ms(zone, states[name], clock, now_ms)
        for name, zone in counted_zones(connection).items()
        if name in states
    }
    return [StayedBehind(name, closed_ms) for name, closed_ms in closed.items() if closed_ms is not None]


def _closed_ms(zone: SiteZone, state: ZoneTally, clock: ZoneInfo, now_ms: int) -> int | None:
    if not zone.closes or zone.counts is not Counted.PEOPLE or not state.count.inside:
        return None
    closed_ms = last_time_of(time.fromisoformat(zone.closes), clock, now_ms)
    is_over = state.emptied_ms >= closed_ms or now_ms - closed_ms >= LOOKED_FOR_MS
    return None if is_over else closed_ms
