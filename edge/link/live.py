"""What screens show of this moment: power, minutes left, temperature. Readings nobody mourns."""

from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable, Mapping
from typing import Any

from contract.messages import Live
from edge.link.sealed_channel import SealedChannel

EVERY_S = 2.0

Shown = Mapping[str, dict[str, Any]]


class LiveReadings:
    """Publishes what ``show`` says, by point, whenever it reads differently than two seconds ago."""

    def __init__(
        self,
        channel: SealedChannel,
        loop: AbstractEventLoop,
        *,
        show: Callable[[], Shown],
        now_ms: Callable[[], int],
    ) -> None:
        self._channel, self._loop = channel, loop
        self._show, self._now_ms = show, now_ms
        self._told: Shown = {}
        self._next: TimerHandle | None = None

    def went_up(self) -> None:
        """A new connection knows nothing yet."""
        self.close()
        self._told = {}
        self._look()

    def close(self) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _look(self) -> None:
        shown = self._show()
        if shown != self._told:
            self._told = shown
            self._channel.publish("live", Live(self._now_ms(), dict(shown)))
        self._next = self._loop.call_later(EVERY_S, self._look)
