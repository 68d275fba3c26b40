"""A courier's evening: through the gate without a book to write into, warm in the hub, and no further."""

import asyncio

from firmware_sim.parts.portal import Portal
from firmware_sim.worlds.virtual.town import VirtualTown
from tests.scenarios.sunny_court import EAST_GATE, GYM, HUB, in_sunny_court, in_the_cloud, reasons, until


@in_sunny_court(from_hour=18.5)
async def test_a_rider_comes_through_the_gate_and_into_the_hub_but_not_into_the_gym(town: VirtualTown) -> None:
    await until(town, 18.5)
    assert await town.visit(EAST_GATE, "Sun Qi")
    assert await town.visit(HUB, "Sun Qi")
    assert not await town.visit(GYM, "Sun Qi")
    await asyncio.sleep(2)
    assert (reasons(town, EAST_GATE), reasons(town, HUB), reasons(town, GYM)) == (
        ["allowed"],
        ["allowed"],
        ["not_entitled"],
    )


@in_sunny_court(from_hour=19)
async def test_a_resident_has_no_business_in_the_riders_hub(town: VirtualTown) -> None:
    await until(town, 19)
    assert not await town.visit(HUB, "Li Si")
    assert await town.visit(EAST_GATE, "Li Si")


@in_sunny_court(from_hour=20)
async def test_he_leaves_by_the_button_whatever_the_network_and_the_cloud_do(town: VirtualTown) -> None:
    await until(town, 20)
    assert await town.visit(HUB, "Sun Qi")
    town.broker.stop()
    town.cloud.kill()
    town.devices[HUB].kill_agent()
    town.devices[HUB].start_agent()
    await asyncio.sleep(600)
    assert await town.devices[HUB].hardware.get(Portal, HUB).leave()
    town.broker.start()
    town.cloud.start()
    await asyncio.sleep(120)
    assert [event.kind for event in in_the_cloud(town, HUB)][-2:] == ["door.exit_button", "door.exited"]


@in_sunny_court()
async def test_a_gate_that_has_heard_nothing_for_a_day_knows_its_residents_but_no_rider(town: VirtualTown) -> None:
    await until(town, 1)
    town.devices[EAST_GATE].link.cut()
    await until(town, 23)
    assert await town.visit(EAST_GATE, "Sun Qi")
    await until(town, 26)
    assert not await town.visit(EAST_GATE, "Sun Qi")
    assert await town.visit(EAST_GATE, "Li Si")
    town.devices[EAST_GATE].link.restore()
    await asyncio.sleep(30)
    assert await town.visit(EAST_GATE, "Sun Qi")
    assert reasons(town, EAST_GATE)[:3] == ["allowed", "roster_stale", "allowed"]
