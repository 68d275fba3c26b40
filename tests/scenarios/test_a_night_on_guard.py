"""A guard's night: what the cloud can tell about fires, forced gates, doors held open and boxes without power."""

import asyncio

from sqlalchemy import select

from cloud.devices.presence import Presence, presence
from cloud.store.schema import devices
from firmware_sim.parts.door import Door
from firmware_sim.parts.portal import Portal
from firmware_sim.worlds.virtual.town import VirtualTown
from tests.scenarios.sunny_court import EAST_GATE, GYM, in_sunny_court, in_the_cloud, until


def gate(town: VirtualTown) -> Door:
    portal = town.devices[EAST_GATE].hardware.get(Portal, EAST_GATE)
    assert isinstance(portal, Door)
    return portal


def seen(town: VirtualTown, device: str) -> Presence:
    """How the console shows a device."""
    with town.cloud.reading() as connection:
        columns = devices.c.online, devices.c.heard_ms
        row = connection.execute(select(*columns).where(devices.c.name == device)).one()
    return presence(row.online, row.heard_ms, town.now_ms())


@in_sunny_court(from_hour=27)
async def test_a_fire_at_three_frees_the_gym_and_only_a_key_on_site_locks_it_again(town: VirtualTown) -> None:
    hardware = town.devices[GYM].hardware
    await until(town, 27)
    hardware.fire_panels["gym"].alarm()
    await asyncio.sleep(1)
    assert hardware.get(Portal, GYM).view()["arm_dropped"]
    assert [event.data for event in in_the_cloud(town, GYM, "emergency.began")] == [{"zone": "gym", "cause": "fire"}]
    town.devices[GYM].power_off()
    await asyncio.sleep(20)
    town.devices[GYM].power_on()
    await asyncio.sleep(20)
    hardware.fire_panels["gym"].alarm(False)
    await asyncio.sleep(10)
    assert not hardware.get(Portal, GYM).view()["locked"]
    hardware.reset_keys["gym"].press()
    await asyncio.sleep(2)
    assert hardware.get(Portal, GYM).view()["locked"]
    assert len(in_the_cloud(town, GYM, "emergency.reset")) == 1


@in_sunny_court(from_hour=27.2)
async def test_a_gate_that_is_broken_open_at_3_12_is_told_within_a_second(town: VirtualTown) -> None:
    await until(town, 27.2)
    gate(town).force()
    await asyncio.sleep(1)
    (forced,) = in_the_cloud(town, EAST_GATE, "door.forced")
    assert abs(forced.at_ms - (town.now_ms() - 1000)) < 500
    gate(town).let_go()
    await asyncio.sleep(30)
    (shut,) = in_the_cloud(town, EAST_GATE, "door.shut")
    assert shut.data["open_ms"] > 1000


@in_sunny_court(from_hour=23)
async def test_somebody_who_chats_in_the_open_gate_is_told_after_half_a_minute(town: VirtualTown) -> None:
    await until(town, 23)
    assert await town.visit(EAST_GATE, "Li Si")
    gate(town).hold()
    await asyncio.sleep(40)
    assert len(in_the_cloud(town, EAST_GATE, "door.held")) == 1
    gate(town).let_go()


@in_sunny_court(from_hour=25)
async def test_a_box_whose_plug_is_pulled_is_seen_to_be_gone_and_says_so_when_it_is_back(town: VirtualTown) -> None:
    await until(town, 25)
    assert seen(town, GYM) is Presence.ONLINE
    town.devices[GYM].power_off()
    await asyncio.sleep(60)
    assert seen(town, GYM) is Presence.OFFLINE
    town.devices[GYM].power_on()
    await asyncio.sleep(30)
    assert seen(town, GYM) is Presence.ONLINE
    assert len(in_the_cloud(town, GYM, "device.power_cut")) == 1


@in_sunny_court(from_hour=26)
async def test_a_cable_that_is_pulled_shows_within_two_minutes_and_the_gate_still_opens(town: VirtualTown) -> None:
    await until(town, 26)
    town.devices[EAST_GATE].link.cut()
    await asyncio.sleep(120)
    assert seen(town, EAST_GATE) is Presence.OFFLINE
    assert await town.visit(EAST_GATE, "Zhou Ba")
    town.devices[EAST_GATE].link.restore()
    await asyncio.sleep(15)
    assert seen(town, EAST_GATE) is Presence.ONLINE
