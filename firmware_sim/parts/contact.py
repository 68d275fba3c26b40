"""A dry contact between a pin and ground. It bounces, as all contacts do, and it can weld."""

from asyncio import TimerHandle
from typing import Literal

from firmware_sim.board.board import Board


class Contact:
    """Closed, it pulls the pin low; open, it leaves the pin to its pulls.

    After every change it bounces up to `max_bounces` times within `bounce_ms`.
    """

    def __init__(
        self,
        board: Board,
        *,
        pin: int,
        name: str,
        closed: bool = False,
        bounce_ms: float = 4.0,
        max_bounces: int = 4,
    ) -> None:
        self.closed = closed
        self.welded = False
        self._loop = board.loop
        self._wire = board.pin(pin)
        self._random = board.random(f"contact/{name}")
        self._bounce_s = bounce_ms / 1000
        self._max_bounces = max_bounces
        self._timers: list[TimerHandle] = []
        self._touch(closed)

    def put(self, closed: bool) -> None:
        """Close or open it. A welded contact stays as it is."""
        if closed == self.closed or self.welded:
            return
        self.closed = closed
        for timer in self._timers:
            timer.cancel()
        self._touch(closed)
        bounces = self._random.randint(0, self._max_bounces)
        delays = sorted(self._random.uniform(0, self._bounce_s) for _ in range(2 * bounces))
        # An even number of touches: the last one leaves the contact where it belongs.
        self._timers = [
            self._loop.call_later(delay, self._touch, closed if touch % 2 else not closed)
            for touch, delay in enumerate(delays)
        ]

    def _touch(self, closed: bool) -> None:
        self._wire.drive(False if closed else None)


class Signal:
    """A contact that says yes or no. `active` is the level that means yes: ``low`` for one that closes to say it,
    ``high`` for one that opens, so that a cut wire says yes too."""

    def __init__(
        self, board: Board, *, pin: int, name: str, active: Literal["high", "low"] = "low", bounce_ms: float = 4.0
    ) -> None:
        self.on = False
        self._closes = active == "low"
        self._contact = Contact(board, pin=pin, name=name, closed=not self._closes, bounce_ms=bounce_ms)

    def put(self, on: bool) -> None:
        self.on = on
        self._contact.put(on == self._closes)
