"""A turnstile, told by what happens at it."""

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from contract.decide import Mode
from contract.reasons import TABLE, Reason
from edge.archetypes.portal import HELD_OPEN
from edge.archetypes.protocol import (
    BARRING,
    HOLD_LEASE_MS,
    CannotRecord,
    CommandReceived,
    Decided,
    Drive,
    Due,
    Edge,
    Emergency,
    Levels,
    ModeChanged,
    Record,
    Rest,
    Show,
    Wake,
)
from edge.stations import turnstile
from tests.edge.support.orders import OPENS
from tests.edge.support.portals import ANNA, BEN, CARL, Portal, decision, set_to

AWAY, HOME = True, False


def at_rest(*, exit_arm: bool = False, **settings: int) -> Portal:
    """A turnstile whose arm is at home."""
    portal = Portal(turnstile, **settings)
    portal.levels({"arm": HOME, "exit_arm": HOME} if exit_arm else {"arm": HOME})
    return portal


def in_phase(phase: str) -> Portal:
    """A turnstile led into a phase by what people do."""
    portal = at_rest()
    if phase in ("unlocked", "turning", "jammed"):
        portal.badge()
    if phase in ("turning", "jammed", "forced"):
        portal.edge("arm", AWAY)
    if phase == "jammed":
        portal.wait(8_000)
    if phase == "released":
        portal.emergency()
    assert portal.phase == phase
    portal.records.clear()
    return portal


def trigger(portal: Portal, name: str) -> None:
    """Cause what a trigger of the table stands for."""
    if name == "unlock":
        portal.badge(BEN)
    elif name in ("left", "home"):
        portal.edge("arm", AWAY if name == "left" else HOME)
    elif name == "relock":
        portal.wait(5_000)
    elif name == "jam":
        portal.wait(8_000)
    else:
        portal.emergency(name == "release")


def holders(portal: Portal, kind: str) -> list[str]:
    return [record.data["holder"] for record in portal.records if record.kind == kind]


@pytest.mark.parametrize(("before", "cause"), turnstile.NEXT, ids=str)
def test_each_row_of_the_table_happens_at_the_turnstile(before: str, cause: str) -> None:
    portal = in_phase(before)
    trigger(portal, cause)
    assert portal.phase == turnstile.NEXT[before, cause]  # type: ignore[index]


def test_an_allowed_badge_is_recorded_drives_the_lock_and_shows_green() -> None:
    assert at_rest().badge()[1:] == [
        Drive("unlock", 6_000, "written"),
        Wake("relock", 5_000),
        Show("green", "allowed"),
    ]


@pytest.mark.parametrize("phase", ["rest", "unlocked", "turning", "forced", "jammed", "released"])
def test_a_refused_badge_drives_nothing_and_changes_nothing(phase: str) -> None:
    portal = in_phase(phase)
    before, driven = portal.state, dict(portal.driven)
    portal.refuse(Reason.UNKNOWN_CREDENTIAL)
    assert (portal.state, portal.driven, portal.kinds) == (before, driven, ["access.refused"])
    assert portal.shown == Show("red", "unknown_credential")


def test_one_badge_is_one_passage() -> None:
    portal = at_rest()
    portal.badge()
    assert portal.edge("arm", AWAY)[0] == Rest("unlock")
    portal.edge("arm", HOME)
    assert portal.records[-1] == Record("access.passed", {"holder": ANNA.hex(), "direction": "in"})
    assert (portal.phase, portal.driven, portal.wakes) == ("rest", {}, {})


def test_nobody_who_did_not_turn_the_arm_is_counted_as_inside() -> None:
    portal = at_rest()
    portal.badge()
    portal.wait(5_000)
    assert (portal.phase, portal.driven) == ("rest", {})
    assert holders(portal, "access.not_entered") == [ANNA.hex()]


def test_who_badges_while_another_passes_gets_the_arm_when_it_is_home() -> None:
    portal = in_phase("turning")
    assert not [effect for effect in portal.badge(BEN) if isinstance(effect, Drive)]
    portal.edge("arm", HOME)
    portal.wait(200)
    assert (portal.phase, portal.driven) == ("unlocked", {"unlock": portal.now_ms + 6_000})
    portal.edge("arm", AWAY)
    portal.edge("arm", HOME)
    assert holders(portal, "access.passed") == [ANNA.hex(), BEN.hex()]


def test_nobody_is_let_in_before_the_arm_has_settled_at_home() -> None:
    """A machine that is unlocked before its lock has fallen forgets it when it falls: a green light, a locked arm."""
    portal = in_phase("turning")
    portal.edge("arm", HOME)
    portal.wait(50)
    portal.badge(BEN)
    assert (portal.phase, portal.driven) == ("rest", {})
    portal.wait(149)
    assert portal.driven == {}
    portal.wait(1)
    assert portal.phase == "unlocked"


def test_an_arm_that_turns_before_it_has_settled_is_a_tailgater_and_the_next_still_has_a_turn() -> None:
    portal = in_phase("turning")
    portal.badge(BEN)
    portal.edge("arm", HOME)
    portal.wait(100)
    portal.edge("arm", AWAY)
    assert portal.records[-1].kind == "turnstile.tailgated"
    portal.wait(500)
    assert portal.driven == {}
    portal.edge("arm", HOME)
    portal.wait(200)
    assert portal.phase == "unlocked"


def test_two_who_badge_before_the_arm_turns_pass_one_after_the_other() -> None:
    portal = at_rest()
    portal.badge(ANNA)
    portal.badge(BEN)
    for _ in range(2):
        portal.edge("arm", AWAY)
        portal.edge("arm", HOME)
        portal.wait(200)
    assert holders(portal, "access.passed") == [ANNA.hex(), BEN.hex()]
    assert portal.phase == "rest"


def test_a_second_badge_gives_its_holder_the_whole_time() -> None:
    portal = at_rest()
    portal.badge(ANNA)
    portal.wait(4_990)
    portal.badge(BEN)
    portal.wait(4_990)
    assert portal.phase == "unlocked"


def test_a_turnstile_for_which_too_many_wait_is_busy_and_keeps_no_more() -> None:
    portal = at_rest()
    for number in range(turnstile.MAX_QUEUE):
        assert not turnstile.report(portal.state).busy
        portal.badge(bytes([number]) * 16)
    assert turnstile.report(portal.state).busy
    portal.badge(CARL)
    assert len(portal.state.queue) == turnstile.MAX_QUEUE


def test_an_arm_that_turns_without_a_badge_is_forced() -> None:
    portal = at_rest()
    effects = portal.edge("arm", AWAY)
    assert effects[:2] == [Record("turnstile.forced"), Show("red", "forced")]
    portal.edge("arm", HOME)
    assert (portal.phase, portal.kinds) == ("rest", ["turnstile.forced"])


def test_an_arm_that_turns_again_right_behind_somebody_is_tailgated() -> None:
    portal = in_phase("turning")
    portal.edge("arm", HOME)
    portal.wait(999)
    assert portal.edge("arm", AWAY)[:2] == [Record("turnstile.tailgated"), Show("red", "tailgated")]


def test_an_arm_that_turns_a_second_later_is_forced() -> None:
    portal = in_phase("turning")
    portal.edge("arm", HOME)
    portal.wait(1_000)
    portal.edge("arm", AWAY)
    assert portal.records[-1].kind == "turnstile.forced"


def test_a_turn_that_does_not_end_is_jammed_and_a_fault_until_it_does() -> None:
    portal = in_phase("turning")
    portal.wait(8_000)
    assert portal.told() == ["turnstile.jammed", "access.not_entered"]
    report = turnstile.report(portal.state)
    assert (report.faulted, set(report.faults)) == (True, {"jammed"})
    portal.edge("arm", HOME)
    assert (portal.phase, portal.told(), portal.faults) == ("rest", ["turnstile.jam_cleared"], set())


def test_whoever_waited_for_a_jammed_arm_has_to_badge_again() -> None:
    portal = in_phase("turning")
    portal.badge(BEN)
    portal.wait(8_000)
    assert holders(portal, "access.not_entered") == [ANNA.hex(), BEN.hex()]
    portal.edge("arm", HOME)
    assert (portal.phase, portal.driven) == ("rest", {})


def test_an_arm_whose_sensor_hangs_keeps_nobody_in() -> None:
    portal = in_phase("jammed")
    portal.take(decision(None, "out", Reason.FREE_EXIT))
    assert "unlock" in portal.driven
    portal.wait(5_000)
    assert (portal.driven, portal.phase) == ({}, "jammed")


def test_an_arm_that_comes_free_while_somebody_leaves_locks_again() -> None:
    portal = in_phase("jammed")
    portal.take(decision(None, "out", Reason.FREE_EXIT))
    portal.edge("arm", HOME)
    assert (portal.driven, portal.wakes) == ({}, {})


@pytest.mark.parametrize("phase", ["rest", "unlocked", "jammed"])
def test_a_jam_that_is_due_too_late_says_nothing(phase: str) -> None:
    assert in_phase(phase).take(Due("jam")) == []


def test_a_relock_that_is_due_too_late_forgets_nobody() -> None:
    portal = in_phase("turning")
    portal.take(Due("relock"))
    portal.edge("arm", HOME)
    assert holders(portal, "access.passed") == [ANNA.hex()]


def test_an_arm_that_never_moves_is_suspect_until_it_does() -> None:
    portal = at_rest(still_after=3)
    for _ in range(3):
        assert portal.faults == set()
        portal.badge()
        portal.wait(60_000)
    assert portal.faults == {"arm_still"}
    portal.badge()
    portal.edge("arm", AWAY)
    portal.edge("arm", HOME)
    assert portal.faults == set()


def test_the_exit_arm_is_free_and_counted() -> None:
    portal = at_rest(exit_arm=True)
    portal.edge("exit_arm", AWAY)
    portal.edge("exit_arm", HOME)
    assert (portal.kinds, portal.driven) == (["turnstile.exited"], {})


def test_a_badge_at_a_free_exit_arm_books_the_exit_and_does_not_free_the_way_in() -> None:
    portal = at_rest(exit_arm=True)
    portal.badge(ANNA, "out")
    assert (portal.driven, portal.phase) == ({}, "rest")
    portal.edge("exit_arm", AWAY)
    portal.edge("exit_arm", HOME)
    assert portal.records[-1] == Record("access.passed", {"holder": ANNA.hex(), "direction": "out"})


def test_whoever_badged_out_and_stayed_is_not_counted_out() -> None:
    portal = at_rest(exit_arm=True)
    portal.badge(ANNA, "out")
    portal.wait(5_000)
    portal.edge("exit_arm", AWAY)
    portal.edge("exit_arm", HOME)
    assert portal.kinds == ["access.allowed", "access.not_entered", "turnstile.exited"]


def test_somebody_leaving_does_not_take_the_arm_of_somebody_entering() -> None:
    portal = at_rest(exit_arm=True)
    portal.badge(BEN, "out")
    portal.badge(ANNA, "in")
    portal.edge("arm", AWAY)
    portal.edge("arm", HOME)
    portal.edge("exit_arm", AWAY)
    portal.edge("exit_arm", HOME)
    assert holders(portal, "access.passed") == [ANNA.hex(), BEN.hex()]


def test_without_an_exit_arm_a_badge_on_the_way_out_unlocks() -> None:
    portal = at_rest()
    portal.badge(ANNA, "out")
    portal.edge("arm", AWAY)
    portal.edge("arm", HOME)
    assert portal.records[-1] == Record("access.passed", {"holder": ANNA.hex(), "direction": "out"})


@pytest.mark.parametrize("phase", ["rest", "unlocked", "turning", "forced", "jammed"])
def test_an_emergency_frees_the_arm_and_books_no_passage(phase: str) -> None:
    portal = in_phase(phase)
    portal.emergency()
    portal.edge("arm", AWAY)
    portal.edge("arm", HOME)
    portal.wait(120_000)
    assert (portal.phase, portal.driven, portal.told()) == ("released", {}, [])


def test_in_an_emergency_a_badge_is_recorded_and_nothing_is_driven() -> None:
    portal = in_phase("released")
    portal.badge()
    assert (portal.kinds, portal.driven) == (["access.allowed"], {})
    portal.emergency(False)
    assert (portal.phase, portal.driven) == ("rest", {})


def test_after_an_emergency_an_arm_that_is_away_is_watched_until_it_is_home() -> None:
    portal = in_phase("released")
    portal.edge("arm", AWAY)
    portal.emergency(False)
    assert portal.phase == "turning"
    portal.edge("arm", HOME)
    assert (portal.phase, portal.told()) == ("rest", [])


def test_the_end_of_an_emergency_that_never_was_changes_nothing() -> None:
    portal = in_phase("unlocked")
    assert portal.emergency(False) == []
    assert portal.phase == "unlocked"


@pytest.mark.parametrize("phase", ["rest", "unlocked", "turning", "forced", "jammed"])
@pytest.mark.parametrize("arm", [HOME, AWAY])
def test_when_the_keeper_comes_back_the_arm_is_believed_and_the_lock_rests(phase: str, arm: bool) -> None:
    portal = in_phase(phase)
    assert portal.levels({"arm": arm})[0] == Rest("unlock")
    assert (portal.phase, portal.told()) == ("turning" if arm is AWAY else "rest", [])


def test_a_turn_that_began_while_the_keeper_was_away_is_booked_on_nobody() -> None:
    portal = in_phase("unlocked")
    portal.levels({"arm": AWAY})
    portal.badge(BEN)
    portal.edge("arm", HOME)
    assert portal.told() == ["access.allowed"]
    portal.wait(200)
    assert portal.phase == "unlocked"
    portal.edge("arm", AWAY)
    portal.edge("arm", HOME)
    assert holders(portal, "access.passed") == [BEN.hex()]


def test_an_arm_found_away_that_stays_away_is_jammed() -> None:
    portal = at_rest()
    portal.levels({"arm": AWAY})
    portal.wait(8_000)
    assert (portal.phase, portal.told()) == ("jammed", ["turnstile.jammed"])


def test_when_the_keeper_comes_back_an_emergency_goes_on() -> None:
    portal = in_phase("released")
    portal.levels({"arm": AWAY})
    assert portal.phase == "released"


def test_an_operators_opening_is_recorded_drives_the_lock_and_is_booked_on_nobody() -> None:
    portal = at_rest()
    assert portal.take(OPENS)[:2] == [Record("command.done", OPENS.told), Drive("unlock", 6_000, "written")]
    portal.edge("arm", AWAY)
    portal.edge("arm", HOME)
    assert holders(portal, "access.passed") == [""]


def test_a_turnstile_held_open_is_unlocked_for_each_person_anew_and_rings_no_alarm() -> None:
    portal = set_to(at_rest(), Mode.HOLD_OPEN)
    for _ in range(50):
        portal.wait(6_000)
        assert portal.now_ms < portal.driven["unlock"] <= portal.now_ms + HOLD_LEASE_MS
        portal.edge("arm", AWAY)
        portal.wait(1_000)
        assert Rest("unlock") in portal.edge("arm", HOME)
        assert portal.driven == {}
        portal.wait(200)
        assert "unlock" in portal.driven
    assert portal.told() == ["turnstile.mode"]
    set_to(portal, Mode.SCHEDULED)
    assert (portal.phase, portal.driven, portal.wakes) == ("rest", {}, {})


def test_an_emergency_stands_above_a_turnstile_held_open_which_is_held_again_after_it() -> None:
    portal = set_to(at_rest(), Mode.HOLD_OPEN)
    portal.emergency()
    assert (portal.driven, portal.wakes) == ({}, {})
    portal.emergency(False)
    assert (portal.phase, "unlock" in portal.driven) == ("released", True)


def test_a_keeper_that_comes_back_finds_the_turnstile_held_open_again() -> None:
    portal = set_to(at_rest(), Mode.HOLD_OPEN)
    portal.levels({"arm": HOME})
    assert "unlock" in portal.driven


@pytest.mark.parametrize("mode", sorted(BARRING))
def test_whoever_was_let_in_a_moment_ago_finds_the_arm_locked(mode: Mode) -> None:
    portal = in_phase("unlocked")
    portal.badge(BEN)
    portal.told()
    set_to(portal, mode)
    assert (portal.phase, portal.driven) == ("rest", {})
    assert portal.told() == ["turnstile.mode", "access.not_entered", "access.not_entered"]


def test_whoever_waits_for_the_arm_is_turned_away_and_who_turns_it_goes_on() -> None:
    portal = in_phase("turning")
    portal.badge(BEN)
    portal.told()
    set_to(portal, Mode.LOCKDOWN)
    assert portal.told() == ["turnstile.mode", "access.not_entered"]
    portal.edge("arm", HOME)
    assert portal.told() == ["access.passed"]
    portal.wait(60_000)
    assert portal.driven == {}


def test_a_relock_that_comes_late_does_not_shut_what_is_held_open() -> None:
    portal = set_to(at_rest(), Mode.HOLD_OPEN)
    assert portal.take(Due("relock")) == []
    assert "unlock" in portal.driven


@pytest.mark.parametrize("mode", Mode)
def test_no_mode_bars_the_way_out(mode: Mode) -> None:
    portal = set_to(at_rest(), mode)
    portal.take(decision(None, "out", Reason.FREE_EXIT))
    assert "unlock" in portal.driven


@pytest.mark.parametrize("mode", sorted(BARRING))
def test_whoever_is_on_the_way_out_finds_the_arm_unlocked(mode: Mode) -> None:
    portal = at_rest()
    portal.badge(ANNA, "out")
    set_to(portal, mode)
    assert (portal.phase, "unlock" in portal.driven) == ("unlocked", True)


def test_what_a_turnstile_does_not_know_changes_nothing() -> None:
    portal = in_phase("unlocked")
    before = portal.state
    for happened in (CannotRecord("unlock"), Edge("bell", active=True), Edge("exit_arm", AWAY), Due("bell")):
        assert portal.take(happened) == []
    assert portal.state == before


@pytest.mark.parametrize("name", ["turn_ms", "tailgate_ms", "settle_ms", "still_after"])
def test_a_setting_that_makes_no_sense_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is greater than 0"):
        turnstile.TurnstileSettings(**{name: 0})


INPUTS = st.one_of(
    st.builds(
        decision,
        st.sampled_from([None, ANNA, BEN]),
        st.sampled_from(["in", "out"]),
        st.sampled_from(list(Reason)),
    ),
    st.builds(Edge, st.sampled_from([*turnstile.INPUTS, "else"]), st.booleans()),
    st.builds(Due, st.sampled_from(["relock", "next", "leave", "jam", "hold_open", "else"])),
    st.builds(Emergency, st.booleans()),
    st.builds(Levels, st.dictionaries(st.sampled_from([*turnstile.INPUTS]), st.booleans())),
    st.builds(CannotRecord, st.text(string.ascii_lowercase, max_size=5)),
    st.builds(ModeChanged, st.sampled_from(list(Mode)), st.just(7)),
    st.just(OPENS),
)


def _enters(happened: Any) -> bool:
    """Whether this lets somebody in."""
    if isinstance(happened, Decided):
        return happened.direction == "in" and TABLE[happened.decision.reason].allows
    return isinstance(happened, CommandReceived)


class AnyTurnstile(RuleBasedStateMachine):
    """Whatever happens at a turnstile, in whatever order, late wake-ups included."""

    def __init__(self) -> None:
        super().__init__()
        self.portal = Portal(turnstile, still_after=2)

    @rule(happened=INPUTS)
    def something_happens(self, happened: Any) -> None:
        before = self.portal.state
        if before.mode in BARRING and _enters(happened):
            return  # the rule lets nobody in
        again = turnstile.step(before, happened, self.portal.now_ms)
        if isinstance(happened, Due):
            self.portal.wakes.pop(happened.name, None)
        effects = self.portal.take(happened)
        assert again == (self.portal.state, effects)
        if any(isinstance(effect, Drive) for effect in effects):
            opens = isinstance(happened, Decided) and TABLE[happened.decision.reason].allows
            held = self.portal.state.released_by == {HELD_OPEN}
            ordered = isinstance(happened, CommandReceived | ModeChanged)
            assert held or opens or ordered or (happened == Due("next") and before.queue)
            assert held or self.portal.phase in ("unlocked", "jammed")
        if before.phase != self.portal.phase and not isinstance(happened, Levels):
            moves = {after for (phase, _), after in turnstile.NEXT.items() if phase == before.phase}
            # An arm that is no longer free may be in the middle of a turn.
            assert self.portal.phase in moves or (before.phase, self.portal.phase) == ("released", "turning")

    @rule(ms=st.integers(0, 10_000))
    def time_passes(self, ms: int) -> None:
        self.portal.wait(ms)

    @invariant()
    def the_lock_is_driven_only_while_a_relock_is_awaited(self) -> None:
        portal = self.portal
        if portal.state.released_by == {HELD_OPEN}:
            assert "hold_open" in portal.wakes
            assert portal.wakes["hold_open"] < portal.driven.get("unlock", portal.now_ms + HOLD_LEASE_MS)
            # At rest only for the moment in which the machine takes note of it.
            assert "unlock" in portal.driven or portal.wakes["hold_open"] <= portal.now_ms + 200
        elif "unlock" in portal.driven:
            assert portal.wakes["relock"] < portal.driven["unlock"]
            assert portal.phase in ("unlocked", "jammed")
        assert (portal.phase == "unlocked") <= ("unlock" in portal.driven)

    @invariant()
    def the_queue_is_bounded_and_nobody_waits_for_nothing(self) -> None:
        state = self.portal.state
        assert max(len(state.queue), len(state.leaving)) <= turnstile.MAX_QUEUE
        assert not state.queue or state.phase in ("unlocked", "turning", "forced") or "next" in self.portal.wakes
        assert state.queue or state.phase != "unlocked"
        assert state.turning is None or state.phase == "turning"
        assert not state.leaving or "leave" in self.portal.wakes

    @invariant()
    def an_arm_is_held_open_by_its_mode_and_nothing_else(self) -> None:
        state = self.portal.state
        assert (HELD_OPEN in state.released_by) == (state.mode is Mode.HOLD_OPEN)

    @invariant()
    def where_nobody_may_enter_nobody_is_awaited(self) -> None:
        state = self.portal.state
        assert state.mode not in BARRING or all(who.direction == "out" for who in state.queue)

    @invariant()
    def a_turn_is_watched(self) -> None:
        assert (self.portal.phase in ("turning", "forced")) == ("jam" in self.portal.wakes)

    @invariant()
    def the_next_is_awaited_only_while_somebody_waits_at_an_arm_that_settles(self) -> None:
        assert "next" not in self.portal.wakes or (self.portal.phase == "rest" and self.portal.state.queue)

    @invariant()
    def wake_ups_and_faults_are_known_ones(self) -> None:
        assert set(self.portal.wakes) <= {"relock", "next", "leave", "jam", "hold_open"}
        assert self.portal.faults <= {"arm_still", "jammed"}


TestAnyTurnstile = AnyTurnstile.TestCase


@given(st.lists(st.one_of(st.sampled_from(["badge", "away", "home"]), st.integers(1, 10_000)), max_size=60))
def test_every_allowed_badge_ends_in_one_passage_or_none(story: list[str | int]) -> None:
    portal, badges, turned = at_rest(), 0, False
    for event in [*story, 60_000, "home", 60_000, "away", "home", 60_000]:
        if isinstance(event, int):
            portal.wait(event)
        elif event == "badge" and not turnstile.report(portal.state).busy:
            badges += portal.phase != "jammed"
            portal.badge(bytes([badges]) * 16)
        elif event in ("away", "home") and turned != (event == "away"):
            turned = event == "away"
            portal.edge("arm", turned)
    ended = holders(portal, "access.passed") + holders(portal, "access.not_entered")
    assert len(ended) == len(set(ended)) == badges
