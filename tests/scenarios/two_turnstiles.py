"""A gym with two turnstiles in virtual time, each a device of its own, and its cloud: all as shipped."""

import asyncio
from pathlib import Path

from sqlalchemy import update

from cloud.counters.rule import ZoneTally
from cloud.counters.store import load_rooms, load_state
from cloud.redecide.rule import Redecided
from cloud.sample import SITE
from cloud.store.revision import touch
from cloud.store.schema import zones
from contract.events import Event, decode_event
from contract.occupancy import ZoneCount
from edge.device.device import Device
from firmware_sim.control.commands import card_bits
from firmware_sim.parts.portal import Portal
from firmware_sim.parts.turnstile import Turnstile
from firmware_sim.worlds.demo.community import SampleDevice
from firmware_sim.worlds.virtual.town import VirtualTown
from tests.scenarios.sunny_court import decided_again

ZONE, EAST, WEST = "gym", "gym-turnstile", "gym-west"
STAFF, MEMBER = "H10301:21:10011", "H10301:21:10001"
BOTH: tuple[SampleDevice, ...] = (
    (EAST, "turnstile", ZONE, EAST),
    (WEST, "turnstile", ZONE, EAST),
)


class TwoTurnstiles:
    """``truly_inside`` is how many are: what the devices and the cloud say is compared with it."""

    def __init__(self, folder: Path, **zone: object) -> None:
        self.town = VirtualTown(folder, seed=1, places=BOTH)
        self.truly_inside = 0
        self._zone = {"kind": "counted", **zone}

    async def open(self) -> None:
        self.town.start()
        await asyncio.sleep(10)
        with self.town.cloud.changing() as connection:
            connection.execute(update(zones).where(zones.c.name == ZONE).values(self._zone))
            touch(connection)
        self.town.cloud.counters.look()
        self.town.cloud.counters.empty("steward", ZONE)
        await asyncio.sleep(65)

    async def close(self) -> None:
        """The cloud decides all of it once more, by what the devices wrote down: each time the same."""
        self.restore()
        await self.town.drained()
        await self.town.close()
        run = decided_again(self.town)
        assert run.differences == []
        assert [why for verdict, why in run.tally if verdict is Redecided.NOT_JUDGED] == []
        assert run.tally[Redecided.SAME, None] > 0

    def agent(self, name: str) -> Device:
        agent = self.town.devices[name].agent
        assert agent is not None, f"{name} is off"
        return agent

    def turnstile(self, name: str) -> Turnstile:
        portal = self.town.devices[name].hardware.get(Portal, name)
        assert isinstance(portal, Turnstile)
        return portal

    def count(self, name: str, limit: int = 0) -> ZoneCount:
        """What a device says of the zone to somebody who comes."""
        counted = self.agent(name).counting.count(ZONE, limit, b"")
        assert counted is not None, f"{name} knows nothing of the zone"
        return counted

    def cloud_says(self) -> ZoneTally:
        with self.town.cloud.reading() as connection:
            return load_state(connection, SITE.name, ZONE)

    def promised(self) -> int:
        """How many the devices may still admit, by what the cloud has promised them."""
        with self.town.cloud.reading() as connection:
            return sum(room.at_most for room in load_rooms(connection, SITE.name, ZONE).values())

    async def enter(self, name: str, card: str = STAFF) -> bool:
        """Somebody badges and walks. Whether they got in."""
        self.town.devices[name].hardware.readers[f"{name}.in"].send(card_bits(card))
        entered = await self.turnstile(name).enter()
        await asyncio.sleep(1)
        self.truly_inside += entered
        return entered

    async def leave(self, name: str) -> None:
        """Somebody leaves by the free arm, which asks for no card."""
        assert await self.turnstile(name).leave()
        await asyncio.sleep(1)
        self.truly_inside -= 1

    def cut(self, *names: str) -> None:
        for name in names or (EAST, WEST):
            self.town.devices[name].link.cut()

    def restore(self, *names: str) -> None:
        for name in names or (EAST, WEST):
            self.town.devices[name].link.restore()

    async def lose_power(self, name: str) -> None:
        """The plug is pulled in a quiet moment, and put in again."""
        self.town.devices[name].power_off()
        self.town.devices[name].power_on()
        await asyncio.sleep(3)

    async def badge(self, name: str, card: str = STAFF) -> None:
        """Somebody badges, is let in, and walks away."""
        self.town.devices[name].hardware.readers[f"{name}.in"].send(card_bits(card))
        await asyncio.sleep(0.5)

    def events(self, name: str, kind: str) -> list[Event]:
        """What a device has recorded of a kind, in order."""
        events = [decode_event(row.stored) for row in self.town.journal(name)]
        return [event for event in events if event.kind == kind]

    def refusals(self, name: str) -> list[str]:
        """Why people were refused at a device, in order."""
        return [str(event.data["reason"]) for event in self.events(name, "access.refused")]
