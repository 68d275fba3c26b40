import asyncio
from typing import Literal

import pytest

from firmware_sim.board.board import Board
from firmware_sim.parts.smoke_detector import SmokeDetector
from tests.firmware_sim.support.story import in_virtual_time


@pytest.mark.parametrize("active", ["high", "low"])
@in_virtual_time
async def test_smoke_is_told_at_the_active_level_for_as_long_as_it_is_there(active: Literal["high", "low"]) -> None:
    header = Board(asyncio.get_running_loop(), seed=1, pulls={20: "up"})
    detector = SmokeDetector(header, pin=20, active=active)
    assert header.pin(20).level is (active == "low")
    detector.fill()
    await asyncio.sleep(0.1)
    assert header.pin(20).level is (active == "high")
    assert detector.view() == {"kind": "smoke_detector", "smoke": True}
    detector.air()
    await asyncio.sleep(0.1)
    assert header.pin(20).level is (active == "low")
