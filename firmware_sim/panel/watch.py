"""Keeps an eye on every device while somebody looks at the panel, and on none while nobody does."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from firmware_sim.control.control import BoardGone
from firmware_sim.panel.world import PanelDevice

LOOKS_APART_S = 0.25
"""Between two looks at a device; the page draws the movement between them."""
STILL_MS = 1000
"""How long a board where no pin moves is left alone."""

Snapshot = dict[str, Any]


class Watch:
    """The latest look at each device. Each change of any gets the next number; who has seen up to a number asks for
    what came after it, so nobody needs a queue."""

    def __init__(self, devices: Mapping[str, PanelDevice]) -> None:
        self.viewers = 0
        self.closed = False
        self._devices = devices
        self._latest: dict[str, tuple[int, Snapshot]] = {}
        self._number = 0
        self._changed = asyncio.Event()
        self._following: list[asyncio.Task[None]] = []
        self._nudges = {name: asyncio.Event() for name in devices}

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[None]:
        """Somebody looks at the panel for as long as this is open."""
        self.viewers += 1
        if self.viewers == 1:
            devices = self._devices.values()
            self._following = [
                asyncio.create_task(self._follow(device), name=f"eye on {device.name}") for device in devices
            ]
        try:
            yield
        finally:
            self.viewers -= 1
            if self.viewers == 0:
                for task in self._following:
                    task.cancel()

    def close(self) -> None:
        """Nobody is told anything any more: a page that is kept up to date would keep its server from ending."""
        self.closed = True
        self._changed.set()

    async def after(self, number: int) -> tuple[int, list[Snapshot]]:
        """What has changed since that number, as soon as there is something, with the number to ask with next. Nothing
        once it is closed."""
        while number >= self._number and not self.closed:
            await self._changed.wait()
        return self._number, [snapshot for changed, snapshot in self._latest.values() if changed > number]

    def nudge(self, name: str) -> None:
        """Something was done to this device: look at it again soon."""
        self._nudges[name].set()

    async def _follow(self, device: PanelDevice) -> None:
        while True:
            self._nudges[device.name].clear()
            snapshot = await look(device)
            at_ns = snapshot.pop("at_ns")
            moved = self._keep(device.name, snapshot)
            await asyncio.sleep(LOOKS_APART_S)
            if not moved:
                await self._until_something_moves(device, at_ns)

    def _keep(self, name: str, snapshot: Snapshot) -> bool:
        if name in self._latest and self._latest[name][1] == snapshot:
            return False
        self._number += 1
        self._latest[name] = (self._number, snapshot)
        self._changed.set()
        if not self.closed:
            self._changed = asyncio.Event()
        return True

    async def _until_something_moves(self, device: PanelDevice, since_ns: int | None) -> None:
        """Until a pin moves, somebody does something, or a second has passed: not everything is seen at a pin."""
        waiting: list[asyncio.Task[Any]] = [asyncio.create_task(self._nudges[device.name].wait())]
        if since_ns is not None:
            waiting.append(asyncio.create_task(_pin_moves(device, since_ns)))
        try:
            await asyncio.wait(waiting, timeout=STILL_MS / 1000, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()


async def _pin_moves(device: PanelDevice, since_ns: int) -> None:
    with suppress(TimeoutError, BoardGone):
        await device.control.wait_move(since_ns=since_ns, timeout_ms=STILL_MS)


async def look(device: PanelDevice) -> Snapshot:
    """How a device stands. Without its board there are no points; without its agent there is no status."""
    try:
        board = await device.control.view()
    except BoardGone:
        board = {"at_ns": None, "points": {}, "zones": {}}
    return {
        "name": device.name,
        **board,
        "cable_in": device.plugs["cable"].is_in(),
        "agent_running": device.plugs["agent"].is_in(),
        "keeper_running": device.plugs["keeper"].is_in(),
        "status": _of_interest(await device.status()),
    }


def _of_interest(status: dict[str, Any] | None) -> dict[str, Any] | None:
    """What is drawn; clocks and counters would make every look a new one."""
    if status is None:
        return None
    return {
        "link_up": status["link"]["up"],
        "events": status["journal"]["last"],
        "waiting": status["journal"]["waiting"],
        "roster": status["roster"]["number"],
        "emergencies": status["emergencies"],
        "causes": status["causes"],
        "shown": {name: point["shown"] for name, point in status["points"].items()},
        "sessions": {name: _session(point["live"]) for name, point in status["points"].items() if "live" in point},
        "faults": sorted(status["faults"]),
    }


def _session(live: dict[str, Any]) -> dict[str, Any] | None:
    """What is drawn of a charge that runs; None where none does."""
    return {"energy_wh": live["energy_wh"], "minutes": live["minutes"]} if "session" in live else None
