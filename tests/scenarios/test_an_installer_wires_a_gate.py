"""An installer's morning: each of the classic wiring faults, and what the device says about it."""

import asyncio

from firmware_sim.parts.button import PushButton
from firmware_sim.parts.portal import Portal
from firmware_sim.worlds.virtual.town import VirtualTown
from tests.scenarios.sunny_court import EAST_GATE, GYM, in_sunny_court, in_the_cloud, reasons, until


@in_sunny_court(from_hour=8)
async def test_swapped_wires_are_suspected_and_open_nothing(town: VirtualTown) -> None:
    reader = town.devices[EAST_GATE].hardware.readers[f"{EAST_GATE}.in"]
    await until(town, 8)
    reader.swapped = True
    assert not await town.visit(EAST_GATE, "Zhou Ba")
    (read,) = in_the_cloud(town, EAST_GATE, "reader.invalid_read")
    assert read.data == {"bits": 26, "parity": "failed", "swapped": False, "perhaps_swapped": True, "count": 1}
    reader.swapped = False
    assert await town.visit(EAST_GATE, "Zhou Ba")


@in_sunny_court(from_hour=8)
async def test_a_reader_without_common_ground_never_opens_by_luck(town: VirtualTown) -> None:
    await until(town, 8)
    town.devices[EAST_GATE].hardware.readers[f"{EAST_GATE}.in"].common_ground = False
    for _ in range(120):
        assert not await town.visit(EAST_GATE, "Zhou Ba")
    await asyncio.sleep(60)  # the last minute's noise is told at its end
    assert "allowed" not in reasons(town, EAST_GATE)
    assert len(in_the_cloud(town, EAST_GATE, "reader.invalid_read")) <= 16


@in_sunny_court(from_hour=9)
async def test_an_exit_button_that_sticks_is_told_and_its_repair_too(town: VirtualTown) -> None:
    button = town.devices[EAST_GATE].hardware.get(PushButton, f"{EAST_GATE}.exit_button")
    await until(town, 9)
    button.stick()
    await asyncio.sleep(60)
    button.free()
    await asyncio.sleep(2)
    told = [(event.kind, event.data) for event in in_the_cloud(town, EAST_GATE, "door.fault", "door.fault_cleared")]
    assert told == [
        ("door.fault", {"fault": "exit_button_stuck"}),
        ("door.fault_cleared", {"fault": "exit_button_stuck"}),
    ]


@in_sunny_court(from_hour=10)
async def test_a_broken_wire_in_the_fire_loop_frees_the_arm_rather_than_hide(town: VirtualTown) -> None:
    hardware = town.devices[GYM].hardware
    await until(town, 10)
    hardware.fire_panels["gym"].break_wire()
    await asyncio.sleep(1)
    assert not hardware.get(Portal, GYM).view()["locked"]
    assert len(in_the_cloud(town, GYM, "emergency.began")) == 1
    hardware.fire_panels["gym"].break_wire(False)
    await asyncio.sleep(1)
    hardware.reset_keys["gym"].press()
    await asyncio.sleep(1)
    assert hardware.get(Portal, GYM).view()["locked"]


@in_sunny_court()
async def test_a_new_box_works_within_a_minute_of_power(town: VirtualTown) -> None:
    agent = town.devices[EAST_GATE].agent
    assert agent is not None
    assert agent.faults() == {}
    assert agent.status()["roster"]["grants"] > 0
    assert agent.status()["clock"]["trust"] == "synced"
    assert await town.visit(EAST_GATE, "Zhou Ba")
