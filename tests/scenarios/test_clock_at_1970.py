"""A Pi without a battery clock wakes up in 1970, with nobody to ask: who may enter, and in what order it is told."""

from itertools import groupby, pairwise
from pathlib import Path

import pytest

from cloud.members import Membership
from cloud.plans import YEARLY, Plan
from cloud.store.community import Card, add_card, add_membership, add_person, add_plan
from contract.decide import DAY_MS, Tier, Trust
from tests.firmware_sim.story import in_virtual_time
from tests.scenarios.estate import FOUNDER, MEMBER, NOW_MS, STAFF, STRANGER, Cloud, Estate, in_step

MORNINGS = Plan("mornings", Tier.MEMBER, 100, None, {"gym": "gym-hours"}, "早间会员", "Morning member")
ENDS_TOMORROW, WITH_HOURS = 20001, 20002


def admit(cloud: Cloud, number: int, plan: str, until_ms: int = 0) -> str:
    """Somebody new, with a membership; returns their card."""
    keys = cloud.keys
    with cloud.store.writing() as connection:
        person = add_person(connection, "钱十", "Qian Shi")
        add_membership(connection, Membership(0, person, plan, until_ms=until_ms))
        card = Card("H10301", 21, number)
        add_card(connection, person, card, "", digest_key=keys.digest, numbers=keys.numbers, now_ms=NOW_MS)
    return f"H10301:21:{number}"


@in_virtual_time
async def test_with_an_unset_clock_permanent_grants_open_and_those_it_cannot_judge_are_refused(tmp_path: Path) -> None:
    async with Estate(tmp_path) as estate:
        with estate.cloud.store.writing() as connection:
            add_plan(connection, MORNINGS)
        ends_tomorrow = admit(estate.cloud, ENDS_TOMORROW, YEARLY.name, NOW_MS + DAY_MS)
        with_hours = admit(estate.cloud, WITH_HOURS, MORNINGS.name)
        gym = await estate.gateway()
        for card in (ends_tomorrow, with_hours, FOUNDER):
            assert await gym.tries(card)

        gym = estate.reboot(gym, wall_ms=0, cable=False)
        assert gym.device.status()["clock"]["trust"] == Trust.UNSET
        assert await gym.tries(FOUNDER)
        assert await gym.tries(STAFF)
        assert await gym.tries(MEMBER)  # dated, but it ends long after any time that this can be
        assert not await gym.tries(ends_tomorrow)
        assert not await gym.tries(with_hours)
        assert not await gym.tries(STRANGER)
        assert gym.reasons() == ["clock_unset", "clock_unset", "unknown_credential"]


@in_virtual_time
async def test_the_first_acknowledgement_sets_the_clock_and_the_order_of_events_stays(tmp_path: Path) -> None:
    async with Estate(tmp_path) as estate:
        ends_tomorrow = admit(estate.cloud, ENDS_TOMORROW, YEARLY.name, NOW_MS + DAY_MS)
        gym = await estate.gateway()
        assert await gym.tries(FOUNDER)
        await estate.until(lambda: in_step(gym))

        gym = estate.reboot(gym, wall_ms=0, cable=False)
        assert await gym.tries(FOUNDER)
        assert not await gym.tries(ends_tomorrow)
        unset = gym.rows()[-1]
        assert unset.clock is Trust.UNSET
        assert unset.at_ms < estate.cloud.now_ms()

        gym.link.restore()
        await estate.until(lambda: in_step(gym))
        assert gym.device.status()["clock"]["trust"] == Trust.SYNCED
        assert await gym.tries(ends_tomorrow)
        assert gym.rows()[-1].clock is Trust.SYNCED
        assert gym.rows()[-1].at_ms == pytest.approx(estate.cloud.now_ms(), abs=5_000)

        await estate.until(lambda: in_step(gym))
        events = estate.cloud.events()
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        since = [event for event in events if event.boot == unset.boot]
        assert all(before.at_ms <= after.at_ms for before, after in pairwise(since))
        assert [trust for trust, _ in groupby(event.clock for event in since)] == [Trust.UNSET, Trust.SYNCED]


@in_virtual_time
async def test_a_new_device_in_1970_believes_no_time_before_its_own_software(tmp_path: Path) -> None:
    async with Estate(tmp_path) as estate:
        gym = await estate.gateway(adopted=False)
        assert not await gym.tries(FOUNDER)
        refused = gym.rows()[-1]
        assert (refused.data["reason"], refused.clock) == ("no_roster", Trust.UNSET)
        assert refused.at_ms > 1_700_000_000_000
