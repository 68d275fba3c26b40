"""How the API shows what the database holds. Times are UTC milliseconds."""

from typing import Any

from pydantic import BaseModel

from cloud.devices.event_views import EventView
from cloud.devices.views import DeviceView
from cloud.store.labels import Label
from cloud.web.bodies import Words


class PointOut(BaseModel):
    name: str
    label: Words
    report: dict[str, Any]


class FaultOut(BaseModel):
    """A fault by its word; ``point`` is empty where the device itself has it."""

    fault: str
    point: str
    known: str


class DeviceOut(BaseModel):
    """A device as the cloud hears it; ``presence`` is never, online, late or offline."""

    name: str
    label: Words
    presence: str
    heard_ms: int | None
    roster: int
    waiting: int | None
    faults: list[FaultOut]
    points: list[PointOut]


class EventOut(BaseModel):
    """An event. ``replay``: made while its device was offline. ``lateness``: live, late or old; only what is live may
    ring a bell. ``clock``: how far ``at_ms`` is to be believed; where it
    was unset and its device has learned the time since, ``best_ms`` is when it happened, give or take the error."""

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
    lateness: str
    holder: str | None
    name: Words | None


class EventsOut(BaseModel):
    """``next`` goes into ``before`` or ``after``, whichever was asked with; null at the end."""

    events: list[EventOut]
    next: int | None


def _words(label: Label) -> dict[str, str]:
    return {"zh": label.zh, "en": label.en}


def device_json(device: DeviceView, now_ms: int) -> dict[str, Any]:
    """A ``DeviceOut`` as plain values."""
    return {
        "name": device.name,
        "label": _words(device.label),
        "presence": device.presence(now_ms).value,
        "heard_ms": device.heard_ms,
        "roster": device.roster_number,
        "waiting": device.waiting,
        "faults": [{"fault": one.fault, "point": one.point, "known": one.known} for one in device.faults],
        "points": [{"name": p.name, "label": _words(p.label), "report": p.report} for p in device.points],
    }


def event_json(event: EventView) -> dict[str, Any]:
    """An ``EventOut`` as plain values."""
    return {
        "arrival": event.arrival,
        "device": event.device,
        "journal": event.journal,
        "seq": event.seq,
        "point": event.point,
        "kind": event.kind,
        "reason": event.reason,
        "at_ms": event.at_ms,
        "best_ms": event.best_ms,
        "best_error_ms": event.best_error_ms,
        "received_ms": event.received_ms,
        "clock": event.clock,
        "replay": event.replay,
        "lateness": event.lateness.value,
        "holder": event.holder.hex() if event.holder else None,
        "name": _words(event.person.name) if event.person else None,
    }
