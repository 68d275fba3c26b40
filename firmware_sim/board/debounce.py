"""Edge detection and debouncing as lgpio does them, which is not how gpiozero's documentation tells it.

Source: lg's `xDebWatEvt`. An edge is reported only after no other edge followed it for *more* than the debounce,
stamped with edge + debounce; with both edges watched, only if the level differs from the last one reported.
"""

from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable
from typing import Literal

Edges = Literal["both", "rising", "falling"]

SLACK_NS = 1000
"""An edge exactly one debounce later must still be seen before the timer; the report's time stamp is not touched."""


class EdgeDetector:
    """Watches one line for one process. `report(level, at_ns)` hears each edge that stands."""

    def __init__(
        self, loop: AbstractEventLoop, edges: Edges, debounce_ns: int, report: Callable[[bool, int], object]
    ) -> None:
        self._loop = loop
        self._edges = edges
        self._debounce_ns = debounce_ns
        self._report = report
        self._reported: bool | None = None
        self._pending: tuple[bool, int] | None = None
        self._timer: TimerHandle | None = None

    def feed(self, level: bool, at_ns: int) -> None:
        """Take a change of the line's level."""
        if self._edges != "both" and level != (self._edges == "rising"):
            return
        if self._debounce_ns == 0:
            self._report(level, at_ns)
            return
        if self._pending is not None and at_ns - self._pending[1] > self._debounce_ns:
            self._settle(*self._pending)  # in real time this change may overtake a timer that is due
        self.cancel()
        self._pending = (level, at_ns)
        due_ns = at_ns + self._debounce_ns + SLACK_NS
        self._timer = self._loop.call_at(due_ns / 1e9, self._settle, level, at_ns)

    def cancel(self) -> None:
        """Forget the edge under observation."""
        self._pending = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _settle(self, level: bool, at_ns: int) -> None:
        self.cancel()
        if self._edges == "both" and level == self._reported:
            return
        self._reported = level
        self._report(level, at_ns + self._debounce_ns)
