"""How full the counted zones are now, and usually are at each hour of this day of the week. Never who is there."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from threading import Lock
from zoneinfo import ZoneInfo

from msgspec import Struct
from sqlalchemy import Connection, select

from cloud.counters.store import counted_zones, load_states
from cloud.devices.erasure import decode_stored
from cloud.devices.event_views import arrival_before
from cloud.devices.registry import site_of
from cloud.points.rule import Counted
from cloud.store.database import Clock, Store
from cloud.store.labels import Label
from cloud.store.schema import event_series, events, points
from contract.decide import DAY_MS, HOUR_MS

WEEKS = 4
"""So many of the same weekday are looked at."""
MAX_PASSAGES = 50_000
HOURS = 24


class Crowd(Struct, frozen=True):
    """A zone at this moment: how many are ``inside`` (None: nobody knows), give or take ``doubt``, of at most ``most``
    (None: no bound). ``hours`` is how many usually come in each hour of this weekday."""

    zone: str
    label: Label
    inside: int | None
    doubt: int
    most: int | None
    hours: tuple[int, ...]
    hour_now: int

    @property
    def bars(self) -> list[int]:
        """The hours as shares of the fullest, in per cent."""
        fullest = max(self.hours, default=0)
        return [round(100 * one / fullest) if fullest else 0 for one in self.hours]


class CrowdBoard:
    """Any thread may ask. The usual hours are worked out once an hour for everybody."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._looking = Lock()
        self._usual: tuple[int, dict[str, tuple[int, ...]]] | None = None

    def crowds(self) -> list[Crowd]:
        """The zones in which people are counted, by name."""
        now_ms = self._clock()
        with self._store.reading() as connection:
            site = site_of(connection)
            local = datetime.fromtimestamp(now_ms / 1000, ZoneInfo(site.zone))
            zones = {name: one for name, one in counted_zones(connection).items() if one.counts is Counted.PEOPLE}
            states = load_states(connection, site.name)
            known = {name: state.count for name, state in states.items() if state.count.is_known}
            usual = self._usual_hours(connection, site.name, ZoneInfo(site.zone), now_ms)
        return [
            Crowd(
                name,
                zone.label.named(name),
                known[name].inside if name in known else None,
                known[name].count_doubt if name in known else 0,
                zone.capacity or zone.fire_limit,
                usual.get(name, (0,) * HOURS),
                local.hour,
            )
            for name, zone in sorted(zones.items())
        ]

    def _usual_hours(
        self, connection: Connection, site: str, zone: ZoneInfo, now_ms: int
    ) -> dict[str, tuple[int, ...]]:
        with self._looking:
            if self._usual is None or self._usual[0] != now_ms // HOUR_MS:
                self._usual = now_ms // HOUR_MS, usual_hours(connection, site, zone, now_ms)
            return self._usual[1]


def usual_hours(connection: Connection, site: str, zone: ZoneInfo, now_ms: int) -> dict[str, tuple[int, ...]]:
    """How many come into each zone in each hour of this weekday, on an average of the last weeks."""
    weekday, seen = datetime.fromtimestamp(now_ms / 1000, zone).weekday(), Counter[tuple[str, int]]()
    for where, at_ms in _entries(connection, site, now_ms - WEEKS * 7 * DAY_MS):
        at = datetime.fromtimestamp(at_ms / 1000, zone)
        if at.weekday() == weekday and at_ms < now_ms - DAY_MS:
            seen[where, at.hour] += 1
    zones = {where for where, _ in seen}
    return {where: tuple(round(seen[where, hour] / WEEKS) for hour in range(HOURS)) for where in zones}


def _entries(connection: Connection, site: str, since_ms: int) -> Iterator[tuple[str, int]]:
    """The zone and the time of every passage in since then, the newest first, by the devices' clocks."""
    query = (
        select(events.c.stored, events.c.at_ms, points.c.zone)
        .join_from(events, event_series, event_series.c.id == events.c.series)
        .join(points, points.c.name == event_series.c.point)
        .where(events.c.arrival > arrival_before(connection, since_ms), event_series.c.kind == "access.passed")
        .where(event_series.c.site == site, events.c.at_ms >= since_ms)
        .order_by(events.c.arrival.desc())
        .limit(MAX_PASSAGES)
    )
    for row in connection.execute(query):
        if decode_stored(row.stored).data.get("direction") != "out":
            yield row.zone, row.at_ms
