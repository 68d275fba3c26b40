"""What befalls a town in virtual time, from a seed: cables, plugs, processes, the broker and the cloud.

Half of it strikes at random; the other half waits for somebody to badge, because that is when it can hurt.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from firmware_sim.worlds.virtual.device import VirtualDevice
from firmware_sim.worlds.virtual.town import VirtualTown

AIMS_FOR_S = 1800.0
"""How long a trouble waits for somebody to badge."""
STRIKES_S = (0.03, 0.06, 1.0, 6.0)
"""How long after the first bit at most: while the row is written, while the lock opens, while somebody walks."""
RESTARTS_S = (1.0, 3.0)
"""As the service units say, and a process needs to start."""
WATCHDOG_S = 10.0
BOOTS_S = (15.0, 60.0)


class Outage(NamedTuple):
    """How it begins and ends, between which times it lasts, and whether it may wait until somebody badges."""

    begins: Callable[[], object]
    ends: Callable[[], object]
    lasts_s: tuple[float, float]
    at_badge: bool = True


def troubles_of(town: VirtualTown, device: VirtualDevice) -> dict[str, Outage]:
    """What may befall a device and its town, by name."""
    return {
        "agent killed": Outage(device.kill_agent, device.start_agent, RESTARTS_S),
        "agent hung": Outage(device.hang_agent, device.restart_agent, (WATCHDOG_S, WATCHDOG_S)),
        "keeper killed": Outage(device.kill_keeper, device.start_keeper, RESTARTS_S),
        "plug pulled": Outage(device.power_off, device.power_on, BOOTS_S),
        "cable pulled": Outage(device.link.cut, device.link.restore, (1.0, 2 * 3600.0), at_badge=False),
        "cloud killed": Outage(town.cloud.kill, town.cloud.start, (2.0, 3600.0), at_badge=False),
        "broker ended": Outage(town.broker.stop, town.broker.start, (1.0, 600.0), at_badge=False),
    }


class Troubles:
    """``happened`` counts them by name. A device, or the cloud, has one trouble at a time, and none for longer than
    ``longest_s``."""

    def __init__(self, town: VirtualTown, longest_s: float = math.inf) -> None:
        self.happened: Counter[str] = Counter()
        self._town, self._longest_s = town, longest_s
        self._chance = town.random("troubles")
        self._troubled: set[str] = set()

    async def befall(self, every_s: float) -> None:
        """One after the other, ``every_s`` apart on average, until cancelled; then it puts right what it did."""
        async with asyncio.TaskGroup() as group:
            while True:
                await asyncio.sleep(self._chance.expovariate(1 / every_s))
                group.create_task(self._befall_one())

    async def _befall_one(self) -> None:
        device = self._chance.choice(list(self._town.devices.values()))
        name, outage = self._chance.choice(list(troubles_of(self._town, device).items()))
        where = name if name in ("cloud killed", "broker ended") else device.name
        if where in self._troubled:
            return
        self._troubled.add(where)
        if outage.at_badge and self._chance.random() < 0.5:
            await self._until_badge(device)
        outage.begins()
        least_s, most_s = outage.lasts_s
        try:
            await asyncio.sleep(self._chance.uniform(least_s, max(least_s, min(most_s, self._longest_s))))
        finally:
            outage.ends()
        self.happened[name] += 1
        self._troubled.remove(where)

    async def _until_badge(self, device: VirtualDevice) -> None:
        """Return shortly after the first bit of a card, or when nobody came for long."""
        badged = asyncio.Event()
        own = [point.readers["in"].d0 for point in device.config.points if "in" in point.readers]
        pin = device.board.pin([*own, *(shared.d0 for shared in device.config.readers)][0])

        def watch(_level: bool, _at_ns: int) -> None:
            badged.set()

        pin.watch(watch)
        try:
            async with asyncio.timeout(AIMS_FOR_S):
                await badged.wait()
                await asyncio.sleep(self._chance.uniform(0.02, self._chance.choice(STRIKES_S)))
        except TimeoutError:
            return
        finally:
            pin.unwatch(watch)
