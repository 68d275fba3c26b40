"""What devices tell of emergencies in their zones, folded into one record an emergency; and who was inside a zone when
one began, by the readers: the list that a guard reads out. Pure."""

from collections.abc import Callable, Iterable, Mapping
from typing import Literal

from msgspec import Struct, structs

from contract.decide import DAY_MS
from contract.emergencies import Cause, cause_of
from contract.events import Event, holder_in
from contract.occupancy import Moved

STARTED = "device.started"
UNSEEN = "unseen"
"""How an emergency ended whose device started anew: if it still stands, the device says so in its next words."""
MAX_WORD = 80
LOOK_BACK_MS = DAY_MS
"""Whoever went in longer ago has most likely left by a button, which knows nobody's name."""


class Emergency(Struct, frozen=True):
    """One emergency of a zone at one device. ``began_ms`` and ``ended_ms`` are the device's wall clock (UTC ms),
    ``noted_ms`` is the cloud's. ``how`` it ended is empty while it stands; ``ended_by`` is an operator's name, or none
    where a ``holder``'s card or a key did it."""

    zone: str
    cause: Cause
    began_ms: int
    noted_ms: int
    began_by: str = ""
    how: str = ""
    ended_ms: int | None = None
    ended_by: str = ""
    holder: bytes | None = None
    id: int | None = None
    """None before it is stored."""

    @property
    def stands(self) -> bool:
        return not self.how


def zone_of(event: Event) -> str | None:
    """Of which zone's emergency an event tells; None if of none."""
    if event.kind not in _FOLDS:
        return None
    zone = event.data.get("zone")
    return zone[:MAX_WORD] if isinstance(zone, str) and zone else None


def after(before: Emergency | None, zone: str, event: Event, now_ms: int) -> Emergency | None:
    """The newest emergency of a zone after one more event of its device: the one that is known, or a new one. None
    while there never was one."""
    return _FOLDS[event.kind](before, zone, event, now_ms)


def after_restart(before: Emergency, at_ms: int) -> Emergency:
    """Its device has started: nobody knows any more whether it stands, until the device says so."""
    return structs.replace(before, how=UNSEEN, ended_ms=at_ms) if before.stands else before


def _began(_known: Emergency | None, zone: str, event: Event, now_ms: int) -> Emergency:
    return Emergency(zone, cause_of(event.data.get("cause")), event.at_ms, now_ms, _word(event.data.get("by")))


def _standing(before: Emergency | None, zone: str, event: Event, now_ms: int) -> Emergency:
    if before is None or before.how not in ("", UNSEEN):
        return _began(before, zone, event, now_ms)
    return structs.replace(before, cause=cause_of(event.data.get("cause")), how="", ended_ms=None)


def _worsened(before: Emergency | None, zone: str, event: Event, now_ms: int) -> Emergency:
    if before is None or not before.stands:
        return _began(before, zone, event, now_ms)
    return structs.replace(before, cause=cause_of(event.data.get("cause")))


def _reset(before: Emergency | None, _zone: str, event: Event, _now_ms: int) -> Emergency | None:
    if before is None or before.how not in ("", UNSEEN):
        return before
    how = _word(event.data.get("how")) or "key"
    by = _word(event.data.get("by")) if how == "order" else ""
    return structs.replace(
        before, how=how, ended_ms=event.at_ms, ended_by=by, holder=holder_in(event.data.get("holder"))
    )


_FOLDS: Mapping[str, Callable[[Emergency | None, str, Event, int], Emergency | None]] = {
    "emergency.began": _began,
    "emergency.standing": _standing,
    "emergency.worsened": _worsened,
    "emergency.reset": _reset,
}
EMERGENCY_EVENTS = frozenset({STARTED, *_FOLDS})


def _word(value: object) -> str:
    return value[:MAX_WORD] if isinstance(value, str) else ""


class Pass(Struct, frozen=True):
    """A passage of somebody through a reader's door of the zone."""

    holder: bytes
    direction: Literal["in", "out"]
    at_ms: int


class Inside(Struct, frozen=True):
    """Somebody to account for: inside since ``in_ms``; at ``out_ms`` a reader saw them leave, after it began."""

    holder: bytes
    in_ms: int
    out_ms: int | None = None


class Movement(Struct, frozen=True):
    """Somebody, named or not, passed into the zone or out of it, or may have."""

    moved: Moved
    at_ms: int


def most_inside(movements: Iterable[Movement]) -> int:
    """How many may be inside at most, whoever they are. A turned exit arm is one less for certain; who passed a door
    that anybody could open may not have. Nobody leaves an empty zone."""
    most = 0
    for movement in sorted(movements, key=lambda movement: movement.at_ms):
        most = max(0, most + movement.moved.inside + movement.moved.count_doubt)
    return most


def inside(passes: Iterable[Pass], began_ms: int) -> list[Inside]:
    """Whoever the readers let in before ``began_ms`` and did not see leaving by then, and whoever went in later: those
    who are in longest come first."""
    people: dict[bytes, Inside] = {}
    for passage in sorted(passes, key=lambda passage: passage.at_ms):
        if passage.direction == "in":
            people[passage.holder] = Inside(passage.holder, passage.at_ms)
        elif passage.at_ms < began_ms:
            people.pop(passage.holder, None)
        elif passage.holder in people:
            there = people[passage.holder]
            people[passage.holder] = Inside(there.holder, there.in_ms, passage.at_ms)
    return sorted(people.values(), key=lambda passage: (passage.out_ms is not None, passage.in_ms, passage.holder))
