"""What befalls a town in virtual time, from a seed: cables, plugs, processes, the broker and the cloud.

Half of it strikes at random; the other half waits for somebody to badge, because that is when it can hurt.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Awaitable, Callable

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

OnDevice = Callable[[VirtualDevice], Awaitable[None]]


class Troubles:
    """``happened`` counts them by name. A device, or the cloud, has one trouble at a time, and none for longer than
    ``longest_s``."""

    def __init__(self, town: VirtualTown, longest_s: float = math.inf) -> None:
        self.happened: Counter[str] = Counter()
        self._town, self._longest_s = town, longest_s
        self._chance = town.random("troubles")
        self._troubled: dict[str, None] = {}
        self._on_device: dict[str, OnDevice] = {
            "agent killed": self._kill_agent,
            "agent hung": self._hang_agent,
            "keeper killed": self._kill_keeper,
            "plug pulled": self._pull_plug,
        }

    async def befall(self, every_s: float) -> None:
        """One after the other, ``every_s`` apart on average, until cancelled; then it puts right what it did."""
        async with asyncio.TaskGroup() as group:
            while True:
                await asyncio.sleep(self._chance.expovariate(1 / every_s))
                group.create_task(self._one())

    async def _one(self) -> None:
        what = self._chance.choice([*self._on_device, "cable pulled", "cloud killed", "broker ended"])
        device = self._town.devices[self._chance.choice(list(self._town.devices))]
        where = what.split()[0] if what in ("cloud killed", "broker ended") else device.name
        if where in self._troubled:
            return
        self._troubled[where] = None
        if what in self._on_device:
            await self._aim(device)
            await self._on_device[what](device)
        elif what == "cable pulled":
            await self._pull_cable(device)
        elif what == "cloud killed":
            await self._kill_cloud()
        else:
            await self._end_broker()
        self.happened[what] += 1
        del self._troubled[where]

    async def _aim(self, device: VirtualDevice) -> None:
        if self._chance.random() < 0.5:
            return
        badged = asyncio.Event()
        own = [point.readers["in"].d0 for point in device.config.points if "in" in point.readers]
        pin = device.board.pin([*own, *(shared.d0 for shared in device.config.readers)][0])

        def watch(_level: bool, _at_ns: int) -> None:
            badged.set()

        pin.watch(watch)
        try:
            async with asyncio.timeout(AIMS_FOR_S):
                await badged.wait()
        except TimeoutError:
            return
        finally:
            pin.unwatch(watch)
        await asyncio.sleep(self._chance.uniform(0.02, self._chance.choice(STRIKES_S)))

    async def _kill_agent(self, device: VirtualDevice) -> None:
        device.kill_agent()
        try:
            await self._a_while(*RESTARTS_S)
        finally:
            device.start_agent()

    async def _hang_agent(self, device: VirtualDevice) -> None:
        device.hang_agent()
        try:
            await asyncio.sleep(WATCHDOG_S)
        finally:
            device.kill_agent()
            device.start_agent()

    async def _kill_keeper(self, device: VirtualDevice) -> None:
        device.kill_keeper()
        try:
            await self._a_while(*RESTARTS_S)
        finally:
            device.start_keeper()

    async def _pull_plug(self, device: VirtualDevice) -> None:
        device.power_off()
        try:
            await self._a_while(*BOOTS_S)
        finally:
            device.power_on()

    async def _pull_cable(self, device: VirtualDevice) -> None:
        device.link.cut()
        try:
            await self._a_while(1.0, 2 * 3600.0)
        finally:
            device.link.restore()

    async def _kill_cloud(self) -> None:
        self._town.cloud.kill()
        try:
            await self._a_while(2.0, 3600.0)
        finally:
            self._town.cloud.start()

    async def _end_broker(self) -> None:
        self._town.broker.stop()
        try:
            await self._a_while(1.0, 600.0)
        finally:
            self._town.broker.start()

    async def _a_while(self, least_s: float, most_s: float) -> None:
        await asyncio.sleep(self._chance.uniform(least_s, min(most_s, self._longest_s)))
