"""Reads every instrument of a bus about once a second, in turn, and tells the points what they say.

Each round every instrument is told of once: by its values, or by None. One that does not answer is asked again, after
longer and longer, and a round waits for at most one such instrument: a dead meter costs the others little.
"""

import asyncio
import logging
from asyncio import AbstractEventLoop, Task
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from edge.config.peripherals import Bus
from edge.config.tables import Point
from edge.instruments.modbus import Failure, Why
from edge.instruments.modbus_line import ModbusLine, timing_of
from edge.instruments.models import MODELS, Doubt, Values
from edge.instruments.serial_line import BusPort

log = logging.getLogger(__name__)

ROUND_S = 1.0
LONGEST_PAUSE_S = 8.0
"""A silent meter has several chances before the 30 s are over after which its socket is cut."""

Fault = Why | Doubt
Read = Callable[[str, str, Values | None], object]
"""Told of a point's instrument, by both names, and of what it says; None if nobody knows."""


class Tap(NamedTuple):
    """What one point reads off a device: its name for it, and the channel of a device that has several."""

    point: str
    instrument: str
    channel: int | None

    def __str__(self) -> str:
        return f"{self.point}.{self.instrument}"


class Unit:
    """One device on the line, and all that is read off it. ``missed`` counts the looks without an answer in a row,
    ``faults`` say for each tap what is wrong now."""

    def __init__(self, model: str, address: int, taps: list[Tap]) -> None:
        self.address, self.taps = address, taps
        self.model_name, self._model = model, MODELS[model]
        self.missed = 0
        self.retry_at_s = 0.0
        self.faults: dict[Tap, Fault] = {}

    async def look(self, line: ModbusLine) -> dict[Tap, Values | None]:
        """What its taps say, after one look at it."""
        blocks = []
        for request in self._model.reads(self.address):
            outcome = await line.ask(request)
            if isinstance(outcome, Failure):
                self.missed += 1
                return self.without(outcome.why)
            blocks.append(outcome.values)
        self.missed = 0
        decoded = {tap: self._model.decode(blocks, tap.channel) for tap in self.taps}
        self.faults = {tap: doubt for tap, doubt in decoded.items() if isinstance(doubt, str)}
        return {tap: None if isinstance(values, str) else values for tap, values in decoded.items()}

    def without(self, why: Why) -> dict[Tap, Values | None]:
        """Nothing is known of any of its taps."""
        self.faults = dict.fromkeys(self.taps, why)
        return dict.fromkeys(self.taps)


class Metering:
    """The rounds of one bus. ``failures`` counts what our own code raised, here and in those who are told; ``round_s``
    is how long the last round took."""

    def __init__(self, bus: Bus, points: Iterable[Point], port: BusPort, loop: AbstractEventLoop, read: Read) -> None:
        self.failures = 0
        self._bus, self._port, self._loop, self._read = bus, port, loop, read
        self.line = ModbusLine(port, timing_of(bus), loop)
        self._units = units(bus.name, points)
        self.round_s = 0.0
        self._task: Task[None] | None = None

    def start(self) -> None:
        """Begin with the rounds."""
        self._task = self._loop.create_task(self._run(), name=f"metering {self._bus.name}")

    async def close(self) -> None:
        """End them, and let go of the line."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._port.close()

    def faults(self) -> dict[str, str]:
        """What is wrong now: why the line is gone, what our own code raised, what each instrument suffers from."""
        bus = f"bus.{self._bus.name}"
        faults = {bus: self._port.why_down, f"{bus}.readings": f"{self.failures} failures" if self.failures else ""}
        faults |= {str(tap): why for unit in self._units for tap, why in unit.faults.items()}
        return {place: why for place, why in faults.items() if why}

    async def _run(self) -> None:
        while True:
            began_s = self._loop.time()
            try:
                await self._round()
            except Exception:  # the boundary behind which a fault of ours costs one round, and is seen
                log.exception("a round of the bus %s failed", self._bus.name)
                self.failures += 1
            self.round_s = self._loop.time() - began_s
            await asyncio.sleep(max(0.0, ROUND_S - self.round_s))

    async def _round(self) -> None:
        if self._port.why_down:
            for unit in self._units:
                self._tell(unit.without("bus_lost"))
            return
        silent = sorted((unit for unit in self._units if unit.missed), key=lambda unit: unit.retry_at_s)
        for unit in [unit for unit in self._units if not unit.missed]:
            await self._look(unit)
        back: bool | None = None
        for unit in silent:
            # Where one has come back, others may have with it: their mains, their end of the cable.
            if back or (back is None and unit.retry_at_s <= self._loop.time()):
                await self._look(unit)
                back = not unit.missed
            else:
                self._tell(dict.fromkeys(unit.taps))

    async def _look(self, unit: Unit) -> None:
        readings = await unit.look(self.line)
        if unit.missed:
            unit.retry_at_s = self._loop.time() + min(2.0 ** (unit.missed - 1), LONGEST_PAUSE_S)
        self._tell(readings)

    def _tell(self, readings: Mapping[Tap, Values | None]) -> None:
        for tap, values in readings.items():
            try:
                self._read(tap.point, tap.instrument, values)
            except Exception:  # the boundary behind which a fault of one point leaves the others their meters
                log.exception("the reading of %s could not be told", tap)
                self.failures += 1


def units(bus: str, points: Iterable[Point]) -> list[Unit]:
    """The devices on a bus: a board with eight thermistors is one, whoever they belong to."""
    taps: dict[tuple[str, int], list[Tap]] = defaultdict(list)
    for point in points:
        for name, instrument in point.instruments.items():
            if instrument.bus == bus:
                taps[instrument.model, instrument.address].append(Tap(point.name, name, instrument.channel))
    return [Unit(model, address, of_device) for (model, address), of_device in taps.items()]
