"""From a threshold to a dead socket: how long after each mishap the board sees the relay at rest.

In virtual time, on the shipped wiring of a socket with the shipped agent, keeper, meter driver and bus timing: what is
printed is what the device's rules and its line take, and says nothing about the processor. Real time adds what
``badge_to_relay`` shows of the processes.
"""

import asyncio
from pathlib import Path

from benchmarks._machine import describe, work_folder
from benchmarks._report import finish, show
from firmware_sim.time.clock import run_virtual
from firmware_sim.worlds.virtual.hub import MISHAPS, VirtualHub, cut_after_s


async def _measure(folder: Path, name: str) -> float:
    hub = await VirtualHub(folder).charging()
    took_s = await cut_after_s(hub, MISHAPS[name])
    await asyncio.sleep(1)
    await hub.close()
    return took_s


def main() -> None:
    with work_folder() as name:
        folder = Path(name)
        machine = describe(folder)
        took_s = {what: run_virtual(_measure(folder / str(number), what)) for number, what in enumerate(MISHAPS)}
    rows = [[what, f"{took_s[what]:.2f}", f"{one.within_s:g}", one.reason] for what, one in MISHAPS.items()]
    show("From a threshold to the relay at rest, virtual seconds", ("what happens", "took", "at most", "reason"), rows)
    finish("socket_cut", {what: round(value, 3) for what, value in took_s.items()}, machine)


if __name__ == "__main__":
    main()
