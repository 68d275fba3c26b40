"""A turnstile, told by what people do at it."""

import pytest

from contract.reasons import Reason
from edge.archetypes.protocol import CannotRecord, Drive, Due, Edge, Record, Rest, Show
from edge.stations import turnstile
from tests.edge.support.portals import ANNA, BEN, decision, holders
from tests.edge.support.turnstiles import AWAY, HOME, at_rest, in_phase


def test_one_badge_is_one_passage() -> None:
    portal = at_rest()
    portal.badge()
    assert portal.edge("arm", AWAY)[0] == Rest("unlock")
    portal.edge("arm", HOME)
    assert portal.records[-1] == Record("access.passed", {"holder": ANNA.hex(), "direction": "in"})
    assert (portal.phase, portal.driven, portal.wakes) == ("rest", {}, {})


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
    report = turnstile.KIND.report(portal.state)
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
