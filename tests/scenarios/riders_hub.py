"""A riders' hub in virtual time: the shipped device on the shipped wiring, meters that speak, and people with plugs."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cloud.sample import FACILITY
from contract.credentials import KEYS, encode
from contract.events import Event, decode_event
from edge.stations import Report
from firmware_sim.parts.battery import APPLIANCES
from firmware_sim.parts.charger import Socket
from firmware_sim.worlds.virtual import Site, VirtualTown
from firmware_sim.worlds.virtual_device import VirtualDevice

NAME = "hub-sockets"
RIDER, STAFF, STRANGER = 10010, 10011, 4711
BETWEEN_KEYS_S = 0.2


class RidersHub:
    """The hub and its cloud, wired as in a sample config: ``socket`` has one socket of each class, ``hub`` a dozen. To
    be made inside a running virtual loop."""

    def __init__(self, folder: Path, sample: str = "socket", *, seed: int = 1) -> None:
        place: Site = (NAME, sample, "hub", NAME)
        self.town = VirtualTown(folder, seed=seed, places=[place])
        self.device: VirtualDevice = self.town.devices[NAME]
        self.numbers = {point: number for number, point in self.device.config.readers[0].points.items()}

    async def open(self) -> None:
        """Until the device has its roster and has read its meters."""
        self.town.start()
        await asyncio.sleep(10)

    async def close(self) -> None:
        await self.town.close()

    def socket(self, point: str) -> Socket:
        return self.device.hardware.sockets[point]

    def plug_in(self, point: str, what: str, charge: float = 0.2) -> None:
        self.socket(point).plug_in(APPLIANCES[what](charge))

    async def tap(self, point: str, card: int) -> None:
        """Key the number of a socket, and hold a card to the reader."""
        reader = self.device.hardware.readers["hub"]
        for key in self.numbers[point]:
            reader.send(f"{KEYS.index(key):04b}")
            await asyncio.sleep(BETWEEN_KEYS_S)
        reader.send(encode("H10301", facility=FACILITY, number=card))
        await asyncio.sleep(1)

    def driven(self, point: str) -> bool:
        """Whether the pin of its relay, or of a bank's contactor, is away from rest: the board says so, nobody else."""
        (output,) = next(one for one in self.device.config.points if one.name == point).outputs.values()
        return self.device.board.pin(output.pin).level == (output.relay == "high")

    async def until(self, holds: Callable[[], bool], within_s: float) -> float:
        """Wait until it holds; returns how many seconds that took. Fails if it does not in time."""
        began_s = self.town.loop.time()
        while not holds():
            assert self.town.loop.time() - began_s < within_s, "it does not come true"
            await asyncio.sleep(0.01)
        return self.town.loop.time() - began_s

    def report(self, point: str) -> Report:
        """What the station says of itself. The agent must run."""
        assert self.device.agent is not None
        return self.device.agent.agent.runners[point].report

    def events(self, *families: str) -> list[Event]:
        """What the cloud has, in its order, of these families."""
        found = [decode_event(stored) for _, stored in self.town.stored(NAME)]
        return [event for event in found if event.kind.partition(".")[0] in families]

    def told(self, what: str, point: str = "") -> list[dict[str, Any]]:
        """The data of every ``session`` event of that kind."""
        of_kind = [event for event in self.events("session") if event.kind == f"session.{what}"]
        return [event.data for event in of_kind if point in ("", event.point)]
