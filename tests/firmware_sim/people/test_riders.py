"""Riders at the sockets of a hub: they charge, stop in time, and take nobody else's plug out."""

import asyncio
import random
from pathlib import Path

import pytest

from firmware_sim.parts.battery import APPLIANCES
from firmware_sim.people.riders import ChargingPlace, charge, come_and_charge
from firmware_sim.people.walkers import Resident
from firmware_sim.worlds.board.visitors import RIDERS, places, residents_of_sample
from firmware_sim.worlds.virtual.hub import PHONE, VirtualHub
from tests.firmware_sim.support.story import in_virtual_time

STRANGER = Resident("Nobody", "1" * 26)
AT_ONCE = (("phone", (0.5, 0.5)),)


def place(hub: VirtualHub) -> ChargingPlace:
    return ChargingPlace(hub.socket(PHONE), hub.numbers[PHONE], AT_ONCE)


async def charged(hub: VirtualHub, rider: Resident, stay_s: float = 120.0) -> bool:
    reader = hub.device.hardware.readers["hub"]
    return await charge(rider, reader, place(hub), chance=random.Random(1), stay_s=stay_s, at_reader=asyncio.Lock())


@in_virtual_time
async def test_whoever_must_go_taps_once_more_and_takes_the_phone_along(tmp_path: Path) -> None:
    hub = VirtualHub(tmp_path)
    await hub.open()
    assert await charged(hub, residents_of_sample(RIDERS)[0])
    await hub.town.drained()
    (ended,) = hub.told("ended", PHONE)
    assert ended["reason"] == "card"
    assert hub.socket(PHONE).appliance is None
    await hub.close()


@in_virtual_time
async def test_a_stranger_gets_no_power_and_goes(tmp_path: Path) -> None:
    hub = VirtualHub(tmp_path)
    await hub.open()
    assert not await charged(hub, STRANGER)
    assert hub.socket(PHONE).appliance is None
    await hub.close()


@in_virtual_time
async def test_a_rider_leaves_a_plug_that_is_not_theirs(tmp_path: Path) -> None:
    hub, other = VirtualHub(tmp_path), APPLIANCES["power_bank"](0.5)
    await hub.open()
    charging = asyncio.create_task(charged(hub, residents_of_sample(RIDERS)[0]))
    await asyncio.sleep(60)
    hub.socket(PHONE).plug_in(other)
    await charging
    assert hub.socket(PHONE).appliance is other
    await hub.close()


@pytest.mark.slow
@in_virtual_time
async def test_all_day_riders_come_to_free_sockets_one_at_a_time_each(tmp_path: Path) -> None:
    hub = VirtualHub(tmp_path, "hub")
    busiest = await busiest_while_riders_come(hub, sockets=12, minutes=30)
    assert 1 < busiest <= 3
    assert len(hub.told("ended")) >= 10


@in_virtual_time
async def test_riders_come_to_free_sockets_one_each(tmp_path: Path) -> None:
    """The same for a few minutes at two sockets."""
    hub = VirtualHub(tmp_path)
    assert await busiest_while_riders_come(hub, sockets=2, minutes=8) == 2
    assert len(hub.told("ended")) >= 3


async def busiest_while_riders_come(hub: VirtualHub, *, sockets: int, minutes: int) -> int:
    """How many sockets were in use at once."""
    await hub.open()
    device, busiest = hub.device, 0
    free = places(device.config, device.hardware, device.config.readers[0].points)
    assert len(free) == sockets
    riders = come_and_charge(
        residents_of_sample(RIDERS),
        device.hardware.readers["hub"],
        free,
        chance=random.Random(1),
        apart_s=20,
        stay_s=(60, 240),
    )
    coming = asyncio.create_task(riders)
    for _ in range(minutes * 12):
        await asyncio.sleep(5)
        busiest = max(busiest, sum(one.socket.appliance is not None for one in free))
    coming.cancel()
    await hub.town.drained()
    assert {told["reason"] for told in hub.told("ended")} <= {"card", "full"}
    await hub.close()
    return busiest
