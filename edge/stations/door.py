"""A door with a leaf: a lock, and if wired a contact, an exit button and a release sense.

The contact is active while the leaf is shut. Exit never asks: the button drives the lock before anything is written.
Every opening is told apart: by a badge, by the button, in an emergency, or by force. An allowed badge drives the lock
whatever the contact says, because the contact may be wired the wrong way round.
"""

from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from edge.stations import (
    LEASE_MARGIN_MS,
    Decided,
    Drive,
    Due,
    Edge,
    Effect,
    Emergency,
    Input,
    Levels,
    Record,
    Report,
    Rest,
    Show,
    Wake,
    decided,
    refuse,
)

Phase = Literal["closed", "unlocked", "open", "held", "forced", "released"]
Trigger = Literal["unlock", "opened", "shut", "relock", "warn", "hold", "release", "restore"]

NEXT: dict[tuple[Phase, Trigger], Phase] = {
    ("closed", "unlock"): "unlocked",
    ("unlocked", "opened"): "open",
    ("unlocked", "relock"): "closed",
    ("closed", "opened"): "forced",
    ("open", "shut"): "closed",
    ("open", "hold"): "held",
    ("held", "shut"): "closed",
    ("forced", "shut"): "closed",
    ("closed", "release"): "released",
    ("unlocked", "release"): "released",
    ("open", "release"): "released",
    ("held", "release"): "released",
    ("forced", "release"): "released",
    ("released", "restore"): "closed",
}
"""Where a trigger leads. A pair that does not stand here leaves the phase as it is."""

INPUTS = {"contact": False, "exit_button": False, "release_sense": False}
OUTPUTS = {"lock": True, "green": False, "red": False}
REVERSED_AFTER = 3
"""Badges in a row after which the contact shut instead of opening: then it is wired the wrong way round."""


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """``unlock_ms``: how long a badge unlocks; 3 s is the least a fixed release may be (ULC 60839-11-1).

    ``held_ms``: how long the leaf may stand open; ``warn_ms`` after it opened the pre-alarm shows. A button pressed
    for ``button_stuck_ms`` is stuck. After ``still_after`` unlocks in a row in which the contact never moved, it is
    suspect.
    """

    unlock_ms: int = 5_000
    warn_ms: int = 20_000
    held_ms: int = 30_000
    button_stuck_ms: int = 30_000
    still_after: int = 20

    def __post_init__(self) -> None:
        if self.unlock_ms < 3_000:
            raise ValueError("unlock_ms is at least 3000")
        if not 0 < self.warn_ms < self.held_ms:
            raise ValueError("warn_ms lies between 0 and held_ms")


class State(Struct, frozen=True):
    """``passer`` is whom the next opening is booked on: a holder, ``button``, or nobody. ``released_by`` are the causes
    that hold the door free: the emergency, or its supply broken in hardware."""

    point: str
    settings: Settings
    phase: Phase = "closed"
    passer: str = ""
    direction: str = "in"
    has_contact: bool = False
    leaf_open: bool = False
    opened_ms: int = 0
    released_by: frozenset[str] = frozenset()
    still: int = 0
    reversed: int = 0
    faults: frozenset[str] = frozenset()


Step = tuple[State, list[Effect]]


def start(point: str, settings: Settings) -> State:
    return State(point, settings)


def report(state: State) -> Report:
    return Report(state.phase, faults=dict.fromkeys(sorted(state.faults), ""))


def step(state: State, happened: Input, now_ms: int) -> Step:
    """Take one input to completion. Inputs that mean nothing to a door change nothing."""
    match happened:
        case Decided(decision=decision):
            return _badge(state, happened) if decision.allowed else (state, refuse(happened))
        case Levels():
            return _levels(state, happened, now_ms)
        case Edge(name="contact", active=shut):
            state = replace(state, leaf_open=not shut)
            return _shut(state, now_ms) if shut else _opened(state, now_ms)
        case Edge(name="exit_button", active=pressed):
            return _button(state) if pressed else _button_let_go(state)
        case Edge(name="release_sense", active=broken):
            return _release(state, "hardware", broken, now_ms)
        case Emergency(active=active):
            return _release(state, "emergency", active, now_ms)
        case Due(name="relock"):
            return _relock(state)
        case Due(name="warn"):
            return state, [Show("red", "please_close")]
        case Due(name="hold"):
            return _to(state, "hold"), [Record("door.held", {"open_ms": now_ms - state.opened_ms}), Show("red", "held")]
        case Due(name="button_stuck"):
            return _fault(state, "exit_button_stuck")
    return state, []


def _to(state: State, trigger: Trigger) -> State:
    return replace(state, phase=NEXT.get((state.phase, trigger), state.phase))


def _badge(state: State, found: Decided) -> Step:
    grant = found.decision.grant
    state = replace(state, passer=grant.holder.hex() if grant else "", direction=found.direction)
    effects: list[Effect] = [decided(found), *_drive(state, "written"), Show("green", found.decision.reason.value)]
    return _to(state, "unlock"), effects


def _button(state: State) -> Step:
    """Exit never asks, and never waits for a disk: the drive comes before the record."""
    effects: list[Effect] = [*_drive(state, "nothing"), Record("door.exit_button")]
    effects.append(Wake("button_stuck", state.settings.button_stuck_ms))
    return _to(replace(state, passer="button", direction="out"), "unlock"), effects


def _drive(state: State, behind: Literal["nothing", "written"]) -> list[Effect]:
    if state.phase == "released":
        return []
    return [Drive("lock", state.settings.unlock_ms + LEASE_MARGIN_MS, behind), Wake("relock", state.settings.unlock_ms)]


def _button_let_go(state: State) -> Step:
    state, effects = _clear(state, "exit_button_stuck")
    return state, [Wake("button_stuck", None), *effects]


def _opened(state: State, now_ms: int) -> Step:
    after = replace(_to(state, "opened"), opened_ms=now_ms, still=0, reversed=0)
    if state.phase == "closed":
        return after, [Record("door.forced"), Show("red", "forced")]
    if state.phase != "unlocked":
        return after, []
    after, cleared = _clear(after, "contact_still")
    return after, [_passage(state), Rest("lock"), Wake("relock", None), *_watch_leaf(state), *cleared]


def _passage(state: State) -> Record:
    if state.passer == "button":
        return Record("door.exited")
    return Record("access.passed", {"holder": state.passer, "direction": state.direction})


def _watch_leaf(state: State) -> list[Effect]:
    return [Wake("warn", state.settings.warn_ms), Wake("hold", state.settings.held_ms)]


def _shut(state: State, now_ms: int) -> Step:
    after = replace(_to(state, "shut"), passer="")
    effects: list[Effect] = [Wake("warn", None), Wake("hold", None)]
    if state.phase in ("held", "forced"):
        effects.append(Record("door.shut", {"open_ms": now_ms - state.opened_ms}))
    if not state.passer or state.phase == "unlocked":
        return after, effects
    # The leaf was open, a badge drove the lock, and now the contact shuts: somebody closed it, or it is reversed.
    after = replace(after, reversed=state.reversed + 1)
    if after.reversed < REVERSED_AFTER:
        return after, effects
    after, faulted = _fault(after, "contact_reversed")
    return after, effects + faulted


def _relock(state: State) -> Step:
    after, effects = replace(_to(state, "relock"), passer=""), list[Effect]([Rest("lock")])
    if state.phase != "unlocked" or not state.has_contact:
        return after, effects
    if state.passer != "button":
        effects.append(Record("access.not_entered", {"holder": state.passer, "direction": state.direction}))
    after = replace(after, still=state.still + 1)
    if after.still < state.settings.still_after:
        return after, effects
    after, faulted = _fault(after, "contact_still")
    return after, effects + faulted


def _release(state: State, cause: str, active: bool, now_ms: int) -> Step:
    causes = state.released_by | {cause} if active else state.released_by - {cause}
    effects: list[Effect] = []
    if cause == "hardware" and (cause in state.released_by) != active:
        effects.append(Record("door.hard_release", {"active": active}))
    state = replace(state, released_by=causes)
    if causes:
        return _to(state, "release"), [*effects, *(Wake(name, None) for name in ("relock", "warn", "hold"))]
    if state.phase != "released":
        return state, effects
    state = replace(_to(state, "restore"), passer="")
    if not state.leaf_open:
        return state, effects
    return replace(state, phase="open", opened_ms=now_ms), effects + _watch_leaf(state)


def _levels(state: State, levels: Levels, now_ms: int) -> Step:
    """Believe the inputs as they are found: an opening nobody watched is not called forced."""
    active = levels.active
    leaf_open = not active.get("contact", True)
    state = replace(state, has_contact="contact" in active, leaf_open=leaf_open, passer="")
    effects: list[Effect] = [Wake("relock", None)]
    if active.get("exit_button"):
        effects.append(Wake("button_stuck", state.settings.button_stuck_ms))
    state, released = _release(state, "hardware", active.get("release_sense", False), now_ms)
    if state.phase == "released":
        return state, effects + released
    if leaf_open and state.phase not in ("open", "held", "forced"):
        state, effects = replace(state, phase="open", opened_ms=now_ms), effects + _watch_leaf(state)
    elif not leaf_open:
        state, effects = replace(state, phase="closed"), [*effects, Wake("warn", None), Wake("hold", None)]
    return state, effects + released


def _fault(state: State, fault: str) -> Step:
    if fault in state.faults:
        return state, []
    return replace(state, faults=state.faults | {fault}), [Record("door.fault", {"fault": fault})]


def _clear(state: State, fault: str) -> Step:
    if fault not in state.faults:
        return state, []
    return replace(state, faults=state.faults - {fault}), [Record("door.fault_cleared", {"fault": fault})]
