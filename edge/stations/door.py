"""A door with a leaf: a lock, and if wired a contact, an exit button and a release sense.

The contact is active while the leaf is shut. Exit never asks: the button drives the lock before anything is written.
Every opening is told apart: by a badge, by the button, in an emergency, or by force. An allowed badge drives the lock
whatever the contact says, because the contact may be wired the wrong way round.
"""

from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from contract.kinds.door import DOOR, Phase
from edge.archetypes.faults import kept_still, moved, set_fault
from edge.archetypes.portal import (
    HELD_OPEN,
    Passer,
    Portal,
    PortalMachine,
    check_unlock_ms,
    keep_open,
    not_entered,
    passed,
)
from edge.archetypes.protocol import (
    LEASE_MARGIN_MS,
    Drive,
    Due,
    Edge,
    Effect,
    Input,
    Levels,
    Record,
    Report,
    Rest,
    Show,
    Wake,
)
from edge.archetypes.station import Station

Trigger = Literal["unlock", "opened", "caught", "shut", "shut_unlocked", "relock", "hold", "release", "restore"]

NEXT: dict[tuple[Phase, Trigger], Phase] = {
    ("closed", "unlock"): "unlocked",
    ("unlocked", "opened"): "open",
    ("unlocked", "relock"): "closed",
    ("closed", "opened"): "forced",
    ("closed", "caught"): "open",
    ("open", "shut"): "closed",
    ("open", "hold"): "held",
    ("held", "shut"): "closed",
    ("forced", "shut"): "closed",
    ("open", "shut_unlocked"): "unlocked",
    ("held", "shut_unlocked"): "unlocked",
    ("forced", "shut_unlocked"): "unlocked",
    ("closed", "release"): "released",
    ("unlocked", "release"): "released",
    ("open", "release"): "released",
    ("held", "release"): "released",
    ("forced", "release"): "released",
    ("released", "restore"): "closed",
}
"""Where a trigger leads."""

INPUTS = {"contact": False, "exit_button": False, "release_sense": False}
OUTPUTS = {"lock": True, "green": False, "red": False}
MAX_PASSERS = 8
"""As many may badge before the leaf opens for all of them; then the door is busy."""
REVERSED_AFTER = 3
"""Unlocks in a row at which the contact shut instead of opening: then it is wired the wrong way round."""


class DoorSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """``unlock_ms``: how long a badge unlocks. ``held_ms``: how long the leaf may stand open; ``warn_ms`` after it
    opened the pre-alarm shows. A leaf that opens again within ``latch_ms`` of closing was caught before it latched,
    not forced. A button pressed for ``button_stuck_ms`` is stuck. After ``still_after`` unlocks in a
    row in which the contact never moved, it is suspect.
    """

    unlock_ms: int = 5_000
    warn_ms: int = 20_000
    held_ms: int = 30_000
    latch_ms: int = 1_000
    button_stuck_ms: int = 30_000
    still_after: int = 20

    def __post_init__(self) -> None:
        check_unlock_ms(self.unlock_ms)
        if not 0 < self.warn_ms < self.held_ms:
            raise ValueError("warn_ms lies between 0 and held_ms")
        if self.latch_ms < 0:
            raise ValueError("latch_ms is not below 0")
        if self.button_stuck_ms <= 0:
            raise ValueError("button_stuck_ms is greater than 0")
        if self.still_after <= 0:
            raise ValueError("still_after is greater than 0")


class DoorState(Portal, frozen=True, kw_only=True):
    """``unlocked``: the lock is driven until the relock is due, wherever the leaf is. ``passers`` are those on whom the
    next opening is booked, and ``button`` that somebody inside may be taking it too. ``released_by`` are the causes
    that hold the door free: the emergency, its supply broken in hardware, or a mode that holds it open."""

    point: str
    settings: DoorSettings
    phase: Phase = "closed"
    unlocked: bool = False
    passers: tuple[Passer, ...] = ()
    button: bool = False
    has_contact: bool = False
    leaf_open: bool = False
    opened_ms: int = 0
    shut_ms: int | None = None
    reversed: int = 0


Step = tuple[DoorState, list[Effect]]


def start(point: str, settings: DoorSettings) -> DoorState:
    return DoorState(point=point, settings=settings)


def report(state: DoorState) -> Report:
    quiet = state.phase == "closed" and not (state.unlocked or state.leaf_open or state.passers)
    return Report(state.phase, len(state.passers) >= MAX_PASSERS, faults=state.faults, quiet=quiet)


def step(state: DoorState, happened: Input, now_ms: int) -> Step:
    """Take one input to completion. Inputs that mean nothing to a door change nothing."""
    match happened:
        case Levels():
            return _levels(state, happened, now_ms)
        case Edge(name="contact", active=shut):
            return _shut(state, now_ms) if shut else _opened(state, now_ms)
        case Edge(name="exit_button", active=pressed):
            return _button(state) if pressed else _button_let_go(state)
        case Edge(name="release_sense", active=broken):
            return _release(state, "hardware", broken, now_ms)
        case Due(name="relock") if state.released_by != {HELD_OPEN}:
            return _relock(state)
        case Due(name="warn") if state.phase == "open":
            return state, [Show("red", DOOR.text("please_close"))]
        case Due(name="hold") if state.phase == "open":
            held = DOOR.held(open_ms=now_ms - state.opened_ms)
            return MACHINE.to(state, "hold"), [held, Show("red", DOOR.text("held"))]
        case Due(name="button_stuck"):
            return set_fault(state, DOOR, "exit_button_stuck", present=True)
    return MACHINE.step(state, happened, now_ms)


def _let_in(state: DoorState, who: Passer, told: Record, shown: Show, _now_ms: int) -> Step:
    if state.phase == "released":
        return state, [told, shown]
    unlock = _unlock(state, "written")
    if state.leaf_open:
        # The way stands open already, so whoever is allowed walks through, and has as long to do so as the first.
        watch = _watch_leaf(state) if state.phase == "open" else []
        return replace(state, unlocked=True), [told, *unlock, passed(who), shown, *watch]
    passers = state.passers if who in state.passers else (*state.passers, who)[:MAX_PASSERS]
    return replace(MACHINE.to(state, "unlock"), unlocked=True, passers=passers), [told, *unlock, shown]


def _button(state: DoorState) -> Step:
    """Exit never asks, and never waits for a disk: the drive comes before the record."""
    effects: list[Effect] = [DOOR.exit_button(), Wake("button_stuck", state.settings.button_stuck_ms)]
    if state.phase == "released":
        # The keeper has opened the lock for the button's time, which is shorter than the lease of a door held open.
        return state, [*(keep_open("lock") if state.released_by == {HELD_OPEN} else []), *effects]
    after = replace(MACHINE.to(state, "unlock"), unlocked=True, button=not state.leaf_open)
    return after, [*_unlock(state, "nothing"), *effects]


def _button_let_go(state: DoorState) -> Step:
    state, cleared = set_fault(state, DOOR, "exit_button_stuck", present=False)
    return state, [Wake("button_stuck", None), *cleared]


def _unlock(state: DoorState, behind: Literal["nothing", "written"]) -> list[Effect]:
    return [Drive("lock", state.settings.unlock_ms + LEASE_MARGIN_MS, behind), Wake("relock", state.settings.unlock_ms)]


def _locked(state: DoorState) -> DoorState:
    """The lock is at rest, and nobody is awaited any more."""
    return replace(state, unlocked=False, passers=(), button=False)


def _opened(state: DoorState, now_ms: int) -> Step:
    since_shut_ms = None if state.shut_ms is None else now_ms - state.shut_ms
    caught = state.phase == "closed" and since_shut_ms is not None and since_shut_ms < state.settings.latch_ms
    after = replace(MACHINE.to(state, "caught" if caught else "opened"), leaf_open=True, opened_ms=now_ms, shut_ms=None)
    after, effects = moved(after, DOOR, "contact_still")
    if caught:
        return after, [DOOR.tailgated(), *_watch_leaf(state), *effects]
    if state.phase == "closed":
        return after, [DOOR.forced(), Show("red", DOOR.text("forced")), *effects]
    if state.phase != "unlocked":
        return after, effects
    passages = [passed(who) for who in state.passers]
    if state.passers:
        after = replace(after, reversed=0)
    if state.button:
        passages.append(DOOR.exited())
    return _locked(after), [*passages, Rest("lock"), Wake("relock", None), *_watch_leaf(state), *effects]


def _watch_leaf(state: DoorState) -> list[Effect]:
    return [Wake("warn", state.settings.warn_ms), Wake("hold", state.settings.held_ms)]


def _shut(state: DoorState, now_ms: int) -> Step:
    latching = state.phase in ("open", "held") and not state.unlocked
    after = MACHINE.to(state, "shut_unlocked" if state.unlocked else "shut")
    after = replace(after, leaf_open=False, shut_ms=now_ms if latching else None)
    after, effects = moved(after, DOOR, "contact_still")
    effects = [Wake("warn", None), Wake("hold", None), *effects]
    if state.phase in ("held", "forced"):
        effects.append(DOOR.shut(open_ms=now_ms - state.opened_ms))
    if not (state.unlocked and state.leaf_open):
        return after, effects
    # The leaf stood open, the lock was driven, and now the contact shuts: somebody closed it, or it is reversed.
    after = replace(after, reversed=state.reversed + 1)
    if after.reversed < REVERSED_AFTER:
        return after, effects
    after, faulted = set_fault(after, DOOR, "contact_reversed", present=True)
    return after, effects + faulted


def _relock(state: DoorState) -> Step:
    after, effects = _locked(MACHINE.to(state, "relock")), list[Effect]([Rest("lock")])
    if state.phase != "unlocked" or not state.has_contact:
        return after, effects
    effects += [not_entered(who) for who in state.passers]
    after, faulted = kept_still(after, DOOR, "contact_still", suspect_after=state.settings.still_after)
    return after, effects + faulted


def _release(state: DoorState, cause: str, active: bool, now_ms: int) -> Step:
    causes = state.released_by | {cause} if active else state.released_by - {cause}
    effects: list[Effect] = []
    if cause == "hardware" and (cause in state.released_by) != active:
        effects.append(DOOR.hard_release(active=active))
    state = replace(state, released_by=causes)
    if causes:
        unwatched = (Wake(name, None) for name in ("relock", "warn", "hold"))
        return _locked(MACHINE.to(state, "release")), [*effects, *_held(causes), *unwatched]
    if state.phase != "released":
        return state, effects
    if cause == HELD_OPEN:
        effects += [Rest("lock"), Wake("hold_open", None)]
    state, believed = _believe_leaf(MACHINE.to(state, "restore"), now_ms)
    return state, effects + believed


def _held(causes: frozenset[str]) -> list[Effect]:
    """What a free door asks of its lock: nothing in an emergency, for then what we drove would run into its lease."""
    return keep_open("lock") if causes == {HELD_OPEN} else [Rest("lock"), Wake("hold_open", None)]


def _bar(state: DoorState) -> Step:
    """Whoever was let in and has not entered is not awaited any more; whoever is on the way out is."""
    if not state.unlocked:
        return state, []
    leaving = tuple(who for who in state.passers if who.direction == "out")
    barred = [not_entered(who) for who in state.passers if who.direction == "in" and state.has_contact]
    if leaving or state.button:
        return replace(state, passers=leaving), [*_unlock(state, "nothing"), *barred]
    return _locked(MACHINE.to(state, "relock")), [Rest("lock"), Wake("relock", None), *barred]


def _levels(state: DoorState, levels: Levels, now_ms: int) -> Step:
    """Believe the inputs as they are found: an opening nobody watched is not called forced, a passage not booked.
    Whoever holds the exit button wants out now, and may have pressed it before anybody was there to hear."""
    active = levels.active
    leaf_open = not active.get("contact", True)
    state = replace(_locked(state), has_contact="contact" in active, leaf_open=leaf_open, shut_ms=None)
    effects: list[Effect] = [Rest("lock"), Wake("relock", None)]
    state, found = _release(state, "hardware", active.get("release_sense", False), now_ms)
    effects += found
    if state.phase != "released":
        state, found = _believe_leaf(state, now_ms)
        effects += found
    state, found = _button(state) if active.get("exit_button") else _button_let_go(state)
    return state, effects + found


def _believe_leaf(state: DoorState, now_ms: int) -> Step:
    """The phase that fits the leaf as it stands, without a word about how it came to stand so."""
    if not state.leaf_open:
        return replace(state, phase="closed"), [Wake("warn", None), Wake("hold", None)]
    if state.phase in ("open", "held", "forced"):
        return state, []
    return replace(state, phase="open", opened_ms=now_ms), _watch_leaf(state)


MACHINE = PortalMachine(DOOR, "lock", NEXT, _let_in, _release, _bar)
KIND = Station(DOOR, INPUTS, OUTPUTS, DoorSettings, start, step, report)
