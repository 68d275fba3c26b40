"""Brings a wiring that the cloud desires into force: waits for a quiet moment, tries it, and keeps it or goes back.

To try a wiring is to start over with it. The run of the agent that does so looks once a second whether all is as it
was, and has it written down as applied, or starts over with the former one.
"""

import logging
from asyncio import Future, TimerHandle
from collections.abc import Callable
from functools import partial
from typing import Literal, NamedTuple

from msgspec import Struct

from contract.device_events import DeviceEvents
from contract.messages import Desired
from contract.sealing import wiring_hash
from edge.config.device_config import ConfigError
from edge.config.wiring import AgentRun, Trial, Wirings
from edge.memory.runtime import Runtime

log = logging.getLogger(__name__)

LOOK_S = 1.0
TRIAL_S = 60.0
"""How long a wiring may take to come up to what the device was before it."""
STEADY_S = 5.0
"""How long all must be well without a break before the wiring is kept."""
SAY_AGAIN_S = 60.0
"""How often the cloud is told of another reason to wait, where people come and go."""
DISK_AGAIN_S = 10.0

READING = "Its text is being read."
OWN_FILE = "This device keeps the wiring of its own file."
REPLACED = "A newer document took its place."


class WiringVerdict(NamedTuple):
    """What became of a document, and a sentence for the operator."""

    status: Literal["applied", "waiting", "trying", "refused", "reverted"]
    why: str = ""


class Health(Struct, frozen=True):
    """What a device that tries a wiring finds itself to be. ``refused`` is why the keeper did not take it."""

    keeper: bool
    refused: str
    keeper_losses: int
    unread: list[str]
    emergencies: list[str]
    failures: int
    roster: int
    link: bool


def broken(health: Health) -> str:
    """A sentence for what no waiting mends, empty if there is none."""
    return _first(
        (health.refused, health.refused),
        (health.failures, "The device had an internal error."),
        (health.keeper_losses, "The keeper stopped."),
        (health.emergencies, f"An emergency began in {', '.join(health.emergencies)}."),
    )


def lacking(health: Health, trial: Trial) -> str:
    """A sentence for what is not there yet, empty if all is well."""
    return _first(
        (not health.keeper, "The keeper was not heard."),
        (health.unread, f"Nothing was heard of {', '.join(health.unread)}."),
        (health.roster < trial.roster, "The roster was not loaded."),
        (trial.link_was_up and not health.link, "The cloud was not reached any more."),
    )


def _first(*cases: tuple[object, str]) -> str:
    """The sentence of the first case that is so, empty if none is."""
    return next((sentence for is_so, sentence in cases if is_so), "")


class Rewire(Struct, frozen=True):
    """What it takes to change a wiring. ``run`` is what this run of the agent goes by; ``start_over`` ends it and
    begins another, with a trial or without."""

    wirings: Wirings
    run: AgentRun
    start_over: Callable[[Trial | None], object]


class Rewiring:
    """The wiring of one device. ``quiet`` says what has to be waited for, if anything; ``health`` how the device is;
    ``on_change`` is called whenever ``verdict`` would say something new, with whether that is an event."""

    def __init__(
        self,
        runtime: Runtime,
        in_force: str,
        rewire: Rewire | None,
        *,
        quiet: Callable[[], str],
        health: Callable[[], Health],
    ) -> None:
        self.in_force = in_force
        self.on_change: Callable[[bool], object] = lambda event: None
        self._runtime, self._rewire, self._quiet, self._health = runtime, rewire, quiet, health
        self._trial = rewire.run.trial if rewire else None
        self._committing = False
        self._desired: Desired | None = None
        self._verdict = WiringVerdict("applied")
        self._steady_s = 0.0
        self._published_s = 0.0
        self._ends_s = runtime.loop.time() + TRIAL_S
        self._look: TimerHandle | None = None
        self._closed = False

    def start(self) -> None:
        """Go on with a trial, and tell of one that nobody saw the end of."""
        ended = self._rewire.run.ended if self._rewire else None
        if ended is not None:
            reverted = DeviceEvents.config(status="reverted", number=ended.number or 0, why=ended.why[:200])
            self._runtime.record("", *reverted.row)
        if self._trial is not None:
            self._again(self._look_at_trial)

    def close(self) -> None:
        self._closed = True
        if self._look is not None:
            self._look.cancel()

    def want(self, desired: Desired) -> None:
        """Take a document that is on the disk."""
        self._desired = desired
        if self._trial is not None:
            self._verdict = WiringVerdict("trying")
            if _name(desired, self._rewire) != self.in_force and not self._committing:
                self._go_back(REPLACED)
                self._verdict = WiringVerdict("waiting", "Starts over with the former wiring.")
            return
        if self._look is not None:
            self._look.cancel()
        self._verdict = self._judged(desired)
        if self._verdict.status == "waiting":
            self._read(desired)

    @property
    def is_reading(self) -> bool:
        """Whether what became of the newest document is still to be told, when its text has been read."""
        return self._verdict.why == READING

    def verdict(self, desired: Desired) -> WiringVerdict:
        """What became of this document."""
        return self._verdict if desired is self._desired else WiringVerdict("waiting", "The disk has not taken it yet.")

    def _judged(self, desired: Desired) -> WiringVerdict:
        if desired.wiring and wiring_hash(desired.wiring.encode()) != desired.wiring_hash:
            return WiringVerdict("refused", "The wiring is not the one that its hash names.")
        rewire, name = self._rewire, _name(desired, self._rewire)
        if name in ("", self.in_force):
            return WiringVerdict("applied")
        if rewire is None:
            return WiringVerdict("refused", OWN_FILE)
        if why := rewire.wirings.ended(name, desired.number):
            return WiringVerdict("reverted", why)
        return WiringVerdict("waiting", READING)

    def _read(self, desired: Desired) -> None:
        """Have the text looked at by the thread of the disk: it may be long, and nobody at a door waits for it."""
        assert self._rewire is not None  # noqa: S101 - nothing waits without
        check = self._rewire.wirings.check if desired.wiring else _own_file
        read = self._runtime.on_disk(check, desired.wiring)
        read.add_done_callback(partial(self._has_read, desired))

    def _has_read(self, desired: Desired, read: "Future[object]") -> None:
        """It can be tried, or is refused; of a document that another has replaced meanwhile nobody asks any more."""
        if self._closed or desired is not self._desired:
            return
        try:
            read.result()
        except ConfigError as wrong:
            self._verdict = WiringVerdict("refused", f"{str(wrong).rstrip('.')}.")
            self.on_change(True)
            return
        self._verdict = WiringVerdict("waiting", self._quiet())
        self.on_change(True)
        self._look_for_quiet()

    def _look_for_quiet(self) -> None:
        """Begin the trial if nobody passes and nothing is held open."""
        why = self._quiet()
        if not why:
            self._begin()
            return
        if why != self._verdict.why:
            self._verdict = WiringVerdict("waiting", why)
            if self._runtime.loop.time() >= self._published_s + SAY_AGAIN_S:
                self._published_s = self._runtime.loop.time()
                self.on_change(False)
        self._again(self._look_for_quiet)

    def _begin(self) -> None:
        """Write the trial down and start over. The loop waits for the disk, so that nobody comes in between."""
        assert self._rewire is not None and self._desired is not None  # noqa: S101 - nothing waits without them
        desired = self._desired
        try:
            self._rewire.wirings.begin(desired.wiring, desired.number, self._runtime.clock.now_ms())
        except OSError as wrong:
            self._verdict = WiringVerdict("waiting", f"The disk does not take it: {wrong.strerror}.")
            self.on_change(False)
            self._again(self._look_for_quiet, DISK_AGAIN_S)
            return
        health = self._health()
        self._verdict = WiringVerdict("trying")
        self.on_change(True)
        self.close()
        self._rewire.start_over(Trial(desired.number, health.roster, health.link))

    def _look_at_trial(self) -> None:
        assert self._trial is not None  # noqa: S101 - nothing looks at a trial that is not
        health = self._health()
        why = lacking(health, self._trial)
        self._steady_s = 0.0 if why else self._steady_s + LOOK_S
        if wrong := broken(health):
            self._go_back(wrong)
        elif self._steady_s >= STEADY_S:
            self._commit()
        elif self._runtime.loop.time() >= self._ends_s:
            self._go_back(why or "It was not well for long enough.")
        else:
            self._again(self._look_at_trial)

    def _commit(self) -> None:
        assert self._rewire is not None  # noqa: S101 - a trial is never without
        self._committing = True
        written = self._runtime.on_disk(self._rewire.wirings.commit, self._runtime.clock.now_ms())
        written.add_done_callback(self._committed)

    def _committed(self, written: "Future[None]") -> None:
        """It is in force for good, unless the disk takes nothing. Meanwhile another may have been asked for."""
        if self._closed:
            return
        self._committing = False
        try:
            written.result()
            self._trial = None
        except OSError as wrong:
            if self._runtime.loop.time() >= self._ends_s:
                self._go_back(f"The disk does not take it: {wrong.strerror}.")
                return
            self._again(self._look_at_trial, DISK_AGAIN_S)
        if self._desired is not None:
            self.want(self._desired)
        if self._trial is None:
            self.on_change(True)

    def _go_back(self, why: str) -> None:
        """Start over with the former wiring. This one is done with, for this document."""
        assert self._rewire is not None  # noqa: S101 - a trial is never without
        log.warning("the wiring %s is given up: %s", self.in_force, why)
        number = self._trial.number if self._trial else 0
        self._rewire.wirings.revert(why)
        self._runtime.record("", *DeviceEvents.config(status="reverted", number=number, why=why[:200]).row)
        self.close()
        self._rewire.start_over(None)

    def _again(self, look: Callable[[], None], after_s: float = LOOK_S) -> None:
        if not self._closed:
            self._look = self._runtime.loop.call_later(after_s, look)


def _own_file(_text: str) -> None:
    """The device's own file was judged when it was loaded."""


def _name(desired: Desired, rewire: Rewire | None) -> str:
    """The hash of the wiring that a document asks for: without one, that of the device's own file."""
    if desired.wiring:
        return desired.wiring_hash
    return rewire.wirings.local.hash if rewire else ""
