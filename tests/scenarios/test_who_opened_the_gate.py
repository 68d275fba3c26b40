"""A guard asks who opened the west gate in the night: the shipped gate in virtual time, opened in every way in turn.

The first scene is at 03:12, every other one ten minutes after the one before.
"""

import asyncio
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest

from cloud.devices.event_series import EventFilter
from cloud.devices.event_views import list_events
from cloud.explain.facts import FactSource
from cloud.explain.rule import Cause, GapReason
from cloud.explain.who import Asker, WhoOpened, WhoService
from cloud.explain.why import WhyService
from cloud.explain.why_words import why_lines
from cloud.explain.words import who_lines
from cloud.keys.folder import open_folder
from cloud.web.i18n import languages
from contract.decide import MINUTE_MS, Mode
from contract.reasons import Reason
from firmware_sim.time.clock import run_virtual
from firmware_sim.worlds.virtual.town import MIDNIGHT_MS
from tests.scenarios.gates import WEST, Gates

FIRST_S, EVERY_S = (3 * 60 + 12) * 60.0, 600.0
LI_SI = "Li Si"
ENGLISH = languages(ZoneInfo("Asia/Shanghai"))["en"]


class Night(NamedTuple):
    """The cloud's folder after the night, and when the night ended."""

    folder: Path
    end_ms: int

    def who(self, scene: str) -> WhoOpened:
        """The answer to a guard who asks for the minute in which a scene began."""
        at_ms = MIDNIGHT_MS + round((FIRST_S + list(SCENES).index(scene) * EVERY_S) * 1000)
        with open_folder(self.folder) as (store, _):
            service = WhoService(store, lambda: self.end_ms)
            return service.ask(Asker("lin"), WEST, at_ms, "damage", lasts_ms=MINUTE_MS)


async def card(gates: Gates) -> None:
    assert await gates.town.visit(WEST, LI_SI)


async def exit_button(gates: Gates) -> None:
    assert await gates.door(WEST).leave()


async def remote(gates: Gates) -> None:
    gates.cloud.commands.issue("open_once", WEST, {}, "lin", "a parcel")
    assert await gates.door(WEST).enter(10)


async def held_open(gates: Gates) -> None:
    gates.cloud.desired_state.set_mode([WEST], Mode.HOLD_OPEN, "lin", "a move", 5)
    await asyncio.sleep(60)
    assert await gates.door(WEST).enter()


async def fire(gates: Gates) -> None:
    hardware = gates.devices[WEST].hardware
    hardware.fire_panels["estate"].alarm()
    await asyncio.sleep(90)
    hardware.fire_panels["estate"].alarm(False)
    await asyncio.sleep(5)
    hardware.reset_keys["estate"].press()


async def forced(gates: Gates) -> None:
    gates.door(WEST).break_through("in")


async def followed(gates: Gates) -> None:
    """Somebody catches the leaf in the moment in which it falls shut behind Li Si."""
    assert await gates.town.visit(WEST, LI_SI)
    await gates.until(lambda: gates.door(WEST).shut)
    gates.door(WEST).break_through("in")


async def restart(gates: Gates) -> None:
    assert await gates.town.visit(WEST, LI_SI)
    gates.devices[WEST].power_off()
    await asyncio.sleep(120)
    gates.devices[WEST].power_on()


async def refused(gates: Gates) -> None:
    """A card that was reported lost opens nothing."""
    assert not await gates.town.visit(WEST, "Wu Jiu")


async def nobody(gates: Gates) -> None:
    assert gates.door(WEST).shut


async def unheard(gates: Gates) -> None:
    gates.devices[WEST].link.cut()
    assert await gates.town.visit(WEST, LI_SI)


SCENES = {
    scene.__name__: scene
    for scene in (card, exit_button, remote, held_open, fire, followed, forced, refused, nobody, restart, unheard)
}


async def _night(folder: Path) -> Night:
    gates = Gates(folder, count=2)
    async with gates:
        for place, scene in enumerate(SCENES.values()):
            await asyncio.sleep(FIRST_S + place * EVERY_S - gates.town.loop.time())
            await scene(gates)
        await asyncio.sleep(EVERY_S)
        return Night(gates.cloud.folder, gates.town.now_ms())


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Night:
    return run_virtual(_night(tmp_path_factory.mktemp("night")))


@pytest.mark.parametrize(
    ("scene", "cause", "says"),
    [
        ("card", Cause.CARD, "With a card: Li Si (2-502). Somebody went through."),
        ("exit_button", Cause.EXIT_BUTTON, "exit button inside was pressed"),
        ("remote", Cause.REMOTE, "afar: lin. Reason given: a parcel. Somebody went through."),
        ("held_open", Cause.HELD_OPEN, "held open for everybody. Ordered by lin, reason given: a move."),
        ("fire", Cause.EMERGENCY, "An emergency released it: Fire."),
        ("forced", Cause.FORCED, "opened while it was locked"),
    ],
)
def test_each_cause_is_told_for_what_it_was(night: Night, scene: str, cause: Cause, says: str) -> None:
    found = night.who(scene)
    assert [one.cause for one in found.answer.openings] == [cause]
    assert says in who_lines(found, ENGLISH)[0]
    assert found.answer.doubts == ()


def test_second_person_is_told_beside_the_first(night: Night) -> None:
    causes = [one.cause for one in night.who("followed").answer.openings]
    assert sorted(causes) == [Cause.CARD, Cause.FOLLOWED]


def test_night_without_an_opening_is_unknown(night: Night) -> None:
    """Nobody came, nothing is missing: the answer says both, and what came before and after."""
    found = night.who("nobody")
    lines = who_lines(found, ENGLISH)
    assert (found.answer.openings, found.answer.doubts) == ((), ())
    assert lines[0].startswith("Unknown. Nothing on record opened it between 2026-11-23 04:30:00 and")
    assert lines[1].startswith("No record of that time is missing.")
    assert found.answer.before is not None
    assert found.answer.before.cause is Cause.FORCED


def test_device_without_power_leaves_an_interval_of_doubt(night: Night) -> None:
    """What is on record stays known; but more may have happened than that."""
    found = night.who("restart")
    assert [one.cause for one in found.answer.openings] == [Cause.CARD]
    assert [one.why for one in found.answer.doubts] == [GapReason.RESTART]
    assert "the device was not running" in " ".join(who_lines(found, ENGLISH))


def test_device_that_was_not_heard_may_still_tell(night: Night) -> None:
    """Li Si went in, and the cloud knows nothing of it yet."""
    found = night.who("unheard")
    assert found.answer.openings == ()
    assert GapReason.UNHEARD in {one.why for one in found.answer.doubts}
    assert "records of that time may still come" in " ".join(who_lines(found, ENGLISH))


def test_refusal_is_explained_by_what_was_recorded(night: Night) -> None:
    """The roster that the gate used is kept, and all else the gate wrote down: nothing is assumed."""
    with open_folder(night.folder) as (store, _):
        with store.reading() as connection:
            (event,) = list_events(connection, EventFilter(point=WEST, kind="access.refused")).rows
        found = WhyService(store, lambda: night.end_ms).why_event(event)
    assert found.recorded == found.explanation.decision.reason == Reason.REPORTED_LOST
    assert found.basis.as_then
    assert {one.source for one in found.facts} == {FactSource.RECORDED}
    assert (
        why_lines(found, ENGLISH)[2]
        == "The rule stopped at this check: State of card and membership, for the plan Resident."
    )
    assert night.who("refused").answer.openings == ()
