"""How the API shows what the database holds. Times are UTC milliseconds."""

from typing import Any

from pydantic import BaseModel

from cloud.store.console import DeviceView, EventView, Label


class Words(BaseModel):
    """A name in both languages."""

    zh: str
    en: str


class PointOut(BaseModel):
    name: str
    label: Words
    report: dict[str, Any]


class DeviceOut(BaseModel):
    """A device as the cloud hears it; ``presence`` is never, online, late or offline."""

    name: str
    label: Words
    presence: str
    heard_ms: int | None
    roster: int
    waiting: int | None
    faults: dict[str, str]
    points: list[PointOut]


class EventOut(BaseModel):
    """An event. ``replay``: made while its device was offline. ``clock``: how far ``at_ms`` is to be believed."""

    arrival: int
    device: str
    journal: str
    seq: int
    point: str
    kind: str
    reason: str | None
    at_ms: int
    received_ms: int
    clock: str
    replay: bool
    holder: str | None
    name: Words | None


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
        "faults": device.faults,
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
        "received_ms": event.received_ms,
        "clock": event.clock,
        "replay": event.replay,
        "holder": event.holder.hex() if event.holder else None,
        "name": _words(event.person.name) if event.person else None,
    }
