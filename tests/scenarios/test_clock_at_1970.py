"""A Pi without a battery clock wakes up in 1970, with nobody to ask: who may enter, and in what order it is told."""

import asyncio
from collections.abc import Callable
from itertools import groupby, pairwise
from pathlib import Path

import pytest

from cloud.cards.rule import Card
from cloud.cards.store import add_card, set_card_standing
from cloud.people.members import Membership
from cloud.people.plans import YEARLY, Plan
from cloud.people.store import add_membership, add_person, add_plan
from cloud.store.labels import Label
from contract.decide import DAY_MS, Standing, Tier, Trust
from edge.machine.clock import BUILT_MS
from firmware_sim.worlds.virtual.town import MIDNIGHT_MS
from tests.firmware_sim.support.story import in_virtual_time
from tests.scenarios.gym import FOUNDER, GYM, MEMBER, STAFF, STRANGER, Gym

MORNINGS = Plan("mornings", Tier.MEMBER, 100, None, {"gym": "gym-hours"}, Label("早间会员", "Morning member"))
ENDS_TOMORROW, WITH_HOURS = 20001, 20002
YEAR_2038_MS = (1 << 31) * 1000


def admit(gym: Gym, number: int, plan: str, until_ms: int = 0) -> str:
    """Somebody new, with a membership; returns their card."""
    keys = gym.keys_of_cloud
    with gym.cloud.changing() as connection:
        person = add_person(connection, "钱十", "Qian Shi")
        add_membership(connection, Membership(0, person, plan, until_ms=until_ms))
        card = Card("H10301", 21, number)
        add_card(connection, person, card, "", digest_key=keys.digest, numbers=keys.numbers, now_ms=MIDNIGHT_MS)
    return f"H10301:21:{number}"


@in_virtual_time
async def test_with_an_unset_clock_permanent_grants_open_and_those_it_cannot_judge_are_refused(tmp_path: Path) -> None:
    async with Gym(tmp_path) as gym:
        with gym.cloud.changing() as connection:
            add_plan(connection, MORNINGS)
        ends_tomorrow = admit(gym, ENDS_TOMORROW, YEARLY.name, MIDNIGHT_MS + DAY_MS)
        with_hours = admit(gym, WITH_HOURS, MORNINGS.name)
        assert not await gym.tries(with_hours)
        await asyncio.sleep(7 * 3600)  # a night passes, and the gym opens
        for card in (ends_tomorrow, with_hours, FOUNDER):
            assert await gym.tries(card)

        gym.device.link.cut()
        gym.reboot()
        assert gym.status["clock"]["trust"] == Trust.UNSET
        assert await gym.tries(FOUNDER)
        assert await gym.tries(STAFF)
        assert await gym.tries(MEMBER)  # dated, but it ends long after any time that this can be
        assert not await gym.tries(ends_tomorrow)
        assert not await gym.tries(with_hours)
        assert not await gym.tries(STRANGER)
        assert gym.reasons() == ["outside_hours", "clock_unset", "clock_unset", "unknown_credential"]


@in_virtual_time
async def test_the_first_acknowledgement_sets_the_clock_and_the_order_of_events_stays(tmp_path: Path) -> None:
    async with Gym(tmp_path) as gym:
        ends_tomorrow = admit(gym, ENDS_TOMORROW, YEARLY.name, MIDNIGHT_MS + DAY_MS)
        assert await gym.tries(FOUNDER)
        await gym.until(gym.in_step)

        gym.device.link.cut()
        gym.reboot()
        assert await gym.tries(FOUNDER)
        assert not await gym.tries(ends_tomorrow)
        unset = gym.rows()[-1]
        assert unset.clock is Trust.UNSET
        assert unset.at_ms < gym.town.now_ms()

        gym.device.link.restore()
        await gym.until(gym.in_step)
        assert gym.status["clock"]["trust"] == Trust.SYNCED
        assert await gym.tries(ends_tomorrow)
        assert gym.rows()[-1].clock is Trust.SYNCED
        assert gym.rows()[-1].at_ms == pytest.approx(gym.town.now_ms(), abs=5_000)

        await gym.until(gym.in_step)
        events = gym.arrived()
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        since = [event for event in events if event.boot == unset.boot]
        assert all(before.at_ms <= after.at_ms for before, after in pairwise(since))
        assert [trust for trust, _ in groupby(event.clock for event in since)] == [Trust.UNSET, Trust.SYNCED]


@in_virtual_time
async def test_a_new_device_in_1970_believes_no_time_before_its_own_software(tmp_path: Path) -> None:
    async with Gym(tmp_path, adopted=False) as gym:
        assert not await gym.tries(FOUNDER)
        refused = gym.rows()[-1]
        assert (refused.data["reason"], refused.clock) == ("no_roster", Trust.UNSET)
        assert refused.at_ms > BUILT_MS


def restart_cloud(gym: Gym, now_ms: Callable[[], int]) -> None:
    """Its machine starts again, and its clock stands wherever it stands."""
    gym.cloud.kill()
    gym.cloud._now_ms = now_ms
    gym.cloud.start()


def is_off_ms(gym: Gym) -> int:
    return abs(int(gym.status["clock"]["at_ms"]) - gym.town.now_ms())


@in_virtual_time
async def test_a_cloud_whose_clock_is_lost_moves_no_devices_clock(tmp_path: Path) -> None:
    async with Gym(tmp_path) as gym:
        restart_cloud(gym, lambda: round(asyncio.get_running_loop().time() * 1000))
        assert await gym.tries(MEMBER)
        await gym.until(gym.in_step)
        assert is_off_ms(gym) < 1000
        assert "s off" in gym.agent.faults()["clock"]
        with gym.cloud.changing() as connection:
            set_card_standing(connection, 1, Standing.LOST)
        await gym.until(lambda: gym.roster["refused"] == "expired")
        assert gym.roster["number"] == 1
        assert await gym.tries(MEMBER)

        restart_cloud(gym, gym.town.now_ms)
        await gym.until(lambda: gym.roster["number"] > 1 and gym.roster["refused"] == "")
        assert await gym.tries(MEMBER)
        await gym.until(gym.in_step)
        assert "clock" not in gym.agent.faults()
        assert is_off_ms(gym) < 1000


@in_virtual_time
async def test_a_cloud_in_2038_is_believed_under_its_seal_and_one_order_puts_it_right(tmp_path: Path) -> None:
    async with Gym(tmp_path) as gym:
        ahead_ms = YEAR_2038_MS - gym.town.now_ms()
        restart_cloud(gym, lambda: gym.town.now_ms() + ahead_ms)
        await gym.until(lambda: is_off_ms(gym) > DAY_MS)
        assert await gym.tries(FOUNDER)
        assert not await gym.tries(MEMBER)
        assert await gym.turnstile.leave()

        restart_cloud(gym, gym.town.now_ms)
        await gym.until(lambda: gym.cloud.link.up)
        right = {"now_ms": gym.town.now_ms()}
        gym.cloud.commands.issue("clock_set", GYM, right, "lin", "the cloud was in 2038")
        await gym.until(lambda: is_off_ms(gym) < 60_000)
        await gym.until(lambda: abs(gym.roster["issued_ms"] - gym.town.now_ms()) < DAY_MS)
        assert await gym.tries(MEMBER)
        await gym.until(gym.in_step)
        assert is_off_ms(gym) < 1000
