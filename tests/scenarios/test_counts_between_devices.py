"""Two turnstiles of one gym: what each knows while the other, or the cloud, cannot be heard."""

import asyncio
from pathlib import Path

import pytest

from contract.occupancy import ZoneCount
from contract.reasons import Reason
from tests.firmware_sim.support.story import in_virtual_time
from tests.scenarios.two_turnstiles import EAST, MEMBER, WEST, ZONE, TwoTurnstiles

LIMIT, EACH = 8, 4
"""The fire limit, and how many of the free places each turnstile is promised while the gym is empty."""


def check(gym: TwoTurnstiles, *names: str) -> None:
    """The limit is kept, and what each device says covers the truth."""
    assert gym.truly_inside <= LIMIT
    for name in names:
        said = gym.count(name, LIMIT)
        assert said.inside - said.count_doubt <= gym.truly_inside <= said.inside <= LIMIT
        assert said.count_doubt <= EACH


@pytest.mark.parametrize("busy", [EAST, WEST])
@in_virtual_time
async def test_partition_of_an_hour_keeps_the_limit(tmp_path: Path, busy: str) -> None:
    """Both are cut off. Sixty people come to the one and leave after four minutes, ten to the other and stay; plugs
    are pulled, and an agent is killed. Each admits the free places that it was promised, and never more."""
    gym = TwoTurnstiles(tmp_path, fire_limit=LIMIT)
    await gym.open()
    other = WEST if busy == EAST else EAST
    assert gym.count(busy, LIMIT) == ZoneCount(EACH, EACH, 0, is_fresh=True)
    gym.cut()
    assert [await gym.enter(other) for _ in range(10)] == [True] * EACH + [False] * 6
    assert set(gym.refusals(other)) == {Reason.ZONE_AT_LIMIT}
    entered = 0
    for minute in range(60):
        began_s = asyncio.get_running_loop().time()
        entered += await gym.enter(busy)
        check(gym, busy, other)
        if minute in (13, 31):
            await gym.lose_power(busy)
            await gym.lose_power(other)
        if minute == 47:
            gym.town.devices[busy].restart_agent()
            await asyncio.sleep(3)
        check(gym, busy, other)
        if minute >= EACH - 1:
            await gym.leave(busy)
        await asyncio.sleep(began_s + 60 - asyncio.get_running_loop().time())
    assert entered == 60
    assert not gym.count(busy, LIMIT).is_fresh
    gym.restore()
    await gym.town.drained()
    await asyncio.sleep(60)
    told = gym.cloud_says().count
    assert (told.inside, told.count_doubt) == (gym.truly_inside, 0)
    check(gym, busy, other)
    assert gym.promised() == LIMIT - gym.truly_inside
    await gym.close()


@in_virtual_time
async def test_device_cut_off_alone_keeps_its_places(tmp_path: Path) -> None:
    """One cannot be heard. The other fills the gym up to what the first was promised, whatever that does with it."""
    gym = TwoTurnstiles(tmp_path, fire_limit=LIMIT)
    await gym.open()
    gym.cut(WEST)
    await asyncio.sleep(1)
    assert [await gym.enter(EAST) for _ in range(6)] == [True] * EACH + [False] * 2
    assert [await gym.enter(WEST) for _ in range(6)] == [True] * EACH + [False] * 2
    assert gym.truly_inside == LIMIT
    gym.restore(WEST)
    await gym.town.drained()
    await gym.leave(WEST)
    assert not await gym.enter(EAST), "the place is at the other"
    assert await gym.enter(EAST), "it was asked for, and given back there"
    assert not await gym.enter(WEST)
    assert gym.truly_inside == LIMIT
    await gym.close()


@in_virtual_time
async def test_full_gym_is_known_at_both(tmp_path: Path) -> None:
    """Comfort is six: who comes as the seventh is told so at either turnstile, and who badges without passing takes no
    place from anybody."""
    gym = TwoTurnstiles(tmp_path, capacity=6)
    await gym.open()
    for name in (EAST, WEST) * 3:
        assert await gym.enter(name)
    await asyncio.sleep(1)
    assert not await gym.enter(EAST)
    assert not await gym.enter(WEST)
    assert gym.refusals(EAST) + gym.refusals(WEST) == [Reason.ZONE_FULL] * 2
    await gym.leave(WEST)
    await asyncio.sleep(1)
    await gym.badge(EAST)
    await asyncio.sleep(10)
    assert await gym.enter(WEST)
    assert gym.cloud_says().count.inside == 6
    await gym.close()


@in_virtual_time
async def test_nobody_comes_in_twice(tmp_path: Path) -> None:
    """She went in at one turnstile, and her card is refused at the other: within three minutes without the cloud too.
    Somebody who only badged may badge again."""
    gym = TwoTurnstiles(tmp_path, anti_passback="hard")
    await gym.open()
    await gym.badge(EAST, MEMBER)
    await asyncio.sleep(10)
    assert await gym.enter(EAST, MEMBER)
    await asyncio.sleep(0.5)
    assert not await gym.enter(WEST, MEMBER)
    await asyncio.sleep(600)
    assert not await gym.enter(WEST, MEMBER), "as long as the news is fresh"
    assert set(gym.refusals(WEST)) == {Reason.ALREADY_INSIDE}
    gym.cut()
    await asyncio.sleep(130)
    assert await gym.enter(WEST, MEMBER), "she may have left since, and it is noted"
    assert gym.events(WEST, "access.allowed")[-1].data["warning"] == Reason.ALREADY_INSIDE
    assert not await gym.enter(WEST, MEMBER)
    await gym.close()


@in_virtual_time
async def test_unnamed_exit_softens_anti_passback(tmp_path: Path) -> None:
    """Somebody left by the free arm: nobody is held to be inside for longer than three minutes."""
    gym = TwoTurnstiles(tmp_path, anti_passback="hard")
    await gym.open()
    assert await gym.enter(EAST, MEMBER)
    await gym.leave(EAST)
    assert gym.cloud_says().count.names_doubt == 1
    assert not await gym.enter(EAST, MEMBER)
    await asyncio.sleep(180)
    assert await gym.enter(EAST, MEMBER)
    gym.town.cloud.counters.empty("steward", ZONE)
    await asyncio.sleep(65)
    assert await gym.enter(WEST, MEMBER)
    await gym.close()
