"""The gate in virtual time: its device with a keypad and a scanner, its cloud, and who stands before it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from cloud.cards.slots import slots_ahead
from cloud.joining.service import JoinService
from cloud.keys.keys import KeyFolder
from cloud.permits.service import PermitService
from cloud.phones.service import PhoneService
from cloud.phones.store import Phone
from contract.credentials import KEYS
from contract.events import Event, decode_event
from edge.passes.repeats import SAME_TEXT_MS
from firmware_sim.parts.portal import Portal
from firmware_sim.people.riders import KEY_S
from firmware_sim.worlds.demo.community import DEVICES
from firmware_sim.worlds.virtual.town import VirtualTown
from tests.scenarios.sunny_court import EAST_GATE

IN_ROSTER_S = 120
AWAY_S = SAME_TEXT_MS / 1000 + 20
"""Until the gate is shut again, and the scanner takes the same text for a new one."""


class Gate:
    """A town with one gate. ``async with`` opens it, and closes what was opened."""

    def __init__(self, folder: Path) -> None:
        self.town = VirtualTown(folder, seed=1, places=[place for place in DEVICES if place[0] == EAST_GATE])
        self.device = self.town.devices[EAST_GATE]
        self._told = 0

    async def __aenter__(self) -> Self:
        self.town.start()
        await asyncio.sleep(30)
        keys = KeyFolder(self.town.cloud.folder / "keys")
        self.phones = PhoneService(self.town.cloud.store, keys, self.town.now_ms)
        self.permits = PermitService(self.town.cloud.store, keys, self.town.now_ms)
        self.riders = JoinService(self.town.cloud.store, keys, self.town.now_ms)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.town.drained()
        await self.town.close()

    async def give_phone(self, name: str) -> Phone:
        """Somebody registers a phone that can keep no key: the cloud holds it."""
        with self.town.cloud.reading() as connection:
            person = connection.exec_driver_sql("SELECT id FROM people WHERE name_en = ?", (name,)).scalar_one()
        registered = self.phones.register(self.phones.make_link("lin", int(person)), None)
        phone = self.phones.phone_of(registered.secret)
        assert phone is not None
        await self.in_roster()
        return phone

    async def in_roster(self) -> None:
        """Until the gate has what was changed."""
        await asyncio.sleep(IN_ROSTER_S)
        self.told()

    def screen(self, phone: Phone) -> str:
        """What a phone shows now."""
        held = self.phones.held_key(phone)
        assert held is not None
        return slots_ahead(phone.key, held, self.town.now_ms())[0].text

    async def shows(self, text: str) -> bool:
        """Somebody holds this before the scanner and walks; whether they got through."""
        self.device.hardware.scanners[f"{EAST_GATE}.in"].show(text)
        return await self._walks()

    async def keys(self, keys: str) -> bool:
        """Somebody keys this at the reader and walks; whether they got through."""
        for key in keys:
            self.device.hardware.readers[f"{EAST_GATE}.in"].send(f"{KEYS.index(key):04b}")
            await asyncio.sleep(KEY_S)
        return await self._walks()

    async def _walks(self) -> bool:
        (portal,) = self.device.hardware.all(Portal).values()
        passed = await portal.walk("in")
        await asyncio.sleep(AWAY_S)
        return passed

    def decisions(self) -> Sequence[Event]:
        """Those that the device has recorded since this was last asked."""
        rows = [decode_event(row.stored) for row in self.town.journal(EAST_GATE)]
        new, self._told = rows[self._told :], len(rows)
        return [event for event in new if event.kind in ("access.allowed", "access.refused")]

    def told(self) -> list[str]:
        """Their reasons."""
        return [str(event.data["reason"]) for event in self.decisions()]
