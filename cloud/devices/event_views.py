"""Events as pages and calls show them, with a limit on every list."""

from collections.abc import Collection
from typing import Any, NamedTuple

from msgspec import Struct, structs
from sqlalchemy import ColumnElement, CompoundSelect, Connection, Select, func, literal, select

from cloud.devices.erasure import decode_stored
from cloud.devices.event_series import LATE_WITHIN_MS, EventFilter, find_arrivals, happened_ms, shown, wanted_words
from cloud.devices.lateness import LIVE_WITHIN_MS, Lateness, lateness
from cloud.devices.registry import site_of
from cloud.store.homes import flat_of_person
from cloud.store.labels import Label, Person
from cloud.store.schema import (
    MAX_INTEGER,
    clock_fixes,
    devices,
    event_series,
    events,
    journals,
    parties,
    people,
    points,
)
from cloud.store.scope import Scope, point_seen, scope_of
from cloud.store.tables import permits
from contract.decide import Trust
from contract.events import reason_of
from contract.recorded_facts import spelled_out

PERSONAL = frozenset({"holder", "digest"})
"""Fields of an event by which somebody can be found out."""


class EventView(Struct, frozen=True):
    """An event as it is shown. ``data`` is what its device wrote, without its packed facts; ``person`` is None where
    nobody is known.

    ``best_ms``, give or take ``best_error_ms``, is when an event happened whose device learned the time only later.
    """

    arrival: int
    device: str
    device_label: Label
    journal: str
    seq: int
    point: str
    point_label: Label
    kind: str
    reason: str | None
    at_ms: int
    received_ms: int
    clock: str
    replay: bool
    holder: bytes | None
    person: Person | None
    data: dict[str, Any]
    best_ms: int | None = None
    best_error_ms: int | None = None
    zone: str | None = None
    is_nameless: bool = False
    """Whether it names somebody whom the reader does not see."""

    def seen_in(self, scope: Scope) -> "EventView":
        """The same without whom it names, where that is not for the reader to see."""
        if scope.names(self.holder, min(self.shown_ms, self.received_ms)):
            return self
        data = {key: value for key, value in self.data.items() if key not in PERSONAL}
        return structs.replace(self, holder=None, person=None, data=data, is_nameless=True)

    @property
    def shown_ms(self) -> int:
        """When it happened, as well as anybody knows."""
        return self.at_ms if self.best_ms is None else self.best_ms

    @property
    def late_ms(self) -> int:
        """How long it was on the way, if that was long enough to say and its time is to be believed; else 0."""
        took_ms = self._took_ms
        return took_ms if took_ms is not None and took_ms > LIVE_WITHIN_MS else 0

    @property
    def lateness(self) -> Lateness:
        return lateness(self._took_ms, self.replay)

    @property
    def _took_ms(self) -> int | None:
        believed = self.clock != Trust.UNSET or self.best_ms is not None
        return self.received_ms - self.shown_ms if believed else None


class EventPage(Struct, frozen=True):
    """``next`` is the cursor of the next page, None at the end."""

    rows: list[EventView]
    next: int | None


def last_arrival(connection: Connection) -> int:
    return int(connection.execute(select(func.coalesce(func.max(events.c.arrival), 0))).scalar_one())


def arrival_before(connection: Connection, received_ms: int) -> int:
    """An arrival number that all events received since then are above, found by bisection: arrival follows receipt."""
    low, high = 0, last_arrival(connection)
    while low < high:
        middle = (low + high + 1) // 2
        found = select(events.c.received_ms).where(events.c.arrival >= middle).order_by(events.c.arrival).limit(1)
        if connection.execute(found).scalar_one() < received_ms:
            low = middle
        else:
            high = middle - 1
    return low


def list_events(
    connection: Connection,
    wanted: EventFilter,
    before: int | None = None,
    limit: int = 50,
    series: Collection[int] | None = None,
) -> EventPage:
    """The newest first, of those that match and are older than the cursor; only those of these ``series``, if they are
    named. Raises ``PurposeNeeded`` or ``OutOfScope``."""
    low, high = _arrived_in(connection, wanted)
    beyond = high if before is None else min(before, high)
    return _list(connection, wanted, _Way(beyond, low, newest_first=True), limit, series)


def list_events_after(
    connection: Connection,
    wanted: EventFilter,
    after: int,
    limit: int = 50,
    series: Collection[int] | None = None,
) -> EventPage:
    """The oldest first, of those that match and are newer than the cursor; ``series`` as above. Raises
    ``PurposeNeeded`` or ``OutOfScope``."""
    low, high = _arrived_in(connection, wanted)
    return _list(connection, wanted, _Way(max(after, low), high, newest_first=False), limit, series)


class _Way(NamedTuple):
    """From which arrival number on, and how far, events are looked at; neither is among them."""

    beyond: int
    last: int
    newest_first: bool


def _arrived_in(connection: Connection, wanted: EventFilter) -> tuple[int, int]:
    """Between which arrival numbers everything lies that happened in the span of a filter."""
    low = arrival_before(connection, wanted.since_ms) if wanted.since_ms else 0
    if not wanted.until_ms:
        return low, MAX_INTEGER
    return low, arrival_before(connection, wanted.until_ms + LATE_WITHIN_MS) + 1


def _list(
    connection: Connection, wanted: EventFilter, way: _Way, limit: int, series: Collection[int] | None
) -> EventPage:
    site, arrival = site_of(connection).name, events.c.arrival
    by_arrival = _by_arrival(connection, site, wanted, series)
    if by_arrival is not None:
        low, high = (way.last, way.beyond) if way.newest_first else (way.beyond, way.last)
        span = by_arrival.where(arrival > low, arrival < high)
        ordered = span.order_by(arrival.desc() if way.newest_first else arrival)
        return _page(_views(connection, ordered.limit(limit + 1)), limit)
    return _page(_found(connection, wanted, way, limit + 1, series), limit)


def last_refused(connection: Connection, holder: bytes) -> EventView | None:
    """The newest refusal of somebody. Raises ``PurposeNeeded`` or ``OutOfScope``."""
    refused = list_events(connection, EventFilter(kind="access.refused", holder=holder), limit=1).rows
    return refused[0] if refused else None


def list_silent(connection: Connection, before: int | None = None, limit: int = 50) -> EventPage:
    """The events that all other lists leave out, the newest first."""
    way = _Way(MAX_INTEGER if before is None else before, 0, newest_first=True)
    return _page(_found(connection, EventFilter(), way, limit + 1, None, silent=True), limit)


def _by_arrival(
    connection: Connection, site: str, wanted: EventFilter, series: Collection[int] | None
) -> Select[Any] | None:
    """What is read in the order of arrival: all events, or those of one person; None for what series find quicker."""
    scope = scope_of(connection)
    if wanted.holder is None:
        is_all = series is None and structs.replace(wanted, since_ms=0, until_ms=0) == EventFilter()
        return _EVENTS.where(*_in_time(wanted)) if is_all and scope.zone is None else None
    scope.check_movements(wanted.holder)
    asked = wanted_words(site, wanted) + ([devices.c.name == wanted.device] if wanted.device else [])
    if series is not None:
        asked.append(events.c.series.in_(series))
    mine = events.c.holder.in_(_holders(wanted.holder))
    return _EVENTS.where(mine, point_seen(connection, event_series.c.point), *asked, *_in_time(wanted))


def _holders(holder: bytes) -> CompoundSelect[bytes]:
    """Under which holders somebody's events stand: their own, and those of records that were merged into theirs."""
    kept = select(people.c.id).where(people.c.holder == holder).scalar_subquery()
    return select(literal(holder)).union(select(people.c.holder).where(people.c.merged_into == kept))


def _found(
    connection: Connection,
    wanted: EventFilter,
    way: _Way,
    limit: int,
    series: Collection[int] | None,
    *,
    silent: bool = False,
) -> list[EventView]:
    arrivals = find_arrivals(
        connection,
        site_of(connection).name,
        wanted,
        way.beyond,
        limit,
        newest_first=way.newest_first,
        last=way.last,
        series=series,
        silent=silent,
    )
    found = _views(connection, _EVENTS.where(events.c.arrival.in_(arrivals)), silent=silent)
    return sorted(found, key=lambda one: one.arrival, reverse=way.newest_first)


def _in_time(wanted: EventFilter) -> list[ColumnElement[bool]]:
    if not wanted.is_timed:
        return []
    return [happened_ms() >= wanted.since_ms, happened_ms() < (wanted.until_ms or MAX_INTEGER)]


def _page(found: list[EventView], limit: int) -> EventPage:
    """``found`` may hold one more than a page does."""
    return EventPage(found[:limit], found[limit - 1].arrival if len(found) > limit else None)


def list_arrivals(connection: Connection, after: int, limit: int) -> list[EventView]:
    """The newest events above an arrival number, the oldest of them first."""
    newest = _EVENTS.where(events.c.arrival > after).order_by(events.c.arrival.desc()).limit(limit)
    return _views(connection, newest)[::-1]


def list_rows(connection: Connection, journal_id: int, first: int, last: int, limit: int) -> list[EventView]:
    """The rows of a journal from number ``first`` to ``last``, in their order. Silent events are among them: whoever
    asks for rows counts them, and shows none of those."""
    mine, scope = (events.c.journal_id == journal_id, events.c.seq.between(first, last)), scope_of(connection)
    rows = connection.execute(_EVENTS.where(*mine).order_by(events.c.seq).limit(limit))
    return [_event(row).seen_in(scope) for row in rows]


_EVENTS = (
    select(
        events,
        devices.c.name.label("device"),
        devices.c.label_zh.label("device_zh"),
        devices.c.label_en.label("device_en"),
        journals.c.journal,
        points.c.label_zh.label("point_zh"),
        points.c.label_en.label("point_en"),
        points.c.zone,
        people.c.name_zh,
        people.c.name_en,
        flat_of_person,
        parties.c.name_zh.label("party_zh"),
        parties.c.name_en.label("party_en"),
        parties.c.flat.label("party_flat"),
        permits.c.flat.label("visited"),
        clock_fixes.c.offset_ms,
        clock_fixes.c.error_ms,
    )
    .join(journals, journals.c.id == events.c.journal_id)
    .join(devices, devices.c.id == journals.c.device_id)
    .outerjoin(event_series, event_series.c.id == events.c.series)
    .outerjoin(points, points.c.name == event_series.c.point)
    .outerjoin(
        clock_fixes,
        (clock_fixes.c.device_id == journals.c.device_id) & (clock_fixes.c.boot == events.c.boot),
    )
    .outerjoin(people, people.c.holder == events.c.holder)
    .outerjoin(parties, parties.c.holder == events.c.holder)
    .outerjoin(permits, permits.c.holder == events.c.holder)
)


def _views(connection: Connection, query: Select[Any], *, silent: bool = False) -> list[EventView]:
    scope = scope_of(connection)
    return [_event(row).seen_in(scope) for row in connection.execute(query.where(shown(silent=silent)))]


def visitor(flat: str) -> Person:
    """Somebody with a permit: what they are called is for the guard of the day, and stands on the page of permits."""
    return Person(Label(f"{flat} 访客".strip(), f"Visitor of {flat}" if flat else "Visitor"), None)


def _family(row: Any) -> Person | None:
    """Whoever has the family card of a household or company, or comes with a permit."""
    if row.visited is not None:
        return visitor(row.visited)
    if row.party_zh is None:
        return None
    return Person(Label(row.party_zh, row.party_en).family_card, row.party_flat)


def _event(row: Any) -> EventView:
    known, event = row.name_zh is not None, decode_stored(row.stored)
    return EventView(
        arrival=row.arrival,
        device=row.device,
        device_label=Label(row.device_zh, row.device_en),
        journal=row.journal,
        seq=row.seq,
        point=event.point,
        point_label=Label(row.point_zh or event.point, row.point_en or event.point),
        kind=event.kind,
        reason=reason_of(event),
        at_ms=row.at_ms,
        received_ms=row.received_ms,
        clock=event.clock,
        replay=row.replay,
        holder=row.holder,
        person=Person(Label(row.name_zh, row.name_en), row.unit) if known else _family(row),
        data=spelled_out(event.data),
        best_ms=None if row.offset_ms is None else row.mono_ms + row.offset_ms,
        best_error_ms=row.error_ms,
        zone=row.zone,
    )
