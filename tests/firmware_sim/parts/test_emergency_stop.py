import asyncio
from typing import Literal

import pytest

from firmware_sim.board.board import Board
from firmware_sim.parts.emergency_stop import EmergencyStop
from tests.firmware_sim.support.story import in_virtual_time


@pytest.mark.parametrize("active", ["high", "low"])
@in_virtual_time
async def test_a_pressed_button_stays_in_until_somebody_twists_it(active: Literal["high", "low"]) -> None:
    header = Board(asyncio.get_running_loop(), seed=1, pulls={21: "up"})
    button = EmergencyStop(header, pin=21, active=active)
    assert header.pin(21).level is (active == "low")
    button.press()
    await asyncio.sleep(3600)
    assert header.pin(21).level is (active == "high")
    assert button.view() == {"kind": "emergency_stop", "pressed": True}
    button.twist()
    await asyncio.sleep(0.1)
    assert header.pin(21).level is (active == "low")
