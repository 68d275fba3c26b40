"""What was ordered from afar: commands and what became of them, and how every device is to be."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct, structs
from sqlalchemy import Connection, delete, insert, null, select, update

from cloud.commands.rule import DesiredState, Term, is_news
from cloud.commands.tables import commands, desired
from cloud.devices.presence import Presence, Silence, presence, silence
from cloud.devices.views import as_table, in_emergency
from cloud.store.labels import Label
from cloud.store.schema import devices, points, zones
from cloud.store.scope import point_seen, zone_seen
from contract.archetypes import Archetype
from contract.commands import COMMANDS, CommandType
from contract.decide import Mode
from contract.kinds import MODE_LASTS_MS, UNKNOWN, has_mode, kind_of
from contract.messages import Command, Reported, Result

MAX_COMMANDS = 10_000
"""Rows kept; the audit tells of the others."""
LIFETIME_MS = 10_000
"""How long a command may wait within its device, for its disk. A person stands at the door until then."""
ANSWERED_WITHIN_MS = 5_000
"""How long after its lifetime a command's result may still be on its way. Then nobody knows what became of it."""


class AddressedDevice(Struct, frozen=True):
    """The device that a command is for, and the newest connection that it is known to have made. ``kind`` is that of
    the point, empty if it is for no point or nobody has said it."""

    device: str
    connection: int
    presence: Presence
    kind: str = ""


class PlacedPoint(Struct, frozen=True):
    """A point, its device, and what it is."""

    name: str
    device: str
    kind: str
    class_name: str


class Order(Struct, frozen=True):
    """A command and what became of it. ``state`` is sent, done, refused, failed, undeliverable or unknown, ``why`` a
    word for it. It ``is_overtaken`` where its device has connected anew since: a command is for one connection, so one
    that had not arrived never will. Times are UTC milliseconds."""

    id: str
    device: str
    point: str
    op: str
    by: str
    reason: str
    issued_ms: int
    state: str
    why: str
    data: dict[str, Any] | None
    at_ms: int | None
    is_overtaken: bool = False

    def state_at(self, now_ms: int) -> str:
        """``sent``, ``done``, ``refused``, ``failed``, ``undeliverable``, or ``unknown`` once no answer will come."""
        lasts_ms = COMMANDS[self.op].lasts_ms if self.op in COMMANDS else 0
        overdue = now_ms > self.issued_ms + LIFETIME_MS + lasts_ms + ANSWERED_WITHIN_MS
        return "unknown" if self.state == "sent" and overdue else self.state

    def as_of(self, now_ms: int) -> "Order":
        """The same in the state of that moment."""
        return structs.replace(self, state=self.state_at(now_ms))


class PointState(Struct, frozen=True):
    """A point, the mode it is to be in, and the one its device says it is in (None if it never said). What a device
    said that was reported lost, at ``lost_ms``, is believed no more.

    ``reports`` are what the device last told of all its points, ``live`` what it read of this one at ``live_ms``. Of a
    point that no device is ``registered`` for nothing is known.
    """

    name: str
    label: Label
    zone: Label
    device: str
    device_label: Label
    presence: Presence
    heard_ms: int | None
    emergency: bool
    mode: Mode
    in_force: Mode | None
    why: str
    class_name: str = ""
    lost_ms: int | None = None
    silence: Silence = Silence.CUT
    kind: str = ""
    term: Term | None = None
    zone_name: str = ""
    registered: bool = True
    reports: Mapping[str, Any] = {}
    live: Any = None
    live_ms: int = 0
    beat_faults: tuple[str, ...] = ()

    @property
    def report(self) -> Mapping[str, Any]:
        """What its station last said of itself."""
        return as_table(self.reports.get(self.name))

    @property
    def phase(self) -> str:
        return str(self.report.get("phase", ""))

    @property
    def faults(self) -> list[str]:
        """The words for what is wrong with it, as its station and its device report them."""
        reported = self.report.get("faults")
        words = map(str, reported) if isinstance(reported, list) else ()
        return list(dict.fromkeys((*words, *self.beat_faults)))

    @property
    def online(self) -> bool:
        return self.presence.is_online

    @property
    def until_ms(self) -> int | None:
        """When its mode ends by itself; None if it does not."""
        return self.term.until_ms if self.term else None

    @property
    def order(self) -> str:
        """The order that set a mode which ends by itself, else empty."""
        return self.term.order if self.term else ""

    @property
    def drifts(self) -> bool:
        """Whether its device has not yet taken up what is desired."""
        return (self.in_force or Mode.SCHEDULED) is not self.mode

    @property
    def archetype(self) -> Archetype:
        return archetype_of(self.kind, self.class_name)

    @property
    def charges(self) -> bool:
        """Whether people use it for a while and plans ration that: a charging socket or post."""
        return self.archetype == "session" and bool(self.class_name)

    @property
    def is_known(self) -> bool:
        """Whether this cloud knows what kind of point it is, or nobody has said it."""
        return not self.kind or kind_of(self.kind) is not UNKNOWN

    def has(self, mode: Mode) -> bool:
        """Whether it can be set to this mode."""
        return has_mode(self.kind, mode)

    @property
    def commands(self) -> list[CommandType]:
        """What it can be ordered to do. While nobody has said of what kind it is, its device decides."""
        return [one for one in COMMANDS.values() if one.offered and self.archetype in one.archetypes]


def find_device(connection: Connection, name: str, now_ms: int) -> AddressedDevice | None:
    columns = devices.c.name, devices.c.connection, devices.c.online, devices.c.heard_ms
    row = connection.execute(select(*columns).where(devices.c.name == name)).one_or_none()
    return (
        None if row is None else AddressedDevice(row.name, row.connection, presence(row.online, row.heard_ms, now_ms))
    )


def find_point(connection: Connection, name: str, now_ms: int) -> AddressedDevice | None:
    """The device that runs the point; None if there is no such point, or no device for it."""
    row = connection.execute(select(points.c.device, points.c.kind).where(points.c.name == name)).one_or_none()
    place = find_device(connection, row.device, now_ms) if row else None
    return structs.replace(place, kind=row.kind) if place and row else None


def add_order(connection: Connection, command: Command, state: str) -> None:
    """Write a command down before it is sent; the oldest make room."""
    row = msgspec.to_builtins(command)
    del row["version"]
    connection.execute(insert(commands).values(**row, state=state, why=""))
    oldest = select(commands.c.issued_ms).order_by(commands.c.issued_ms.desc()).offset(MAX_COMMANDS).limit(1)
    oldest_ms = connection.execute(oldest).scalar()
    if oldest_ms is not None:
        connection.execute(delete(commands).where(commands.c.issued_ms <= oldest_ms))


def settle(connection: Connection, device: str, result: Result) -> bool:
    """Note how a command of this device ended, once. False if it has none of that id."""
    mine = (commands.c.id == result.id) & (commands.c.device == device)
    data = result.data or None
    values = {"state": result.outcome, "why": result.why, "data": data, "at_ms": result.at_ms}
    changed = connection.execute(update(commands).where(mine, commands.c.state == "sent").values(**values))
    if changed.rowcount:
        return True
    known = connection.execute(select(commands.c.state, commands.c.data).where(mine)).first()
    if known is not None and data and known.data is None and known.state == result.outcome:
        # An event has told how it ended, and came sooner than what was asked for.
        connection.execute(update(commands).where(mine).values(data=data))
    return known is not None


def forget_data(connection: Connection, command: str) -> None:
    """What was asked for has been used, and is kept no longer."""
    connection.execute(update(commands).where(commands.c.id == command).values(data=null()))


def find_order(connection: Connection, command: str) -> Order | None:
    mine = _ORDERS.where(commands.c.id == command, point_seen(connection, commands.c.point))
    row = connection.execute(mine).one_or_none()
    return None if row is None else Order(*row)


def list_orders(connection: Connection, limit: int = 50, *, device: str = "", point: str = "") -> list[Order]:
    """The newest first: of all devices and points, or of one."""
    query = _ORDERS.where(point_seen(connection, commands.c.point))
    query = query.order_by(commands.c.issued_ms.desc(), commands.c.id).limit(limit)
    if device:
        query = query.where(commands.c.device == device)
    if point:
        query = query.where(commands.c.point == point)
    return [Order(*row) for row in connection.execute(query)]


_ORDERS = select(
    *(commands.c[name] for name in Order.__struct_fields__ if name != "is_overtaken"),
    (devices.c.connection > commands.c.connection).label("is_overtaken"),
).join(devices, devices.c.name == commands.c.device)


def archetype_of(kind: str, class_name: str) -> Archetype:
    """What a point is to its users. While nobody has said of what kind it is: something that is used for a while if
    plans ration it, else a way in."""
    if kind:
        return kind_of(kind).archetype
    return "session" if class_name else "portal"


def points_of(connection: Connection, names: Sequence[str] | None) -> list[PlacedPoint]:
    """These points, or all, by name; only those whose device is registered."""
    columns = points.c.name, points.c.device, points.c.kind, points.c["class"]
    query = select(*columns).join(devices, devices.c.name == points.c.device).order_by(points.c.name)
    if names is not None:
        query = query.where(points.c.name.in_(names))
    return [PlacedPoint(*row) for row in connection.execute(query)]


def find_desired(connection: Connection, device: str) -> DesiredState | None:
    row = connection.execute(_DESIRED.where(desired.c.device == device)).one_or_none()
    return None if row is None else _desired(row)


def list_desired(connection: Connection) -> list[DesiredState]:
    return [_desired(row) for row in connection.execute(_ALL_DESIRED)]


def put_desired(connection: Connection, state: DesiredState) -> None:
    """Replace what is desired of a device. What it has reported stands."""
    device = state.device
    values = {
        "number": state.number,
        "issued_ms": state.issued_ms,
        "modes": {point: mode.value for point, mode in state.modes.items()},
        "wiring": state.wiring,
        "wired_ms": state.wired_ms,
        "terms": msgspec.to_builtins(state.terms),
    }
    if connection.execute(update(desired).where(desired.c.device == device).values(**values)).rowcount == 0:
        connection.execute(insert(desired).values(device=device, **values))


def note_reported(connection: Connection, device: str, reported: Reported) -> None:
    """Note what a device says of the document it has, if that is news."""
    state = find_desired(connection, device)
    if state is None:
        put_desired(connection, DesiredState(device, 0, reported.at_ms, {}, None))
    elif not is_news(state.reported, reported):
        return
    values = {"reported": msgspec.to_builtins(reported)}
    connection.execute(update(desired).where(desired.c.device == device).values(values))


_DESIRED = select(*(desired.c[name] for name in DesiredState.__struct_fields__))
_ALL_DESIRED = _DESIRED.order_by(desired.c.device)


def _desired(row: Any) -> DesiredState:
    return msgspec.convert(dict(zip(DesiredState.__struct_fields__, row, strict=True)), DesiredState)


def list_locked_down(connection: Connection, now_ms: int) -> list[Label]:
    """The points that are locked down, or are to be, by name; those of a device that is lost aside."""
    names = {name for state in list_desired(connection) for name in _in_mode(state, Mode.LOCKDOWN, now_ms)}
    query = (
        select(points.c.label_zh, points.c.label_en)
        .join(devices, devices.c.name == points.c.device)
        .where(points.c.name.in_(names), devices.c.lost_ms.is_(None), zone_seen(connection, points.c.zone))
        .order_by(points.c.name)
    )
    return [Label(row.label_zh, row.label_en) for row in connection.execute(query)] if names else []


def _in_mode(state: DesiredState, mode: Mode, now_ms: int) -> set[str]:
    """The points that are to be in a mode, or were when their device was last heard."""
    known = state.modes.keys() | (state.reported.modes.keys() if state.reported else set())
    return {point for point in known if mode in (state.mode_of(point, now_ms), state.reported_mode(point, now_ms))}


def list_points(connection: Connection, now_ms: int) -> list[PointState]:
    """Every point by name, those that no device is registered for too."""
    desired_state = {state.device: state for state in list_desired(connection)}
    device = (devices.c[name] for name in ("online", "heard_ms", "lost_ms", "state", "beat", "live", "live_ms"))
    rows = connection.execute(
        select(
            points,
            zones.c.label_zh.label("zone_zh"),
            zones.c.label_en.label("zone_en"),
            devices.c.name.label("registered"),
            devices.c.label_zh.label("device_zh"),
            devices.c.label_en.label("device_en"),
            *device,
        )
        .join_from(points, zones)
        .outerjoin(devices, devices.c.name == points.c.device)
        .where(zone_seen(connection, points.c.zone))
        .order_by(points.c.name)
    )
    return [_point(row, desired_state.get(row.device), now_ms) for row in rows]


def _point(row: Any, desired_state: DesiredState | None, now_ms: int) -> PointState:
    reported = desired_state.reported if desired_state else None
    state, faults = as_table(row.state), as_table(as_table(row.beat).get("faults"))
    mode = desired_state.mode_of(row.name, now_ms) if desired_state else Mode.SCHEDULED
    return PointState(
        name=row.name,
        label=Label(row.label_zh, row.label_en),
        zone=Label(row.zone_zh, row.zone_en),
        zone_name=row.zone,
        device=row.device,
        device_label=Label(row.device_zh or row.device, row.device_en or row.device),
        registered=row.registered is not None,
        presence=presence(bool(row.online) and row.lost_ms is None, row.heard_ms, now_ms),
        heard_ms=row.heard_ms,
        emergency=row.lost_ms is None and in_emergency(faults, row.zone),
        mode=mode,
        in_force=reported.modes.get(row.name) if reported else None,
        why=reported.why if reported else "",
        class_name=row._mapping["class"],
        lost_ms=row.lost_ms,
        silence=silence(bool(row.online), state),
        kind=row.kind,
        term=desired_state.terms.get(row.name) if desired_state and mode in MODE_LASTS_MS else None,
        reports=as_table(state.get("points")),
        live=as_table(row.live).get(row.name),
        live_ms=row.live_ms or 0,
        beat_faults=tuple(name.partition(".")[2] for name in faults if name.startswith(f"{row.name}.")),
    )
