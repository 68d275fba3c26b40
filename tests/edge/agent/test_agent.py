"""The agent between a keeper, a journal and its stations, with each of them in the test's hands."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from edge.agent.decider import Decider
from edge.agent.effects import LAMP_MS
from edge.agent.event_throttle import EVERY_S
from edge.archetypes.protocol import LEASE_MARGIN_MS
from edge.keeper.protocol import Changed, DriveOutput, RestOutput, ToKeeper, ZoneEmergency
from tests.edge.support.cards import ANNAS, STRANGERS
from tests.edge.support.desks import Desk
from tests.firmware_sim.support.story import in_virtual_time


@in_virtual_time
async def test_a_badge_is_recorded_and_drives_the_lock_and_the_lamp_once_written(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.badge(ANNAS)
    assert desk.orders == []
    desk.recording.write()
    assert desk.orders == [DriveOutput("east.lock", 6_000), DriveOutput("east.green", LAMP_MS + LEASE_MARGIN_MS)]
    assert desk.recorded() == ["access.allowed"]


@in_virtual_time
async def test_a_lamp_is_put_out_after_its_time_or_when_another_thing_is_shown(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    for bits in (ANNAS, STRANGERS):
        desk.badge(bits)
        desk.recording.write()
    assert desk.orders[-1] == RestOutput("east.green")
    desk.badge(ANNAS)
    desk.recording.write()
    desk.orders.clear()
    await asyncio.sleep(LAMP_MS / 1000 + 0.1)
    assert desk.orders == [RestOutput("east.green")]


@in_virtual_time
async def test_what_a_person_is_shown_is_kept_for_a_screen_where_there_is_no_lamp(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.badge(STRANGERS)
    shown = desk.agent.runners["east"].shown
    assert shown is not None
    assert (shown.lamp, shown.text, desk.orders) == ("red", "unknown_credential", [])


@in_virtual_time
async def test_a_fault_of_ours_is_told_and_no_card_with_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("cranky")

    desk = Desk(tmp_path)
    desk.recorded()
    monkeypatch.setattr(Decider, "decide", fail)
    with caplog.at_level(logging.ERROR):
        desk.badge(ANNAS)
    assert (desk.recorded(), desk.agent.failures) == (["device.fault"], 1)
    assert "cranky" in caplog.text
    assert ANNAS not in caplog.text


@in_virtual_time
async def test_one_cranky_station_keeps_no_other_from_anything(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk(tmp_path, cranky=True)
    assert desk.agent.failures == 1
    desk.agent.handle(Changed("cranky.button", active=True, at_s=0.0))
    desk.recorded()
    desk.badge(ANNAS)
    desk.agent.handle(ZoneEmergency("estate", active=True))
    assert desk.recorded() == ["access.allowed", "emergency.began", "device.fault"]
    assert desk.agent.runners["east"].report.phase == "released"
    assert desk.agent.failures == 3
    assert "cranky" in caplog.text


@pytest.mark.parametrize("is_written", [True, False])
@in_virtual_time
async def test_a_fault_in_what_a_lane_does_later_is_recorded_too(
    is_written: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path)

    def torn(message: ToKeeper) -> None:
        raise RuntimeError("torn")

    monkeypatch.setattr(desk, "send", torn)
    desk.badge(ANNAS)
    desk.recorded()
    if is_written:
        desk.recording.write()
    await asyncio.sleep(1)
    assert desk.recorded()[-1] == "device.fault"
    assert desk.agent.failures == 1


@in_virtual_time
async def test_a_fault_is_recorded_with_its_kind(tmp_path: Path) -> None:
    desk = Desk(tmp_path, cranky=True)
    assert desk.recording.rows[-1] == ("", "device.fault", {"fault": "internal_error", "what": "RuntimeError"})


@in_virtual_time
async def test_a_key_press_is_neither_a_card_nor_noise(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    for burst in ("0001", "11100001", "1011"):
        desk.badge(burst)
    assert (desk.recorded(), desk.orders) == ([], [])


@in_virtual_time
async def test_the_noise_of_a_bad_cable_is_one_row_and_then_one_a_minute_with_its_number(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    for _ in range(600):
        desk.badge(ANNAS[:-1])
        await asyncio.sleep(0.1)
    await asyncio.sleep(EVERY_S)
    rows = [row for row in desk.recording.rows if row.kind == "reader.invalid_read"]
    assert [row.data["count"] for row in rows] == [1, 599]
    desk.badge(ANNAS[:-1])
    await asyncio.sleep(3600)
    assert sum(row.kind == "reader.invalid_read" for row in desk.recording.rows) == 3


@pytest.mark.parametrize(
    ("bits", "verdict"),
    [
        (ANNAS[:-1], {"bits": 25, "parity": "none", "swapped": False}),
        (ANNAS[:-1] + str(1 - int(ANNAS[-1])), {"bits": 26, "parity": "failed", "swapped": False}),
        (
            ANNAS.translate({48: 49, 49: 48}),
            {"bits": 26, "parity": "failed", "swapped": False, "perhaps_swapped": True},
        ),
        ("1" * 81, {"bits": 81, "parity": "none"}),
    ],
    ids=["truncated", "bad parity", "swapped wires", "over-long"],
)
@in_virtual_time
async def test_an_invalid_read_is_told_by_its_length_and_verdict_never_its_bits(
    bits: str, verdict: dict[str, Any], tmp_path: Path
) -> None:
    desk = Desk(tmp_path)
    desk.badge(bits)
    row = desk.recording.rows[-1]
    assert row == ("east", "reader.invalid_read", {**verdict, "count": 1})
    assert bits not in repr(row)


@in_virtual_time
async def test_a_closed_agent_does_nothing_more(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.agent.handle(Changed("east.exit_button", active=True, at_s=0.0))
    desk.badge(ANNAS)
    desk.agent.close()
    before = list(desk.orders), list(desk.recording.rows)
    desk.recording.flush()
    desk.badge(ANNAS)
    desk.agent.handle(Changed("east.contact", active=False, at_s=0.0))
    await asyncio.sleep(3600)
    assert (desk.orders, desk.recording.rows) == before


@in_virtual_time
async def test_a_station_rests_its_lock_when_its_relock_is_due(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.badge(ANNAS)
    desk.recording.write()
    await asyncio.sleep(4.999)
    assert RestOutput("east.lock") not in desk.orders
    await asyncio.sleep(0.002)
    assert desk.orders[-1] == RestOutput("east.lock")
    assert desk.recorded() == ["access.allowed", "access.not_entered"]


@in_virtual_time
async def test_somebody_who_badges_as_the_relock_is_due_is_not_locked_out(tmp_path: Path) -> None:
    """Their record is still on its way to the disk when the time of the one before them is over."""
    desk = Desk(tmp_path)
    desk.badge(ANNAS)
    desk.recording.write()
    await asyncio.sleep(4.990)
    desk.badge(ANNAS)
    await asyncio.sleep(0.015)
    desk.recording.write()
    await asyncio.sleep(4.9)
    assert RestOutput("east.lock") not in desk.orders


@in_virtual_time
async def test_every_message_may_have_changed_what_a_status_would_say(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    before = desk.changes
    desk.agent.handle(Changed("east.contact", active=False, at_s=0.0))
    desk.agent.keeper_lost()
    assert desk.changes == before + 2
