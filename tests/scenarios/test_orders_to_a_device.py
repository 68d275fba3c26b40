"""What an administrator may order of a device itself: its log, its clock, a restart."""

import asyncio
from pathlib import Path

import pytest

from cloud.commands.store import Order, find_order
from contract.commands import WrongArgs
from contract.decide import DAY_MS
from contract.messages import Op
from tests.firmware_sim.support.story import in_virtual_time
from tests.scenarios.gym import GYM, MEMBER, Gym

REASON = "It is slow since noon"


def orders(gym: Gym, op: Op, **args: int) -> str:
    return gym.cloud.commands.issue(op, GYM, args, "lin", REASON)[0]


def found(gym: Gym, command: str) -> Order:
    with gym.cloud.reading() as connection:
        order = find_order(connection, command)
    assert order is not None
    return order


@in_virtual_time
async def test_a_restart_is_answered_first_and_happens_once(tmp_path: Path) -> None:
    async with Gym(tmp_path) as gym:
        command = orders(gym, "reboot")
        await gym.until(lambda: found(gym, command).state == "done", within_s=1)
        assert len(gym.device.booted_s) == 1
        await asyncio.sleep(60)
        assert len(gym.device.booted_s) == 2
        await gym.until(gym.in_step)
        assert gym.arrived("command.done")[0].data["op"] == "reboot"
        assert await gym.tries(MEMBER)


@in_virtual_time
async def test_a_log_is_fetched(tmp_path: Path) -> None:
    async with Gym(tmp_path) as gym:
        command = orders(gym, "send_log")
        await gym.until(lambda: found(gym, command).state == "done")


@in_virtual_time
async def test_a_clock_is_set_and_the_journal_says_by_whom_and_from_what(tmp_path: Path) -> None:
    async with Gym(tmp_path) as gym:
        was_ms = gym.status["clock"]["at_ms"]
        command = orders(gym, "clock_set", now_ms=was_ms + 30 * DAY_MS)
        await gym.until(lambda: gym.told("device.clock_set") != [], within_s=2)
        assert gym.status["clock"]["at_ms"] - was_ms > 29 * DAY_MS
        (told,) = gym.told("device.clock_set")
        assert told.data["by"] == "lin"
        assert abs(told.data["was_ms"] - was_ms) < 1_000
        await gym.until(lambda: found(gym, command).state == "done")


@in_virtual_time
async def test_a_time_that_is_none_is_refused(tmp_path: Path) -> None:
    async with Gym(tmp_path) as gym:
        command = orders(gym, "clock_set", now_ms=5)
        await gym.until(lambda: found(gym, command).state == "refused")
        assert found(gym, command).why == "bad_time"
        with pytest.raises(WrongArgs):
            orders(gym, "clock_set")
        assert gym.told("device.clock_set") == []
