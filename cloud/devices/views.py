"""What the console and the API ask of the database: reading only, a limit on every list."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Select, func, select

from cloud.devices.lateness import LIVE_WITHIN_MS, Lateness, lateness
from cloud.devices.presence import Presence, Silence, presence, silence
from cloud.store.labels import Label, Person
from cloud.store.schema import (
    MAX_INTEGER,
    clock_fixes,
    devices,
    events,
    households,
    journals,
    people,
    points,
    quarantine,
    rosters,
    sites,
    tallies,
    zones,
)
from contract.decide import Trust
from contract.emergencies import Cause, cause_of
from contract.events import decode_event

MAX_DEVICES = 1_000
EMERGENCY, FIRE_LOOP = "emergency", "fire_loop"
ZONE_FAULTS = (EMERGENCY, FIRE_LOOP)
"""What a device reports of a zone: ``emergency.zone`` with its cause, and a fire loop that is broken, which is acted
upon like a fire."""
MAX_LOOK_BACK = 200_000
"""Events that one page of a filtered list searches; the page after it goes on from there."""


class SiteView(Struct, frozen=True):
    name: str
    zone: str
    label: Label


class PointView(Struct, frozen=True):
    """A point of a device. ``report`` is what its station last said of itself. Without a class it is a door."""

    name: str
    label: Label
    zone: Label
    report: dict[str, Any] = {}
    zone_name: str = ""
    class_name: str = ""


class Fault(Struct, frozen=True):
    """A fault by its word, what is known of it, and the door that has it; without one, the device itself.

    An emergency is no defect, but a device reports it alike, for somebody must look: ``point`` is then its zone.
    """

    fault: str
    known: str
    point: str = ""
    label: Label | None = None


class DeviceView(Struct, frozen=True):
    """A device as the cloud knows it. Times are UTC milliseconds, None for never."""

    name: str
    label: Label
    online: bool
    heard_ms: int | None
    roster_number: int
    waiting: int | None
    state: dict[str, Any]
    beat: dict[str, Any]
    points: tuple[PointView, ...] = ()
    beat_ms: int | None = None
    lost_ms: int | None = None

    def presence(self, now_ms: int) -> Presence:
        """Whether the cloud hears it. If not, that says nothing about its doors."""
        return presence(self.online, self.heard_ms, now_ms)

    @property
    def silence(self) -> Silence:
        """Why it is not heard, where it is not."""
        return silence(self.online, self.state)

    @property
    def loading(self) -> tuple[int, int] | None:
        """How many of how many roster pages it has, while it fetches some."""
        roster = _table(self.state.get("roster"))
        return (roster["got"], roster["wanted"]) if roster.get("wanted") else None

    @property
    def roster_issued_ms(self) -> object:
        """When the roster that it uses was issued, as it says; 0 before the first."""
        return _table(self.state.get("roster")).get("issued_ms")

    @property
    def unplaced(self) -> list[str]:
        """Points that it reports and the cloud has not written down; a bank, which nobody uses, is one of them."""
        known = {point.name for point in self.points}
        return sorted(str(name) for name in _table(self.state.get("points")) if name not in known)

    @property
    def faults(self) -> list[Fault]:
        """Every fault it reports once, of its doors and of itself: a beat names those of a door ``point.fault``, and
        those of a zone ``emergency.zone``, of a bus ``bus.name``."""
        labels = {point.zone_name: point.zone for point in self.points} | {
            point.name: point.label for point in self.points
        }
        found = {(point.name, str(fault)): "" for point in self.points for fault in _list(point.report.get("faults"))}
        for place, known in _table(self.beat.get("faults")).items():
            point, _, fault = str(place).rpartition(".")
            if point in ZONE_FAULTS:
                found[fault, point] = str(known)
            elif str(place).startswith("bus."):
                _, bus, *of_readings = str(place).split(".")
                found[bus, of_readings[0] if of_readings else "bus"] = str(known)
            else:
                found.setdefault((point, fault), str(known))
        return [Fault(fault, known, point, labels.get(point)) for (point, fault), known in found.items()]

    @property
    def faults_alike(self) -> dict[tuple[str, str], list[Fault]]:
        """The same by what is wrong and what is known of it: a dead bank is one line, and not one a socket."""
        alike: dict[tuple[str, str], list[Fault]] = {}
        for one in self.faults:
            alike.setdefault((one.fault, one.known if one.known != "present" else ""), []).append(one)
        return alike

    @property
    def emergencies(self) -> list[Cause]:
        """Why each zone of its that is in an emergency is."""
        words = [one for one in self.faults if one.fault in ZONE_FAULTS]
        return ["loop_broken" if one.fault == FIRE_LOOP else cause_of(one.known) for one in words]

    @property
    def emergency(self) -> bool:
        """Whether it reports one that is more than a broken loop, which somebody has to mend."""
        return any(cause != "loop_broken" for cause in self.emergencies)


def in_emergency(faults: object, zone: str) -> bool:
    """Whether the faults of a beat tell of an emergency in a zone, whatever its cause."""
    return any(f"{word}.{zone}" in _table(faults) for word in ZONE_FAULTS)


class EventView(Struct, frozen=True):
    """An event as it is shown. ``data`` is what its device wrote; ``person`` is None where nobody is known.

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


class EventFilter(Struct, frozen=True):
    """Empty fields ask for nothing. ``kind`` may be a family (``door``) or a whole kind (``door.forced``)."""

    device: str = ""
    point: str = ""
    kind: str = ""
    reason: str = ""


class EventPage(Struct, frozen=True):
    """``next`` is the cursor of the next page, None at the end. A page may be empty and yet not the last."""

    rows: list[EventView]
    next: int | None


def find_site(connection: Connection) -> SiteView:
    """The one site of this database. Raises SQLAlchemy's ``NoResultFound`` before it was founded."""
    row = connection.execute(select(sites)).one()
    return SiteView(row.name, row.zone, Label(row.label_zh, row.label_en))


def list_zones(connection: Connection) -> list[tuple[str, Label]]:
    """Every zone of the site, by name."""
    rows = connection.execute(select(zones).order_by(zones.c.name))
    return [(row.name, Label(row.label_zh, row.label_en)) for row in rows]


def list_devices(connection: Connection, name: str | None = None) -> list[DeviceView]:
    """Every device with its points, by name; or the one of that name."""
    query = select(devices).order_by(devices.c.name).limit(MAX_DEVICES)
    if name is not None:
        query = query.where(devices.c.name == name)
    found = connection.execute(query).all()
    placed = connection.execute(
        select(points, zones.c.label_zh.label("zone_zh"), zones.c.label_en.label("zone_en"))
        .join_from(points, zones)
        .where(points.c.device.in_([row.name for row in found]))
        .order_by(points.c.name)
    ).all()
    return [_device(row, [point for point in placed if point.device == row.name]) for row in found]


def _list(value: object) -> list[Any]:
    """A list out of what a device reported, or an empty one where it reported something else."""
    return value if isinstance(value, list) else []


def _table(value: object) -> dict[str, Any]:
    """A table out of what a device reported, or an empty one where it reported something else."""
    return value if isinstance(value, dict) else {}


def _device(row: Any, placed: Sequence[Any]) -> DeviceView:
    state = row.state or {}
    reports = _table(state.get("points"))
    return DeviceView(
        name=row.name,
        label=Label(row.label_zh, row.label_en),
        online=row.online,
        heard_ms=row.heard_ms,
        roster_number=row.roster_number,
        waiting=row.waiting,
        state=state,
        beat=row.beat or {},
        beat_ms=row.beat_ms,
        lost_ms=row.lost_ms,
        points=tuple(
            PointView(
                point.name,
                Label(point.label_zh, point.label_en),
                Label(point.zone_zh, point.zone_en),
                _table(reports.get(point.name)),
                point.zone,
                point._mapping["class"],
            )
            for point in placed
        ),
    )


def newest_roster_number(connection: Connection) -> int:
    """The number of the newest roster published, 0 before the first."""
    return int(connection.execute(select(func.coalesce(func.max(rosters.c.number), 0))).scalar_one())


def count_quarantined(connection: Connection) -> int:
    """Everything ever set aside, whether its bytes are still kept or not."""
    return int(connection.execute(select(func.coalesce(func.sum(tallies.c.count), 0))).scalar_one())


def last_arrival(connection: Connection) -> int:
    return int(connection.execute(select(func.coalesce(func.max(events.c.arrival), 0))).scalar_one())


def count_refused(connection: Connection, after: int, upto: int, since_ms: int) -> int:
    """Refusals made since a time among the events with arrival numbers above ``after``, up to ``upto``."""
    counted = select(func.count()).where(
        events.c.arrival > after,
        events.c.arrival <= upto,
        events.c.kind == "access.refused",
        events.c.at_ms >= since_ms,
    )
    return connection.execute(counted).scalar_one()


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


def list_events(connection: Connection, wanted: EventFilter, before: int | None = None, limit: int = 50) -> EventPage:
    """The newest first, of those that match and are older than the cursor."""
    top = last_arrival(connection) + 1 if before is None else before
    floor = max(top - 1 - MAX_LOOK_BACK, 0) if wanted != EventFilter() else 0
    found = _views(
        connection,
        _matching(wanted)
        .where(events.c.arrival < top, events.c.arrival > floor)
        .order_by(events.c.arrival.desc())
        .limit(limit + 1),
    )
    if len(found) > limit:
        return EventPage(found[:limit], found[limit - 1].arrival)
    return EventPage(found, floor + 1 if floor else None)


def list_events_after(connection: Connection, wanted: EventFilter, after: int, limit: int = 50) -> EventPage:
    """The oldest first, of those that match and are newer than the cursor."""
    ceiling = min(after + MAX_LOOK_BACK, MAX_INTEGER)
    newest = last_arrival(connection)
    query = _matching(wanted).where(events.c.arrival > after, events.c.arrival <= ceiling).order_by(events.c.arrival)
    found = _views(connection, query.limit(limit + 1))
    if len(found) > limit:
        return EventPage(found[:limit], found[limit - 1].arrival)
    return EventPage(found, ceiling if ceiling < newest else None)


def list_arrivals(connection: Connection, after: int, limit: int) -> list[EventView]:
    """The newest events above an arrival number, the oldest of them first."""
    newest = _EVENTS.where(events.c.arrival > after).order_by(events.c.arrival.desc()).limit(limit)
    return _views(connection, newest)[::-1]


_EVENTS = (
    select(
        events,
        devices.c.name.label("device"),
        devices.c.label_zh.label("device_zh"),
        devices.c.label_en.label("device_en"),
        journals.c.journal,
        points.c.label_zh.label("point_zh"),
        points.c.label_en.label("point_en"),
        people.c.name_zh,
        people.c.name_en,
        households.c.unit,
        clock_fixes.c.offset_ms,
        clock_fixes.c.error_ms,
    )
    .join(devices, devices.c.id == events.c.device_id)
    .join(journals, journals.c.id == events.c.journal_id)
    .outerjoin(points, points.c.name == events.c.point)
    .outerjoin(
        clock_fixes,
        (clock_fixes.c.device_id == events.c.device_id)
        & (clock_fixes.c.boot == events.c.boot)
        & (events.c.clock == Trust.UNSET.value),
    )
    .outerjoin(people, people.c.holder == events.c.holder)
    .outerjoin(households, households.c.id == people.c.household_id)
)


def _matching(wanted: EventFilter) -> Select[Any]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.device:
        conditions.append(devices.c.name == wanted.device)
    if wanted.point:
        conditions.append(events.c.point == wanted.point)
    if wanted.kind:
        family = events.c.kind.startswith(f"{wanted.kind}.", autoescape=True)
        conditions.append((events.c.kind == wanted.kind) | family)
    if wanted.reason:
        conditions.append(events.c.reason == wanted.reason)
    return _EVENTS.where(*conditions)


def _views(connection: Connection, query: Select[Any]) -> list[EventView]:
    return [_event(row) for row in connection.execute(query)]


def _event(row: Any) -> EventView:
    known = row.name_zh is not None
    return EventView(
        arrival=row.arrival,
        device=row.device,
        device_label=Label(row.device_zh, row.device_en),
        journal=row.journal,
        seq=row.seq,
        point=row.point,
        point_label=Label(row.point_zh or row.point, row.point_en or row.point),
        kind=row.kind,
        reason=row.reason,
        at_ms=row.at_ms,
        received_ms=row.received_ms,
        clock=row.clock,
        replay=row.replay,
        holder=row.holder,
        person=Person(Label(row.name_zh, row.name_en), row.unit) if known else None,
        data=decode_event(row.stored).data,
        best_ms=None if row.offset_ms is None else row.mono_ms + row.offset_ms,
        best_error_ms=row.error_ms,
    )


class Quarantined(Struct, frozen=True):
    """What a peer sent and we could not take."""

    id: int
    at_ms: int
    device: str
    channel: str
    why: str
    detail: str
    size: int
    seq: int | None


class Tally(Struct, frozen=True):
    """How often something was refused. ``device`` is empty for all that are not registered."""

    device: str
    channel: str
    why: str
    count: int
    last_ms: int


def list_tallies(connection: Connection) -> list[Tally]:
    """What was refused last, first. Devices, channels and causes bound their number."""
    columns = (tallies.c[name] for name in Tally.__struct_fields__)
    return [Tally(*row) for row in connection.execute(select(*columns).order_by(tallies.c.last_ms.desc()).limit(200))]


def list_quarantined(connection: Connection, before: int | None = None, limit: int = 50) -> list[Quarantined]:
    """The newest first, of those older than row ``before``."""
    columns = (quarantine.c[name] for name in Quarantined.__struct_fields__)
    query = select(*columns).order_by(quarantine.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(quarantine.c.id < before)
    return [Quarantined(*row) for row in connection.execute(query)]
