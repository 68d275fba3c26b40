"""The load test of an installation: one socket after another is put under load, and every instrument is watched."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from edge.archetypes.protocol import HOLD_AGAIN_MS, HOLD_LEASE_MS
from edge.config.tables import Point
from edge.instruments.load_judging import LoadFinding, LoadTrial, judge_meter, judge_thermometer
from edge.instruments.modbus_line import ModbusLine
from edge.instruments.polling import Unit
from edge.keeper.protocol import DriveOutput, KeeperLine, KeeperPort, Refused, RestOutput, Snapshot, ToAgent
from edge.machine.mendable import Mendable

SETTLE_S = 5.0
"""A switched power supply and the meter's own averaging take two or three seconds."""
WARM_S = 60.0
"""A thermistor that sits in its socket follows a hand slowly."""
KEEPER_WITHIN_S = 5.0
Lines = Sequence[tuple[ModbusLine, Sequence[Unit]]]
"""The lines of a device, and what is on each."""
RELAY, CONTACTOR = "relay", "contactor"
METER, THERMOMETER = "meter", "thermometer"


class NotSwitched(Mendable):
    """The keeper did not do as it was told. The text says why."""


class ByHand:
    """A switch by hand: the installer is asked to do it."""

    def __init__(self, ask: Callable[[str], object], begin: str, end: str) -> None:
        """``begin`` and ``end`` are what to ask for, with ``{point}`` in the place of its name."""
        self._ask, self._begin, self._end = ask, begin, end

    async def on(self, point: Point) -> None:
        self._ask(self._begin.format(point=point.name))

    async def off(self, point: Point) -> None:
        if self._end:
            self._ask(self._end.format(point=point.name))


class ByKeeper:
    """A switch by the keeper: it drives the socket's relay, and the contactor upstream of it, by lease. Whatever
    becomes of this program, they fall off."""

    def __init__(self, line: KeeperPort, banks: Mapping[str, str], prepare: Callable[[Point], object]) -> None:
        """``banks`` has the point of the contactor of each socket that has one; ``prepare`` is called before a socket
        is switched on, and may ask for the load."""
        self.snapshot: asyncio.Future[Snapshot] = asyncio.get_running_loop().create_future()
        """What the keeper says first of all."""
        self._line, self._banks, self._prepare = line, banks, prepare
        self._renewal: asyncio.Task[None] | None = None
        self._refused = ""

    def handle(self, message: ToAgent) -> None:
        match message:
            case Snapshot() if not self.snapshot.done():
                self.snapshot.set_result(message)
            case Refused(output=output, why=why):
                self._refused = f"the keeper does not switch {output}: {why}"

    def lost(self) -> None:
        self._refused = "the keeper is gone"

    async def on(self, point: Point) -> None:
        self._prepare(point)
        self._refused = ""
        self._renewal = asyncio.create_task(self._hold(point))

    async def off(self, point: Point) -> None:
        if self._renewal is not None:
            self._renewal.cancel()
        for output in self._outputs(point):
            self._line.send(RestOutput(output))
        if self._refused:
            raise NotSwitched(self._refused)

    async def _hold(self, point: Point) -> None:
        while True:
            for output in self._outputs(point):
                self._line.send(DriveOutput(output, HOLD_LEASE_MS))
            await asyncio.sleep(HOLD_AGAIN_MS / 1000)

    def _outputs(self, point: Point) -> Iterator[str]:
        if bank := self._banks.get(point.name):
            yield f"{bank}.{CONTACTOR}"
        yield f"{point.name}.{RELAY}"


Switch = ByHand | ByKeeper
"""What puts a socket under load, and takes the load off."""


async def try_meters(points: Sequence[Point], lines: Lines, switch: Switch, least_w: float) -> list[LoadFinding]:
    """Put one socket after another under load, and judge whose meter sees it. Raises ``NotSwitched``."""
    judge = partial(judge_meter, least_w=least_w)
    return [await _try(point, METER, "power_w", lines, switch, judge) for point in points if METER in point.instruments]


async def try_thermometers(points: Sequence[Point], lines: Lines, switch: Switch) -> list[LoadFinding]:
    """Have one thermistor after another warmed, and judge which one says so. Raises ``NotSwitched``."""
    return [
        await _try(point, THERMOMETER, "temperature_c", lines, switch, judge_thermometer)
        for point in points
        if THERMOMETER in point.instruments
    ]


async def _try(
    point: Point, instrument: str, value: str, lines: Lines, switch: Switch, judge: Callable[[LoadTrial], LoadFinding]
) -> LoadFinding:
    """What one trial shows; what takes its time to grow warm is given it."""
    loop = asyncio.get_running_loop()
    before = await _read(lines, value)
    await switch.on(point)
    give_up_s = loop.time() + WARM_S
    try:
        while True:
            await asyncio.sleep(SETTLE_S)
            after = await _read(lines, value)
            finding = judge(LoadTrial(point.name, f"{point.name}.{instrument}", before, after))
            if finding.verdict != "not_warmed" or loop.time() >= give_up_s:
                break
    finally:
        await switch.off(point)
    await asyncio.sleep(SETTLE_S)
    return finding


async def _read(lines: Lines, value: str) -> dict[str, float | None]:
    """One value of every instrument that has it; of one that cannot be read nobody knows what it has."""
    return {
        str(tap): values.get(value) if values else None
        for line, units in lines
        for unit in units
        for tap, values in (await unit.look(line)).items()
    }


@asynccontextmanager
async def by_keeper(
    socket: Path, banks: Mapping[str, str], prepare: Callable[[Point], object]
) -> AsyncIterator[ByKeeper]:
    """The switch, in the agent's place at a keeper that is there and in peace. Raises ``NotSwitched`` if there is none.
    At the end everything is at rest."""
    line = KeeperLine(socket)
    switch = ByKeeper(line, banks, prepare)
    running = asyncio.create_task(line.run(switch.handle, switch.lost))
    try:
        try:
            snapshot = await asyncio.wait_for(switch.snapshot, KEEPER_WITHIN_S)
        except TimeoutError:
            raise NotSwitched(f"no keeper answers at {socket}; start it, or switch by hand: --by-hand") from None
        if snapshot.emergencies:
            raise NotSwitched(f"there is an emergency in {', '.join(snapshot.emergencies)}; reset it first")
        yield switch
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
