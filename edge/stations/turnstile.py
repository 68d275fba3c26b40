"""A turnstile: a tripod that an allowed badge unlocks for one person, and whose arm tells when somebody passed.

``arm`` is active while the arm is away from home on its way in; ``exit_arm``, if wired, while it turns outward, which
is always free. Whoever badges while another is still passing waits in ``queue`` and gets the arm when it is home.
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

Phase = Literal["rest", "unlocked", "turning", "forced", "jammed", "released"]
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
"""Where a trigger leads. A pair that does not stand here leaves the phase as it is."""

INPUTS = {"arm": True, "exit_arm": False}
OUTPUTS = {"unlock": True, "green": False, "red": False}
MAX_QUEUE = 3


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """``unlock_ms``: how long the arm waits for a person; 3 s is the least a fixed release may be (ULC 60839-11-1).

    A turn that lasts ``turn_ms`` is jammed. An arm that leaves home again within ``tailgate_ms`` of a passage is
    turned by somebody who did not badge. After ``still_after`` unlocks in a row in which the arm never moved, its
    sensor is suspect.
    """

    unlock_ms: int = 5_000
    turn_ms: int = 8_000
    tailgate_ms: int = 1_000
    still_after: int = 20

    def __post_init__(self) -> None:
        if self.unlock_ms < 3_000:
            raise ValueError("unlock_ms is at least 3000")
        if min(self.turn_ms, self.tailgate_ms, self.still_after) <= 0:
            raise ValueError("turn_ms, tailgate_ms and still_after are greater than 0")


class Passer(Struct, frozen=True):
    """Somebody who may pass once: the holder, and which way."""

    holder: str
    direction: str


class State(Struct, frozen=True):
    """``queue`` are those who may pass, the first of them now. ``passed_ms`` is when the last passage ended."""

    point: str
    settings: Settings
    phase: Phase = "rest"
    queue: tuple[Passer, ...] = ()
    has_exit_arm: bool = False
    passed_ms: int | None = None
    still: int = 0
    faults: frozenset[str] = frozenset()


Step = tuple[State, list[Effect]]


def start(point: str, settings: Settings) -> State:
    return State(point, settings)


def report(state: State) -> Report:
    faulted = state.phase == "jammed"
    faults = state.faults | {"jammed"} if faulted else state.faults
    return Report(state.phase, len(state.queue) >= MAX_QUEUE, faulted, dict.fromkeys(sorted(faults), ""))


def step(state: State, happened: Input, now_ms: int) -> Step:
    """Take one input to completion. Inputs that mean nothing to a turnstile change nothing."""
    match happened:
        case Decided(decision=decision):
            return _badge(state, happened) if decision.allowed else (state, refuse(happened))
        case Levels(active=active):
            return _levels(state, active.get("arm", False), "exit_arm" in active)
        case Edge(name="arm" | "exit_arm" as name, active=away):
            if name == _awaited(state):
                return _left(state, now_ms) if away else _home(state, now_ms)
            return state, [] if away else [Record("turnstile.exited")]
        case Due(name="relock"):
            return _relock(state)
        case Due(name="jam"):
            return _to(state, "jam"), [Record("turnstile.jammed"), Show("red", "jammed")]
        case Emergency(active=True):
            return replace(_to(state, "release"), queue=()), [Wake("relock", None), Wake("jam", None)]
        case Emergency(active=False):
            return _to(state, "restore"), []
    return state, []


def _to(state: State, trigger: Trigger) -> State:
    return replace(state, phase=NEXT.get((state.phase, trigger), state.phase))


def _awaited(state: State) -> str:
    """Which arm the passage in hand turns: the exit arm only for somebody who badged out where there is one."""
    outward = bool(state.queue) and state.queue[0].direction == "out"
    return "exit_arm" if outward and state.has_exit_arm else "arm"


def _badge(state: State, found: Decided) -> Step:
    grant = found.decision.grant
    effects: list[Effect] = [decided(found), Show("green", found.decision.reason.value)]
    if state.phase == "released":
        return state, effects
    passer = Passer(grant.holder.hex() if grant else "", found.direction)
    state = replace(state, queue=(*state.queue, passer)[: MAX_QUEUE + 1])
    return (_to(state, "unlock"), effects + _unlock(state)) if state.phase == "rest" else (state, effects)


def _unlock(state: State) -> list[Effect]:
    return [Drive("unlock", state.settings.unlock_ms + LEASE_MARGIN_MS), Wake("relock", state.settings.unlock_ms)]


def _left(state: State, now_ms: int) -> Step:
    """The lock falls back at once: the arm turns on by itself and locks when it is home."""
    after, effects = _to(state, "left"), list[Effect]([Wake("jam", state.settings.turn_ms)])
    if state.phase == "unlocked":
        return after, [Rest("unlock"), Wake("relock", None), *effects]
    if state.phase == "rest":
        since_ms = None if state.passed_ms is None else now_ms - state.passed_ms
        tailgated = since_ms is not None and since_ms < state.settings.tailgate_ms
        return after, [
            Record("turnstile.tailgated" if tailgated else "turnstile.forced"),
            Show("red", "forced"),
            *effects,
        ]
    return after, []


def _home(state: State, now_ms: int) -> Step:
    after, effects = _to(state, "home"), list[Effect]([Wake("jam", None)])
    if state.phase == "jammed":
        effects.append(Record("turnstile.jam_cleared"))
    if state.phase == "turning" and state.queue:
        passer = state.queue[0]
        effects.append(Record("access.passed", {"holder": passer.holder, "direction": passer.direction}))
        after = replace(after, queue=state.queue[1:], passed_ms=now_ms, still=0)
        after, cleared = _clear(after, "arm_still")
        effects += cleared
    if after.phase == "rest" and after.queue:
        return _to(after, "unlock"), effects + _unlock(after)
    return after, effects


def _relock(state: State) -> Step:
    """Nobody came: everyone who waited has to badge again."""
    effects: list[Effect] = [Rest("unlock")]
    effects += [
        Record("access.not_entered", {"holder": passer.holder, "direction": passer.direction}) for passer in state.queue
    ]
    after = replace(_to(state, "relock"), queue=(), still=state.still + 1)
    if after.still < state.settings.still_after or "arm_still" in after.faults:
        return after, effects
    after = replace(after, faults=after.faults | {"arm_still"})
    return after, [*effects, Record("turnstile.fault", {"fault": "arm_still"})]


def _clear(state: State, fault: str) -> Step:
    if fault not in state.faults:
        return state, []
    return replace(state, faults=state.faults - {fault}), [Record("turnstile.fault_cleared", {"fault": fault})]


def _levels(state: State, away: bool, has_exit_arm: bool) -> Step:
    """Believe the arm as it is found: away from home it is in the middle of a turn nobody watched."""
    state = replace(state, has_exit_arm=has_exit_arm)
    if state.phase == "released":
        return state, []
    if away:
        return replace(state, phase="turning", queue=()), [Wake("relock", None), Wake("jam", state.settings.turn_ms)]
    return replace(state, phase="rest", queue=()), [Wake("relock", None), Wake("jam", None)]
