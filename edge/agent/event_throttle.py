"""A throttle for events that may come without end, from a bad cable or a stranger: few rows, and none uncounted."""

from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable
from typing import Any

EVERY_S = 60.0


class EventThrottle:
    """A limit on the rows of one event: the first is recorded at once, the rest of its minute as the newest of them
    with their number."""

    def __init__(self, loop: AbstractEventLoop, record: Callable[[dict[str, Any]], object]) -> None:
        self._loop, self._record = loop, record
        self._count = 0
        self._latest: dict[str, Any] = {}
        self._timer: TimerHandle | None = None

    def note(self, data: dict[str, Any]) -> None:
        """It has happened, once more."""
        self._latest = data
        self._count += 1
        if self._timer is None:
            self._write()

    def close(self) -> None:
        """Record those that still wait for the end of their minute."""
        if self._timer is not None:
            self._timer.cancel()
        self._flush()

    def _write(self) -> None:
        self._timer = None
        if self._flush():
            self._timer = self._loop.call_later(EVERY_S, self._write)

    def _flush(self) -> bool:
        """Record what was counted. Whether that was anything."""
        count, self._count = self._count, 0
        if count:
            self._record({**self._latest, "count": count})
        return count > 0
