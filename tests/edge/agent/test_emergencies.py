"""An emergency as the agent lives it: by its cause, ended by a named person, and overruled by nobody from afar."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
from msgspec.structs import replace

from contract.commands import COMMANDS, EnrolArgs
from contract.decide import Mode, Standing, Trust
from contract.emergencies import Cause, Ending
from edge.agent.agent import Agent
from edge.agent.decider import Decider
from edge.agent.ports import AgentPorts
from edge.archetypes.protocol import Emergency
from edge.config import device_config
from edge.keeper.protocol import Drill, DriveOutput, Frame, NotReset, Reset, Snapshot, ToKeeper, ZoneEmergency
from tests.edge.support.cards import ANNAS, BENS, KEY, NOW_MS, Cards, LoopClock, digest
from tests.edge.support.orders import OPENS, starts, stops_session
from tests.edge.support.portals import ANNA
from tests.edge.support.recordings import HandRecording
from tests.edge.support.rig import GATES
from tests.firmware_sim.support.story import in_virtual_time

INPUTS = {"east.contact": True, "east.exit_button": False, "gym.release_sense": False}
TOLD = {"id": "00", "op": "drill", "by": "lin", "reason": "the yearly drill"}


class Post:
    """An agent whose keeper is a list of orders. Anna may reset the estate, at the reader of its east gate."""

    def __init__(self, folder: Path, found: Snapshot | None = None) -> None:
        file = folder / "gates.toml"
        file.write_text(GATES + 'reset_point = "east"\n')
        loop = asyncio.get_running_loop()
        self.clock = LoopClock(loop)
        self.orders: list[ToKeeper] = []
        self.recording = HandRecording()
        self.cards = Cards("east", "gym")
        self.may_reset(ANNAS, "estate")
        decider = Decider(self.cards, self.clock, KEY)
        self.agent = Agent(device_config.load(file), AgentPorts(loop, self.clock, self.recording, decider, self))
        self.agent.handle(found or Snapshot(INPUTS, []))
        self.followed: list[Emergency] = []
        self.recorded()

    @property
    def asked(self) -> list[ToKeeper]:
        """What the keeper was asked for, but to rest what rests."""
        return [order for order in self.orders if isinstance(order, Reset | Drill | DriveOutput)]

    def may_reset(self, card: str, *zones: str, **changes: Any) -> None:
        name = digest(card)
        self.cards.grants[name] = replace(self.cards.grants[name], resets=frozenset(zones), **changes)

    def send(self, message: ToKeeper) -> None:
        self.orders.append(message)

    def began(self, cause: Cause) -> None:
        self.agent.handle(ZoneEmergency("estate", active=True, cause=cause))

    def over(self, by: Ending, cause: Cause = "fire") -> None:
        self.agent.handle(ZoneEmergency("estate", active=False, cause=cause, by=by))

    def badge(self, card: str) -> None:
        self.agent.handle(Frame("east.in", card, 0.0))

    def recorded(self) -> list[tuple[str, dict[str, Any]]]:
        """What was recorded since this was last asked."""
        rows = [(kind, data) for _, kind, data in self.recording.rows]
        self.recording.rows.clear()
        return rows

    def shown(self, point: str = "east") -> str:
        shown = self.agent.runners[point].shown
        return "" if shown is None else shown.text


@pytest.mark.parametrize("cause", get_args(Cause))
@in_virtual_time
async def test_a_cause_reaches_the_journal_and_the_stations_of_its_zone(
    cause: Cause, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = Post(tmp_path)
    heard: list[tuple[str, object]] = []
    for name, runner in post.agent.runners.items():
        monkeypatch.setattr(runner, "handle", lambda happened, name=name: heard.append((name, happened)))
    post.began(cause)
    assert post.recorded() == [("emergency.began", {"zone": "estate", "cause": cause})]
    post.over("key", cause)
    assert post.recorded() == [("emergency.reset", {"zone": "estate", "cause": cause, "how": "key"})]
    assert heard == [("east", Emergency(True, cause)), ("east", Emergency(False, cause))]


@in_virtual_time
async def test_a_broken_loop_that_becomes_a_fire_is_told_as_worse_and_a_repetition_is_not(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.began("loop_broken")
    post.recorded()
    post.began("fire")
    post.began("fire")
    assert post.recorded() == [("emergency.worsened", {"zone": "estate", "cause": "fire", "was": "loop_broken"})]
    assert post.agent.emergencies == {"estate": "fire"}


@in_virtual_time
async def test_a_card_that_may_reset_asks_the_keeper_and_its_holder_is_named_once_it_has(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.began("fire")
    post.recorded()
    post.badge(ANNAS)
    assert (post.asked, post.recorded()) == ([Reset("estate")], [])
    post.over("card")
    by_anna = {"zone": "estate", "cause": "fire", "how": "card", "by": ANNA.hex(), "holder": ANNA.hex()}
    assert post.recorded() == [("emergency.reset", by_anna)]


@in_virtual_time
async def test_a_key_that_is_quicker_than_a_card_is_not_told_as_the_holders_deed(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.began("fire")
    post.badge(ANNAS)
    post.recorded()
    post.over("key")
    assert post.recorded() == [("emergency.reset", {"zone": "estate", "cause": "fire", "how": "key"})]


@in_virtual_time
async def test_who_resets_too_early_is_recorded_and_told_that_the_alarm_is_still_on(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.began("fire")
    post.badge(ANNAS)
    post.recorded()
    post.agent.handle(NotReset("estate", "card", ["fire", "smoke"]))
    post.agent.handle(NotReset("estate", "key", ["smoke"]))
    assert post.recorded() == [
        ("emergency.not_reset", {"zone": "estate", "how": "card", "causes": ["fire", "smoke"], "by": ANNA.hex()}),
        ("emergency.not_reset", {"zone": "estate", "how": "key", "causes": ["smoke"]}),
    ]
    assert post.shown() == "alarm_still_on"
    assert post.agent.emergencies == {"estate": "fire"}


@pytest.mark.parametrize(
    "changes",
    [
        {"standing": Standing.LOST},
        {"standing": Standing.SUSPENDED},
        {"valid_until_ms": NOW_MS},
        {"valid_from_ms": NOW_MS + 3_600_000},
    ],
    ids=lambda changes: next(iter(changes)),
)
@in_virtual_time
async def test_a_card_that_counts_no_more_resets_nothing(changes: dict[str, Any], tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.may_reset(ANNAS, "estate", **changes)
    post.began("fire")
    post.badge(ANNAS)
    assert Reset("estate") not in post.asked


@in_virtual_time
async def test_a_card_of_another_zone_or_without_the_right_is_weighed_as_always(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.may_reset(ANNAS, "gym")
    post.began("fire")
    post.recorded()
    for card in (ANNAS, BENS):
        post.badge(card)
    assert [kind for kind, _ in post.recorded()] == ["access.allowed", "access.allowed"]
    assert Reset("estate") not in post.asked


@in_virtual_time
async def test_the_right_to_reset_needs_neither_an_open_door_nor_an_hour(tmp_path: Path) -> None:
    """The point may be locked down, and the guard may have no business behind it."""
    post = Post(tmp_path)
    post.may_reset(ANNAS, "estate", points={})
    post.agent.set_modes({"east": Mode.LOCKDOWN}, 1)
    post.clock.trust = Trust.UNSET
    post.began("smoke")
    post.badge(ANNAS)
    assert Reset("estate") in post.asked


@in_virtual_time
async def test_without_an_emergency_the_card_that_may_reset_is_an_ordinary_card(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.badge(ANNAS)
    assert [kind for kind, _ in post.recorded()] == ["access.allowed"]
    assert Reset("estate") not in post.asked


@in_virtual_time
async def test_an_emergency_that_an_agent_finds_has_its_cause_and_can_be_reset_by_card(tmp_path: Path) -> None:
    post = Post(tmp_path, Snapshot(INPUTS, ["estate"], causes={"estate": "smoke"}))
    assert post.agent.emergencies == {"estate": "smoke"}
    post.badge(ANNAS)
    assert post.asked == [Reset("estate")]


@in_virtual_time
async def test_an_older_keeper_that_says_no_cause_means_a_fire(tmp_path: Path) -> None:
    post = Post(tmp_path, Snapshot(INPUTS, ["estate"]))
    assert post.agent.emergencies == {"estate": "fire"}


@pytest.mark.parametrize(("ended", "how"), [({"estate": "key"}, "key"), ({}, "restart")])
@in_virtual_time
async def test_what_ended_while_the_line_was_down_is_told_by_what_it_ended(
    ended: dict[str, Ending], how: str, tmp_path: Path
) -> None:
    post = Post(tmp_path)
    post.began("drill")
    post.agent.keeper_lost()
    post.recorded()
    post.agent.handle(Snapshot(INPUTS, [], ended=ended))
    told = dict(post.recorded())
    assert told["emergency.reset"] == {"zone": "estate", "cause": "drill", "how": how}


@in_virtual_time
async def test_what_got_worse_while_the_line_was_down_is_told(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.began("drill")
    post.agent.handle(Snapshot(INPUTS, ["estate"], causes={"estate": "fire"}))
    assert post.recorded()[-1] == ("emergency.worsened", {"zone": "estate", "cause": "fire", "was": "drill"})


@in_virtual_time
async def test_a_drill_is_begun_and_ended_by_an_order_that_names_the_operator(tmp_path: Path) -> None:
    post = Post(tmp_path)
    assert post.agent.drill("estate", True, TOLD) == ""
    assert (post.asked, post.recorded()) == ([Drill("estate", on=True)], [("command.done", TOLD)])
    post.began("drill")
    assert post.recorded() == [("emergency.began", {"zone": "estate", "cause": "drill", "by": "lin"})]
    assert post.agent.drill("estate", False, {**TOLD, "by": "wu"}) == ""
    post.over("order", "drill")
    over = {"zone": "estate", "cause": "drill", "how": "order", "by": "wu"}
    assert post.recorded()[-1] == ("emergency.reset", over)


@in_virtual_time
async def test_a_drill_that_cannot_be_is_refused_by_a_word(tmp_path: Path) -> None:
    post = Post(tmp_path)
    assert post.agent.drill("gym", True, TOLD) == "no_such_zone"
    assert post.agent.drill("estate", False, TOLD) == "no_drill"
    post.began("loop_broken")
    assert [post.agent.drill("estate", on, TOLD) for on in (True, False)] == ["emergency", "emergency"]
    post.agent.keeper_lost()
    assert post.agent.drill("estate", True, TOLD) == "keeper_lost"
    assert (post.asked, [data for kind, data in post.recorded() if kind == "command.done"]) == ([], [])


@pytest.mark.parametrize("cause", ["fire", "smoke", "estop", "loop_broken"])
@pytest.mark.parametrize("op", COMMANDS)
@in_virtual_time
async def test_no_order_from_afar_overrules_an_emergency(op: str, cause: Cause, tmp_path: Path) -> None:
    """Every order there is, at the agent that carries it out: a new one has to be added here."""
    post = Post(tmp_path)
    post.began(cause)
    post.orders.clear()
    agent = post.agent
    deeds: dict[str, Callable[[], bool]] = {
        "open_once": lambda: agent.order("east", OPENS) == "emergency",
        "session_start": lambda: agent.order("east", starts(digest(ANNAS))) == "emergency",
        "session_stop": lambda: agent.order("east", stops_session("0" * 16)) == "no_such_session",
        "drill": lambda: agent.drill("estate", False, TOLD) == "emergency",
        "enrol": lambda: agent.enrol("east", "0" * 32, EnrolArgs("0" * 64, 10_000), lambda *_: None) == "",
        "enrol_cancel": lambda: agent.readers.enrolments.cancel("0" * 32) == "no_enrolment",
        # These are about the machine. A new agent finds what the keeper holds.
        "reboot": lambda: agent.restart_blocker() != "",
        "send_log": lambda: True,
        "clock_set": lambda: True,
    }
    assert deeds[op]()
    await asyncio.sleep(60)
    assert post.asked == []
    assert agent.emergencies == {"estate": cause}


@pytest.mark.parametrize("mode", Mode)
@in_virtual_time
async def test_no_mode_overrules_an_emergency(mode: Mode, tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.began("fire")
    post.orders.clear()
    post.agent.set_modes({"east": mode}, 1)
    await asyncio.sleep(60)
    assert post.asked == []
    assert post.agent.runners["east"].report.phase == "released"
