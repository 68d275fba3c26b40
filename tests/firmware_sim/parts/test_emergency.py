import asyncio
from typing import Literal

import pytest

from firmware_sim.board.board import Board
from firmware_sim.parts.emergency import EmergencyStop, FirePanel, SmokeDetector
from firmware_sim.parts.relay import Lock
from tests.firmware_sim.support.story import in_virtual_time


@in_virtual_time
async def test_an_alarm_and_a_broken_wire_both_open_the_loop_but_only_the_alarm_releases_the_doors() -> None:
    header = Board(asyncio.get_running_loop(), seed=1, pulls={24: "up", 17: "down"})
    magnet = Lock(header, pin=17, load="power_to_lock")
    panel = FirePanel(header, pin=24, releases=[magnet.supply])
    assert (header.pin(24).level, magnet.locked) == (False, True)
    panel.break_wire()
    await asyncio.sleep(0.1)
    assert (header.pin(24).level, magnet.locked) == (True, True)
    panel.break_wire(False)
    await asyncio.sleep(0.1)
    assert header.pin(24).level is False
    panel.alarm()
    await asyncio.sleep(0.1)
    assert (header.pin(24).level, magnet.locked) == (True, False)
    assert panel.view() == {"kind": "fire_panel", "alarm": True, "wire_broken": False}
    panel.alarm(False)
    await asyncio.sleep(0.1)
    assert (header.pin(24).level, magnet.locked) == (False, True)


@in_virtual_time
async def test_the_second_contact_closes_for_an_alarm_and_not_for_a_broken_wire() -> None:
    header = Board(asyncio.get_running_loop(), seed=1, pulls={24: "up", 25: "up"})
    panel = FirePanel(header, pin=24, confirm_pin=25)
    panel.break_wire()
    await asyncio.sleep(0.1)
    assert (header.pin(24).level, header.pin(25).level) == (True, True)
    panel.alarm()
    await asyncio.sleep(0.1)
    assert (header.pin(24).level, header.pin(25).level) == (True, False)
    panel.alarm(False)
    panel.break_wire(False)
    await asyncio.sleep(0.1)
    assert (header.pin(24).level, header.pin(25).level) == (False, True)


@pytest.mark.parametrize("active", ["high", "low"])
@in_virtual_time
async def test_smoke_is_told_at_the_active_level_for_as_long_as_it_is_there(active: Literal["high", "low"]) -> None:
    header = Board(asyncio.get_running_loop(), seed=1, pulls={20: "up"})
    detector = SmokeDetector(header, pin=20, name="smoke", active=active)
    assert header.pin(20).level is (active == "low")
    detector.put(True)
    await asyncio.sleep(0.1)
    assert header.pin(20).level is (active == "high")
    assert detector.view() == {"kind": "smoke_detector", "smoke": True}
    detector.put(False)
    await asyncio.sleep(0.1)
    assert header.pin(20).level is (active == "low")


@pytest.mark.parametrize("active", ["high", "low"])
@in_virtual_time
async def test_a_pressed_button_stays_in_until_somebody_twists_it(active: Literal["high", "low"]) -> None:
    header = Board(asyncio.get_running_loop(), seed=1, pulls={21: "up"})
    button = EmergencyStop(header, pin=21, name="stop", active=active)
    assert header.pin(21).level is (active == "low")
    button.put(True)
    await asyncio.sleep(3600)
    assert header.pin(21).level is (active == "high")
    assert button.view() == {"kind": "emergency_stop", "pressed": True}
    button.put(False)
    await asyncio.sleep(0.1)
    assert header.pin(21).level is (active == "low")
