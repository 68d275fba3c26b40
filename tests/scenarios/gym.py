"""The gym in virtual time: its device and its cloud, both as shipped, with what a story needs to break them."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cloud.devices.registry import register
from cloud.keys.keys import KeyFolder
from cloud.setup.document import SetupFile
from contract.events import Event, decode_event
from edge.device.device import Device
from edge.identity.identity import Identity
from edge.journal.recorder import IDLE_S
from firmware_sim.control.commands import card_bits
from firmware_sim.parts.portal import Portal
from firmware_sim.parts.turnstile import Turnstile
from firmware_sim.worlds.virtual.town import VirtualTown, sites

GYM = "gym-turnstile"
MEMBER, FOUNDER, STAFF = "H10301:21:15890", "H10301:21:10001", "H10301:21:10011"
STRANGER = "H10301:99:12345"


class Gym:
    """A town with one turnstile. ``async with`` opens it, and closes what was opened."""

    def __init__(self, folder: Path, *, adopted: bool = True, setup: SetupFile | None = None) -> None:
        self.town = VirtualTown(folder, seed=1, places=sites(1), setup=setup)
        self.cloud = self.town.cloud
        self.device = self.town.devices[GYM]
        self.state, self.keys = self.device.config.state, self.device.config.keys
        self._adopted = adopted

    async def __aenter__(self) -> Self:
        if self._adopted:
            self.town.start()
            await self.until(lambda: self.roster["number"] > 0 and self.in_step())
        else:
            self.cloud.found([])
            self.cloud.start()
            self.device.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.town.close()

    @property
    def agent(self) -> Device:
        assert self.device.agent is not None, "the device is off"
        return self.device.agent

    @property
    def turnstile(self) -> Turnstile:
        portal = self.device.hardware.get(Portal, GYM)
        assert isinstance(portal, Turnstile)
        return portal

    @property
    def status(self) -> dict[str, Any]:
        return self.agent.status()

    @property
    def roster(self) -> dict[str, Any]:
        return dict(self.status["roster"])

    @property
    def keys_of_cloud(self) -> KeyFolder:
        return KeyFolder(self.cloud.folder / "keys")

    def in_step(self) -> bool:
        """Whether the cloud has acknowledged everything."""
        return self.device.waiting == 0

    async def tries(self, card: str) -> bool:
        """Somebody holds a card to the reader and walks; whether they got through. Bits may stand for a card."""
        self.device.hardware.readers[f"{GYM}.in"].send(card_bits(card) if ":" in card else card)
        passed = await self.turnstile.enter()
        await asyncio.sleep(1)  # the arm comes home
        return passed

    async def until(self, condition: Callable[[], bool], within_s: float = 120) -> None:
        """Let time go on until it holds. Raises ``TimeoutError``."""
        async with asyncio.timeout(within_s):
            while not condition():
                await asyncio.sleep(0.05)

    async def rest(self) -> None:
        """Nothing happens for so long that the journal is moved from its WAL into its file."""
        await asyncio.sleep(2 * IDLE_S)

    def reboot(self, damage: Callable[[Path], Any] = lambda _state: None) -> None:
        """Pull the plug, do something to the folder of the device's state, and plug in again."""
        self.device.power_off()
        damage(self.state)
        self.device.power_on()

    def adopt(self) -> None:
        """Register the device with the running cloud, and hand it its keys."""
        keys = self.keys_of_cloud
        with self.cloud.changing() as connection:
            register(connection, GYM, bytes.fromhex(Identity(self.keys).public_key), self.town.now_ms())
        keys.hand_out(GYM, self.keys)

    def rows(self) -> list[Event]:
        """Everything in the journal's file."""
        return [decode_event(row.stored) for row in self.town.journal(GYM)]

    def told(self, *kinds: str) -> list[Event]:
        """The rows of these kinds, or families of kinds."""
        return [row for row in self.rows() if row.kind in kinds or row.kind.partition(".")[0] in kinds]

    def reasons(self) -> list[str]:
        """Why cards were refused, in order."""
        return [row.data["reason"] for row in self.told("access.refused")]

    def arrived(self, *kinds: str) -> list[Event]:
        """What the cloud has, in the order of its arrival; of these kinds, if any are named."""
        events = [decode_event(stored) for _, stored in self.town.stored(GYM)]
        return [event for event in events if not kinds or event.kind in kinds]
