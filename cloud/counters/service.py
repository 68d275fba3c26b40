"""The use cases of counted zones: somebody counts the room, a person or a whole zone is reset; and what happens by the
clock: the reset of the night, and the look at closing time who is still inside."""

from datetime import time
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from cloud.counters.rule import RESET_AT, ZoneTally, last_time_of
from cloud.counters.store import (
    counted_zones,
    divide_anew,
    forget_left,
    forget_people,
    forget_person,
    has_left_before,
    has_lost_rows,
    load_rooms,
    load_state,
    load_states,
    save_rooms,
    save_state,
)
from cloud.devices.registry import site_of
from cloud.line.worker import Worker
from cloud.points.rule import Counted, SiteZone
from cloud.store.database import Clock, Store
from cloud.web import operators
from contract.decide import DAY_MS
from contract.occupancy import MAX_INSIDE, UNSEEN

LOOK_S = 1.0
"""A device that has just come, and a setup that has changed, wait for it."""
REMEMBERED_MS = DAY_MS
"""How long it is known of somebody that they have left."""
BY_CLOCK = "clock"
"""Who is named in the audit where nobody did it."""
SWEEP_WITHIN_MS = 30 * 60_000
"""A cloud that was away at closing time does not speak of it later."""


class NotCounted(LookupError):
    """There is no zone of this name in which anything is counted."""


class BadNumber(ValueError):
    """Nobody can count so many."""


class CounterService:
    """The service of counted zones. Any thread may use it. ``by`` is the operator's name."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def correct(self, by: str, zone: str, inside: int) -> None:
        """Somebody has counted so many in the room just now. Raises ``NotCounted`` or ``BadNumber``."""
        if not 0 <= inside <= MAX_INSIDE:
            raise BadNumber(f"{inside} is no number of people or vehicles from 0 to {MAX_INSIDE}")
        now_ms = self._clock()
        with self._store.writing() as connection:
            one = _counted(connection, zone)
            _put(connection, one, one.state.corrected(inside, now_ms))
            detail = {"inside": str(inside), "was": str(one.state.count.inside)}
            operators.record(connection, now_ms, by, "zone.counted", zone, **detail)

    def empty(self, by: str, zone: str) -> None:
        """Nobody is inside: count and names begin anew. Raises ``NotCounted``."""
        now_ms = self._clock()
        with self._store.writing() as connection:
            _empty(connection, _counted(connection, zone), now_ms)
            operators.record(connection, now_ms, by, "zone.emptied", zone)

    def forget(self, by: str, zone: str, holder: bytes) -> None:
        """Nobody holds this person to be inside or outside any more: they may go in. Raises ``NotCounted``."""
        now_ms = self._clock()
        with self._store.writing() as connection:
            one = _counted(connection, zone)
            if forget_person(connection, one.site, zone, holder):
                save_state(connection, one.site, one.state.told_again())
                operators.record(connection, now_ms, by, "zone.person_reset", zone, holder=holder.hex())

    def look(self) -> None:
        """Do what is due by the clock, and follow a setup that has changed."""
        now_ms = self._clock()
        with self._store.reading() as connection:
            if not any(_is_due(connection, one, now_ms) for one in _all_counted(connection, now_ms)):
                return
        with self._store.writing() as connection:
            for one in _all_counted(connection, now_ms):
                _turn(connection, one, now_ms)


class _Zone(NamedTuple):
    """A counted zone, how it stands, and where: ``clock`` is the site's time zone."""

    site: str
    clock: ZoneInfo
    zone: SiteZone
    state: ZoneTally
    is_new: bool = False

    def is_reset_due(self, now_ms: int) -> bool:
        """Cars stay overnight."""
        is_of_people = self.zone.counts is Counted.PEOPLE
        return is_of_people and self.state.emptied_ms < last_time_of(RESET_AT, self.clock, now_ms)

    def closed_ms(self, now_ms: int) -> int | None:
        """The closing time for which nobody has looked yet."""
        if not self.zone.closes:
            return None
        closed_ms = last_time_of(time.fromisoformat(self.zone.closes), self.clock, now_ms)
        return closed_ms if closed_ms > self.state.swept_ms else None


def _all_counted(connection: Connection, now_ms: int) -> list[_Zone]:
    """All of them; one that was not counted before begins now."""
    site = site_of(connection)
    known, clock = load_states(connection, site.name), ZoneInfo(site.zone)
    return [
        _Zone(site.name, clock, zone, known[name])
        if name in known
        else _Zone(site.name, clock, zone, ZoneTally(name, emptied_ms=now_ms, swept_ms=now_ms), is_new=True)
        for name, zone in counted_zones(connection).items()
    ]


def _counted(connection: Connection, name: str) -> _Zone:
    """Raises ``NotCounted``."""
    site = site_of(connection)
    zone = counted_zones(connection).get(name)
    if zone is None:
        raise NotCounted(name)
    return _Zone(site.name, ZoneInfo(site.zone), zone, load_state(connection, site.name, name))


def _is_due(connection: Connection, one: _Zone, now_ms: int) -> bool:
    is_timely = one.is_reset_due(now_ms) or one.closed_ms(now_ms) is not None
    is_old = has_left_before(connection, one.site, one.zone.name, now_ms - REMEMBERED_MS)
    return one.is_new or is_timely or is_old or _is_division_due(connection, one) or _is_lost(connection, one)


def _is_lost(connection: Connection, one: _Zone) -> bool:
    """Whether nobody knows any more how many are inside, as passages may be lost since somebody counted."""
    return one.state.count.is_known and has_lost_rows(connection, one.zone.name, one.state.counted_ms)


def _is_division_due(connection: Connection, one: _Zone) -> bool:
    rooms = load_rooms(connection, one.site, one.zone.name)
    return divide_anew(connection, one.zone, one.state.count.inside, rooms) != rooms


def _turn(connection: Connection, one: _Zone, now_ms: int) -> None:
    forget_left(connection, one.site, one.zone.name, now_ms - REMEMBERED_MS)
    closed_ms = one.closed_ms(now_ms)
    if closed_ms is not None:
        one = one._replace(state=one.state.swept(closed_ms))
        if one.state.count.inside and now_ms - closed_ms < SWEEP_WITHIN_MS:
            inside = str(one.state.count.inside)
            operators.record(connection, now_ms, BY_CLOCK, "zone.still_inside", one.zone.name, inside=inside)
    if one.is_reset_due(now_ms):
        _empty(connection, one, now_ms)
    elif _is_lost(connection, one):
        _put(connection, one, one.state.after(UNSEEN, now_ms))
    elif one.is_new or closed_ms is not None or _is_division_due(connection, one):
        _put(connection, one, one.state.told_again())


def _put(connection: Connection, one: _Zone, state: ZoneTally) -> None:
    """Store a zone that has changed, with its places divided anew."""
    rooms = load_rooms(connection, one.site, state.zone)
    save_state(connection, one.site, state)
    divided = divide_anew(connection, one.zone, state.count.inside, rooms)
    save_rooms(connection, one.site, state.zone, rooms, divided)


def _empty(connection: Connection, one: _Zone, now_ms: int) -> None:
    forget_people(connection, one.site, one.zone.name, now_ms)
    _put(connection, one, one.state.emptied(now_ms))


def counting_worker(service: CounterService) -> Worker[None]:
    """The thread that does what is due by the clock."""
    return Worker[None]("counters", "a zone is not reset or divided", look=service.look, every_s=LOOK_S)
