"""Modes are how a point stays: over restarts, over emergencies, and for a device that was away when it was ordered."""

import asyncio
from pathlib import Path

from cloud.commands.store import PointState, list_points
from contract.decide import Mode
from firmware_sim.control.commands import card_bits
from firmware_sim.worlds.virtual.town import MIDNIGHT_MS
from tests.firmware_sim.support.story import in_virtual_time
from tests.scenarios.gym import GYM, MEMBER, STAFF, Gym


def order(gym: Gym, mode: Mode) -> None:
    gym.cloud.desired_state.set_mode([GYM], mode, "lin", "a fight in the yard")


def point(gym: Gym) -> PointState:
    with gym.cloud.reading() as connection:
        (found,) = (one for one in list_points(connection, MIDNIGHT_MS) if one.name == GYM)
    return found


def in_force(gym: Gym) -> str:
    return str(gym.status["points"][GYM]["mode"])


@in_virtual_time
async def test_in_a_lockdown_nobody_gets_in_and_everybody_gets_out(tmp_path: Path) -> None:
    async with Gym(tmp_path) as gym:
        order(gym, Mode.LOCKDOWN)
        await gym.until(lambda: not point(gym).drifts and point(gym).in_force is Mode.LOCKDOWN)
        for card in (MEMBER, STAFF):
            assert not await gym.tries(card)
        assert gym.reasons()[-2:] == ["locked_down", "locked_down"]
        assert await gym.turnstile.leave()
        order(gym, Mode.SCHEDULED)
        await gym.until(lambda: in_force(gym) == "scheduled")
        assert await gym.tries(MEMBER)
        assert [event.data for event in gym.told("turnstile.mode")] == [
            {"mode": "lockdown", "number": 1},
            {"mode": "scheduled", "number": 2},
        ]


@in_virtual_time
async def test_a_door_that_was_opened_a_moment_ago_is_locked_again_at_once(tmp_path: Path) -> None:
    async with Gym(tmp_path) as gym:
        gym.device.hardware.readers[f"{GYM}.in"].send(card_bits(MEMBER))
        await gym.until(lambda: gym.status["points"][GYM]["phase"] == "unlocked")
        order(gym, Mode.LOCKDOWN)
        await gym.until(lambda: in_force(gym) == "lockdown")
        await asyncio.sleep(0.1)
        assert not await gym.turnstile.enter()
        assert gym.told("access.not_entered")


@in_virtual_time
async def test_a_device_that_was_away_takes_the_lockdown_up_when_it_returns(tmp_path: Path) -> None:
    async with Gym(tmp_path) as gym:
        gym.device.link.cut()
        await asyncio.sleep(300)
        order(gym, Mode.LOCKDOWN)
        assert await gym.tries(MEMBER)
        assert point(gym).drifts
        gym.device.link.restore()
        await gym.until(lambda: not point(gym).drifts)
        assert not await gym.tries(MEMBER)


@in_virtual_time
async def test_a_mode_is_in_force_at_the_start_before_there_is_any_link(tmp_path: Path) -> None:
    async with Gym(tmp_path) as gym:
        order(gym, Mode.LOCKDOWN)
        await gym.until(lambda: not point(gym).drifts and point(gym).in_force is Mode.LOCKDOWN)
        gym.device.link.cut()
        gym.reboot()
        assert in_force(gym) == "lockdown"
        await asyncio.sleep(1)
        assert not await gym.tries(MEMBER)
        gym.device.link.restore()
        await gym.until(gym.in_step)
        assert in_force(gym) == "lockdown"


@in_virtual_time
async def test_held_open_the_way_is_free_for_an_hour_and_no_alarm_is_told(tmp_path: Path) -> None:
    async with Gym(tmp_path) as gym:
        order(gym, Mode.HOLD_OPEN)
        await gym.until(lambda: in_force(gym) == "hold_open")
        for _ in range(4):
            await asyncio.sleep(900)
            assert await gym.turnstile.enter()
            await asyncio.sleep(1)
        kinds = {event.kind for event in gym.told("turnstile", "device.lease_expired")}
        assert kinds == {"turnstile.mode"}
        order(gym, Mode.SCHEDULED)
        await gym.until(lambda: in_force(gym) == "scheduled")
        await asyncio.sleep(0.1)
        assert not await gym.turnstile.enter()
        assert await gym.tries(MEMBER)


@in_virtual_time
async def test_a_door_held_open_falls_shut_when_its_agent_hangs_and_opens_when_it_is_back(tmp_path: Path) -> None:
    async with Gym(tmp_path) as gym:
        order(gym, Mode.HOLD_OPEN)
        await gym.until(lambda: in_force(gym) == "hold_open")
        gym.device.hang_agent()
        await asyncio.sleep(11)
        assert not await gym.turnstile.enter()
        gym.device.kill_agent()
        gym.device.start_agent()
        await asyncio.sleep(1)
        assert in_force(gym) == "hold_open"
        assert await gym.turnstile.enter()
        gym.device.kill_keeper()
        await asyncio.sleep(1)
        gym.device.start_keeper()
        await asyncio.sleep(1)
        assert await gym.turnstile.enter()


@in_virtual_time
async def test_out_of_service_says_so_at_the_door(tmp_path: Path) -> None:
    async with Gym(tmp_path) as gym:
        order(gym, Mode.OUT_OF_SERVICE)
        await gym.until(lambda: in_force(gym) == "out_of_service")
        assert not await gym.tries(MEMBER)
        assert gym.status["points"][GYM]["shown"] == "out_of_service"


@in_virtual_time
async def test_a_point_that_the_device_does_not_have_is_named_to_the_operator(tmp_path: Path) -> None:
    async with Gym(tmp_path) as gym:
        with gym.cloud.changing() as connection:
            connection.exec_driver_sql("UPDATE points SET device = ? WHERE name = 'east-gate'", (GYM,))
        gym.cloud.desired_state.set_mode(["east-gate"], Mode.LOCKDOWN, "lin", "a fight in the yard")
        await gym.until(lambda: point(gym).why != "")
        assert point(gym).why == "No such point here: east-gate."
        assert in_force(gym) == "scheduled"


@in_virtual_time
async def test_a_full_disk_keeps_no_mode_from_being_in_force_and_the_operator_is_told(tmp_path: Path) -> None:
    async with Gym(tmp_path) as gym:
        memory = gym.agent.ports.memory
        memory._connection.execute("PRAGMA query_only = 1")
        order(gym, Mode.LOCKDOWN)
        await gym.until(lambda: point(gym).why != "")
        assert "a restart would forget them" in point(gym).why
        assert not await gym.tries(MEMBER)
        memory._connection.execute("PRAGMA query_only = 0")
        await gym.until(lambda: point(gym).why == "")
        assert memory.document("desired") is not None


@in_virtual_time
async def test_a_lockdown_that_nobody_ends_is_over(tmp_path: Path) -> None:
    """When its time is, although the cloud died meanwhile and the agent was killed twice; the cloud agrees later."""
    async with Gym(tmp_path) as gym:
        gym.cloud.desired_state.set_mode([GYM], Mode.LOCKDOWN, "lin", "a fight in the yard", minutes=20)
        await gym.until(lambda: in_force(gym) == "lockdown")
        gym.cloud.kill()
        for minutes in (8, 11):
            await asyncio.sleep(minutes * 60)
            gym.device.kill_agent()
            gym.device.start_agent()
            await asyncio.sleep(1)
            assert in_force(gym) == "lockdown"
        await asyncio.sleep(60)
        assert in_force(gym) == "scheduled"
        gym.cloud.start()
        await gym.until(lambda: bool(gym.told("device.mode_ended")))
        await asyncio.sleep(120)
        assert in_force(gym) == "scheduled"
        with gym.cloud.reading() as connection:
            (ended,) = (one for one in list_points(connection, gym.town.now_ms()) if one.name == GYM)
        assert (ended.mode, ended.in_force, ended.drifts) == (Mode.SCHEDULED, Mode.SCHEDULED, False)
        assert await gym.tries(MEMBER)
