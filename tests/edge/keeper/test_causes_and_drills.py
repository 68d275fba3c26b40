"""What sets an emergency off, what ends it, what of it outlives the keeper, and what a drill is."""

import asyncio
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from contract.emergencies import Cause, Ending
from edge.keeper.keeper import DRILL_S
from edge.keeper.latch import Latch
from edge.keeper.protocol import (
    Drill,
    DriveOutput,
    NotReset,
    Reset,
    RestOutput,
    ToAgent,
    ZoneEmergency,
)
from tests.edge.support.rig import (
    AT_REST,
    EAST,
    GATES,
    GREEN,
    GYM,
    LAMP,
    LOCK,
    MAGNET,
    Rig,
    levels,
)
from tests.firmware_sim.support.story import in_virtual_time

CAUSES = (
    GATES
    + """\
confirm = { pin = 25 }
smoke = { pin = 20, active = "high" }
estop = { pin = 21, active = "high" }
"""
)
RELEASED = {LOCK: True, LAMP: False, MAGNET: True}
HOUR_S = 3600


class Hazards(Rig):
    """The rig with all that can be wired for a zone."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, text=CAUSES)

    async def after(self, deed: Callable[[], object], s: float = 1) -> list[ToAgent]:
        """What is told within a second of a deed, leases and lamps aside."""
        self.sent.clear()
        deed()
        await asyncio.sleep(s)
        return [message for message in self.sent if isinstance(message, (ZoneEmergency, NotReset))]

    def began(self, cause: Cause) -> list[ZoneEmergency]:
        return [ZoneEmergency("estate", active=True, cause=cause)]

    @property
    def causes(self) -> dict[str, Cause]:
        return self.keeper.snapshot().causes


@pytest.mark.parametrize("cause", ["fire", "smoke", "estop", "loop_broken"])
@in_virtual_time
async def test_every_cause_releases_the_zone_and_is_told_by_its_name(cause: Cause, tmp_path: Path) -> None:
    rig = Hazards(tmp_path)
    deeds: dict[Cause, Callable[[], object]] = {
        "fire": rig.fire.alarm,
        "smoke": partial(rig.smoke.put, True),
        "estop": partial(rig.stop.put, True),
        "loop_broken": rig.fire.break_wire,
    }
    assert await rig.after(deeds[cause]) == rig.began(cause)
    assert levels(rig) == RELEASED
    assert (rig.causes, Latch(rig.latch_file).causes) == ({"estate": cause}, {"estate": cause})
    rig.kill()
    rig.start()
    assert (rig.causes, levels(rig)) == ({"estate": cause}, RELEASED)


@in_virtual_time
async def test_a_worse_cause_is_told_and_latched_and_a_lesser_one_is_not(tmp_path: Path) -> None:
    rig = Hazards(tmp_path)
    assert await rig.after(rig.fire.break_wire) == rig.began("loop_broken")
    assert await rig.after(lambda: rig.stop.put(True)) == rig.began("estop")
    assert await rig.after(rig.fire.alarm) == rig.began("fire")
    assert await rig.after(lambda: rig.smoke.put(True)) == []
    assert Latch(rig.latch_file).causes == {"estate": "fire"}


@in_virtual_time
async def test_a_worse_cause_that_came_while_there_was_no_keeper_is_known_at_its_start(tmp_path: Path) -> None:
    rig = Hazards(tmp_path)
    await rig.after(rig.fire.break_wire)
    rig.kill()
    rig.fire.alarm()
    await asyncio.sleep(1)
    rig.start()
    assert (rig.causes, Latch(rig.latch_file).causes) == ({"estate": "fire"}, {"estate": "fire"})


@pytest.mark.parametrize("by", ["key", "card"])
@in_virtual_time
async def test_nobody_resets_a_zone_before_every_one_of_its_inputs_is_quiet(by: Ending, tmp_path: Path) -> None:
    rig = Hazards(tmp_path)
    reset: Callable[[], object] = rig.key.press if by == "key" else lambda: rig.keeper.handle(Reset("estate"))
    rig.fire.alarm()
    rig.smoke.put(True)
    await rig.after(lambda: rig.stop.put(True))
    all_three: list[Cause] = ["fire", "smoke", "estop"]
    for still, over in ((all_three, partial(rig.fire.alarm, False)), (all_three[1:], partial(rig.smoke.put, False))):
        assert await rig.after(reset) == [NotReset("estate", by, still)]
        await rig.after(over)
    assert await rig.after(reset) == [NotReset("estate", by, ["estop"])]
    assert levels(rig) == RELEASED
    await rig.after(lambda: rig.stop.put(False))
    assert await rig.after(reset) == [ZoneEmergency("estate", active=False, cause="fire", by=by)]
    assert (levels(rig), rig.causes, rig.keeper.snapshot().ended) == (AT_REST, {}, {"estate": by})


@pytest.mark.parametrize("zone", ["estate", "gym", "attic"])
@in_virtual_time
async def test_a_reset_without_an_emergency_does_nothing(zone: str, tmp_path: Path) -> None:
    rig = Hazards(tmp_path)
    rig.keeper.handle(DriveOutput(EAST, 60_000))
    assert await rig.after(lambda: rig.keeper.handle(Reset(zone))) == []
    assert rig.level(LOCK)


def begin_drill(rig: Rig) -> None:
    rig.keeper.handle(Drill("estate", on=True))


def end_drill(rig: Rig) -> None:
    rig.keeper.handle(Drill("estate", on=False))


@in_virtual_time
async def test_in_a_drill_the_pins_act_as_in_a_fire_and_the_disk_hears_nothing_of_it(tmp_path: Path) -> None:
    rig = Hazards(tmp_path)
    rig.keeper.handle(DriveOutput(GREEN, 60_000))
    assert await rig.after(lambda: begin_drill(rig)) == rig.began("drill")
    assert (levels(rig), rig.causes, rig.latch_file.exists()) == (RELEASED, {"estate": "drill"}, False)
    rig.keeper.handle(RestOutput(EAST))
    rig.keeper.handle(DriveOutput(GREEN, 1_000))
    rig.keeper.agent_gone()
    assert levels(rig) == RELEASED
    assert await rig.after(lambda: begin_drill(rig)) == []


@pytest.mark.parametrize("by", ["order", "key", "card", "time"])
@in_virtual_time
async def test_a_drill_ends_by_an_order_a_key_a_card_or_after_half_an_hour(by: Ending, tmp_path: Path) -> None:
    rig = Hazards(tmp_path)
    await rig.after(lambda: begin_drill(rig))
    if by == "order":
        told = await rig.after(lambda: end_drill(rig))
    elif by == "key":
        told = await rig.after(rig.key.press)
    elif by == "card":
        told = await rig.after(lambda: rig.keeper.handle(Reset("estate")))
    else:
        assert await rig.after(lambda: None, DRILL_S - 2) == []
        told = await rig.after(lambda: None, 2)
    assert told == [ZoneEmergency("estate", active=False, cause="drill", by=by)]
    assert (levels(rig), rig.causes) == (AT_REST, {})
    assert await rig.after(lambda: None, HOUR_S) == []


@in_virtual_time
async def test_a_drill_that_becomes_a_fire_is_a_fire_and_no_order_and_no_time_ends_it(tmp_path: Path) -> None:
    rig = Hazards(tmp_path)
    await rig.after(lambda: begin_drill(rig))
    assert await rig.after(rig.fire.alarm) == rig.began("fire")
    assert await rig.after(lambda: end_drill(rig)) == []
    rig.fire.alarm(False)
    assert await rig.after(lambda: None, HOUR_S) == []
    assert (levels(rig), Latch(rig.latch_file).causes) == (RELEASED, {"estate": "fire"})
    assert await rig.after(rig.key.press) == [ZoneEmergency("estate", active=False, cause="fire", by="key")]


@in_virtual_time
async def test_nobody_drills_during_an_emergency_nor_where_nothing_is_watched(tmp_path: Path) -> None:
    rig = Hazards(tmp_path)
    rig.keeper.handle(Drill("gym", on=True))
    assert (rig.causes, levels(rig)) == ({}, AT_REST)
    await rig.after(lambda: rig.smoke.put(True))
    assert await rig.after(lambda: begin_drill(rig)) == []
    assert rig.causes == {"estate": "smoke"}


@in_virtual_time
async def test_a_drill_is_over_with_its_keeper(tmp_path: Path) -> None:
    rig = Hazards(tmp_path)
    await rig.after(lambda: begin_drill(rig))
    rig.kill()
    rig.start()
    assert (levels(rig), rig.causes) == (AT_REST, {})
    rig.keeper.handle(Drill("estate", on=True))
    rig.keeper.close()
    assert await rig.after(lambda: None, HOUR_S) == []


def test_a_latch_that_could_not_be_saved_says_so_and_is_saved_with_the_next(tmp_path: Path) -> None:
    latch = Latch(tmp_path / "no" / "latch.json")
    latch.set("estate", "fire")
    assert latch.causes == {"estate": "fire"}
    assert latch.unsaved
    (tmp_path / "no").mkdir()
    latch.set("gym", "smoke")
    saved = Latch(tmp_path / "no" / "latch.json")
    assert saved.causes == {"estate": "fire", "gym": "smoke"}


@pytest.mark.parametrize("text", ["", "[", "7", '{"a": 1', "[[]]", "null", '"estate"'])
@in_virtual_time
async def test_a_latch_that_cannot_be_read_leaves_it_to_the_inputs(text: str, tmp_path: Path) -> None:
    (tmp_path / "latch.json").write_text(text)
    rig = Rig(tmp_path)
    assert rig.keeper.snapshot().emergencies == []
    rig.keeper.handle(DriveOutput(EAST, 1_000))
    assert rig.sent == []


@in_virtual_time
async def test_a_latched_zone_that_was_rewired_away_locks_nothing_up_for_ever(tmp_path: Path) -> None:
    (tmp_path / "latch.json").write_text('["gym", "attic"]')
    rig = Rig(tmp_path)
    rig.keeper.handle(DriveOutput(GYM, 1_000))
    assert rig.sent == []
    assert json.loads(rig.latch_file.read_text()) == {}
