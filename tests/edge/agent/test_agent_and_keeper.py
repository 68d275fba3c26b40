"""What the agent makes of its keeper: its start and its loss, another wiring, emergencies, and what it cannot do."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from edge.config import device_config
from edge.keeper.protocol import (
    Changed,
    DriveOutput,
    Frame,
    LatchUnsaved,
    NotReloaded,
    Refused,
    Reload,
    Rested,
    Snapshot,
    ZoneEmergency,
)
from tests.edge.support.cards import ANNAS
from tests.edge.support.desks import INPUTS, Desk
from tests.firmware_sim.support.story import in_virtual_time


@in_virtual_time
async def test_the_start_of_a_keeper_is_recorded_once_and_its_loss_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.agent.handle(Snapshot(INPUTS, []))
    desk.agent.keeper_lost()
    desk.agent.keeper_lost()
    assert not desk.agent.keeper_up
    desk.agent.handle(Snapshot(INPUTS, []))
    assert desk.recording.kinds == ["device.keeper_found", "device.keeper_lost", "device.keeper_found"]
    assert desk.agent.keeper_up


@in_virtual_time
async def test_a_keeper_by_another_wiring_is_told_to_reload_and_not_heard_until_it_has(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    ours = device_config.load(tmp_path / "gates.toml").hash
    desk.agent.keeper_lost()
    desk.recorded()
    desk.agent.handle(Snapshot({"north.contact": True}, [], wiring="0123456789abcdef"))
    desk.agent.handle(Changed("north.contact", active=False, at_s=0.0))
    assert desk.orders == [Reload(ours)]
    assert (desk.recorded(), desk.agent.keeper_up, desk.agent.failures) == ([], False, 0)
    desk.agent.handle(Snapshot(INPUTS, [], wiring=ours))
    assert (desk.agent.keeper_up, desk.orders.count(Reload(ours))) == (True, 1)


@in_virtual_time
async def test_a_keeper_that_cannot_reload_is_believed_as_far_as_its_names_go(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    asked = Reload(device_config.load(tmp_path / "gates.toml").hash)
    other = Snapshot({**INPUTS, "north.contact": True}, [], wiring="0123456789abcdef")
    desk.agent.handle(other)
    desk.agent.handle(NotReloaded("fedcba9876543210", "GPIO21 is held by another process"))
    desk.agent.handle(other)
    assert desk.agent.not_reloaded == "GPIO21 is held by another process"
    assert (desk.agent.keeper_up, desk.orders.count(asked)) == (True, 1)
    assert desk.recorded() == ["device.fault", "device.fault"]
    desk.agent.keeper_lost()
    desk.agent.handle(other)
    assert desk.orders.count(asked) == 2


@in_virtual_time
async def test_an_emergency_found_in_a_snapshot_is_recorded_once_and_its_end_too(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.agent.handle(ZoneEmergency("estate", active=True))
    desk.agent.handle(Snapshot(INPUTS, ["estate"]))
    desk.agent.handle(ZoneEmergency("estate", active=True))
    assert desk.agent.emergencies == {"estate": "fire"}
    assert desk.agent.runners["east"].report.phase == "released"
    assert desk.agent.runners["gym"].report.phase == "closed"
    desk.agent.handle(Snapshot(INPUTS, []))
    assert desk.agent.runners["east"].report.phase == "closed"
    assert desk.recorded() == ["emergency.began", "emergency.reset"]


@in_virtual_time
async def test_an_emergency_that_an_agent_finds_at_its_start_is_standing_and_later_ones_began(tmp_path: Path) -> None:
    desk = Desk(tmp_path, emergencies=["estate"])
    assert desk.agent.runners["east"].report.phase == "released"
    assert desk.recorded() == ["emergency.standing"]
    desk.agent.keeper_lost()
    desk.agent.handle(Snapshot(INPUTS, []))
    desk.agent.keeper_lost()
    desk.agent.handle(Snapshot(INPUTS, ["estate"]))
    assert desk.recorded() == ["device.keeper_lost", "emergency.reset", "device.keeper_lost", "emergency.began"]


@in_virtual_time
async def test_a_latch_that_is_not_on_the_disk_is_a_fault_recorded_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    unsaved = []
    for message in (LatchUnsaved(unsaved=True), Snapshot(INPUTS, [], latch_unsaved=True), LatchUnsaved(unsaved=False)):
        desk.agent.handle(message)
        unsaved.append(desk.agent.latch_unsaved)
    assert unsaved == [True, True, False]
    assert desk.recorded() == ["device.fault"]


@in_virtual_time
async def test_an_emergency_takes_back_a_drive_that_waits_for_its_record(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.badge(ANNAS)
    desk.agent.handle(ZoneEmergency("estate", active=True))
    desk.recording.flush()
    await asyncio.sleep(60)
    assert DriveOutput("east.lock", 6_000) not in desk.orders


@pytest.mark.parametrize(
    ("message", "kinds"),
    [
        (Rested("east.lock", "expired"), ["device.lease_expired"]),
        (Rested("east.green", "expired"), ["device.lease_expired"]),
        (Rested("east.lock", "ordered"), []),
        (Rested("east.lock", "agent_gone"), []),
        (Refused("east.lock", "bad_lease"), ["device.fault"]),
        (Refused("east.lock", "no_such_output"), ["device.fault"]),
        (Refused("east.lock", "emergency"), []),
    ],
    ids=str,
)
@in_virtual_time
async def test_what_the_keeper_says_of_an_output_is_an_event_if_it_tells_of_trouble(
    message: Any, kinds: list[str], tmp_path: Path
) -> None:
    desk = Desk(tmp_path)
    desk.agent.handle(message)
    assert desk.recorded() == kinds


@pytest.mark.parametrize(
    "message",
    [
        Frame("west.in", ANNAS, 0.0),
        Changed("west.contact", active=True, at_s=0.0),
    ],
    ids=lambda message: type(message).__name__,
)
@in_virtual_time
async def test_a_keeper_of_another_device_is_a_fault_told_once_a_minute_and_none_of_ours(
    message: Any, tmp_path: Path
) -> None:
    desk = Desk(tmp_path)
    desk.recorded()
    for _ in range(100):
        desk.agent.handle(message)
    ((_, kind, told),) = desk.recording.rows
    assert (kind, told["fault"], told["count"], desk.agent.failures) == ("device.fault", "no_such_point", 1, 0)
    assert ANNAS not in repr(told)


@in_virtual_time
async def test_a_keeper_with_a_point_too_many_is_believed_about_all_others(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.recorded()
    desk.agent.handle(Snapshot({**INPUTS, "east.contact": False, "west.contact": True}, []))
    assert desk.recording.rows == [("", "device.fault", {"fault": "no_such_point", "input": "west.contact"})]
    assert desk.agent.runners["east"].report.phase == "open"
