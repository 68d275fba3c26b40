"""Outputs on a lease: an output leaves rest only for a stated time, and falls back by itself."""

from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable
from typing import Any

from edge.config.tables import Output

MAX_LEASE_MS = 60_000
"""Whoever needs an output for longer renews its lease; a hung agent must not hold anything for longer than this."""


class LeasedOutput:
    """One pin and its lease. ``expired`` is called when a lease ran out.

    The pin is a gpiozero pin. It is at rest from the moment it is taken, and again after ``close``. An active-low pin
    is low for some microseconds while gpiozero takes it, far too short for a relay.
    """

    def __init__(
        self, pin: Any, wiring: Output, loop: AbstractEventLoop, expired: Callable[["LeasedOutput"], None]
    ) -> None:
        self.wiring = wiring
        self.driven = False
        self._pin, self._loop, self._expired = pin, loop, expired
        self._energized = wiring.relay == "high"
        self._timer: TimerHandle | None = None
        pin.output_with_state(not self._energized)

    def drive(self, lease_ms: int) -> None:
        """Leave rest, or stay away from it, until ``lease_ms`` from now."""
        self._cancel()
        self._timer = self._loop.call_later(lease_ms / 1000, self._run_out)
        self._set(True)

    def hold(self) -> None:
        """Leave rest without a lease: only an emergency release does."""
        self._cancel()
        self._set(True)

    def rest(self) -> None:
        self._cancel()
        self._set(False)

    def close(self) -> None:
        self.rest()
        self._pin.close()

    def _set(self, driven: bool) -> None:
        self._pin.state = self._energized if driven else not self._energized
        self.driven = driven

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _run_out(self) -> None:
        self.rest()
        self._expired(self)
