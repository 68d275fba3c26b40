"""A door with a leaf: a lock, and if wired a contact, an exit button and a release sense.

The contact is active while the leaf is shut. Exit never asks: the button drives the lock before anything is written.
Every opening is told apart: by a badge, by the button, in an emergency, or by force. An allowed badge drives the lock
whatever the contact says, because the contact may be wired the wrong way round.
"""

from collections.abc import Mapping
from typing import Literal

from contract.kinds.door import DOOR, Fault, Phase
from edge.archetypes.portal import (
    HELD_OPEN,
    SLOW_TIMES,
    Passer,
    PortalSettings,
    PortalState,
    PortalStep,
    passed,
    visited,
)
from edge.archetypes.protocol import Due, Edge, Input, Levels, Report, Wake
from edge.archetypes.station import Station, require

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

MAX_PASSERS = 8
"""As many may badge before the leaf opens for all of them; then the door is busy."""
REVERSED_AFTER = 3
"""Unlocks in a row at which the contact shut instead of opening: then it is wired the wrong way round."""


class DoorSettings(PortalSettings, frozen=True):
    """``unlock_ms``: how long a badge unlocks. ``held_ms``: how long the leaf may stand open; ``warn_ms`` after it
    opened the pre-alarm shows. A leaf that opens again within ``latch_ms`` of closing was caught before it latched,
    not forced. A button pressed for ``button_stuck_ms`` is stuck. After ``still_after`` unlocks in a
    row in which the contact never moved, it is suspect.
    """

    warn_ms: int = 20_000
    held_ms: int = 30_000
    latch_ms: int = 1_000
    button_stuck_ms: int = 30_000

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_positive("button_stuck_ms")
        require(0 < self.warn_ms < self.held_ms, "warn_ms lies between 0 and held_ms")
        require(self.latch_ms >= 0, "latch_ms is not below 0")


class DoorState(PortalState, frozen=True):
    """``unlocked`` holds wherever the leaf is. ``button``: somebody inside may be taking the next opening too.
    ``released_by`` may also be its supply, broken in hardware. A door ``sees_passages`` that has a contact."""

    settings: DoorSettings
    phase: Phase = "closed"
    sees_passages: bool = False
    button: bool = False
    leaf_open: bool = False
    opened_ms: int = 0
    shut_ms: int | None = None
    reversed: int = 0

    @property
    def is_leaving(self) -> bool:
        return self.button or super().is_leaving


class DoorStep(PortalStep[DoorState, Fault]):
    """One step of a door."""

    kind = DOOR
    table = NEXT
    output = "lock"
    watches = ("relock", "warn", "hold")
    still_fault: Fault = "contact_still"

    def handle(self, happened: Input) -> None:
        match happened:
            case Levels(active=active):
                self._levels(active)
            case Edge(name="contact", active=True):
                self._shut()
            case Edge(name="contact", active=False):
                self._opened()
            case Edge(name="exit_button", active=pressed):
                self._button(pressed)
            case Edge(name="release_sense", active=broken):
                self._release_sense(broken)
            case Due(name="warn") if self.state.phase == "open":
                self.do(self.show("red", "please_close"))
            case Due(name="hold") if self.state.phase == "open":
                held = DOOR.held(open_ms=self.now_ms - self.state.opened_ms)
                self.to("hold", held, self.show("red", "held"))
            case Due(name="button_stuck"):
                self.set_fault("exit_button_stuck", present=True)
            case _:
                super().handle(happened)

    def let_in(self, who: Passer) -> None:
        self.unlock(times=SLOW_TIMES if who.slow else 1)
        if self.state.leaf_open:
            # The way stands open already, so whoever is allowed walks through, and has as long to do so as the first.
            self.do(passed(who), *visited(who))
        elif not any(one.is_same(who) for one in self.state.awaited):
            self.do(awaited=(*self.state.awaited, who)[:MAX_PASSERS])
        if self.state.phase == "open":
            self._watch_leaf()

    def await_nobody(self) -> None:
        super().await_nobody()
        self.do(button=False)

    def relock(self) -> None:
        super().relock()
        self.do(button=False)

    def follow_sensor(self) -> None:
        if not self.state.leaf_open:
            self.do(Wake("warn", None), Wake("hold", None), phase="closed")
        elif self.state.phase not in ("open", "held", "forced"):
            self.do(phase="open", opened_ms=self.now_ms)
            self._watch_leaf()

    def _button(self, pressed: bool) -> None:
        """Exit never asks, and never waits for a disk: the drive comes before the record."""
        if not pressed:
            self.do(Wake("button_stuck", None))
            self.set_fault("exit_button_stuck", present=False)
            return
        if self.state.phase != "released":
            self.unlock("nothing")
            self.do(button=not self.state.leaf_open)
        elif self.state.released_by == {HELD_OPEN}:
            # The keeper has opened the lock for the button's time, which is shorter than the lease of a held door.
            self.keep_open()
        self.do(DOOR.exit_button(), Wake("button_stuck", self.state.settings.button_stuck_ms))

    def _opened(self) -> None:
        before = self.state
        since_shut_ms = None if before.shut_ms is None else self.now_ms - before.shut_ms
        is_caught = before.phase == "closed" and since_shut_ms is not None and since_shut_ms < before.settings.latch_ms
        self.to("caught" if is_caught else "opened", leaf_open=True, opened_ms=self.now_ms, shut_ms=None)
        if is_caught:
            self.do(DOOR.tailgated())
        elif before.phase == "closed":
            self.do(DOOR.forced(), self.show("red", "forced"))
        elif before.phase == "unlocked":
            self.do(*map(passed, before.awaited), *([DOOR.exited()] if before.button else []))
            self.do(*(effect for who in before.awaited for effect in visited(who)))
            self.lock()
            self.await_nobody()
            self.do(reversed=0 if before.awaited else before.reversed)
        if is_caught or before.phase == "unlocked":
            self._watch_leaf()
        self.moved("contact_still")

    def _watch_leaf(self) -> None:
        self.do(Wake("warn", self.state.settings.warn_ms), Wake("hold", self.state.settings.held_ms))

    def _shut(self) -> None:
        before = self.state
        is_latching = before.phase in ("open", "held") and not before.unlocked
        self.to(
            "shut_unlocked" if before.unlocked else "shut",
            Wake("warn", None),
            Wake("hold", None),
            leaf_open=False,
            shut_ms=self.now_ms if is_latching else None,
        )
        self.moved("contact_still")
        if before.phase in ("held", "forced"):
            self.do(DOOR.shut(open_ms=self.now_ms - before.opened_ms))
        if before.unlocked and before.leaf_open:
            # The lock was driven when the contact shut: somebody closed the leaf, or the contact is reversed.
            self.do(reversed=before.reversed + 1)
            if self.state.reversed >= REVERSED_AFTER:
                self.set_fault("contact_reversed", present=True)

    def _release_sense(self, broken: bool) -> None:
        if ("hardware" in self.state.released_by) != broken:
            self.do(DOOR.hard_release(active=broken))
        self.release("hardware", active=broken)

    def _levels(self, active: Mapping[str, bool]) -> None:
        """Believe the inputs as they are found: an opening nobody watched is not called forced, a passage not booked.
        Whoever holds the exit button wants out now, and may have pressed it before anybody was there to hear."""
        self.await_nobody()
        self.do(sees_passages="contact" in active, leaf_open=not active.get("contact", True), shut_ms=None)
        self.lock()
        self._release_sense(active.get("release_sense", False))
        if self.state.phase != "released":
            self.follow_sensor()
        self._button(active.get("exit_button", False))


def report(state: DoorState) -> Report:
    quiet = state.phase == "closed" and not (state.unlocked or state.leaf_open or state.awaited)
    return Report(state.phase, len(state.awaited) >= MAX_PASSERS, faults=state.faults, quiet=quiet)


KIND = Station(
    DOOR,
    {"contact": False, "exit_button": False, "release_sense": False},
    {"lock": True, "green": False, "red": False},
    DoorSettings,
    DoorState,
    DoorStep.run,
    report,
)
