"""Three doors of the estate whose wiring an operator changes from afar, in virtual time."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cloud.commands.store import find_desired
from cloud.fleet.rollouts import Rollout
from cloud.fleet.store import find_rollout
from contract.events import Event, decode_event
from contract.messages import Reported
from edge.device.device import Device
from firmware_sim.parts.door import Door
from firmware_sim.parts.portal import Portal
from firmware_sim.worlds.demo.community import DEVICES
from firmware_sim.worlds.virtual.town import VirtualTown, neighbours

EAST, WEST, HUB = "east-gate", "west-gate", "hub-door"
STAFF = "Zhou Ba"
REASON = "Longer, for prams"
LOCK, ELSEWHERE = 17, 21


class Gates:
    """Three doors of the estate and their cloud."""

    def __init__(self, folder: Path, *, count: int = 3) -> None:
        self.town = VirtualTown(folder, seed=1, places=DEVICES[1 : 1 + count])
        self.cloud = self.town.cloud
        self.devices = self.town.devices
        self.own = {name: device.config.path.read_text() for name, device in self.devices.items()}

    async def __aenter__(self) -> Self:
        self.town.start()
        await self.until(lambda: all(self.status(name)["roster"]["number"] > 0 for name in self.devices))
        await self.until(lambda: all(device.waiting == 0 for device in self.devices.values()))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.town.close()

    def agent(self, name: str) -> Device:
        agent = self.devices[name].agent
        assert agent is not None, "the device is off"
        return agent

    def status(self, name: str) -> dict[str, Any]:
        return self.agent(name).status()

    def door(self, name: str) -> Door:
        portal = self.devices[name].hardware.get(Portal, name)
        assert isinstance(portal, Door)
        return portal

    def with_unlock_ms(self, name: str, unlock_ms: int) -> str:
        return self.own[name].replace("unlock_ms = 5000", f"unlock_ms = {unlock_ms}")

    def unlock_ms(self, name: str) -> int:
        return int(self.agent(name).config.settings[name].unlock_ms)

    def roll_out(self, *names: str, unlock_ms: int = 9_000, canary: str = "") -> str:
        wirings = {name: self.with_unlock_ms(name, unlock_ms) for name in names}
        return self.cloud.roll_out(wirings, "lin", REASON, canary=canary)

    def rollout(self, name: str) -> Rollout:
        with self.cloud.reading() as connection:
            found = find_rollout(connection, name)
        assert found is not None
        return found

    def states(self, rollout: str) -> Mapping[str, str]:
        return {leg.device: leg.state for leg in self.rollout(rollout).legs}

    async def over(self, rollout: str, within_s: float = 300) -> Rollout:
        await self.until(lambda: not self.rollout(rollout).live, within_s, look_s=0.5)
        return self.rollout(rollout)

    def reported(self, name: str) -> Reported:
        """What the cloud last heard of the device's document."""
        with self.cloud.reading() as connection:
            found = find_desired(connection, name)
        return found.reported if found and found.reported else Reported(0, "waiting", 0)

    async def until(self, condition: Callable[[], bool], within_s: float = 120, look_s: float = 0.05) -> None:
        """Let time go on until it holds. Raises ``TimeoutError``."""
        async with asyncio.timeout(within_s):
            while not condition():
                await asyncio.sleep(look_s)

    def tried(self, name: str) -> list[str]:
        """What the device's journal says became of its wirings."""
        events = [decode_event(row.stored) for row in self.town.journal(name)]
        return [event.data["status"] for event in events if event.kind == "device.config"]

    def events(self, name: str, kind: str) -> list[Event]:
        return [event for row in self.town.journal(name) if (event := decode_event(row.stored)).kind == kind]

    async def unlocked_s(self, name: str) -> float:
        """How long a badge unlocks the door, by the board's own log: nobody goes through."""
        before = len(self.devices[name].board.moves)
        self.devices[name].hardware.readers[f"{name}.in"].send(self.card(STAFF))
        await asyncio.sleep(15)
        on, off = (move for move in list(self.devices[name].board.moves)[before:] if move.pin == LOCK)
        return (off.at_ns - on.at_ns) / 1e9

    def card(self, who: str) -> str:
        return next(one.card_bits for one in neighbours() if one.name == who)
