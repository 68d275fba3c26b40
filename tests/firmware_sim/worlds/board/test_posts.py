"""Charging posts at a board's hands."""

import asyncio
from pathlib import Path

import pytest

from edge.config.device_config import load
from firmware_sim.board.board import Board
from firmware_sim.control.commands import View
from firmware_sim.parts.charge_point import EvPost
from firmware_sim.parts.ev_post import CutPost, PlugInCar, RestorePost, SetPostClock, TapPost
from firmware_sim.parts.hardware import ControlError
from firmware_sim.parts.socket import Unplug
from firmware_sim.worlds.board.executor import CommandExecutor
from firmware_sim.worlds.board.move_log import MoveLog, pin_names
from firmware_sim.worlds.board.process import charging_posts
from firmware_sim.worlds.board.wiring import resistors, wire

SAMPLE = Path(__file__).parents[4] / "config" / "ev-post.toml"


def test_a_post_is_plugged_tapped_cut_and_restored() -> None:
    async def story() -> None:
        config, loop = load(SAMPLE), asyncio.get_running_loop()
        board = Board(loop, seed=1, strict_gpiod=True, pulls=resistors(config))
        hardware = wire(board, config)
        posts = charging_posts(config, loop)
        hardware.parts |= posts
        assert {name: post.version for name, post in posts.items()} == {"ev-left": "1.6", "ev-fast": "2.0.1"}
        executor = CommandExecutor(config, hardware, MoveLog(pin_names(config)))
        assert await executor.obey(TapPost("ev-left", "04A1B2C3")) == {"taken": False}  # alone, and not on its list
        await executor.obey(PlugInCar("ev-left", 30))
        await executor.obey(SetPostClock("ev-left", -60))
        post = (await executor.obey(View()))["points"]["ev-left"]["post"]
        assert (post["plugged_in"], post["level"], post["clock_off_s"], post["powered"]) == (True, 0.3, -60, True)
        await executor.obey(CutPost("ev-left"))
        assert not hardware.get(EvPost, "ev-left").powered
        await executor.obey(RestorePost("ev-left"))
        await executor.obey(Unplug("ev-left"))
        post = (await executor.obey(View()))["points"]["ev-left"]["post"]
        assert (post["plugged_in"], post["powered"]) == (False, True)
        with pytest.raises(ControlError, match="no charging post 'ev-right' here; there is ev-fast, ev-left"):
            await executor.obey(CutPost("ev-right"))

    asyncio.run(story())
