"""A unit door and a lift's floor, which open to the people of their own flats by the one plan of all residents."""

import asyncio

from cloud.flats.rule import Place
from cloud.points.store import set_places, set_point
from cloud.points.zone_store import add_zone
from cloud.sample import SITE
from firmware_sim.worlds.virtual.town import VirtualTown
from tests.scenarios.sunny_court import EAST_GATE, HUB, in_sunny_court, reasons, until


@in_sunny_court(("Li Si", "hub"), ("Li Xiaowu", "hub"), from_hour=10)
async def test_own_door_and_floor_open_by_one_plan(town: VirtualTown) -> None:
    """The east gate becomes the door of building 2, and the hub's the button of its fifth floor."""
    await until(town, 10)
    assert await town.visit(EAST_GATE, "Zhang San")
    with town.cloud.changing() as connection:
        add_zone(connection, "buildings", "", "")
        for point in (EAST_GATE, HUB):
            set_point(connection, point, "buildings", "")
        set_places(connection, SITE.name, {EAST_GATE: Place("2"), HUB: Place("2", 5)})
    await until(town, 10.1)
    for who, is_home in (("Li Si", True), ("Zhang San", False), ("Li Xiaowu", True), ("Sun Qi", False)):
        for point in (EAST_GATE, HUB):
            assert await town.visit(point, who) is is_home, (point, who)
        await asyncio.sleep(60)  # nobody follows through a door that stands open
    assert reasons(town, HUB) == ["allowed", "not_entitled"] * 2
