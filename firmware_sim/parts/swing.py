"""A thing on a hinge or hub, on the loop's time: a leaf, a tripod."""

from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable

from firmware_sim.parts.motion import Motion


class Swing:
    """Swings by one `Motion` at a time and says when it passes marked angles and when it arrives.

    `on_mark(angle, upwards)` and `on_arrival(angle)` are called on the loop.
    """

    def __init__(
        self,
        loop: AbstractEventLoop,
        *,
        marks: tuple[float, ...],
        acceleration: float,
        on_mark: Callable[[float, bool], object],
        on_arrival: Callable[[float], object],
    ) -> None:
        self._loop = loop
        self._marks = marks
        self._acceleration = acceleration
        self._on_mark = on_mark
        self._on_arrival = on_arrival
        self._rest = 0.0
        self._motion: Motion | None = None
        self._since = 0.0
        self._timers: list[TimerHandle] = []

    @property
    def angle(self) -> float:
        return self._now()[0]

    def go(self, target: float, *, top_speed: float) -> None:
        """Swing to a target from where it is and at the speed it has."""
        angle, speed = self._now()
        motion = Motion(angle, speed, target, top_speed=top_speed, acceleration=self._acceleration)
        self.stop()
        self._motion, self._since = motion, self._loop.time()
        self._timers = [
            self._loop.call_later(after_s, self._on_mark, mark, upwards)
            for mark in self._marks
            for after_s, upwards in motion.crossings(mark)
        ]
        self._timers.append(self._loop.call_later(motion.duration_s, self._arrive, target))

    def stop(self) -> None:
        """Stand still at once."""
        self.put(self._now()[0])

    def put(self, angle: float) -> None:
        """Be at an angle, at rest."""
        for timer in self._timers:
            timer.cancel()
        self._motion, self._rest, self._timers = None, angle, []

    def _now(self) -> tuple[float, float]:
        if self._motion is None:
            return self._rest, 0.0
        return self._motion.at(self._loop.time() - self._since)

    def _arrive(self, target: float) -> None:
        self.put(target)
        self._on_arrival(target)
