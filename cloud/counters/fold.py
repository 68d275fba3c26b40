"""What ingest does about passages: folds them into the counts of their zones, in the transaction that stores them.

Each row of a journal is stored once, so it is counted once, whoever sends it how often. A device counts at its own
points only, so one that lies about passages is wrong about its own zone and no other.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, select

from cloud.counters.rule import ZoneTally
from cloud.counters.store import (
    SeenPerson,
    counted_zones,
    divide_anew,
    load_rooms,
    load_state,
    note_people,
    save_rooms,
    save_state,
)
from cloud.devices.erasure import decode_stored
from cloud.devices.event_series import EventRow, Key
from cloud.devices.quarantine import Refused
from cloud.devices.reactions import ChannelReaction, RowReaction
from cloud.devices.registry import site_of
from cloud.people.counted import Way, counted_ways
from cloud.store.schema import clock_fixes, devices
from contract import codec
from contract.device_events import DeviceEvents, EmergencyEvents
from contract.events import holder_in
from contract.kinds import counting_events, moved_by
from contract.occupancy import MAX_INSIDE, UNSEEN, Moved
from contract.sealing import Purpose
from contract.zone_news import RoomTaken

EMERGENCIES = frozenset({EmergencyEvents.began.kind, EmergencyEvents.standing.kind})
"""They name their zone themselves; from then on nobody sees who leaves."""


UNLOGGED = DeviceEvents.unlogged.kind
"""A full disk did not take so many events, and any of them may have been a passage."""


class ZonePassage(NamedTuple):
    """What one event says: by whom, and where, somebody passed at ``at_ms`` (UTC)."""

    zone: str
    device: str
    moved: Moved
    at_ms: int
    holder: bytes | None


def note_passages(connection: Connection, site: str, rows: Sequence[tuple[Key, EventRow]]) -> None:
    """Count what arrived just now."""
    ways = counted_ways(connection)
    if not ways:
        return
    ids = dict(connection.execute(select(devices.c.name, devices.c.id).where(devices.c.site == site)).all())
    points = {(ids[way.device], way.point): way for way in ways if way.device in ids}
    by_zone: dict[str, list[ZonePassage]] = defaultdict(list)
    for passage in _passages(connection, points, rows):
        by_zone[passage.zone].append(passage)
    zones = counted_zones(connection) if by_zone else {}
    for name, passages in by_zone.items():
        state, rooms = load_state(connection, site, name), load_rooms(connection, site, name)
        after = dict(rooms)
        for passage in passages:
            state = state.after(passage.moved, passage.at_ms)
            if passage.device in after:
                after[passage.device] = after[passage.device].after(passage.moved.inside, passage.at_ms)
        save_state(connection, site, state)
        save_rooms(connection, site, name, rooms, divide_anew(connection, zones[name], state.count.inside, after))
        if seen := _seen(passages, state):
            note_people(connection, site, name, seen)


def _passages(
    connection: Connection, points: dict[tuple[int, str], Way], rows: Sequence[tuple[Key, EventRow]]
) -> Iterator[ZonePassage]:
    zones_of = defaultdict(set)
    for (device_id, _), way in points.items():
        zones_of[device_id].add((way.zone, way.device))
    for (device_id, point, kind, _), row in rows:
        if kind in EMERGENCIES:
            named = decode_stored(bytes(row[-2])).data.get("zone")
            for zone, device in zones_of[device_id]:
                if zone == named:
                    yield ZonePassage(zone, device, UNSEEN, _at_ms(connection, device_id, row), None)
        elif kind == UNLOGGED:
            lost = decode_stored(bytes(row[-2])).data.get("count")
            doubt = min(max(lost, 0), MAX_INSIDE) if isinstance(lost, int) else MAX_INSIDE
            for zone, device in zones_of[device_id]:
                yield ZonePassage(zone, device, Moved(0, doubt, doubt), _at_ms(connection, device_id, row), None)
        elif (device_id, point) in points:
            at = points[device_id, point]
            data = decode_stored(bytes(row[-2])).data
            moved = moved_by(at.kind, kind, data)
            if moved is not None:
                holder = holder_in(data.get("holder")) if moved.inside else None
                yield ZonePassage(at.zone, at.device, moved, _at_ms(connection, device_id, row), holder)


def _at_ms(connection: Connection, device_id: int, row: EventRow) -> int:
    """When it happened, as well as anybody knows: on a device that did not know the time, by what it has said of its
    clock since, else when it arrived."""
    _, _, _, received_ms, _, at_ms, mono_ms, boot, *_ = row
    if not boot:
        return min(at_ms, received_ms)
    mine = (clock_fixes.c.device_id == device_id) & (clock_fixes.c.boot == boot)
    offset_ms = connection.execute(select(clock_fixes.c.offset_ms).where(mine)).scalar()
    return received_ms if offset_ms is None else min(mono_ms + offset_ms, received_ms)


def _seen(passages: Sequence[ZonePassage], state: ZoneTally) -> list[SeenPerson]:
    return [
        SeenPerson(one.holder, one.moved.inside > 0, one.at_ms)
        for one in passages
        if one.holder is not None and one.at_ms >= state.emptied_ms
    ]


def note_room(connection: Connection, device: str, body: bytes) -> None:
    """A device says by which division of the places it goes. What does not divide evenly is for the one that wants it,
    as for one where somebody has passed. Raises ``Refused`` or ``Malformed``."""
    taken, site = codec.read(body, RoomTaken), site_of(connection).name
    rooms = load_rooms(connection, site, taken.zone)
    zone = counted_zones(connection).get(taken.zone)
    if device not in rooms or zone is None:
        raise Refused("bad_request", f"{taken.zone} is no counted zone that this device stands at")
    agreed = rooms[device].agreed(taken.division)
    newest_ms = max(room.passed_ms for room in rooms.values())
    after = rooms | {device: agreed.after(0, newest_ms + 1) if taken.wants else agreed}
    state = load_state(connection, site, taken.zone)
    divided = divide_anew(connection, zone, state.count.inside, after)
    save_rooms(connection, site, taken.zone, rooms, divided)
    if any(rooms[name].division != room.division for name, room in divided.items() if name in rooms):
        save_state(connection, site, state.told_again())


COUNTS = RowReaction(EMERGENCIES | counting_events() | {UNLOGGED}, note_passages)
ROOMS = ChannelReaction("room", Purpose.ROOM, note_room)
