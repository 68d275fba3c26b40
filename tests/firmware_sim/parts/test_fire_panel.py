import asyncio

from firmware_sim.board.board import Board
from firmware_sim.parts.fire_panel import FirePanel
from firmware_sim.parts.lock import Lock
from tests.firmware_sim.support.story import in_virtual_time


@in_virtual_time
async def test_an_alarm_and_a_broken_wire_both_open_the_loop_but_only_the_alarm_releases_the_doors() -> None:
    header = Board(asyncio.get_running_loop(), seed=1, pulls={24: "up", 17: "down"})
    magnet = Lock(header, pin=17, load="power_to_lock")
    panel = FirePanel(header, pin=24, releases=[magnet])
    assert (header.pin(24).level, magnet.locked) == (False, True)
    panel.break_wire()
    await asyncio.sleep(0.1)
    assert (header.pin(24).level, magnet.locked) == (True, True)
    panel.mend_wire()
    await asyncio.sleep(0.1)
    assert header.pin(24).level is False
    panel.alarm()
    await asyncio.sleep(0.1)
    assert (header.pin(24).level, magnet.locked) == (True, False)
    assert panel.view() == {"kind": "fire_panel", "alarm": True, "wire_broken": False}
    panel.clear()
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
    panel.clear()
    panel.mend_wire()
    await asyncio.sleep(0.1)
    assert (header.pin(24).level, header.pin(25).level) == (False, True)
