import asyncio

import pytest

from firmware_sim.board.board import Board
from firmware_sim.parts.relay import Load, Lock
from tests.firmware_sim.support.story import in_virtual_time


def board() -> Board:
    return Board(asyncio.get_running_loop(), seed=1, pulls={17: "down", 22: "up"})


@pytest.mark.parametrize("load", ["power_to_unlock", "power_to_lock"])
@in_virtual_time
async def test_at_rest_both_kinds_of_lock_are_locked_and_a_driven_relay_releases_them(load: Load) -> None:
    header = board()
    lock = Lock(header, pin=17, load=load)
    locked = [lock.locked]
    for level in (True, None):
        header.pin(17).drive(level)
        await asyncio.sleep(0.1)
        locked.append(lock.locked)
    assert locked == [True, False, True]


@in_virtual_time
async def test_a_relay_board_that_is_active_low_rests_high() -> None:
    header = board()
    lock = Lock(header, pin=22, load="power_to_unlock", active_high=False)
    assert lock.locked
    header.pin(22).drive(False)
    await asyncio.sleep(0.1)
    assert not lock.locked


@in_virtual_time
async def test_the_armature_takes_its_time_and_skips_pulses_that_are_shorter() -> None:
    header = board()
    loop = asyncio.get_running_loop()
    lock = Lock(header, pin=17, load="power_to_unlock")
    moved: list[tuple[float, bool]] = []
    lock.released.watch(lambda released: moved.append((round(loop.time(), 6), released)))
    header.pin(17).drive(True)
    await asyncio.sleep(0.005)
    header.pin(17).drive(None)
    await asyncio.sleep(0.005)
    header.pin(17).drive(True)
    await asyncio.sleep(0.1)
    header.pin(17).drive(None)
    await asyncio.sleep(0.1)
    assert moved == [(0.018, True), (0.114, False)]


@pytest.mark.parametrize(("load", "locked"), [("power_to_unlock", True), ("power_to_lock", False)])
@in_virtual_time
async def test_a_broken_supply_frees_a_magnet_and_leaves_a_strike_locked(load: Load, locked: bool) -> None:
    lock = Lock(board(), pin=17, load=load)
    lock.supply.break_by("fire panel")
    lock.supply.break_by("power cut")
    assert lock.locked is locked
    assert lock.view()["supply_broken_by"] == ["fire panel", "power cut"]
    lock.supply.break_by("fire panel", broken=False)
    assert lock.locked is locked
    lock.supply.break_by("power cut", broken=False)
    assert lock.locked
