import asyncio

from firmware_sim.board.board import Board
from firmware_sim.parts.button import PushButton
from firmware_sim.parts.relay import Lock
from tests.firmware_sim.support.story import in_virtual_time


def board() -> Board:
    return Board(asyncio.get_running_loop(), seed=1, pulls={26: "up", 17: "down"})


@in_virtual_time
async def test_a_press_closes_the_contact_for_as_long_as_it_lasts() -> None:
    header = board()
    button = PushButton(header, pin=26)
    button.press(300)
    await asyncio.sleep(0.2)
    assert (header.pin(26).level, button.on) == (False, True)
    await asyncio.sleep(0.2)
    assert (header.pin(26).level, button.on) == (True, False)


@in_virtual_time
async def test_a_stuck_button_stays_pressed_until_it_is_freed() -> None:
    header = board()
    button = PushButton(header, pin=26)
    button.stick()
    button.press(300)
    await asyncio.sleep(10)
    assert header.pin(26).level is False
    button.free()
    await asyncio.sleep(1)
    assert header.pin(26).level is True
    assert button.view() == {"kind": "button", "pressed": False, "stuck": False}


@in_virtual_time
async def test_an_exit_button_frees_the_magnet_in_hardware_with_no_software_running() -> None:
    header = board()
    magnet = Lock(header, pin=17, load="power_to_lock")
    button = PushButton(header, pin=26, releases=[magnet.supply])
    button.push()
    assert not magnet.locked
    button.let_go()
    assert magnet.locked
