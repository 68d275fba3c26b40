"""What an agent does on the word of somebody far away: a mode, and an opening."""

import asyncio
from pathlib import Path

import pytest
from msgspec import structs

from contract.decide import Mode
from edge.keeper.protocol import Changed, DriveOutput, RestOutput, ZoneEmergency
from tests.edge.support.cards import ANNAS
from tests.edge.support.desks import Desk
from tests.edge.support.orders import OPENS
from tests.firmware_sim.support.story import in_virtual_time


def drives(desk: Desk) -> list[str]:
    return [order.output for order in desk.orders if isinstance(order, DriveOutput)]


@in_virtual_time
async def test_an_opening_is_recorded_at_its_point_before_the_lock_moves(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    assert desk.agent.order("east", OPENS) == ""
    assert (desk.orders, desk.recording.rows[-1]) == ([], ("east", "command.done", OPENS.order_record))
    desk.recording.write()
    assert drives(desk) == ["east.lock", "east.green"]


@pytest.mark.parametrize("mode", [Mode.LOCKDOWN, Mode.OUT_OF_SERVICE])
@in_virtual_time
async def test_who_badged_before_a_lockdown_and_waits_for_the_disk_does_not_get_in(mode: Mode, tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.badge(ANNAS)
    desk.agent.set_modes({"east": mode}, 1)
    desk.recording.write()
    await asyncio.sleep(1)
    assert "east.lock" not in drives(desk)
    assert desk.recorded() == ["access.allowed", "door.mode", "access.not_entered"]


@in_virtual_time
async def test_who_pressed_the_button_before_a_lockdown_gets_out(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.agent.handle(Changed("east.exit_button", active=True, at_s=0.0))
    desk.agent.set_modes({"east": Mode.LOCKDOWN}, 1)
    assert drives(desk) == ["east.lock", "east.lock"]
    assert RestOutput("east.lock") not in desk.orders


@in_virtual_time
async def test_a_mode_is_set_once_and_a_point_that_is_not_named_is_scheduled(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    for _ in range(2):
        desk.agent.set_modes({"east": Mode.LOCKDOWN, "elsewhere": Mode.LOCKDOWN}, 1)
    assert desk.recorded() == ["door.mode"]
    desk.agent.set_modes({}, 2)
    assert desk.recording.rows == [("east", "door.mode", {"mode": "scheduled", "number": 2})]


@pytest.mark.parametrize(
    ("mode", "why"),
    [(Mode.LOCKDOWN, "locked_down"), (Mode.HOLD_OPEN, "held_open"), (Mode.OUT_OF_SERVICE, "out_of_service")],
)
@in_virtual_time
async def test_a_point_in_a_mode_is_not_opened_from_afar(mode: Mode, why: str, tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.agent.set_modes({"east": mode}, 1)
    desk.recorded()
    assert desk.agent.order("east", OPENS) == why
    assert desk.recorded() == []


@in_virtual_time
async def test_what_cannot_be_opened_is_said_by_a_word(tmp_path: Path) -> None:
    desk = Desk(tmp_path, cranky=True)
    assert desk.agent.order("cranky", OPENS) == "internal_error"
    for number in range(8):
        desk.agent.order("east", structs.replace(OPENS, order_record={**OPENS.order_record, "id": str(number)}))
    desk.agent.keeper_lost()
    assert desk.agent.order("east", OPENS) == "keeper_lost"
    desk.agent.handle(ZoneEmergency("estate", active=True))
    assert desk.agent.order("east", OPENS) == "emergency"
