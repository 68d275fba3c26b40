"""Emergencies as they are stored, one row each; what the console says of them by zone; and what a muster needs: who
passed the readers of a zone, which devices may lack news, who was seen."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct, structs
from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from cloud.devices.erasure import decode_stored
from cloud.devices.event_views import arrival_before, visitor
from cloud.devices.presence import Presence, presence
from cloud.devices.reactions import Reaction, Recorded
from cloud.devices.registry import site_of
from cloud.emergencies.rule import (
    EMERGENCY_EVENTS,
    LOOK_BACK_MS,
    STARTED,
    Emergency,
    Movement,
    Pass,
    after,
    after_restart,
    inside,
    most_inside,
    zone_of,
)
from cloud.emergencies.tables import accounted, emergencies
from cloud.store.homes import flat_of_person
from cloud.store.labels import Label, Person
from cloud.store.schema import clock_fixes, devices, event_series, events, people, points, zones
from cloud.store.scope import zone_seen
from cloud.store.tables import permits
from contract.archetypes import PortalKind
from contract.emergencies import WORST_FIRST, Cause
from contract.kinds import counting_events, known_kinds, moved_by
from contract.kinds.door import DOOR

MAX_ROWS = 10_000
MAX_ZONES = 100
MAX_PASSES = 100_000
SHOWN_AFTER_MS = 3_600_000
"""How long the console speaks of an emergency that is over, and of who ended it."""

_COLUMNS = [emergencies.c[name] for name in Emergency.__struct_fields__]


class Zone(Struct, frozen=True):
    """A zone that registered devices have points in. ``has_anti_passback``: whoever is inside may not enter again."""

    name: str
    label: Label
    has_anti_passback: bool


class ZoneState(Struct, frozen=True):
    """A zone in an emergency, at whichever of its devices; the cause is the worst of theirs. Once it is over, ``ended``
    is the last of them to end, and ``person`` whose card did it."""

    zone: str
    label: Label
    cause: Cause
    began_ms: int
    noted_ms: int
    began_by: str
    ended: Emergency | None = None
    person: Person | None = None

    @property
    def how(self) -> str:
        """How it ended: key, card, order, time, restart or unseen; empty while it stands."""
        return self.ended.how if self.ended else ""

    @property
    def ended_ms(self) -> int | None:
        return self.ended.ended_ms if self.ended else None

    @property
    def ended_by(self) -> str:
        return self.ended.ended_by if self.ended else ""


class Seen(Struct, frozen=True):
    """By which operator somebody was accounted for, and when."""

    by: str
    at_ms: int


class Awaited(Struct, frozen=True):
    """Somebody on the list. ``person`` is None where nobody of that holder is listed any more."""

    holder: str
    person: Person | None
    in_ms: int
    out_ms: int | None
    seen: Seen | None


class Doubt(Struct, frozen=True):
    """A device of the zone whose news may be missing: not heard since ``heard_ms`` (None for never), or with events
    that wait to be sent."""

    device: str
    label: Label
    online: bool
    heard_ms: int | None
    waiting: int


class Muster(Struct, frozen=True):
    """The list of one zone. ``unnamed`` people were let in from afar, without a card. At most ``at_most`` of the listed
    are inside: others have left without one."""

    people: list[Awaited]
    doubts: list[Doubt]
    unnamed: int
    at_most: int

    @property
    def is_bounded(self) -> bool:
        """Whether it is known that some of the listed have left."""
        return self.at_most < sum(person.out_ms is None for person in self.people)

    @property
    def missing(self) -> int:
        """How many nobody has seen yet, neither an operator nor a reader on the way out."""
        return sum(person.seen is None and person.out_ms is None for person in self.people)


def note_emergencies(connection: Connection, recorded: Sequence[Recorded], now_ms: int) -> None:
    """Fold events into the rows of their emergencies, in their order."""
    for device, event, _ in recorded:
        if event.kind == STARTED:
            for before in _stored(connection, device.id, emergencies.c.how == ""):
                _put(connection, device.id, after_restart(before, event.at_ms))
        elif zone := zone_of(event):
            newest = next(iter(_stored(connection, device.id, emergencies.c.zone == zone)), None)
            current = after(newest, zone, event, now_ms)
            if current is not None and current != newest:
                _put(connection, device.id, current)


EMERGENCIES = Reaction(EMERGENCY_EVENTS, note_emergencies)


def _stored(connection: Connection, device: int, which: ColumnElement[bool]) -> list[Emergency]:
    """The newest first, and no more of them than a device has zones."""
    query = select(*_COLUMNS).where(emergencies.c.device_id == device, which)
    return [Emergency(*row) for row in connection.execute(query.order_by(emergencies.c.id.desc()).limit(MAX_ZONES))]


def _put(connection: Connection, device: int, emergency: Emergency) -> None:
    values = structs.asdict(emergency)
    number = values.pop("id")
    if number is not None:
        connection.execute(update(emergencies).where(emergencies.c.id == number).values(**values))
        return
    made = connection.execute(insert(emergencies).values(device_id=device, **values).returning(emergencies.c.id))
    connection.execute(delete(emergencies).where(emergencies.c.id <= made.scalar_one() - MAX_ROWS))


def list_zone_states(connection: Connection, now_ms: int, zone: str = "") -> list[ZoneState]:
    """The zones in an emergency, the worst first, then those where one ended a moment ago. Of a ``zone`` that is named,
    the newest emergency however long ago."""
    query = (
        select(*_COLUMNS, zones.c.label_zh, zones.c.label_en, people.c.name_zh, people.c.name_en, flat_of_person)
        .join_from(emergencies, devices, devices.c.id == emergencies.c.device_id)
        .outerjoin(zones, zones.c.name == emergencies.c.zone)
        .outerjoin(people, people.c.holder == emergencies.c.holder)
        .where(devices.c.lost_ms.is_(None), zone_seen(connection, emergencies.c.zone))
        .order_by(emergencies.c.id.desc())
    )
    if zone:
        query = query.where(emergencies.c.zone == zone).limit(20)
    else:
        query = query.where((emergencies.c.how == "") | (emergencies.c.noted_ms >= now_ms - 24 * SHOWN_AFTER_MS))
    by_zone: dict[str, list[Any]] = {}
    for row in connection.execute(query.limit(200)):
        by_zone.setdefault(row.zone, []).append(row)
    states = [_state(rows) for rows in by_zone.values()]
    recent = [
        state
        for state in states
        if zone or state.ended is None or now_ms - (state.ended.ended_ms or 0) < SHOWN_AFTER_MS
    ]
    return sorted(recent, key=lambda state: (state.ended is not None, WORST_FIRST.index(state.cause), state.zone))


def _state(rows: Sequence[Any]) -> ZoneState:
    """Of one zone's rows, the newest first."""
    by_row = [(Emergency(*row[: len(_COLUMNS)]), row) for row in rows]
    standing = [emergency for emergency, _ in by_row if emergency.stands]
    last, row = max(by_row, key=lambda pair: pair[0].ended_ms or 0)
    # Devices of a zone begin and end at about the same time: what overlaps the last one is the same emergency.
    same = standing or [emergency for emergency, _ in by_row if (emergency.ended_ms or 0) >= last.began_ms]
    label = Label(row.label_zh or last.zone, row.label_en or last.zone)
    person = None if row.name_zh is None else Person(Label(row.name_zh, row.name_en), row.unit)
    return ZoneState(
        zone=last.zone,
        label=label,
        cause=min((emergency.cause for emergency in same), key=WORST_FIRST.index),
        began_ms=min(emergency.began_ms for emergency in same),
        noted_ms=min(emergency.noted_ms for emergency in same),
        began_by=next((emergency.began_by for emergency in same if emergency.began_by), ""),
        ended=None if standing else last,
        person=None if standing else person,
    )


def find_watched(connection: Connection, name: str) -> Zone | None:
    """The zone of that name, if registered devices have points in it."""
    return next((zone for zone in list_watched(connection) if zone.name == name), None)


def list_watched(connection: Connection) -> list[Zone]:
    """Every zone that registered devices have points in, by name."""
    theirs = select(points.c.zone).join(devices, devices.c.name == points.c.device)
    seen = zones.c.name.in_(theirs) & zone_seen(connection, zones.c.name)
    rows = connection.execute(select(zones).where(seen).order_by(zones.c.name))
    return [Zone(row.name, Label(row.label_zh, row.label_en), row.anti_passback != "none") for row in rows]


def emergency_of(connection: Connection, zone: str, now_ms: int) -> ZoneState | None:
    """The emergency that a muster of this moment is about: one that stands, or was over less than a day ago."""
    state = next(iter(list_zone_states(connection, now_ms, zone)), None)
    is_over = state and state.ended and now_ms - (state.ended.ended_ms or 0) >= LOOK_BACK_MS
    return None if is_over else state


def muster(connection: Connection, zone: str, now_ms: int, began_ms: int, noted_ms: int) -> Muster:
    """Who is to be accounted for in an emergency that began then; ticks count since the cloud has ``noted`` it."""
    site = site_of(connection).name
    told = _passages(connection, site, zone, began_ms - LOOK_BACK_MS)
    passes = [passage for passage, _ in told if passage is not None]
    ticks = {
        row.holder: Seen(row.by, row.at_ms)
        for row in connection.execute(select(accounted).where(accounted.c.zone == zone, accounted.c.at_ms >= noted_ms))
    }
    listed_inside = inside([passage for passage in passes if passage.holder], began_ms)
    names = _names(connection, site, [person.holder for person in listed_inside])
    listed = [
        Awaited(person.holder.hex(), names.get(person.holder), person.in_ms, person.out_ms, ticks.get(person.holder))
        for person in listed_inside
    ]
    unnamed = sum(passage.direction == "in" and not passage.holder for passage in passes)
    at_most = most_inside(movement for _, movement in reversed(told))
    return Muster(sorted(listed, key=_unseen_first), _doubts(connection, zone, now_ms), unnamed, at_most)


def tick(connection: Connection, zone: str, holder: bytes, by: str, now_ms: int, *, seen: bool) -> None:
    """Note that somebody is accounted for, or that this was a mistake."""
    connection.execute(delete(accounted).where(accounted.c.zone == zone, accounted.c.holder == holder))
    if seen:
        connection.execute(insert(accounted).values(zone=zone, holder=holder, by=by, at_ms=now_ms))


def _unseen_first(awaited: Awaited) -> tuple[bool, str, int]:
    unit = awaited.person.unit or "" if awaited.person else ""
    return awaited.seen is not None or awaited.out_ms is not None, unit, awaited.in_ms


def _passages(connection: Connection, site: str, zone: str, since_ms: int) -> list[tuple[Pass | None, Movement]]:
    """What happened at the ways of a zone, the newest first: who passed, None where that is no passage by a reader, and
    who may have moved. Times are those of the devices; one that knew no time then has told since how its clock was to
    be read."""
    query = (
        select(events.c.stored, events.c.holder, events.c.at_ms, events.c.mono_ms, clock_fixes.c.offset_ms)
        .add_columns(points.c.kind)
        .join_from(events, event_series, event_series.c.id == events.c.series)
        .join(points, points.c.name == event_series.c.point)
        .outerjoin(
            clock_fixes,
            (clock_fixes.c.device_id == event_series.c.device_id) & (clock_fixes.c.boot == events.c.boot),
        )
        .where(
            events.c.arrival > arrival_before(connection, since_ms),
            event_series.c.site == site,
            event_series.c.kind.in_(counting_events()),
            points.c.zone == zone,
        )
        .order_by(events.c.arrival.desc())
        .limit(MAX_PASSES)
    )
    told = [one for row in connection.execute(query) if (one := _passage(row)) is not None]
    return [(passage, movement) for passage, movement in told if movement.at_ms >= since_ms]


def _passage(row: Any) -> tuple[Pass | None, Movement] | None:
    at_ms = row.at_ms if row.offset_ms is None else row.mono_ms + row.offset_ms
    event = decode_stored(row.stored)
    family = event.kind.partition(".")[0]
    moved = moved_by(row.kind or (family if family in known_kinds() else DOOR.name), event.kind, event.data)
    if moved is None:
        return None
    if event.kind != PortalKind.passed.kind:
        return None, Movement(moved, at_ms)
    leaves = event.data.get("direction") == "out"
    return Pass(row.holder or b"", "out" if leaves else "in", at_ms), Movement(moved, at_ms)


def _names(connection: Connection, site: str, holders: list[bytes]) -> dict[bytes, Person]:
    query = select(people.c.holder, people.c.name_zh, people.c.name_en, flat_of_person)
    rows = connection.execute(query.where(people.c.holder.in_(holders)))
    visiting = connection.execute(
        select(permits.c.holder, permits.c.flat).where(permits.c.site == site, permits.c.holder.in_(holders))
    )
    named = {row.holder: Person(Label(row.name_zh, row.name_en), row.unit) for row in rows}
    return named | {row.holder: visitor(row.flat) for row in visiting}


def _doubts(connection: Connection, zone: str, now_ms: int) -> list[Doubt]:
    theirs = select(points.c.device).where(points.c.zone == zone)
    doubts = []
    for row in connection.execute(select(devices).where(devices.c.name.in_(theirs)).order_by(devices.c.name)):
        heard = presence(row.online, row.heard_ms, now_ms) is Presence.ONLINE
        if not heard or row.waiting:
            label = Label(row.label_zh, row.label_en)
            doubts.append(Doubt(row.name, label, heard, row.heard_ms, row.waiting or 0))
    return doubts
