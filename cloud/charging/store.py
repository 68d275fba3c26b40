"""The sockets and posts of every hub as they are shown, and the sessions that ran on them."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Select, select, tuple_

from cloud.charging.rule import (
    READ_WITHIN_MS,
    Condition,
    Readings,
    Receipt,
    condition,
    likely_free_ms,
    readings,
    receipt_in,
)
from cloud.charging.tables import sessions
from cloud.devices.presence import Presence, presence
from cloud.devices.views import in_emergency
from cloud.store.labels import Label, Person
from cloud.store.schema import devices, households, people, points, zones
from contract.decide import DAY_MS, MINUTE_MS

CLASSES = ("phone", "ebike", "ev")
"""The order in which sockets are shown; other classes come behind."""
HEARD = frozenset({Presence.ONLINE, Presence.LATE})
TOLD_AGAIN_MS = 15 * MINUTE_MS
"""A session is told of every five minutes. One that has not been for longer may have ended without our knowledge."""
BUSY = frozenset({Condition.CHARGING, Condition.FINISHED, Condition.OFFLINE})
"""Where a session may be running."""
RUNNING_WITHIN_MS = DAY_MS
"""No session is longer than a night; one that was last told of earlier than this holds no socket any more."""


class SessionView(Struct, frozen=True):
    """A session. Times are its device's clock, None where that did not know; ``person`` is None where nobody is known.
    ``reason`` is why it ended, empty while it runs."""

    device: str
    session: str
    point: str
    point_label: Label
    zone: str
    kind: str
    holder: bytes | None
    person_id: int | None
    person: Person | None
    began_by: str
    began_ms: int | None
    told_ms: int
    ended_ms: int | None
    reason: str
    energy_wh: int
    power_w: int | None
    lasted_ms: int
    interrupted: bool
    receipt: Receipt | None
    device_id: int
    online: bool
    heard_ms: int | None

    def state(self, now_ms: int) -> str:
        """``ended``, ``interrupted``, ``running``, or ``unheard`` where its end may have been missed."""
        if self.reason:
            return "ended"
        heard = presence(self.online, self.heard_ms, now_ms) in HEARD
        if not heard or now_ms - self.told_ms > TOLD_AGAIN_MS:
            return "unheard"
        return "interrupted" if self.interrupted else "running"

    @property
    def shown_ms(self) -> int:
        """Its place in a list of sessions: when it began, or when it was told of where nobody knows."""
        return self.told_ms if self.began_ms is None else self.began_ms

    @property
    def cursor(self) -> str:
        """What is shown behind this one comes with it as ``before``."""
        return f"{self.told_ms}-{self.device_id}-{self.session}"


class Socket(Struct, frozen=True):
    """A socket or post. ``readings`` are empty unless they are of this moment; what was so when its device was last
    heard stands in ``before``, and what was read then, at ``read_ms``, in ``past``."""

    name: str
    label: Label
    zone: str
    class_name: str
    device: str
    presence: Presence
    heard_ms: int | None
    condition: Condition
    before: Condition
    faults: tuple[str, ...]
    readings: Readings
    past: Readings
    read_ms: int
    session: SessionView | None

    @property
    def heard(self) -> bool:
        return self.presence in HEARD

    @property
    def likely_free_ms(self) -> int | None:
        return likely_free_ms(self.readings, self.read_ms) if self.condition is Condition.CHARGING else None

    @property
    def running(self) -> str:
        """The name of the session that runs here, as far as the cloud knows; empty for none."""
        return self.session.session if self.session else self.readings.session


class Machine(Struct, frozen=True):
    """A device that runs sockets of a hub. ``upstream`` are faults of what feeds them, each with the bank's name."""

    name: str
    label: Label
    presence: Presence
    heard_ms: int | None
    upstream: tuple[tuple[str, str], ...] = ()

    @property
    def heard(self) -> bool:
        return self.presence in HEARD


class Hub(Struct, frozen=True):
    """A zone that has sockets."""

    name: str
    label: Label
    sockets: tuple[Socket, ...]
    machines: tuple[Machine, ...]

    @property
    def counts(self) -> Counter[Condition]:
        return Counter(socket.condition for socket in self.sockets)

    @property
    def by_class(self) -> dict[str, list[Socket]]:
        """The sockets class by class, in the order in which they are shown."""
        sorted_out: dict[str, list[Socket]] = {}
        for socket in self.sockets:
            sorted_out.setdefault(socket.class_name, []).append(socket)
        return sorted_out

    @property
    def heard_ms(self) -> int | None:
        """When the machine that has been silent longest was last heard; None if one never was."""
        heard = [machine.heard_ms for machine in self.machines]
        return None if None in heard else min((one for one in heard if one is not None), default=None)

    @property
    def silent(self) -> tuple[Machine, ...]:
        return tuple(machine for machine in self.machines if not machine.heard)


class BadCursor(ValueError):
    """This is no cursor of ours."""


def list_hubs(connection: Connection, now_ms: int) -> list[Hub]:
    """Every zone with sockets, by name."""
    found = list_sockets(connection, now_ms)
    named = {row.name: Label(row.label_zh, row.label_en) for row in connection.execute(select(zones))}
    machines = _machines(connection, now_ms)
    hubs = []
    for zone in sorted({socket.zone for socket in found}):
        here = tuple(socket for socket in found if socket.zone == zone)
        runs = tuple(machines[name] for name in sorted({socket.device for socket in here} & set(machines)))
        hubs.append(Hub(zone, named[zone], here, runs))
    return hubs


def list_sockets(connection: Connection, now_ms: int) -> list[Socket]:
    """Every point that has a class, in the order of classes and of the numbers in their names."""
    rows = connection.execute(select(points).where(points.c["class"] != "")).all()
    runs = {row.name: row for row in _devices(connection)}
    running = _running(connection, now_ms)
    found = [_socket(row, runs.get(row.device), running.get((row.device, row.name)), now_ms) for row in rows]
    return sorted(found, key=_shown_at)


def _shown_at(socket: Socket) -> tuple[int, list[tuple[str, int]]]:
    place = CLASSES.index(socket.class_name) if socket.class_name in CLASSES else len(CLASSES)
    return place, [(word, int(number or 0)) for word, number in re.findall(r"(\D+)(\d{0,9})", socket.name)]


def _devices(connection: Connection) -> Sequence[Any]:
    with_sockets = select(points.c.device).where(points.c["class"] != "")
    return connection.execute(select(devices).where(devices.c.name.in_(with_sockets)).order_by(devices.c.name)).all()


def _machines(connection: Connection, now_ms: int) -> dict[str, Machine]:
    known = set(connection.execute(select(points.c.name)).scalars())
    return {
        row.name: Machine(
            name=row.name,
            label=Label(row.label_zh, row.label_en),
            presence=_presence(row, now_ms),
            heard_ms=row.heard_ms,
            upstream=_upstream(row.state, known),
        )
        for row in _devices(connection)
    }


def _upstream(state: object, known: Set[str]) -> tuple[tuple[str, str], ...]:
    """A bank is reported like a point, and is none of the cloud's."""
    reports = _table(_table(state).get("points"))
    faults = {name: _table(reports[name]).get("faults") for name in sorted(reports) if name not in known}
    return tuple((name, str(fault)) for name, found in faults.items() if isinstance(found, list) for fault in found)


def _presence(row: Any, now_ms: int) -> Presence:
    """What a device that is lost says is not heard."""
    return presence(row.online and row.lost_ms is None, row.heard_ms, now_ms)


def _socket(point: Any, device: Any, session: SessionView | None, now_ms: int) -> Socket:
    """``device`` is None where none is registered for the point."""
    found = Presence.NEVER if device is None else _presence(device, now_ms)
    heard = found in HEARD
    report = {} if device is None else _table(_table(_table(device.state).get("points")).get(point.name))
    beat = {} if device is None else _table(_table(device.beat).get("faults"))
    emergency = in_emergency(beat, point.zone)
    now = condition(report, heard=heard, emergency=emergency)
    before = condition(report, heard=True, emergency=emergency)
    live_ms = 0 if device is None or device.live_ms is None else device.live_ms
    fresh = heard and 0 <= now_ms - live_ms <= READ_WITHIN_MS
    faults = report.get("faults")
    past = Readings() if device is None else readings(_table(device.live).get(point.name))
    read = past if fresh else Readings()
    if now not in BUSY or (session is not None and read.session not in ("", session.session)):
        session = None
    return Socket(
        name=point.name,
        label=Label(point.label_zh, point.label_en),
        zone=point.zone,
        class_name=point._mapping["class"],
        device=point.device,
        presence=found,
        heard_ms=None if device is None else device.heard_ms,
        condition=now,
        before=before,
        faults=tuple(str(fault) for fault in faults) if isinstance(faults, list) else (),
        readings=read,
        past=past,
        read_ms=live_ms,
        session=session,
    )


def _table(value: object) -> Mapping[str, Any]:
    """A table out of what a device reported, or an empty one where it reported something else."""
    return value if isinstance(value, dict) else {}


_SESSIONS = (
    select(
        sessions,
        devices.c.name.label("device"),
        devices.c.online,
        devices.c.heard_ms,
        devices.c.lost_ms,
        points.c.label_zh.label("point_zh"),
        points.c.label_en.label("point_en"),
        points.c.zone,
        people.c.id.label("person_id"),
        people.c.name_zh,
        people.c.name_en,
        households.c.unit,
    )
    .join(devices, devices.c.id == sessions.c.device_id)
    .outerjoin(points, points.c.name == sessions.c.point)
    .outerjoin(people, people.c.holder == sessions.c.holder)
    .outerjoin(households, households.c.id == people.c.household_id)
)


def list_sessions(
    connection: Connection,
    *,
    device: str = "",
    point: str = "",
    holder: bytes | None = None,
    before: str = "",
    limit: int = 50,
) -> list[SessionView]:
    """Those that were told of last, first; behind the one whose cursor is given. Raises ``BadCursor``."""
    wanted: list[ColumnElement[bool]] = []
    if device:
        wanted.append(devices.c.name == device)
    if point:
        wanted.append(sessions.c.point == point)
    if holder is not None:
        wanted.append(sessions.c.holder == holder)
    if before:
        place = tuple_(sessions.c.told_ms, sessions.c.device_id, sessions.c.session)
        wanted.append(place < tuple_(*_read_cursor(before)))
    newest = (sessions.c.told_ms.desc(), sessions.c.device_id.desc(), sessions.c.session.desc())
    return _views(connection, _SESSIONS.where(*wanted).order_by(*newest).limit(limit))


def _read_cursor(text: str) -> tuple[int, int, str]:
    parts = re.fullmatch(r"(-?\d{1,18})-(\d{1,18})-([0-9a-f]{16})", text)
    if parts is None:
        raise BadCursor(text)
    return int(parts[1]), int(parts[2]), parts[3]


def find_session(connection: Connection, device: str, session: str) -> SessionView | None:
    found = _views(connection, _SESSIONS.where(devices.c.name == device, sessions.c.session == session))
    return found[0] if found else None


def _running(connection: Connection, now_ms: int) -> dict[tuple[str, str], SessionView]:
    """The newest session without an end on every point."""
    query = _SESSIONS.where(sessions.c.told_ms > now_ms - RUNNING_WITHIN_MS, sessions.c.reason == "")
    found = _views(connection, query.order_by(sessions.c.told_ms))
    return {(one.device, one.point): one for one in found}


def _views(connection: Connection, query: Select[Any]) -> list[SessionView]:
    return [_view(row) for row in connection.execute(query)]


def _view(row: Any) -> SessionView:
    known = row.person_id is not None
    return SessionView(
        device=row.device,
        session=row.session,
        point=row.point,
        point_label=Label(row.point_zh or row.point, row.point_en or row.point),
        zone=row.zone or "",
        kind=row.kind,
        holder=row.holder,
        person_id=row.person_id,
        person=Person(Label(row.name_zh, row.name_en), row.unit) if known else None,
        began_by=row.began_by,
        began_ms=row.began_ms,
        told_ms=row.told_ms,
        ended_ms=row.ended_ms,
        reason=row.reason,
        energy_wh=row.energy_wh,
        power_w=row.power_w,
        lasted_ms=row.lasted_ms,
        interrupted=row.interrupted,
        receipt=receipt_in(row.receipt),
        device_id=row.device_id,
        online=row.online and row.lost_ms is None,
        heard_ms=row.heard_ms,
    )
