"""The sockets and posts of every hub as they are shown, and the sessions that ran on them."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from operator import itemgetter
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection, Select, select, tuple_

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
from cloud.charging.sessions import Session
from cloud.charging.tables import sessions
from cloud.commands.store import PointState
from cloud.devices.presence import presence
from cloud.devices.views import as_table
from cloud.store.homes import flat_of_person
from cloud.store.labels import Label, Person
from cloud.store.schema import devices, people, points
from cloud.store.scope import Scope, point_seen, scope_of
from contract.decide import DAY_MS, MINUTE_MS

CLASSES = ("phone", "ebike", "ev")
"""The order in which sockets are shown; other classes come behind."""
TOLD_AGAIN_MS = 15 * MINUTE_MS
"""A session is reported every five minutes. One that has not been for longer may have ended without our knowledge."""
BUSY = frozenset({Condition.CHARGING, Condition.FINISHED, Condition.OFFLINE})
"""Where a session may be running."""
RUNNING_WITHIN_MS = DAY_MS
"""No session is longer than a night; one that was last reported earlier than this holds no socket any more."""


class SessionView(Session, frozen=True, kw_only=True):
    """A session with the names around it. ``person`` is None where nobody is known; the device was ``online`` and last
    heard of at ``heard_ms``."""

    device: str
    device_id: int
    online: bool
    heard_ms: int | None
    point_label: Label
    person_id: int | None
    person: Person | None

    def seen_in(self, scope: Scope) -> "SessionView":
        """The same without whose it is, where that is not for the reader to see."""
        return (
            self if scope.names(self.holder, self.told_ms) else replace(self, holder=None, person_id=None, person=None)
        )

    @property
    def bill(self) -> Receipt | None:
        """What it costs, once its end is reported."""
        return receipt_in(self.receipt)

    def state(self, now_ms: int) -> str:
        """``ended``, ``interrupted``, ``running``, or ``unheard`` where its end may have been missed."""
        if self.reason:
            return "ended"
        online = presence(self.online, self.heard_ms, now_ms).is_online
        if not online or now_ms - self.told_ms > TOLD_AGAIN_MS:
            return "unheard"
        return "interrupted" if self.interrupted else "running"

    @property
    def shown_ms(self) -> int:
        """Its place in a list of sessions: when it began, or when it was reported where nobody knows."""
        return self.told_ms if self.began_ms is None else self.began_ms

    @property
    def cursor(self) -> str:
        """What is shown behind this one comes with it as ``before``."""
        return f"{self.told_ms}-{self.device_id}-{self.session}"


class Socket(Struct, frozen=True):
    """A socket or post. ``readings`` are empty unless they are of this moment; what was so when its device was last
    heard stands in ``before``, and what was read then in ``past``."""

    point: PointState
    condition: Condition
    before: Condition
    readings: Readings
    past: Readings
    session: SessionView | None

    @property
    def likely_free_ms(self) -> int | None:
        return likely_free_ms(self.readings, self.point.live_ms) if self.condition is Condition.CHARGING else None

    @property
    def running(self) -> str:
        """The name of the session that runs here, as far as the cloud knows; empty for none."""
        return self.session.session if self.session else self.readings.session


class Hub(Struct, frozen=True):
    """A zone that has sockets. ``banks`` are faults of what feeds them, each with the bank's name: a bank is reported
    like a point, and is none of the cloud's."""

    name: str
    label: Label
    sockets: tuple[Socket, ...]
    banks: tuple[tuple[str, str], ...] = ()

    @property
    def counts(self) -> Counter[Condition]:
        return Counter(socket.condition for socket in self.sockets)

    @property
    def by_class(self) -> dict[str, list[Socket]]:
        """The sockets class by class, in the order in which they are shown."""
        by_class: dict[str, list[Socket]] = {}
        for socket in self.sockets:
            by_class.setdefault(socket.point.class_name, []).append(socket)
        return by_class

    @property
    def devices(self) -> list[PointState]:
        """One point of every registered device that runs sockets here."""
        return list({one.point.device: one.point for one in self.sockets if one.point.registered}.values())

    @property
    def heard_ms(self) -> int | None:
        """When the device that has been silent longest was last heard; None if one never was."""
        last_ms = [point.heard_ms for point in self.devices]
        return None if None in last_ms else min((one for one in last_ms if one is not None), default=None)

    @property
    def silent(self) -> list[PointState]:
        return [point for point in self.devices if not point.online]


class BadCursor(ValueError):
    """This is no cursor of ours."""


def list_hubs(connection: Connection, points: Sequence[PointState], now_ms: int) -> list[Hub]:
    """Every zone with sockets, by name. ``points`` are all of the site."""
    sockets = list_sockets(connection, points, now_ms)
    names = {point.name for point in points}
    labels = {one.point.zone_name: one.point.zone for one in sockets}
    hubs = []
    for zone, label in sorted(labels.items(), key=itemgetter(0)):
        hub = Hub(zone, label, tuple(one for one in sockets if one.point.zone_name == zone))
        banks = [bank for point in hub.devices if point.online for bank in _faults_upstream(point, names)]
        hubs.append(replace(hub, banks=tuple(banks)))
    return hubs


def _faults_upstream(point: PointState, names: Set[str]) -> Iterator[tuple[str, str]]:
    for name in sorted(point.reports.keys() - names):
        faults = as_table(point.reports[name]).get("faults")
        yield from ((name, str(fault)) for fault in faults) if isinstance(faults, list) else ()


def list_sockets(connection: Connection, points: Sequence[PointState], now_ms: int) -> list[Socket]:
    """The sockets and posts among these points, in the order of classes and of the numbers in their names."""
    running = _running(connection, now_ms)
    sockets = [_socket(point, running.get((point.device, point.name)), now_ms) for point in points if point.charges]
    return sorted(sockets, key=lambda socket: _shown_at(socket.point))


def _shown_at(point: PointState) -> tuple[int, list[tuple[str, int]]]:
    place = CLASSES.index(point.class_name) if point.class_name in CLASSES else len(CLASSES)
    return place, [(word, int(number or 0)) for word, number in re.findall(r"(\D+)(\d{0,9})", point.name)]


def _socket(point: PointState, session: SessionView | None, now_ms: int) -> Socket:
    now = condition(point.report, online=point.online, emergency=point.emergency)
    fresh = point.online and 0 <= now_ms - point.live_ms <= READ_WITHIN_MS
    past = readings(point.live)
    read = past if fresh else Readings()
    if now not in BUSY or (session is not None and read.session not in ("", session.session)):
        session = None
    before = condition(point.report, online=True, emergency=point.emergency)
    return Socket(point=point, condition=now, before=before, readings=read, past=past, session=session)


_SESSIONS = (
    select(
        sessions,
        devices.c.name.label("device"),
        devices.c.online,
        devices.c.heard_ms,
        devices.c.lost_ms,
        points.c.label_zh.label("point_zh"),
        points.c.label_en.label("point_en"),
        people.c.id.label("person_id"),
        people.c.name_zh,
        people.c.name_en,
        flat_of_person,
    )
    .join(devices, devices.c.id == sessions.c.device_id)
    .outerjoin(points, points.c.name == sessions.c.point)
    .outerjoin(people, people.c.holder == sessions.c.holder)
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
    """Those that were reported last, first; behind the one whose cursor is given. Raises ``BadCursor``, and for those
    of one person ``PurposeNeeded`` or ``OutOfScope``."""
    asked = (devices.c.name, device), (sessions.c.point, point), (sessions.c.holder, holder)
    conditions = [column == value for column, value in asked if value]
    if holder is not None:
        scope_of(connection).check_movements(holder)
    if before:
        place = tuple_(sessions.c.told_ms, sessions.c.device_id, sessions.c.session)
        conditions.append(place < tuple_(*_read_cursor(before)))
    newest = (sessions.c.told_ms.desc(), sessions.c.device_id.desc(), sessions.c.session.desc())
    return _views(connection, _SESSIONS.where(*conditions).order_by(*newest).limit(limit))


def _read_cursor(text: str) -> tuple[int, int, str]:
    parts = re.fullmatch(r"(-?\d{1,18})-(\d{1,18})-([0-9a-f]{16})", text)
    if parts is None:
        raise BadCursor(text)
    return int(parts[1]), int(parts[2]), parts[3]


def find_session(connection: Connection, device: str, session: str) -> SessionView | None:
    views = _views(connection, _SESSIONS.where(devices.c.name == device, sessions.c.session == session))
    return views[0] if views else None


def _running(connection: Connection, now_ms: int) -> dict[tuple[str, str], SessionView]:
    """The newest session without an end on every point."""
    query = _SESSIONS.where(sessions.c.told_ms > now_ms - RUNNING_WITHIN_MS, sessions.c.reason == "")
    views = _views(connection, query.order_by(sessions.c.told_ms))
    return {(one.device, one.point): one for one in views}


def _views(connection: Connection, query: Select[Any]) -> list[SessionView]:
    scope = scope_of(connection)
    seen = query.where(point_seen(connection, sessions.c.point))
    return [_view(row).seen_in(scope) for row in connection.execute(seen)]


def _view(row: Any) -> SessionView:
    is_listed = row.person_id is not None
    return SessionView(
        **{name: getattr(row, name) for name in Session.__struct_fields__},
        device=row.device,
        device_id=row.device_id,
        online=row.online and row.lost_ms is None,
        heard_ms=row.heard_ms,
        point_label=Label(row.point_zh or row.point, row.point_en or row.point),
        person_id=row.person_id,
        person=Person(Label(row.name_zh, row.name_en), row.unit) if is_listed else None,
    )
