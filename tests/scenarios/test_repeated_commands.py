"""Who holds the broker repeats commands and keeps them back: each is carried out once at most, and in time."""

import asyncio
from pathlib import Path

import pytest

from cloud.commands.store import find_order
from contract import codec, topics
from contract.messages import Result
from firmware_sim.worlds.demo.community import SITE
from tests.firmware_sim.support.story import in_virtual_time
from tests.scenarios.broker_thief import ORDER, Thief, fresh, lose_everything, openings, refused, sealed
from tests.scenarios.gym import GYM, MEMBER, Gym


async def opened_once(gym: Gym, thief: Thief) -> bytes:
    """An operator's own command, carried out; the thief has a copy."""
    (command,) = gym.cloud.commands.issue("open_once", GYM, {}, "lin", "a visitor")

    def is_done() -> bool:
        with gym.cloud.reading() as connection:
            found = find_order(connection, command)
        return found is not None and found.state == "done"

    await gym.until(is_done)
    assert await gym.turnstile.enter()
    await gym.rest()
    assert openings(gym) == 1
    return thief.last(ORDER)


@in_virtual_time
async def test_a_command_that_is_repeated_opens_nothing_and_is_answered_as_before(tmp_path: Path) -> None:
    async with Gym(tmp_path) as gym:
        thief = Thief(gym)
        payload = await opened_once(gym, thief)
        answers = thief.heard[topics.up(SITE, GYM, "result")]
        before = len(answers)
        for _ in range(20):
            thief.say(ORDER, payload)
        await gym.rest()
        assert openings(gym) == 1
        assert len(answers) == before + 20
        assert len({codec.detach(answer)[0] for answer in answers}) == 1


@pytest.mark.parametrize("again", ["reboot", "agent"])
@in_virtual_time
async def test_a_command_that_is_repeated_after_a_restart_opens_nothing(again: str, tmp_path: Path) -> None:
    async with Gym(tmp_path) as gym:
        thief = Thief(gym)
        payload = await opened_once(gym, thief)
        if again == "reboot":
            gym.reboot()
        else:
            gym.device.kill_agent()
            gym.device.start_agent()
        await gym.until(lambda: gym.device.link.up)
        thief.say(ORDER, payload)
        await gym.rest()
        assert openings(gym) == 1


@in_virtual_time
async def test_a_command_is_not_carried_out_again_by_a_device_that_has_forgotten_it(tmp_path: Path) -> None:
    async with Gym(tmp_path) as gym:
        thief = Thief(gym)
        payload = await opened_once(gym, thief)

        def forget(state: Path) -> None:
            for file in state.glob("memory.db*"):
                file.unlink()

        gym.reboot(forget)
        await gym.until(lambda: gym.device.link.up and gym.in_step())
        thief.say(ORDER, payload)
        await gym.rest()
        assert openings(gym) == 1
        assert refused(gym) == {"wrong_connection": 1}


@in_virtual_time
async def test_command_opens_nothing_after_the_state_was_lost(tmp_path: Path) -> None:
    """Memory and connection number are gone, and a command of before is played again within its lifetime."""
    async with Gym(tmp_path) as gym:
        thief = Thief(gym)
        payload = await opened_once(gym, thief)
        gym.reboot(lose_everything)
        await gym.until(lambda: gym.device.link.up and gym.in_step())
        for _ in range(3):
            thief.say(ORDER, payload)
            await asyncio.sleep(1)
        await gym.until(lambda: gym.roster["number"] > 0)
        thief.say(ORDER, payload)
        await gym.rest()
        assert openings(gym) == 1
        again = fresh(gym)
        thief.say(ORDER, sealed(again, gym.keys_of_cloud.command.sign))
        await gym.until(lambda: openings(gym) == 2)


@in_virtual_time
async def test_a_retained_command_opens_nothing_when_the_device_comes_back(tmp_path: Path) -> None:
    async with Gym(tmp_path) as gym:
        thief = Thief(gym)
        payload = await opened_once(gym, thief)
        gym.device.link.cut()
        gym.town.broker.retained[ORDER] = payload
        gym.device.link.restore()
        await gym.until(lambda: refused(gym) == {"retained": 1})
        assert openings(gym) == 1


@in_virtual_time
async def test_a_command_that_was_kept_back_is_too_old_however_long_the_connection_stands(tmp_path: Path) -> None:
    async with Gym(tmp_path) as gym:
        thief = Thief(gym)
        payload = sealed(fresh(gym), gym.keys_of_cloud.command.sign)
        await asyncio.sleep(80)
        assert await gym.tries(MEMBER)
        thief.say(ORDER, payload)
        await gym.until(lambda: refused(gym) == {"expired": 1})
        assert openings(gym) == 1


@in_virtual_time
async def test_a_command_for_a_device_that_does_not_know_the_time_waits_for_a_better_day(tmp_path: Path) -> None:
    async with Gym(tmp_path) as gym:
        thief = Thief(gym)
        gym.cloud.kill()
        gym.reboot()
        await gym.until(lambda: gym.device.link.up)
        thief.say(ORDER, sealed(fresh(gym), gym.keys_of_cloud.command.sign))
        await gym.until(lambda: refused(gym) == {"clock_unset": 1})
        assert openings(gym) == 0


@in_virtual_time
async def test_only_eight_commands_wait_for_the_disk_and_each_moves_the_lock_once(tmp_path: Path) -> None:
    async with Gym(tmp_path) as gym:
        thief = Thief(gym)
        await gym.until(lambda: thief.link.up)
        payloads = [sealed(fresh(gym), gym.keys_of_cloud.command.sign) for _ in range(3)]
        for payload in payloads * 5:
            thief.say(ORDER, payload)
        await gym.rest()
        assert len(gym.told("command.done")) == 3
        results = [
            codec.read(codec.detach(payload)[0], Result) for payload in thief.heard[topics.up(SITE, GYM, "result")]
        ]
        assert {(result.outcome, result.why) for result in results} == {("done", "")}
