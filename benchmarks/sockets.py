"""How many meters one agent can watch at 1 Hz on one core: what each costs the processor, and what the wire allows.

In real time, with the shipped driver on lines in memory whose meters take as long as on the wire. Once nobody listens,
once each reading goes to the shipped station of a socket that charges. Seconds are this process's own. Beside it stands
the loop alone, with as many timers as a poll sets, and the limit of a line, which is there however fast the processor.
"""

import asyncio
from collections.abc import Callable, Mapping
from itertools import cycle
from pathlib import Path
from random import Random
from statistics import median
from time import process_time
from typing import NamedTuple

from pymodbus.framer.rtu import FramerRTU

from benchmarks._machine import describe, work_folder
from benchmarks._report import finish, show
from contract.decide import Decision, Grant, Tier
from contract.reasons import Reason
from contract.schedules import ALWAYS
from edge.archetypes.protocol import Decided, Levels, Reading
from edge.config.peripherals import Baud, Bus, Instrument
from edge.config.tables import Point
from edge.instruments.modbus import Timing, encode
from edge.instruments.models import MODELS
from edge.instruments.polling import Metering
from edge.stations import socket
from edge.stations.socket.state import SocketSettings

BUSES, METERS = 40, 10
RUN_S, SETTLED_S = 10.0, 2.0
ANSWERS_AFTER_S = 0.02
"""From the end of the request to the start of the answer."""
TIMERS_A_POLL = 4
"""The answer, the time-out, the silence, and the wake-up of whoever asked."""
BAUD: Baud = 9600
BAUDS: tuple[Baud, ...] = (1200, 2400, 4800, 9600, 19200, 38400, 115200)
IDLE = {"voltage_v": 230.0, "current_a": 0.0, "power_w": 0.0, "energy_wh": 4321.0, "frequency_hz": 50.0}


class MemoryLine:
    """A line whose meters always answer, each time something else: a frozen meter would be cut off."""

    def __init__(self, loop: asyncio.AbstractEventLoop, baud: int, seed: int) -> None:
        self.on_bytes: Callable[[bytes], object] = lambda data: None
        self.why_down = ""
        self.polls = 0
        self._loop = loop
        self._after_s = Timing(baud).wire_s(8 + 25) + ANSWERS_AFTER_S
        self._frames = {unit: cycle(_frames(unit, Random(seed + unit))) for unit in range(1, METERS + 1)}

    def send(self, data: bytes) -> None:
        self.polls += 1
        self._loop.call_later(self._after_s, self._say, next(self._frames[data[0]]))

    def _say(self, data: bytes) -> None:
        self.on_bytes(data)

    def close(self) -> None:
        self.why_down = "closed"


def _frames(unit: int, chance: Random) -> list[bytes]:
    """Answers of a PZEM to which 230 V and about 500 W come."""
    made = []
    for _ in range(20):
        deci_watts, deci_volts = chance.randrange(4900, 5100), chance.randrange(2280, 2320)
        registers = [deci_volts, round(deci_watts / deci_volts * 1000), 0, deci_watts, 0, 4321, 0, 500, 99, 0]
        body = bytes([unit, 4, 20]) + b"".join(register.to_bytes(2, "big") for register in registers)
        made.append(body + FramerRTU.compute_CRC(body).to_bytes(2, "big"))
    return made


class Stations:
    """The station of each socket, at the charge."""

    def __init__(self, names: list[str]) -> None:
        self._loop = asyncio.get_running_loop()
        self._states = {name: socket.KIND.start(name, SocketSettings("ebike")) for name in names}
        grant = Grant(bytes(16), Tier.RIDER, dict.fromkeys(names, ALWAYS))
        allowed = Decided(Decision(Reason.ALLOWED, grant), "in", bytes(16), 1, 2, ticket="0" * 16, minute=600)
        for name in names:
            self._take(name, Levels({}))
            self.read(name, "meter", IDLE)
            self._take(name, allowed)

    def read(self, point: str, instrument: str, values: Mapping[str, float] | None) -> None:
        self._take(point, Reading(instrument, values))

    def charging(self) -> int:
        return sum(socket.KIND.report(state).phase == "charging" for state in self._states.values())

    def _take(self, point: str, happened: Reading | Levels | Decided) -> None:
        self._states[point], _ = socket.KIND.step(self._states[point], happened, round(self._loop.time() * 1000))


class Measured(NamedTuple):
    """What a run cost: seconds of processor time for each poll, and how long a round of one line took."""

    polls: int
    us_a_poll: float
    round_s: float


async def watch(*, stations: bool) -> Measured:
    """Watch all meters for a while."""
    loop = asyncio.get_running_loop()
    points = [
        [
            Point(f"b{bus}-{unit}", "socket", "hub", instruments={"meter": Instrument(f"b{bus}", "pzem004t", unit)})
            for unit in range(1, METERS + 1)
        ]
        for bus in range(BUSES)
    ]
    charging = Stations([point.name for line in points for point in line]) if stations else None
    hear = charging.read if charging else lambda point, instrument, values: None
    lines = [MemoryLine(loop, BAUD, bus) for bus in range(BUSES)]
    metering = [Metering(Bus(f"b{bus}", "", BAUD), points[bus], line, loop, hear) for bus, line in enumerate(lines)]
    for one in metering:
        one.start()
        await asyncio.sleep(1 / BUSES)
    await asyncio.sleep(SETTLED_S)
    polls, began_s = sum(line.polls for line in lines), process_time()
    await asyncio.sleep(RUN_S)
    took_s, polls = process_time() - began_s, sum(line.polls for line in lines) - polls
    rounds = [one.round_s for one in metering]
    faults = [fault for one in metering for fault in one.faults().values()]
    assert not faults, faults
    assert charging is None or charging.charging() == BUSES * METERS
    for one in metering:
        await one.close()
    return Measured(polls, took_s / polls * 1e6, median(rounds))


async def loop_alone() -> float:
    """Microseconds for the timers of a poll, with nothing in them, at as many polls a second."""
    loop = asyncio.get_running_loop()
    pause_s, count = 1.0 / TIMERS_A_POLL, 0
    ended = loop.time() + RUN_S / 2

    def tick() -> None:
        nonlocal count
        count += 1
        if loop.time() < ended:
            loop.call_later(pause_s, tick)

    began_s = process_time()
    for number in range(BUSES * METERS):
        loop.call_later(pause_s * number / BUSES / METERS, tick)
    await asyncio.sleep(RUN_S / 2 + 1)
    return (process_time() - began_s) / count * TIMERS_A_POLL * 1e6


def wire_limit(model: str, baud: Baud, answers_after_s: float) -> int:
    """How many instruments a line can carry at one look a second each."""
    timing = Timing(baud)
    look_s = sum(
        timing.wire_s(len(encode(request)) + 5 + 2 * request.count) + answers_after_s + timing.silence_s
        for request in MODELS[model].reads(1)
    )
    return int(1.0 / look_s)


def main() -> None:
    alone_us = asyncio.run(loop_alone())
    driver, whole = asyncio.run(watch(stations=False)), asyncio.run(watch(stations=True))
    with work_folder() as folder:
        machine = describe(Path(folder))
    rows = [
        [
            name,
            str(found.polls),
            f"{found.us_a_poll:.0f}",
            f"{found.us_a_poll / 1e4:.3f} %",
            f"{1e6 / found.us_a_poll:,.0f}",
        ]
        for name, found in (("driver alone", driver), ("driver and charging station", whole))
    ]
    rows.append(["the loop's timers alone", "", f"{alone_us:.0f}", f"{alone_us / 1e4:.3f} %", f"{1e6 / alone_us:,.0f}"])
    show(
        f"{BUSES * METERS} meters at 1 Hz, {BUSES} lines in memory",
        ("", "polls", "CPU µs a poll", "a meter's share of a core", "meters a core"),
        rows,
    )
    limits = {model: {baud: wire_limit(model, baud, ANSWERS_AFTER_S) for baud in BAUDS} for model in MODELS}
    at_once = {model: wire_limit(model, BAUD, 0.0) for model in MODELS}
    show(
        f"What one line carries at 1 Hz, instruments that answer after {ANSWERS_AFTER_S * 1000:.0f} ms",
        ("model", *(f"{baud} baud" for baud in BAUDS), f"{BAUD}, at once"),
        [[model, *map(str, limits[model].values()), str(at_once[model])] for model in MODELS],
    )
    print(f"A round of {METERS} meters took {driver.round_s:.2f} s at {BAUD} baud.\n")
    finish(
        "sockets",
        {
            "meters": BUSES * METERS,
            "us_a_poll": {"driver": round(driver.us_a_poll, 1), "with_station": round(whole.us_a_poll, 1)},
            "loop_alone_us": round(alone_us, 1),
            "meters_a_core": {"driver": round(1e6 / driver.us_a_poll), "with_station": round(1e6 / whole.us_a_poll)},
            "a_line_carries": limits,
            "round_s": driver.round_s,
        },
        machine,
    )


if __name__ == "__main__":
    main()
