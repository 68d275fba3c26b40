"""The keeper on a simulated board: what the pins do, whatever becomes of the agent, the keeper and the disk."""

import asyncio
import json
from pathlib import Path

import pytest

from contract.credentials import encode
from edge.keeper import keeper, latch
from edge.keeper.keeper import EXIT_MS
from edge.keeper.latch import Latch
from edge.keeper.outputs import MAX_LEASE_MS, LeasedOutput
from edge.keeper.protocol import (
    Changed,
    DriveOutput,
    Frame,
    LatchUnsaved,
    Refused,
    Rested,
    RestOutput,
    Snapshot,
    ZoneEmergency,
)
from edge.machine.files import write_whole
from tests.edge.support.rig import (
    AT_REST,
    EAST,
    GREEN,
    GYM,
    LAMP,
    LOCK,
    MAGNET,
    Leaseless,
    Rig,
    driven_ms,
    full,
    levels,
)
from tests.firmware_sim.support.story import in_virtual_time

CARD = encode("H10301", facility=21, number=15890)


@in_virtual_time
async def test_every_output_is_at_rest_from_the_start(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    assert levels(rig) == AT_REST
    assert rig.sent == []


@in_virtual_time
async def test_the_snapshot_tells_where_every_input_stands(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    inputs = {"east.contact": True, "east.exit_button": False, "gym.release_sense": False}
    assert rig.keeper.snapshot() == Snapshot(inputs, [], wiring=rig.config.hash)


@pytest.mark.parametrize(("output", "pin"), [(EAST, LOCK), (GYM, MAGNET)])
@in_virtual_time
async def test_an_order_drives_an_output_until_its_lease_runs_out(output: str, pin: int, tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.keeper.handle(DriveOutput(output, 6_000))
    assert rig.level(pin) is not AT_REST[pin]
    await asyncio.sleep(6.001)
    assert levels(rig) == AT_REST
    assert rig.sent == [Rested(output, "expired")]


@in_virtual_time
async def test_an_order_to_rest_ends_a_lease(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.keeper.handle(DriveOutput(EAST, 6_000))
    rig.keeper.handle(RestOutput(EAST))
    assert levels(rig) == AT_REST
    await asyncio.sleep(10)
    assert rig.sent == [Rested(EAST, "ordered")]


@in_virtual_time
async def test_renewing_keeps_an_output_driven(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    for _ in range(10):
        rig.keeper.handle(DriveOutput(EAST, 1_000))
        await asyncio.sleep(0.9)
        assert rig.level(LOCK)
    assert rig.sent == []


@in_virtual_time
async def test_an_agent_that_is_gone_leaves_nothing_driven(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    for output in (EAST, GYM, GREEN):
        rig.keeper.handle(DriveOutput(output, 60_000))
    rig.keeper.agent_gone()
    assert levels(rig) == AT_REST
    assert rig.sent == [Rested(output, "agent_gone") for output in (EAST, GREEN, GYM)]


@pytest.mark.parametrize("lease_ms", [0, -1, MAX_LEASE_MS + 1])
@in_virtual_time
async def test_a_lease_of_no_sensible_length_is_refused(lease_ms: int, tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.keeper.handle(DriveOutput(EAST, lease_ms))
    assert levels(rig) == AT_REST
    assert rig.sent == [Refused(EAST, "bad_lease")]


@in_virtual_time
async def test_the_longest_lease_is_given(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.keeper.handle(DriveOutput(EAST, MAX_LEASE_MS))
    assert rig.sent == []


@pytest.mark.parametrize("order", [DriveOutput("west.lock", 1_000), RestOutput("east.bolt")])
@in_virtual_time
async def test_an_output_that_is_not_there_is_refused(order: DriveOutput | RestOutput, tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.keeper.handle(order)
    assert rig.sent == [Refused(order.output, "no_such_output")]


@pytest.mark.parametrize("strict_gpiod", [True, False])
@in_virtual_time
async def test_a_keeper_that_ends_in_good_order_leaves_every_pin_floating_at_rest(
    strict_gpiod: bool, tmp_path: Path
) -> None:
    rig = Rig(tmp_path, strict_gpiod=strict_gpiod)
    rig.keeper.handle(DriveOutput(EAST, 60_000))
    rig.keeper.handle(DriveOutput(GYM, 60_000))
    rig.keeper.close()
    assert levels(rig) == AT_REST
    assert all(rig.board.pin(pin).output is None for pin in AT_REST)
    rig.button.press()
    await asyncio.sleep(120)
    assert levels(rig) == AT_REST
    assert rig.messages(Changed) == []


@in_virtual_time
async def test_a_killed_keeper_leaves_its_pins_at_rest_under_a_strict_kernel(tmp_path: Path) -> None:
    rig = Rig(tmp_path, strict_gpiod=True)
    rig.keeper.handle(DriveOutput(EAST, 6_000))
    rig.kill()
    assert levels(rig) == AT_REST


@in_virtual_time
async def test_a_killed_keeper_leaves_its_pins_driven_under_a_lenient_kernel_until_the_next_keeper(
    tmp_path: Path,
) -> None:
    """Why the installation parks the pins and asks for a strict kernel: nobody is left to end the lease."""
    rig = Rig(tmp_path, strict_gpiod=False)
    rig.keeper.handle(DriveOutput(EAST, 6_000))
    rig.kill()
    await asyncio.sleep(600)
    assert rig.level(LOCK)
    rig.start()
    assert levels(rig) == AT_REST


@pytest.mark.parametrize("strict_gpiod", [True, False])
@in_virtual_time
async def test_a_card_arrives_whole_under_both_kernels(strict_gpiod: bool, tmp_path: Path) -> None:
    rig = Rig(tmp_path, strict_gpiod=strict_gpiod)
    rig.reader.send(CARD)
    await asyncio.sleep(1)
    (frame,) = rig.sent
    assert isinstance(frame, Frame)
    assert (frame.reader, frame.bits) == ("east.in", CARD)
    assert frame.at_s == pytest.approx(0.025)


@in_virtual_time
async def test_a_bouncing_button_is_told_once_each_way(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.button.press(300)
    await asyncio.sleep(1)
    assert [(told.input, told.active) for told in rig.sent if isinstance(told, Changed)] == [
        ("east.exit_button", True),
        ("east.exit_button", False),
    ]


@pytest.mark.parametrize("cause", ["alarm", "break_wire"])
@in_virtual_time
async def test_an_alarm_and_a_broken_loop_release_the_zone_and_cut_what_runs(cause: str, tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.keeper.handle(DriveOutput(GREEN, 60_000))
    getattr(rig.fire, cause)()
    await asyncio.sleep(0.1)
    assert levels(rig) == {LOCK: True, LAMP: False, MAGNET: True}
    assert rig.messages(ZoneEmergency) == [ZoneEmergency("estate", active=True)]
    await asyncio.sleep(24 * 3600)
    assert rig.level(LOCK)


@in_virtual_time
async def test_another_zone_goes_on_as_before(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.fire.alarm()
    await asyncio.sleep(0.1)
    rig.keeper.handle(DriveOutput(GYM, 1_000))
    assert rig.level(MAGNET) is False
    await asyncio.sleep(2)
    assert rig.level(MAGNET) is True


@pytest.mark.parametrize("order", [RestOutput(EAST), DriveOutput(EAST, 1_000), DriveOutput(GREEN, 1_000)])
@in_virtual_time
async def test_orders_are_refused_while_the_zone_is_in_emergency(
    order: DriveOutput | RestOutput, tmp_path: Path
) -> None:
    rig = Rig(tmp_path)
    rig.fire.alarm()
    await asyncio.sleep(0.1)
    rig.sent.clear()
    rig.keeper.handle(order)
    await asyncio.sleep(2)
    assert rig.sent == [Refused(order.output, "emergency")]
    assert (rig.level(LOCK), rig.level(LAMP)) == (True, False)


@in_virtual_time
async def test_an_agent_that_dies_in_an_emergency_locks_nobody_in(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.fire.alarm()
    await asyncio.sleep(0.1)
    rig.keeper.agent_gone()
    assert rig.level(LOCK)


@in_virtual_time
async def test_an_emergency_ends_by_the_key_alone_and_only_after_the_alarm(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.fire.alarm()
    await asyncio.sleep(1)
    rig.key.press()
    await asyncio.sleep(1)
    assert rig.level(LOCK), "the alarm still rings"
    rig.fire.alarm(False)
    await asyncio.sleep(3600)
    assert rig.level(LOCK), "nobody has turned the key"
    rig.sent.clear()
    rig.key.press()
    await asyncio.sleep(1)
    assert levels(rig) == AT_REST
    assert rig.sent == [Rested(EAST, "emergency_over"), ZoneEmergency("estate", active=False)]
    assert json.loads(rig.latch_file.read_text()) == {}


@in_virtual_time
async def test_a_key_left_turned_ends_no_later_emergency(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.key.push()
    rig.fire.alarm()
    await asyncio.sleep(1)
    rig.fire.alarm(False)
    await asyncio.sleep(1)
    assert rig.level(LOCK)


@in_virtual_time
async def test_a_key_turned_without_an_emergency_does_nothing(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.keeper.handle(DriveOutput(EAST, 6_000))
    rig.key.press()
    await asyncio.sleep(1)
    assert (rig.level(LOCK), rig.sent) == (True, [])


@in_virtual_time
async def test_an_alarm_that_comes_again_is_told_once(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    for _ in range(3):
        rig.fire.alarm()
        await asyncio.sleep(1)
        rig.fire.alarm(False)
        await asyncio.sleep(1)
    assert len(rig.messages(ZoneEmergency)) == 1


@in_virtual_time
async def test_the_pins_move_before_the_latch_is_written_and_the_agent_hears_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig, order = Rig(tmp_path), list[str]()

    def write(path: Path, data: bytes) -> None:
        order.append(f"written with the lock {'driven' if rig.level(LOCK) else 'at rest'}")
        write_whole(path, data)

    monkeypatch.setattr(latch, "write_whole", write)
    monkeypatch.setattr(rig.keeper, "_tell", lambda message: order.append("told"))
    rig.fire.alarm()
    await asyncio.sleep(1)
    assert order == ["written with the lock driven", "told"]


@pytest.mark.parametrize("strict_gpiod", [True, False])
@in_virtual_time
async def test_an_emergency_outlives_the_keeper(strict_gpiod: bool, tmp_path: Path) -> None:
    rig = Rig(tmp_path, strict_gpiod=strict_gpiod)
    rig.fire.alarm()
    await asyncio.sleep(1)
    rig.fire.alarm(False)
    await asyncio.sleep(1)
    rig.kill()
    rig.start()
    assert rig.level(LOCK)
    assert rig.keeper.snapshot().emergencies == ["estate"]
    rig.key.press()
    await asyncio.sleep(1)
    assert rig.keeper.snapshot().emergencies == []
    assert levels(rig) == AT_REST


@in_virtual_time
async def test_a_keeper_that_starts_in_an_alarm_releases_at_once(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.kill()
    rig.fire.alarm()
    await asyncio.sleep(1)
    rig.start()
    assert rig.level(LOCK)
    assert rig.keeper.snapshot().emergencies == ["estate"]


@in_virtual_time
async def test_a_full_disk_does_not_stand_between_a_fire_and_a_door(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig(tmp_path)
    monkeypatch.setattr(latch, "write_whole", full)
    rig.fire.alarm()
    await asyncio.sleep(1)
    assert rig.level(LOCK)
    assert rig.messages(ZoneEmergency) == [ZoneEmergency("estate", active=True)]
    assert rig.messages(LatchUnsaved) == [LatchUnsaved(unsaved=True)]
    assert rig.keeper.snapshot().latch_unsaved


@in_virtual_time
async def test_a_latch_that_the_disk_did_not_take_is_offered_again_until_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig(tmp_path)
    monkeypatch.setattr(latch, "write_whole", full)
    rig.fire.alarm()
    await asyncio.sleep(60)
    monkeypatch.undo()
    assert not rig.latch_file.exists()
    await asyncio.sleep(keeper.SAVE_AGAIN_S)
    assert Latch(rig.latch_file).causes == {"estate": "fire"}
    assert rig.messages(LatchUnsaved)[-1] == LatchUnsaved(unsaved=False)
    assert not rig.keeper.snapshot().latch_unsaved


async def longest_drive_of_a_hung_agent_ms(rig: Rig, lease_ms: int) -> float:
    """The check that a build without the lease must fail: an agent orders once and is never heard of again."""
    rig.keeper.handle(DriveOutput(EAST, lease_ms))
    await asyncio.sleep(3600)
    return driven_ms(rig.board, LOCK, rest=False, now_ms=rig.loop.time() * 1000)


@in_virtual_time
async def test_a_hung_agent_leaves_no_output_driven_longer_than_its_lease(tmp_path: Path) -> None:
    assert await longest_drive_of_a_hung_agent_ms(Rig(tmp_path), 6_000) == pytest.approx(6_000)


@in_virtual_time
async def test_a_build_without_the_lease_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LeasedOutput, "drive", Leaseless.drive)
    assert await longest_drive_of_a_hung_agent_ms(Rig(tmp_path), 6_000) > 6_000


@in_virtual_time
async def test_the_exit_button_opens_also_without_an_agent_and_only_for_a_while(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.button.press()
    await asyncio.sleep(1)
    assert rig.board.pin(LOCK).level
    assert not rig.board.pin(LAMP).level
    await asyncio.sleep(EXIT_MS / 1000)
    assert not rig.board.pin(LOCK).level
