"""What a riders' hub costs its Raspberry Pi: memory and processor time of the shipped agent and keeper as processes.

Twelve sockets and two OCPP points on the sample's wiring, their fourteen instruments read once a second over a
pseudo-terminal from a simulated board. Beside it stands the same agent with one turnstile, which reads nothing.
"""

import asyncio
from pathlib import Path
from typing import NamedTuple

from benchmarks._machine import cpu_s, describe, resident_mib, work_folder
from benchmarks._report import finish, show
from firmware_sim.network.link import Proxy
from firmware_sim.worlds.demo.brokers import free_port
from firmware_sim.worlds.demo.community import DEVICES, HUB, SampleDevice, SimulatedDevice, write_config
from firmware_sim.worlds.demo.processes import Program

SETTLED_S, WATCHED_S = 5.0, 30.0
PLACES: dict[str, SampleDevice] = {"riders' hub": HUB, "turnstile": DEVICES[0]}


class Cost(NamedTuple):
    """Of one process: memory, and its share of a core."""

    memory_mib: float
    share_percent: float


async def _watch(programs: dict[str, Program]) -> dict[str, Cost]:
    pids = {name: program.pid for name, program in programs.items()}
    before = {name: cpu_s(pid) for name, pid in pids.items()}
    await asyncio.sleep(WATCHED_S)
    return {name: Cost(resident_mib(pid), (cpu_s(pid) - before[name]) / WATCHED_S * 100) for name, pid in pids.items()}


async def measure(folder: Path, place: SampleDevice) -> dict[str, Cost]:
    """A device without a broker: it reads its instruments all the same."""
    cable = Proxy(free_port())
    await cable.start()
    device = SimulatedDevice(folder, write_config(folder, *place, cable.port), cable, seed=1, people=False)
    try:
        await device.start()
        await asyncio.sleep(SETTLED_S)
        return await _watch({"agent": device.agent, "keeper": device.keeper})
    finally:
        await device.stop()


def main() -> None:
    with work_folder() as name:
        machine = describe(Path(name))
        found = {what: asyncio.run(measure(Path(name) / place[0], place)) for what, place in PLACES.items()}
    rows = [
        [f"{what}: {program}", f"{cost.memory_mib:.1f}", f"{cost.share_percent:.1f} %"]
        for what, programs in found.items()
        for program, cost in programs.items()
    ]
    show("A device at rest", ("", "memory MiB", "of a core"), rows)
    figures = {what: {one: cost._asdict() for one, cost in programs.items()} for what, programs in found.items()}
    finish("hub", figures, machine)


if __name__ == "__main__":
    main()
