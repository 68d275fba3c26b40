"""One point of a device while it runs: its station's state, its effect queue, its wake-ups and its lamps."""

from asyncio import TimerHandle
from collections.abc import Callable
from typing import Any

from contract.decide import Mode
from edge.agent.decider import Clock
from edge.agent.effect_queue import EffectQueue
from edge.archetypes.protocol import BARRING, Emergency, Input, ModeChanged, Report, Show
from edge.archetypes.station import Station
from edge.config.tables import Point


class Runner:
    """One point: its kind, its state, the mode it is set to, its effect queue and its wake-ups."""

    def __init__(
        self,
        point: Point,
        kind: Station,
        settings: Any,
        queue: Callable[["Runner"], EffectQueue],
        clock: Clock,
    ) -> None:
        self.point, self.kind = point, kind
        self.timers: dict[str, TimerHandle] = {}
        self.lamps: dict[str, TimerHandle] = {}
        self.shown: Show | None = None
        self.mode = Mode.SCHEDULED
        self.minute: int | None = None
        """The time of day that the station was last told."""
        self._state = kind.start(point.name, settings)
        self._clock = clock
        self.queue = queue(self)

    @property
    def report(self) -> Report:
        return self.kind.report(self._state)

    def take(self, happened: Input) -> bool:
        """One input to completion: the station's step, then its effects in order. False if it means nothing there."""
        state, effects = self.kind.step(self._state, happened, self._clock.mono_ms())
        if _bars(happened):
            self.queue.clear()
        self.kind.check(effects)
        self._state = state
        self.queue.put(effects)
        return bool(effects)

    def close(self) -> None:
        self.queue.close()
        for timer in (*self.timers.values(), *self.lamps.values()):
            timer.cancel()


def _bars(happened: Input) -> bool:
    """Whether what still waits to be driven must not be driven any more."""
    match happened:
        case Emergency(active=active):
            return active
        case ModeChanged(mode=mode):
            return mode in BARRING
    return False
