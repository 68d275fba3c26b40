"""Devices and their points as pages and calls show them."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, select

from cloud.devices.presence import Presence, Silence, presence, silence
from cloud.store.labels import Label
from cloud.store.schema import devices, points, zones
from cloud.store.scope import scope_of, zone_seen
from contract.emergencies import Cause, cause_of

MAX_DEVICES = 1_000
EMERGENCY, FIRE_LOOP = "emergency", "fire_loop"
ZONE_FAULTS = (EMERGENCY, FIRE_LOOP)
"""What a device reports of a zone: ``emergency.zone`` with its cause, and a fire loop that is broken, which is acted
upon like a fire."""


class PointView(Struct, frozen=True):
    """A point of a device. ``report`` is what its station last said of itself. Without a class it is a door. With a
    ``unit`` or a ``flat`` it serves some flats only."""

    name: str
    label: Label
    zone: Label
    report: dict[str, Any] = {}
    zone_name: str = ""
    class_name: str = ""
    unit: str = ""
    floor: int | None = None
    flat: str = ""


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
        roster = as_table(self.state.get("roster"))
        return (roster["got"], roster["wanted"]) if roster.get("wanted") else None

    @property
    def roster_issued_ms(self) -> object:
        """When the roster that it uses was issued, as it says; 0 before the first."""
        return as_table(self.state.get("roster")).get("issued_ms")

    @property
    def unplaced(self) -> list[str]:
        """Points that it reports and the cloud has not written down; a bank, which nobody uses, is one of them."""
        known = {point.name for point in self.points}
        return sorted(str(name) for name in as_table(self.state.get("points")) if name not in known)

    @property
    def faults(self) -> list[Fault]:
        """Every fault it reports once, of its doors and of itself: a beat names those of a door ``point.fault``, and
        those of a zone ``emergency.zone``, of a bus ``bus.name``."""
        labels = {point.zone_name: point.zone for point in self.points} | {
            point.name: point.label for point in self.points
        }
        found = {(point.name, str(fault)): "" for point in self.points for fault in _list(point.report.get("faults"))}
        for place, known in as_table(self.beat.get("faults")).items():
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
    return any(f"{word}.{zone}" in as_table(faults) for word in ZONE_FAULTS)


def list_devices(connection: Connection, name: str | None = None) -> list[DeviceView]:
    """Every device with its points, by name; or the one of that name."""
    seen = devices.c.name.in_(select(points.c.device).where(zone_seen(connection, points.c.zone)))
    query = select(devices).order_by(devices.c.name).limit(MAX_DEVICES)
    if scope_of(connection).zone is not None:
        query = query.where(seen)
    if name is not None:
        query = query.where(devices.c.name == name)
    found = connection.execute(query).all()
    placed = connection.execute(
        select(points, zones.c.label_zh.label("zone_zh"), zones.c.label_en.label("zone_en"))
        .join_from(points, zones)
        .where(points.c.device.in_([row.name for row in found]), zone_seen(connection, points.c.zone))
        .order_by(points.c.name)
    ).all()
    of_device: dict[str, list[Any]] = defaultdict(list)
    for point in placed:
        of_device[point.device].append(point)
    return [_device(row, of_device[row.name]) for row in found]


def _list(value: object) -> list[Any]:
    """A list out of what a device reported, or an empty one where it reported something else."""
    return value if isinstance(value, list) else []


def as_table(value: object) -> dict[str, Any]:
    """A table out of what a device reported, or an empty one where it reported something else."""
    return value if isinstance(value, dict) else {}


def _device(row: Any, placed: Sequence[Any]) -> DeviceView:
    state = row.state or {}
    reports = as_table(state.get("points"))
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
                as_table(reports.get(point.name)),
                point.zone,
                point._mapping["class"],
                point.unit,
                point.floor,
                point.flat,
            )
            for point in placed
        ),
    )
