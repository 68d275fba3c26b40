"""A sample device's board in virtual time, in the test's hands."""

import asyncio
from typing import Any

from gpiozero import OutputDevice

from dev import ROOT
from edge.config.device_config import load
from firmware_sim.board.board import Board
from firmware_sim.control.commands import View
from firmware_sim.parts.hardware import Command, Hardware
from firmware_sim.worlds.board.executor import CommandExecutor
from firmware_sim.worlds.board.move_log import MoveLog, pin_names
from firmware_sim.worlds.board.wiring import resistors, wire


class Site:
    """One sample device's board in virtual time, and hands to do things at it."""

    def __init__(self, config_name: str) -> None:
        config = self.config = load(ROOT / "config" / f"{config_name}.toml")
        self.witness = MoveLog(pin_names(config))
        self.board = Board(asyncio.get_running_loop(), seed=1, pulls=resistors(config), on_move=self.witness.hear)
        self.hardware: Hardware = wire(self.board, config)
        self.executor = CommandExecutor(config, self.hardware, self.witness)
        self.factory = self.board.factory()

    async def do(self, order: Command) -> dict[str, Any]:
        return await self.executor.obey(order)

    async def point(self) -> dict[str, Any]:
        """How the device's one point stands."""
        (point,) = (await self.do(View()))["points"].values()
        assert isinstance(point, dict)
        return point

    def unlock(self, pin: int = 17) -> OutputDevice:
        """Drive a relay as a keeper would."""
        return OutputDevice(pin, initial_value=True, pin_factory=self.factory)
