"""A community in virtual time: shipped devices on simulated boards, and the shipped cloud, in one process.

Nothing here asks the machine for the time or for chance, so a seed decides what happens, pin by pin and row by row.
What is random by nature, the names of journals and the signatures, is kept out of the trace.
"""

import asyncio
import random
from collections.abc import Iterator, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import select

from cloud.devices.tables import tallies
from cloud.people.tables import rosters
from cloud.setup.document import SetupFile
from cloud.store.schema import devices, events, journals
from edge.journal.file import Row
from edge.journal.journal import JournalView
from firmware_sim.network.virtual_mqtt import Line, VirtualBroker
from firmware_sim.parts.portal import Portal
from firmware_sim.people.walkers import GYM_DAY, Resident, badge_and_walk, wander
from firmware_sim.worlds.board.visitors import gate_card, residents_of_sample
from firmware_sim.worlds.demo.community import DEVICES, SampleDevice, write_config
from firmware_sim.worlds.virtual.cloud import VirtualCloud
from firmware_sim.worlds.virtual.device import VirtualDevice

MIDNIGHT_MS = 1_795_363_200_000
"""When a world begins: Monday, 23 November 2026, 00:00 in Sunny Court (UTC milliseconds)."""
DRAINS_WITHIN_S = 3600.0
ALL_ROWS = 1 << 40

BROKER_PORT = 1883
"""Stands in the configs; the broker of virtual time has none."""


def sites(count: int) -> list[SampleDevice]:
    """The sample's four devices, and as many more gates of the estate as it takes."""
    gates = [(f"gate-{number}", "door", "estate", "east-gate") for number in range(len(DEVICES) + 1, count + 1)]
    return [*DEVICES, *gates][:count]


def neighbours() -> list[Resident]:
    """The people of the sample, each with their card, and two strangers with cards nobody enrolled."""
    return [*residents_of_sample(), gate_card("Stranger One", 4711), gate_card("Stranger Two", 4712)]


class Visit(NamedTuple):
    """Somebody came to a device's door, and did or did not get in. ``at_s`` is the world's time when that was clear."""

    at_s: float
    device: str
    name: str
    entered: bool


class OurFault(Exception):
    """Something of ours raised while the world ran; the first is the cause."""


class VirtualTown:
    """Devices, their cables, a broker, the cloud and the neighbours. To be made inside a running virtual loop."""

    def __init__(
        self,
        folder: Path,
        *,
        seed: int,
        places: Sequence[SampleDevice] = DEVICES,
        line: Line | None = None,
        forget: float = 0.0,
        strict_gpiod: bool = True,
        setup: SetupFile | None = None,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.loop.set_exception_handler(lambda _loop, context: self._faults.append(context))
        self.folder, self.seed = folder, seed
        self.broker = VirtualBroker(self.loop, seed=seed, forget=forget)
        self.devices: dict[str, VirtualDevice] = {}
        self.visits: list[Visit] = []
        self._faults: list[dict[str, Any]] = []
        self._folk: list[asyncio.Task[None]] = []
        for place in places:
            name, *_ = place
            config = write_config(folder / name, *place, BROKER_PORT)
            self.devices[name] = VirtualDevice(config, self.broker, seed=seed, line=line, strict_gpiod=strict_gpiod)
        self.cloud = VirtualCloud(folder / "cloud", self.broker, self.now_ms, setup)

    def random(self, name: str) -> random.Random:
        """A stream of chance for one actor, the same for the same seed and name."""
        return random.Random(f"{self.seed}/{name}")

    def now_ms(self) -> int:
        """The true time, UTC milliseconds."""
        return MIDNIGHT_MS + round(self.loop.time() * 1000)

    def start(self) -> None:
        self.cloud.found([device.config for device in self.devices.values()])
        self.cloud.start()
        for device in self.devices.values():
            device.start()

    def live(self, visits_per_hour: Sequence[float] = GYM_DAY, stay_s: tuple[float, float] = (1200.0, 5400.0)) -> None:
        """Neighbours come and go at every device from now on."""
        for name, device in self.devices.items():
            (portal,) = device.hardware.all(Portal).values()
            visiting = wander(
                neighbours(),
                device.hardware.readers[f"{name}.in"],
                portal,
                chance=self.random(f"people at {name}"),
                start_hour=self.loop.time() / 3600,
                visits_per_hour=visits_per_hour,
                stay_s=stay_s,
                on_visit=partial(self._visited, name),
            )
            self._folk.append(asyncio.create_task(visiting, name=f"people at {name}"))

    async def visit(self, device: str, who: str) -> bool:
        """A neighbour, by name, comes to a device's door. False if they did not get in."""
        card = next(one.card_bits for one in neighbours() if one.name == who)
        (portal,) = self.devices[device].hardware.all(Portal).values()
        entered = await badge_and_walk(self.devices[device].hardware.readers[f"{device}.in"], portal, card)
        self.visits.append(Visit(self.loop.time(), device, who, entered))
        return entered

    async def go_home(self) -> None:
        """Nobody comes any more."""
        for task in self._folk:
            task.cancel()
        await asyncio.gather(*self._folk, return_exceptions=True)
        self._folk.clear()

    async def drained(self) -> None:
        """Wait until the cloud has acknowledged everything. Raises ``TimeoutError``."""
        async with asyncio.timeout(DRAINS_WITHIN_S):
            while any(device.waiting for device in self.devices.values()):
                await asyncio.sleep(1)

    async def close(self) -> None:
        """An orderly end of everything. Raises ``OurFault`` if something of ours raised in the meantime."""
        await self.go_home()
        for device in self.devices.values():
            await device.close()
        await asyncio.sleep(1)  # the last words are on their way
        self.cloud.kill()
        if self._faults:
            first = self._faults[0]
            raise OurFault(f"{len(self._faults)} times: {first['message']}") from first.get("exception")

    def journal(self, name: str) -> list[Row]:
        """All rows of a device's journal file, in order."""
        with JournalView(self.devices[name].config.state / "journal.db") as view:
            return view.tail(ALL_ROWS)

    def stored(self, name: str) -> list[tuple[int, bytes]]:
        """The rows that the cloud has of a device, by their number, in the order of their arrival."""
        rows = select(events.c.seq, events.c.stored).join(journals, journals.c.id == events.c.journal_id).join(devices)
        with self.cloud.reading() as connection:
            ordered = connection.execute(rows.where(devices.c.name == name).order_by(events.c.arrival))
            return [(row.seq, row.stored) for row in ordered]

    def trace(self) -> Iterator[str]:
        """All that happened, a line each: every move of a pin, every row of a journal, every row of the cloud's."""
        for name in self.devices:
            for move in self.devices[name].board.moves:
                yield f"{name} {move.line()}"
            for row in self.journal(name):
                yield f"{name} {row.seq} {row.stored.hex()} {row.link.hex()}\n"
        with self.cloud.reading() as connection:
            for table in (events, devices, rosters, tallies):
                told = [column for column in table.columns if column is not devices.c.public_key]
                for found in connection.execute(select(*told).order_by(*told)):
                    yield f"{table.name} {tuple(found)}\n"

    def fingerprint(self) -> str:
        """Of the whole trace."""
        digest = sha256()
        for line in self.trace():
            digest.update(line.encode())
        return digest.hexdigest()

    def _visited(self, device: str, who: Resident, entered: bool) -> None:
        self.visits.append(Visit(self.loop.time(), device, who.name, entered))
