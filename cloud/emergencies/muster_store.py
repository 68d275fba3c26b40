"""What a muster needs of the database: who passed the readers of a zone, which devices may lack news, who was seen."""

from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, delete, insert, select

from cloud.devices.presence import Presence, presence
from cloud.devices.views import arrival_before
from cloud.emergencies.muster import LOOK_BACK_MS, Inside, Pass, inside
from cloud.emergencies.tables import accounted
from cloud.store.labels import Label, Person
from cloud.store.schema import clock_fixes, devices, events, households, people, points
from contract.decide import Trust
from contract.events import decode_event

MAX_PASSES = 100_000


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
    heard: bool
    heard_ms: int | None
    waiting: int


class Muster(Struct, frozen=True):
    """The list of one zone. ``unnamed`` people were let in from afar, without a card."""

    people: list[Awaited]
    doubts: list[Doubt]
    unnamed: int

    @property
    def missing(self) -> int:
        """How many nobody has seen yet, neither an operator nor a reader on the way out."""
        return sum(one.seen is None and one.out_ms is None for one in self.people)


def muster(connection: Connection, zone: str, now_ms: int, began_ms: int, noted_ms: int) -> Muster:
    """Who is to be accounted for in an emergency that began then; ticks count since the cloud has ``noted`` it."""
    passes = _passes(connection, zone, began_ms - LOOK_BACK_MS)
    ticks = {
        row.holder: Seen(row.by, row.at_ms)
        for row in connection.execute(select(accounted).where(accounted.c.zone == zone, accounted.c.at_ms >= noted_ms))
    }
    found = inside([one for one in passes if one.holder], began_ms)
    names = _names(connection, [one.holder for one in found])
    listed = [_awaited(one, names.get(one.holder), ticks.get(one.holder)) for one in found]
    unnamed = sum(one.direction == "in" and not one.holder for one in passes)
    return Muster(sorted(listed, key=_unseen_first), _doubts(connection, zone, now_ms), unnamed)


def tick(connection: Connection, zone: str, holder: bytes, by: str, now_ms: int, *, seen: bool) -> None:
    """Note that somebody is accounted for, or that this was a mistake."""
    connection.execute(delete(accounted).where(accounted.c.zone == zone, accounted.c.holder == holder))
    if seen:
        connection.execute(insert(accounted).values(zone=zone, holder=holder, by=by, at_ms=now_ms))


def _unseen_first(one: Awaited) -> tuple[bool, str, int]:
    unit = one.person.unit or "" if one.person else ""
    return one.seen is not None or one.out_ms is not None, unit, one.in_ms


def _awaited(one: Inside, person: Person | None, seen: Seen | None) -> Awaited:
    return Awaited(one.holder.hex(), person, one.in_ms, one.out_ms, seen)


def _passes(connection: Connection, zone: str, since_ms: int) -> list[Pass]:
    """Times are those of the devices; one that knew no time then has told since how its clock was to be read."""
    theirs = select(points.c.name).where(points.c.zone == zone)
    query = (
        select(events.c.stored, events.c.holder, events.c.at_ms, events.c.mono_ms, clock_fixes.c.offset_ms)
        .outerjoin(
            clock_fixes,
            (clock_fixes.c.device_id == events.c.device_id)
            & (clock_fixes.c.boot == events.c.boot)
            & (events.c.clock == Trust.UNSET.value),
        )
        .where(
            events.c.arrival > arrival_before(connection, since_ms),
            events.c.kind == "access.passed",
            events.c.point.in_(theirs),
        )
        .order_by(events.c.arrival.desc())
        .limit(MAX_PASSES)
    )
    found = [_pass(row) for row in connection.execute(query)]
    return [one for one in found if one.at_ms >= since_ms]


def _pass(row: Any) -> Pass:
    at_ms = row.at_ms if row.offset_ms is None else row.mono_ms + row.offset_ms
    leaves = decode_event(row.stored).data.get("direction") == "out"
    return Pass(row.holder or b"", "out" if leaves else "in", at_ms)


def _names(connection: Connection, holders: list[bytes]) -> dict[bytes, Person]:
    query = select(people.c.holder, people.c.name_zh, people.c.name_en, households.c.unit).outerjoin(
        households, households.c.id == people.c.household_id
    )
    rows = connection.execute(query.where(people.c.holder.in_(holders)))
    return {row.holder: Person(Label(row.name_zh, row.name_en), row.unit) for row in rows}


def _doubts(connection: Connection, zone: str, now_ms: int) -> list[Doubt]:
    theirs = select(points.c.device).where(points.c.zone == zone)
    found = []
    for row in connection.execute(select(devices).where(devices.c.name.in_(theirs)).order_by(devices.c.name)):
        heard = presence(row.online, row.heard_ms, now_ms) is Presence.ONLINE
        if not heard or row.waiting:
            label = Label(row.label_zh, row.label_en)
            found.append(Doubt(row.name, label, heard, row.heard_ms, row.waiting or 0))
    return found
