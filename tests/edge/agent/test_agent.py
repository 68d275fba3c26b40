"""The agent between a keeper, a journal and its stations, with each of them in the test's hands."""

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from edge.agent.agent import Agent
from edge.agent.decider import Decider
from edge.agent.effects import LAMP_MS
from edge.agent.event_throttle import EVERY_S
from edge.archetypes.protocol import LEASE_MARGIN_MS
from edge.config import device_config
from edge.keeper.protocol import (
    Changed,
    Drive,
    Frame,
    LatchUnsaved,
    NotReloaded,
    Refused,
    Reload,
    Rest,
    Rested,
    Snapshot,
    ToKeeper,
    ZoneEmergency,
)
from tests.edge.support.cards import ANNAS, KEY, STRANGERS, Cards, LoopClock
from tests.edge.support.kinds import add_kind
from tests.edge.support.recordings import HandRecording
from tests.edge.support.rig import GATES
from tests.firmware_sim.support.story import in_virtual_time

INPUTS = {"east.contact": True, "east.exit_button": False, "gym.release_sense": False}
CRANKY = '''\
"""A station that fails at every word but its start."""

from msgspec import Struct

from contract.kinds.cranky import KIND as CRANKY
from edge.archetypes.protocol import Report
from edge.archetypes.station import Station


def start(point, settings):
    return None


def step(state, happened, now_ms):
    raise RuntimeError("cranky")


def report(state):
    return Report("idle")


KIND = Station(CRANKY, {"button": False}, {}, Struct, start, step, report)
'''
CRANKY_POINT = '[[point]]\nname = "cranky"\nkind = "cranky"\nzone = "estate"\ninputs.button = { pin = 12 }\n'


class Desk:
    """An agent whose keeper is a list of orders."""

    def __init__(self, folder: Path, *, cranky: bool = False, emergencies: Sequence[str] = ()) -> None:
        if cranky:
            add_kind(folder, "cranky", CRANKY)
        file = folder / "gates.toml"
        file.write_text(GATES.replace("[[point]]", CRANKY_POINT + "[[point]]", 1) if cranky else GATES)
        loop = asyncio.get_running_loop()
        clock = LoopClock(loop)
        self.orders: list[ToKeeper] = []
        self.recording = HandRecording()
        self.changes = 0
        self.agent = Agent(
            device_config.load(file),
            loop,
            clock,
            self.recording,
            Decider(Cards("east", "gym"), clock, KEY, kinds={"east": "door"}),
            self,
            self._changed,
        )
        inputs = {**INPUTS, "cranky.button": False} if cranky else INPUTS
        self.agent.heard(Snapshot(inputs, list(emergencies)))
        self.orders.clear()

    def send(self, message: ToKeeper) -> None:
        self.orders.append(message)

    def _changed(self) -> None:
        self.changes += 1

    def badge(self, bits: str) -> None:
        self.agent.heard(Frame("east.in", bits, 0.0))

    def told(self) -> list[str]:
        """The kinds of the events since this was last asked, without those of the start."""
        kinds = [kind for kind in self.recording.kinds if kind != "device.keeper_found"]
        self.recording.rows.clear()
        return kinds


@in_virtual_time
async def test_a_badge_is_recorded_and_drives_the_lock_and_the_lamp_once_written(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.badge(ANNAS)
    assert desk.orders == []
    desk.recording.write()
    assert desk.orders == [Drive("east.lock", 6_000), Drive("east.green", LAMP_MS + LEASE_MARGIN_MS)]
    assert desk.told() == ["access.allowed"]


@in_virtual_time
async def test_a_lamp_is_put_out_after_its_time_or_when_another_thing_is_shown(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    for bits in (ANNAS, STRANGERS):
        desk.badge(bits)
        desk.recording.write()
    assert desk.orders[-1] == Rest("east.green")
    desk.badge(ANNAS)
    desk.recording.write()
    desk.orders.clear()
    await asyncio.sleep(LAMP_MS / 1000 + 0.1)
    assert desk.orders == [Rest("east.green")]


@in_virtual_time
async def test_what_a_person_is_shown_is_kept_for_a_screen_where_there_is_no_lamp(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.badge(STRANGERS)
    shown = desk.agent.runners["east"].shown
    assert shown is not None
    assert (shown.lamp, shown.text, desk.orders) == ("red", "unknown_credential", [])


@in_virtual_time
async def test_the_start_of_a_keeper_is_recorded_once_and_its_loss_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.agent.heard(Snapshot(INPUTS, []))
    desk.agent.keeper_lost()
    desk.agent.keeper_lost()
    assert not desk.agent.keeper_up
    desk.agent.heard(Snapshot(INPUTS, []))
    assert desk.recording.kinds == ["device.keeper_found", "device.keeper_lost", "device.keeper_found"]
    assert desk.agent.keeper_up


@in_virtual_time
async def test_a_keeper_by_another_wiring_is_told_to_reload_and_not_heard_until_it_has(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    ours = device_config.load(tmp_path / "gates.toml").hash
    desk.agent.keeper_lost()
    desk.told()
    desk.agent.heard(Snapshot({"north.contact": True}, [], wiring="0123456789abcdef"))
    desk.agent.heard(Changed("north.contact", active=False, at_s=0.0))
    assert desk.orders == [Reload(ours)]
    assert (desk.told(), desk.agent.keeper_up, desk.agent.failures) == ([], False, 0)
    desk.agent.heard(Snapshot(INPUTS, [], wiring=ours))
    assert (desk.agent.keeper_up, desk.orders.count(Reload(ours))) == (True, 1)


@in_virtual_time
async def test_a_keeper_that_cannot_reload_is_believed_as_far_as_its_names_go(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    asked = Reload(device_config.load(tmp_path / "gates.toml").hash)
    other = Snapshot({**INPUTS, "north.contact": True}, [], wiring="0123456789abcdef")
    desk.agent.heard(other)
    desk.agent.heard(NotReloaded("fedcba9876543210", "GPIO21 is held by another process"))
    desk.agent.heard(other)
    assert desk.agent.not_reloaded == "GPIO21 is held by another process"
    assert (desk.agent.keeper_up, desk.orders.count(asked)) == (True, 1)
    assert desk.told() == ["device.fault", "device.fault"]
    desk.agent.keeper_lost()
    desk.agent.heard(other)
    assert desk.orders.count(asked) == 2


@in_virtual_time
async def test_an_emergency_found_in_a_snapshot_is_recorded_once_and_its_end_too(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.agent.heard(ZoneEmergency("estate", active=True))
    desk.agent.heard(Snapshot(INPUTS, ["estate"]))
    desk.agent.heard(ZoneEmergency("estate", active=True))
    assert desk.agent.emergencies == {"estate": "fire"}
    assert desk.agent.runners["east"].report.phase == "released"
    assert desk.agent.runners["gym"].report.phase == "closed"
    desk.agent.heard(Snapshot(INPUTS, []))
    assert desk.agent.runners["east"].report.phase == "closed"
    assert desk.told() == ["emergency.began", "emergency.reset"]


@in_virtual_time
async def test_an_emergency_that_an_agent_finds_at_its_start_is_standing_and_later_ones_began(tmp_path: Path) -> None:
    desk = Desk(tmp_path, emergencies=["estate"])
    assert desk.agent.runners["east"].report.phase == "released"
    assert desk.told() == ["emergency.standing"]
    desk.agent.keeper_lost()
    desk.agent.heard(Snapshot(INPUTS, []))
    desk.agent.keeper_lost()
    desk.agent.heard(Snapshot(INPUTS, ["estate"]))
    assert desk.told() == ["device.keeper_lost", "emergency.reset", "device.keeper_lost", "emergency.began"]


@in_virtual_time
async def test_a_latch_that_is_not_on_the_disk_is_a_fault_recorded_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    unsaved = []
    for message in (LatchUnsaved(unsaved=True), Snapshot(INPUTS, [], latch_unsaved=True), LatchUnsaved(unsaved=False)):
        desk.agent.heard(message)
        unsaved.append(desk.agent.latch_unsaved)
    assert unsaved == [True, True, False]
    assert desk.told() == ["device.fault"]


@in_virtual_time
async def test_an_emergency_takes_back_a_drive_that_waits_for_its_record(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.badge(ANNAS)
    desk.agent.heard(ZoneEmergency("estate", active=True))
    desk.recording.flush()
    await asyncio.sleep(60)
    assert Drive("east.lock", 6_000) not in desk.orders


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
    desk.agent.heard(message)
    assert desk.told() == kinds


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
    desk.told()
    for _ in range(100):
        desk.agent.heard(message)
    ((_, kind, told),) = desk.recording.rows
    assert (kind, told["fault"], told["count"], desk.agent.failures) == ("device.fault", "no_such_point", 1, 0)
    assert ANNAS not in repr(told)


@in_virtual_time
async def test_a_fault_of_ours_is_told_and_no_card_with_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("cranky")

    desk = Desk(tmp_path)
    desk.told()
    monkeypatch.setattr(Decider, "decide", fail)
    with caplog.at_level(logging.ERROR):
        desk.badge(ANNAS)
    assert (desk.told(), desk.agent.failures) == (["device.fault"], 1)
    assert "cranky" in caplog.text
    assert ANNAS not in caplog.text


@in_virtual_time
async def test_one_cranky_station_keeps_no_other_from_anything(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk(tmp_path, cranky=True)
    assert desk.agent.failures == 1
    desk.agent.heard(Changed("cranky.button", active=True, at_s=0.0))
    desk.told()
    desk.badge(ANNAS)
    desk.agent.heard(ZoneEmergency("estate", active=True))
    assert desk.told() == ["access.allowed", "emergency.began", "device.fault"]
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
    desk.told()
    if is_written:
        desk.recording.write()
    await asyncio.sleep(1)
    assert desk.told()[-1] == "device.fault"
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
    assert (desk.told(), desk.orders) == ([], [])


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
    desk.agent.heard(Changed("east.exit_button", active=True, at_s=0.0))
    desk.badge(ANNAS)
    desk.agent.close()
    before = list(desk.orders), list(desk.recording.rows)
    desk.recording.flush()
    desk.badge(ANNAS)
    desk.agent.heard(Changed("east.contact", active=False, at_s=0.0))
    await asyncio.sleep(3600)
    assert (desk.orders, desk.recording.rows) == before


@in_virtual_time
async def test_a_station_rests_its_lock_when_its_relock_is_due(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.badge(ANNAS)
    desk.recording.write()
    await asyncio.sleep(4.999)
    assert Rest("east.lock") not in desk.orders
    await asyncio.sleep(0.002)
    assert desk.orders[-1] == Rest("east.lock")
    assert desk.told() == ["access.allowed", "access.not_entered"]


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
    assert Rest("east.lock") not in desk.orders


@in_virtual_time
async def test_every_message_may_have_changed_what_a_status_would_say(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    before = desk.changes
    desk.agent.heard(Changed("east.contact", active=False, at_s=0.0))
    desk.agent.keeper_lost()
    assert desk.changes == before + 2


@in_virtual_time
async def test_a_keeper_with_a_point_too_many_is_believed_about_all_others(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.told()
    desk.agent.heard(Snapshot({**INPUTS, "east.contact": False, "west.contact": True}, []))
    assert desk.recording.rows == [("", "device.fault", {"fault": "no_such_point", "input": "west.contact"})]
    assert desk.agent.runners["east"].report.phase == "open"
