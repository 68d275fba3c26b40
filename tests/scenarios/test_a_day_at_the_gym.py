"""A resident's day: in and out of the gym, with the network there or not, until she loses her card."""

import asyncio

from sqlalchemy import select

from cloud.cards.store import set_card_standing
from cloud.people.tables import credentials, memberships
from cloud.store.schema import event_series, events, people
from contract.decide import DAY_MS, Standing
from contract.reasons import TABLE, Reason
from firmware_sim.parts.portal import Portal
from firmware_sim.parts.turnstile import Turnstile
from firmware_sim.worlds.virtual.town import VirtualTown
from tests.cloud.support.cards import set_membership_window
from tests.scenarios.sunny_court import GYM, in_sunny_court, in_the_cloud, reasons, until


def arm(town: VirtualTown) -> Turnstile:
    portal = town.devices[GYM].hardware.get(Portal, GYM)
    assert isinstance(portal, Turnstile)
    return portal


def shown(town: VirtualTown) -> str:
    """What the screen at the turnstile says, in English."""
    agent = town.devices[GYM].agent
    assert agent is not None
    text = agent.status()["points"][GYM]["shown"]
    return TABLE[Reason(text)].en.text


@in_sunny_court(from_hour=6.5)
async def test_a_member_comes_in_before_work_and_leaves_freely(town: VirtualTown) -> None:
    await until(town, 6.5)
    assert await town.visit(GYM, "Li Si")
    assert shown(town) == "Welcome"
    await until(town, 7.5)
    assert await arm(town).leave()
    await asyncio.sleep(2)
    told = [event.kind for event in in_the_cloud(town, GYM)]
    assert told[-3:] == ["access.allowed", "access.passed", "turnstile.exited"]


@in_sunny_court(from_hour=10)
async def test_a_family_of_four_shares_the_founder_s_place_and_her_own_son_has_none(town: VirtualTown) -> None:
    await until(town, 10)
    for who in ("Zhang San", "Zhang Dayi", "Zhang Xiao'er", "Zhang Xiaosan"):
        assert await town.visit(GYM, who)
    assert not await town.visit(GYM, "Li Xiaowu")
    assert shown(town) == "This place is not in the membership"
    assert arm(town).passed["in"] == 4


@in_sunny_court(("Wang Wu", "gym"), from_hour=12)
async def test_a_neighbour_whose_year_is_over_is_told_why_and_comes_in_once_he_has_paid(town: VirtualTown) -> None:
    await until(town, 12)
    assert not await town.visit(GYM, "Wang Wu")
    assert shown(town) == "This membership has ended"
    with town.cloud.changing() as connection:
        mine = select(memberships.c.id).join(people).where(people.c.name_en == "Wang Wu")
        paid = connection.execute(mine).scalar_one()
        set_membership_window(connection, paid, town.now_ms(), town.now_ms() + 365 * DAY_MS)
    await asyncio.sleep(1)
    assert await town.visit(GYM, "Wang Wu")


@in_sunny_court(from_hour=14)
async def test_with_the_cable_out_the_gym_goes_on_and_the_cloud_learns_it_in_the_evening(town: VirtualTown) -> None:
    await until(town, 14)
    town.devices[GYM].link.cut()
    assert await town.visit(GYM, "Li Si")
    assert not await town.visit(GYM, "Stranger One")
    await until(town, 20)
    assert reasons(town, GYM) == []
    town.devices[GYM].link.restore()
    await asyncio.sleep(15)
    assert reasons(town, GYM) == ["allowed", "unknown_credential"]
    with town.cloud.reading() as connection:
        replays = select(events.c.replay).join(event_series, event_series.c.id == events.c.series)
        rings = connection.execute(replays.where(event_series.c.kind == "access.refused")).scalars().all()
    assert rings == [True]


@in_sunny_court(from_hour=18)
async def test_a_card_that_is_lost_in_the_park_opens_nothing_a_moment_after_she_has_called(town: VirtualTown) -> None:
    await until(town, 18)
    assert await town.visit(GYM, "Li Si")
    with town.cloud.changing() as connection:
        hers = select(credentials.c.id).join(people).where(people.c.name_en == "Li Si")
        set_card_standing(connection, connection.execute(hers).scalar_one(), Standing.LOST)
    await asyncio.sleep(0.5)
    assert not await town.visit(GYM, "Li Si")
    assert shown(town) == "This card was reported lost"
    assert reasons(town, GYM) == ["allowed", "reported_lost"]


@in_sunny_court()
async def test_the_next_morning_nothing_needs_the_cloud_that_died_in_the_night(town: VirtualTown) -> None:
    town.cloud.kill()
    await until(town, 30.5)
    assert await town.visit(GYM, "Li Si")
    town.devices[GYM].power_off()
    await asyncio.sleep(30)
    town.devices[GYM].power_on()
    await asyncio.sleep(5)
    assert await town.visit(GYM, "Zhang San")
    town.cloud.start()
    await asyncio.sleep(120)
    assert reasons(town, GYM) == ["allowed", "allowed"]
