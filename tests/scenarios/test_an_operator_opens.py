"""An operator opens a door from afar: once, with a reason, and known to be done only when the device says so."""

from pathlib import Path

from cloud.commands.store import Order, find_order
from firmware_sim.worlds.virtual.town import MIDNIGHT_MS
from tests.firmware_sim.support.story import in_virtual_time
from tests.scenarios.gym import GYM, MEMBER, Gym

REASON = "A visitor for the yoga class"


def order(gym: Gym, command: str) -> Order:
    with gym.cloud.reading() as connection:
        found = find_order(connection, command)
    assert found is not None
    return found


def opens(gym: Gym) -> str:
    return gym.cloud.commands.issue("open_once", GYM, {}, "lin", REASON)[0]


@in_virtual_time
async def test_the_gate_opens_once_and_journal_and_cloud_name_the_operator(tmp_path: Path) -> None:
    async with Gym(tmp_path) as gym:
        command = opens(gym)
        assert order(gym, command).state == "sent"
        await gym.until(lambda: order(gym, command).state == "done", within_s=2)
        assert await gym.turnstile.enter()
        await gym.rest()
        assert not await gym.turnstile.enter()
        await gym.until(gym.in_step)
        (told,) = gym.arrived("command.done")
        assert told.data == {"id": command, "op": "open_once", "by": "lin", "reason": REASON}
        passed = gym.arrived("access.passed")[-1]
        assert (passed.data["holder"], passed.point) == ("", GYM)


@in_virtual_time
async def test_a_device_that_is_not_heard_is_sent_nothing(tmp_path: Path) -> None:
    async with Gym(tmp_path) as gym:
        gym.device.link.cut()
        await gym.until(lambda: order(gym, opens(gym)).state == "undeliverable", within_s=200)
        gym.device.link.restore()
        await gym.rest()
        assert gym.told("command") == []
        assert not await gym.turnstile.enter()


@in_virtual_time
async def test_nobody_knows_what_became_of_a_command_whose_answer_never_came(tmp_path: Path) -> None:
    async with Gym(tmp_path) as gym:
        gym.device.hang_agent()
        command = opens(gym)
        now_ms = gym.town.now_ms()
        assert order(gym, command).state_at(now_ms) == "sent"
        assert order(gym, command).state_at(now_ms + 15_001) == "unknown"
        assert now_ms > MIDNIGHT_MS
        gym.device.kill_agent()
        gym.device.start_agent()
        assert await gym.tries(MEMBER)
