"""Emergencies as they are stored: one row each, and what the console says of them by zone."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from cloud.devices.reactions import Reaction, Recorded
from cloud.emergencies.rule import EMERGENCY_EVENTS, STARTED, Emergency, after, started_anew, zone_of
from cloud.emergencies.tables import emergencies
from cloud.store.labels import Label, Person
from cloud.store.schema import devices, households, people, points, zones
from contract.emergencies import WORST_FIRST, Cause

MAX_ROWS = 10_000
MAX_ZONES = 100
SHOWN_AFTER_MS = 3_600_000
"""How long the console speaks of an emergency that is over, and of who ended it."""

_COLUMNS = [emergencies.c[name] for name in Emergency.__struct_fields__]


class Zone(Struct, frozen=True):
    """A zone that registered devices have points in."""

    name: str
    label: Label


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


def note_emergencies(connection: Connection, recorded: Sequence[Recorded], now_ms: int) -> None:
    """Fold events into the rows of their emergencies, in their order."""
    for device, event in recorded:
        if event.kind == STARTED:
            for known in _stored(connection, device.id, emergencies.c.how == ""):
                _put(connection, device.id, started_anew(known, event.at_ms))
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


def _put(connection: Connection, device: int, one: Emergency) -> None:
    values = asdict(one)
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
        select(*_COLUMNS, zones.c.label_zh, zones.c.label_en, people.c.name_zh, people.c.name_en, households.c.unit)
        .join_from(emergencies, devices, devices.c.id == emergencies.c.device_id)
        .outerjoin(zones, zones.c.name == emergencies.c.zone)
        .outerjoin(people, people.c.holder == emergencies.c.holder)
        .outerjoin(households, households.c.id == people.c.household_id)
        .where(devices.c.lost_ms.is_(None))
        .order_by(emergencies.c.id.desc())
    )
    if zone:
        query = query.where(emergencies.c.zone == zone).limit(20)
    else:
        query = query.where((emergencies.c.how == "") | (emergencies.c.noted_ms >= now_ms - 24 * SHOWN_AFTER_MS))
    by_zone: dict[str, list[Any]] = {}
    for row in connection.execute(query.limit(200)):
        by_zone.setdefault(row.zone, []).append(row)
    found = [_state(rows) for rows in by_zone.values()]
    recent = [one for one in found if zone or one.ended is None or now_ms - (one.ended.ended_ms or 0) < SHOWN_AFTER_MS]
    return sorted(recent, key=lambda one: (one.ended is not None, WORST_FIRST.index(one.cause), one.zone))


def _state(rows: Sequence[Any]) -> ZoneState:
    """Of one zone's rows, the newest first."""
    told = [(Emergency(*row[: len(_COLUMNS)]), row) for row in rows]
    standing = [one for one, _ in told if one.stands]
    last, row = max(told, key=lambda one: one[0].ended_ms or 0)
    # Devices of a zone begin and end at about the same time: what overlaps the last one is the same emergency.
    same = standing or [one for one, _ in told if (one.ended_ms or 0) >= last.began_ms]
    label = Label(row.label_zh or last.zone, row.label_en or last.zone)
    person = None if row.name_zh is None else Person(Label(row.name_zh, row.name_en), row.unit)
    return ZoneState(
        zone=last.zone,
        label=label,
        cause=min((one.cause for one in same), key=WORST_FIRST.index),
        began_ms=min(one.began_ms for one in same),
        noted_ms=min(one.noted_ms for one in same),
        began_by=next((one.began_by for one in same if one.began_by), ""),
        ended=None if standing else last,
        person=None if standing else person,
    )


def list_watched(connection: Connection) -> list[Zone]:
    """Every zone that registered devices have points in, by name."""
    theirs = select(points.c.zone).join(devices, devices.c.name == points.c.device)
    rows = connection.execute(select(zones).where(zones.c.name.in_(theirs)).order_by(zones.c.name))
    return [Zone(row.name, Label(row.label_zh, row.label_en)) for row in rows]
