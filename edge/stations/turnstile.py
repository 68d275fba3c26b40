"""A turnstile: a tripod that an allowed badge unlocks for one person, and whose arm tells when somebody passed.

``arm`` is active while the arm is away from home. An ``exit_arm``, if wired, is active while it turns outward, which is
then always free, and ``arm`` only while it turns inward. Whoever badges while another is still passing waits in
``queue`` and gets the arm when it is home.
"""

from collections.abc import Mapping
from typing import Literal

from contract.kinds.turnstile import TURNSTILE, Fault, Phase
from edge.archetypes.portal import (
    HELD_OPEN,
    Passer,
    PortalSettings,
    PortalState,
    PortalStep,
    not_entered,
    passed,
    visited,
)
from edge.archetypes.protocol import Due, Edge, Input, Levels, Report, Rest, Wake, no_more
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

MAX_QUEUE = 3
"""As many may wait for the arm; then the turnstile is busy."""


class TurnstileSettings(PortalSettings, frozen=True):
    """``unlock_ms``: how long the arm waits for a person. A turn that lasts ``turn_ms`` is jammed. An arm that leaves
    home again within ``tailgate_ms`` of a passage is turned by somebody who did not badge. The sensor calls the arm
    home some degrees early, and a machine that is unlocked before its lock has fallen forgets it when it falls: so the
    arm is given ``settle_ms``. After ``still_after`` unlocks in a row in which it never moved, its sensor is suspect.
    """

    turn_ms: int = 8_000
    tailgate_ms: int = 1_000
    settle_ms: int = 200

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_positive("turn_ms", "tailgate_ms", "settle_ms")


class TurnstileState(PortalState, frozen=True):
    """``awaited`` queue for the arm, ``turning`` is who of them turns it now, and ``leaving`` are those who badged at a
    free exit arm. ``away``: the arm is not at home; ``home_ms`` is when it last came there, ``passed_ms`` when it last
    did so with a passage."""

    settings: TurnstileSettings
    phase: Phase = "rest"
    turning: Passer | None = None
    leaving: tuple[Passer, ...] = ()
    has_exit_arm: bool = False
    away: bool = False
    home_ms: int | None = None
    passed_ms: int | None = None


class TurnstileStep(PortalStep[TurnstileState, Fault]):
    """One step of a turnstile."""

    kind = TURNSTILE
    table = NEXT
    output = "unlock"
    watches = ("relock", "next", "leave", "jam")
    still_fault: Fault = "arm_still"

    def handle(self, happened: Input) -> None:
        match happened:
            case Levels(active=active):
                self._levels(active)
            case Edge(name="arm", active=True):
                self._left()
            case Edge(name="arm", active=False) if self.state.away:
                self._home()
            case Edge(name="exit_arm", active=False):
                self._exited()
            case Due(name="next") if self.state.phase == "rest":
                self._serve()
            case Due(name="leave"):
                self.do(*map(not_entered, self.state.leaving), leaving=())
            case Due(name="jam") if self.state.phase in ("turning", "forced"):
                self._jam()
            case _:
                super().handle(happened)

    def let_in(self, who: Passer) -> None:
        if who.direction == "out" and self.state.has_exit_arm:
            # The exit arm is free. Unlocking would only free the way in as well.
            leave = Wake("leave", self.state.settings.unlock_ms)
            self.do(leave, leaving=(*self.state.leaving, who)[-MAX_QUEUE:])
        elif self.state.phase == "jammed":
            # The rule lets nobody in through a jammed turnstile, but a sensor that fails must not keep anybody in.
            self.unlock()
        else:
            self.do(awaited=(*self.state.awaited, who)[:MAX_QUEUE])
            self._serve()

    def await_nobody(self) -> None:
        super().await_nobody()
        self.do(turning=None, leaving=())

    def follow_sensor(self) -> None:
        """Away from home the arm is in the middle of a turn nobody watched."""
        self.await_nobody()
        watch = [Wake("jam", self.state.settings.turn_ms)] if self.state.away else []
        self.do(Rest(self.output), *no_more(*self.watches), *watch, phase="turning" if self.state.away else "rest")

    def stop_entry(self) -> None:
        if self.state.phase != "jammed":  # there the arm is unlocked for people on the way out alone
            super().stop_entry()
        if not self.state.awaited:
            self.do(Wake("next", None))

    def _serve(self) -> None:
        """Unlock for whoever waits first, or go on waiting for them, once the arm has settled at home."""
        state = self.state
        if state.awaited and state.phase in ("rest", "unlocked"):
            settled_ms = self.now_ms if state.home_ms is None else state.home_ms + state.settings.settle_ms
            if self.now_ms < settled_ms:
                self.do(Wake("next", settled_ms - self.now_ms))
            else:
                self.unlock()

    def _left(self) -> None:
        """The lock falls back at once: the arm turns on by itself and locks when it is home."""
        before = self.state
        self.to("left", away=True)
        if before.phase == "unlocked":
            self.do(turning=before.awaited[0], awaited=before.awaited[1:])
            self.lock()
        elif before.phase == "rest":
            since_ms = None if before.passed_ms is None else self.now_ms - before.passed_ms
            is_tailgated = since_ms is not None and since_ms < before.settings.tailgate_ms
            event, text = (TURNSTILE.tailgated, "tailgated") if is_tailgated else (TURNSTILE.forced, "forced")
            self.do(event(), self.show("red", text), Wake("next", None))
        if before.phase in ("unlocked", "rest"):
            self.do(Wake("jam", before.settings.turn_ms))

    def _home(self) -> None:
        before = self.state
        self.to("home", Wake("jam", None), away=False, home_ms=self.now_ms)
        if before.phase == "jammed":
            self.do(TURNSTILE.jam_cleared())
            self.lock()
        elif before.released_by == {HELD_OPEN}:
            # A machine locks behind each person until its contact has opened once, however long it stays unlocked.
            self.do(Rest(self.output), Wake("hold_open", before.settings.settle_ms))
        else:
            if before.turning is not None:
                self.do(passed(before.turning), *visited(before.turning), turning=None, passed_ms=self.now_ms)
                self.moved("arm_still")
            self._serve()

    def _exited(self) -> None:
        if not self.state.leaving:
            self.do(TURNSTILE.exited())
            return
        first, *others = self.state.leaving
        self.do(passed(first), *([] if others else [Wake("leave", None)]), leaving=tuple(others))

    def _jam(self) -> None:
        """Nobody stands and waits for a repair: whoever was let in has to badge again."""
        turning, awaited = self.state.turning, self.state.awaited
        waited = map(not_entered, awaited if turning is None else (turning, *awaited))
        self.to("jam", TURNSTILE.jammed(), self.show("red", "jammed"), *waited, awaited=(), turning=None)

    def _levels(self, active: Mapping[str, bool]) -> None:
        self.do(away=active.get("arm", False), has_exit_arm="exit_arm" in active)
        if self.state.phase != "released":
            self.follow_sensor()
        elif self.state.released_by == {HELD_OPEN}:
            self.keep_open()


def report(state: TurnstileState) -> Report:
    faulted = state.phase == "jammed"
    faults = state.faults | {"jammed"} if faulted else state.faults
    quiet = state.phase == "rest" and not (state.away or state.awaited)
    return Report(state.phase, len(state.awaited) >= MAX_QUEUE, faulted, faults, quiet)


KIND = Station(
    TURNSTILE,
    {"arm": True, "exit_arm": False},
    {"unlock": True, "green": False, "red": False},
    TurnstileSettings,
    TurnstileState,
    TurnstileStep.run,
    report,
)
