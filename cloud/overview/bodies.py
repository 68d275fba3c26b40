"""How the API and its stream show what the database holds. Times are UTC milliseconds."""

from typing import Any

from msgspec import Struct

from cloud.devices.event_views import EventView
from cloud.devices.lateness import Lateness
from cloud.devices.presence import Presence
from cloud.devices.views import DeviceView
from cloud.store.labels import Label


class PointAnswer(Struct, frozen=True):
    """A point of a device, with what its station last reported."""

    name: str
    label: Label
    report: dict[str, Any]


class FaultAnswer(Struct, frozen=True):
    """A fault by its word; ``point`` is empty where the device itself has it."""

    fault: str
    point: str
    known: str


class DeviceAnswer(Struct, frozen=True):
    """A device as the cloud last had contact with it; ``presence`` is never, online, late or offline."""

    name: str
    label: Label
    presence: Presence
    heard_ms: int | None
    roster: int
    waiting: int | None
    faults: list[FaultAnswer]
    points: list[PointAnswer]


class EventAnswer(Struct, frozen=True):
    """An event. ``replay``: made while its device was offline. ``lateness``: live, late or old; only what is live may
    ring a bell. ``clock``: how far ``at_ms`` is to be believed; where it was unset and its device has learned the time
    since, ``best_ms`` is when it happened, give or take the error."""

    arrival: int
    device: str
    journal: str
    seq: int
    point: str
    kind: str
    reason: str | None
    at_ms: int
    best_ms: int | None
    best_error_ms: int | None
    received_ms: int
    clock: str
    replay: bool
    lateness: Lateness
    holder: str | None
    name: Label | None


class EventPageAnswer(Struct, frozen=True):
    """``next`` goes into ``before`` or ``after``, whichever was asked with; null at the end."""

    events: list[EventAnswer]
    next: int | None


_SAME = [name for name in EventAnswer.__struct_fields__ if name not in ("holder", "name")]


def device_answer(device: DeviceView, now_ms: int) -> DeviceAnswer:
    return DeviceAnswer(
        name=device.name,
        label=device.label,
        presence=device.presence(now_ms),
        heard_ms=device.heard_ms,
        roster=device.roster_number,
        waiting=device.waiting,
        faults=[FaultAnswer(one.fault, one.point, one.known) for one in device.faults],
        points=[PointAnswer(one.name, one.label, one.report) for one in device.points],
    )


def event_answer(event: EventView) -> EventAnswer:
    return EventAnswer(
        **{name: getattr(event, name) for name in _SAME},
        holder=event.holder.hex() if event.holder else None,
        name=event.person.name if event.person else None,
    )
