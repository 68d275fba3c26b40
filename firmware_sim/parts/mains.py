"""The mains behind a board: its voltage wanders a little, as everywhere, and it can be cut for a whole hall."""

import math
from asyncio import AbstractEventLoop

from firmware_sim.parts.wire import Wire

NOMINAL_V = 230.0


class Mains:
    """230 V and 50 Hz, both slowly swaying; ``supply`` tells whether it is there."""

    def __init__(self, loop: AbstractEventLoop) -> None:
        self.supply = Wire(on=True)
        self._loop = loop

    @property
    def voltage_v(self) -> float:
        return NOMINAL_V + 2.0 * self._sway(577.0) if self.supply.on else 0.0

    @property
    def frequency_hz(self) -> float:
        return 50.0 + 0.02 * self._sway(199.0) if self.supply.on else 0.0

    def _sway(self, period_s: float) -> float:
        return math.sin(2 * math.pi * self._loop.time() / period_s)
