"""A turnstile in an emergency, after its keeper was away, and in the modes that an operator orders."""

import pytest

from contract.decide import Mode
from contract.reasons import Reason
from edge.archetypes.protocol import BARRING, HOLD_LEASE_MS, Drive, Due, Record, Rest
from tests.edge.support.orders import OPENS
from tests.edge.support.portals import ANNA, BEN, decision, set_to
from tests.edge.support.turnstiles import AWAY, HOME, at_rest, holders, in_phase


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
