"""Days of a town in virtual time, for tests; also to be told from another process."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from firmware_sim.network.virtual_mqtt import Line
from firmware_sim.time.clock import run_virtual
from firmware_sim.worlds.virtual.town import VirtualTown, sites
from firmware_sim.worlds.virtual.troubles import Troubles
from tests.firmware_sim.support.memory_disk import memory_disk

T = TypeVar("T")

ROUGH = Line((5.0, 400.0), lose=0.05, repeat=0.05, lasts_s=1800.0)
"""A bad radio link."""
FORGETS = 0.02
"""How often a broker forgets what it has acknowledged."""
RUSH = (8.0,) * 24
"""Visits an hour at every door: a lively afternoon without end."""


def lived(
    judge: Callable[[VirtualTown, Troubles], T], *, seed: int, devices: int, hours: float, trouble_every_s: float
) -> T:
    """What can be said of a town after some rough hours, once everything has settled and was closed."""

    async def main() -> T:
        with memory_disk() as folder:
            town = VirtualTown(folder, seed=seed, places=sites(devices), line=ROUGH, forget=FORGETS)
            troubles = Troubles(town)
            town.start()
            town.live(RUSH)
            befalling = asyncio.create_task(troubles.befall(trouble_every_s), name="troubles")
            await asyncio.sleep(hours * 3600)
            befalling.cancel()
            await asyncio.gather(befalling, return_exceptions=True)
            await town.go_home()
            await asyncio.sleep(60)
            try:
                await town.drained()
            finally:
                await town.close()
            return judge(town, troubles)

    return run_virtual(main())


def fingerprint(seed: int) -> str:
    """Of everything that happened in some rough hours of four devices."""
    return lived(lambda town, _: town.fingerprint(), seed=seed, devices=4, hours=1.5, trouble_every_s=100)
