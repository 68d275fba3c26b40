"""A turnstile: a tripod that an allowed badge unlocks for one person, and whose arm tells when somebody passed.

``arm`` is active while the arm is away from home. An ``exit_arm``, if wired, is active while it turns outward, which is
then always free, and ``arm`` only while it turns inward. Whoever badges while another is still passing waits in
``queue`` and gets the arm when it is home.
"""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from contract.kinds.turnstile import TURNSTILE, Phase
from edge.archetypes.faults import kept_still, moved
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

Trigger = Literal["unlock", "left", "home", "relock", "jam", "release", "restore"]

NEXT: dict[tuple[Phase, Trigger], Phase] = {
    ("rest", "unlock"): "unlocked",
    ("unlocked", "left"): "turning",
    ("unlocked", "relock"): "rest",
    ("turning", "home"): "rest",
    ("turning", "jam"): "jammed",
    ("rest", "left"): "forced",
    ("forced", "home"): "rest",
    ("forced", "jam"): "jammed",
    ("jammed", "home"): "rest",
    ("rest", "release"): "released",
    ("unlocked", "release"): "released",
    ("turning", "release"): "released",
    ("forced", "release"): "released",
    ("jammed", "release"): "released",
    ("released", "restore"): "rest",
}
"""Where a trigger leads."""

INPUTS = {"arm": True, "exit_arm": False}
OUTPUTS = {"unlock": True, "green": False, "red": False}
MAX_QUEUE = 3
"""As many may wait for the arm; then the turnstile is busy."""


class TurnstileSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """``unlock_ms``: how long the arm waits for a person. A turn that lasts ``turn_ms`` is jammed. An arm that leaves
    home again within ``tailgate_ms`` of a passage is turned by somebody who did not badge. The sensor calls the arm
    home some degrees early, and a machine that is unlocked before its lock has fallen forgets it when it falls: so the
    arm is given ``settle_ms``. After ``still_after`` unlocks in a row in which it never moved, its sensor is suspect.
    """

    unlock_ms: int = 5_000
    turn_ms: int = 8_000
    tailgate_ms: int = 1_000
    settle_ms: int = 200
    still_after: int = 20

    def __post_init__(self) -> None:
        check_unlock_ms(self.unlock_ms)
        for name in ("turn_ms", "tailgate_ms", "settle_ms", "still_after"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is greater than 0")


class TurnstileState(Portal, frozen=True, kw_only=True):
    """``queue`` are those who may pass, ``turning`` is who of them turns the arm now, and ``leaving`` are those who
    badged at a free exit arm. ``away``: the arm is not at home; ``home_ms`` is when it last came there, ``passed_ms``
    when it last did so with a passage. ``released_by`` are the causes that free the arm: the emergency, or a mode that
    holds it open."""

    point: str
    settings: TurnstileSettings
    phase: Phase = "rest"
    queue: tuple[Passer, ...] = ()
    turning: Passer | None = None
    leaving: tuple[Passer, ...] = ()
    has_exit_arm: bool = False
    away: bool = False
    home_ms: int | None = None
    passed_ms: int | None = None


Step = tuple[TurnstileState, list[Effect]]


def start(point: str, settings: TurnstileSettings) -> TurnstileState:
    return TurnstileState(point=point, settings=settings)


def report(state: TurnstileState) -> Report:
    faulted = state.phase == "jammed"
    faults = state.faults | {"jammed"} if faulted else state.faults
    quiet = state.phase == "rest" and not (state.away or state.queue)
    return Report(state.phase, len(state.queue) >= MAX_QUEUE, faulted, faults, quiet)


def step(state: TurnstileState, happened: Input, now_ms: int) -> Step:
    """Take one input to completion. Inputs that mean nothing to a turnstile change nothing."""
    match happened:
        case Levels(active=active):
            return _levels(state, active)
        case Edge(name="arm", active=True):
            return _left(state, now_ms)
        case Edge(name="arm", active=False) if state.away:
            return _home(state, now_ms)
        case Edge(name="exit_arm", active=False):
            return _exited(state)
        case Due(name="relock") if state.released_by != {HELD_OPEN}:
            return _relock(state)
        case Due(name="next") if state.phase == "rest":
            return _serve(state, now_ms)
        case Due(name="leave"):
            return replace(state, leaving=()), [not_entered(who) for who in state.leaving]
        case Due(name="jam") if state.phase in ("turning", "forced"):
            return _jam(state)
    return MACHINE.step(state, happened, now_ms)


_UNWATCHED = [Wake(name, None) for name in ("relock", "next", "leave", "jam", "hold_open")]


def _forgotten(state: TurnstileState) -> TurnstileState:
    """Nobody is awaited any more, and no passage is booked: nobody watched."""
    return replace(state, queue=(), turning=None, leaving=())


def _let_in(state: TurnstileState, who: Passer, told: Record, shown: Show, now_ms: int) -> Step:
    if state.phase == "released":
        return state, [told, shown]
    if who.direction == "out" and state.has_exit_arm:
        # The exit arm is free. Unlocking would only free the way in as well.
        leaving = (*state.leaving, who)[-MAX_QUEUE:]
        return replace(state, leaving=leaving), [told, shown, Wake("leave", state.settings.unlock_ms)]
    if state.phase == "jammed":
        # The rule lets nobody in through a jammed turnstile, but a sensor that fails must not keep anybody in.
        return state, [told, *_unlock(state), shown]
    state = replace(state, queue=(*state.queue, who)[:MAX_QUEUE])
    state, served = _serve(state, now_ms)
    return state, [told, *served, shown]


def _serve(state: TurnstileState, now_ms: int) -> Step:
    """Unlock for whoever waits first, or go on waiting for them, once the arm has settled at home."""
    if not state.queue or state.phase not in ("rest", "unlocked"):
        return state, []
    home_for_ms = None if state.home_ms is None else now_ms - state.home_ms
    if home_for_ms is not None and home_for_ms < state.settings.settle_ms:
        return state, [Wake("next", state.settings.settle_ms - home_for_ms)]
    return MACHINE.to(state, "unlock"), _unlock(state)


def _unlock(state: TurnstileState, behind: Literal["nothing", "written"] = "written") -> list[Effect]:
    unlock_ms = state.settings.unlock_ms
    return [Drive("unlock", unlock_ms + LEASE_MARGIN_MS, behind), Wake("relock", unlock_ms)]


def _left(state: TurnstileState, now_ms: int) -> Step:
    """The lock falls back at once: the arm turns on by itself and locks when it is home."""
    after, jam = replace(MACHINE.to(state, "left"), away=True), Wake("jam", state.settings.turn_ms)
    if state.phase == "unlocked":
        after = replace(after, turning=state.queue[0], queue=state.queue[1:])
        return after, [Rest("unlock"), Wake("relock", None), jam]
    if state.phase != "rest":
        return after, []
    tailgated = state.passed_ms is not None and now_ms - state.passed_ms < state.settings.tailgate_ms
    turned = TURNSTILE.tailgated() if tailgated else TURNSTILE.forced()
    shown = TURNSTILE.text("tailgated" if tailgated else "forced")
    return after, [turned, Show("red", shown), Wake("next", None), jam]


def _home(state: TurnstileState, now_ms: int) -> Step:
    after, effects = replace(MACHINE.to(state, "home"), away=False, home_ms=now_ms), list[Effect]([Wake("jam", None)])
    if state.phase == "jammed":
        return after, [TURNSTILE.jam_cleared(), Rest("unlock"), Wake("relock", None), *effects]
    if state.released_by == {HELD_OPEN}:
        # A machine locks behind each person until its contact has opened once, however long it was to stay unlocked.
        return after, [*effects, Rest("unlock"), Wake("hold_open", state.settings.settle_ms)]
    if state.turning is not None:
        after, cleared = moved(replace(after, turning=None, passed_ms=now_ms), TURNSTILE, "arm_still")
        effects = [passed(state.turning), *effects, *cleared]
    after, served = _serve(after, now_ms)
    return after, effects + served


def _exited(state: TurnstileState) -> Step:
    if not state.leaving:
        return state, [TURNSTILE.exited()]
    left = state.leaving[1:]
    return replace(state, leaving=left), [passed(state.leaving[0]), *([] if left else [Wake("leave", None)])]


def _jam(state: TurnstileState) -> Step:
    """Nobody stands and waits for a repair: whoever was let in has to badge again."""
    waited = state.queue if state.turning is None else (state.turning, *state.queue)
    after = replace(MACHINE.to(state, "jam"), queue=(), turning=None)
    return after, [TURNSTILE.jammed(), Show("red", TURNSTILE.text("jammed")), *(not_entered(who) for who in waited)]


def _relock(state: TurnstileState) -> Step:
    """Nobody came: everyone who waited has to badge again."""
    if state.phase != "unlocked":
        return state, [Rest("unlock")]
    effects: list[Effect] = [Rest("unlock"), *(not_entered(who) for who in state.queue)]
    after = replace(MACHINE.to(state, "relock"), queue=())
    after, faulted = kept_still(after, TURNSTILE, "arm_still", suspect_after=state.settings.still_after)
    return after, effects + faulted


def _levels(state: TurnstileState, active: Mapping[str, bool]) -> Step:
    state = replace(state, away=active.get("arm", False), has_exit_arm="exit_arm" in active)
    if state.phase == "released":
        return state, keep_open("unlock") if state.released_by == {HELD_OPEN} else []
    return _believe_arm(state)


def _release(state: TurnstileState, cause: str, active: bool, _now_ms: int) -> Step:
    causes = state.released_by | {cause} if active else state.released_by - {cause}
    state = replace(state, released_by=causes)
    if causes:
        held = keep_open("unlock") if causes == {HELD_OPEN} else []
        return _forgotten(MACHINE.to(state, "release")), [*([] if held else [Rest("unlock")]), *_UNWATCHED, *held]
    return _believe_arm(MACHINE.to(state, "restore")) if state.phase == "released" else (state, [])


def _bar(state: TurnstileState) -> Step:
    """Whoever was let in and has not entered is not awaited any more; whoever is on the way out is."""
    leaving = tuple(who for who in state.queue if who.direction == "out")
    effects: list[Effect] = [not_entered(who) for who in state.queue if who.direction == "in"]
    state = replace(state, queue=leaving)
    if state.phase == "unlocked" and leaving:
        return state, [*_unlock(state, "nothing"), *effects]
    if state.phase == "unlocked":
        return MACHINE.to(state, "relock"), [Rest("unlock"), Wake("relock", None), *effects]
    return state, effects if leaving else [*effects, Wake("next", None)]


def _believe_arm(state: TurnstileState) -> Step:
    """The phase that fits the arm as it stands: away from home it is in the middle of a turn nobody watched."""
    after = replace(_forgotten(state), phase="turning" if state.away else "rest")
    watch = [Wake("jam", state.settings.turn_ms)] if state.away else []
    return after, [Rest("unlock"), *_UNWATCHED, *watch]


MACHINE = PortalMachine(TURNSTILE, "unlock", NEXT, _let_in, _release, _bar)
KIND = Station(TURNSTILE, INPUTS, OUTPUTS, TurnstileSettings, start, step, report)
