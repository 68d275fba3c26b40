"""A turnstile in an emergency, after its keeper was away, and in the modes that an operator orders."""

import pytest

from contract.decide import Mode
from edge.archetypes.protocol import BARRING, HOLD_LEASE_MS, Rest
from tests.edge.support.portals import BEN, holders, set_to
from tests.edge.support.turnstiles import AWAY, HOME, at_rest, in_phase


def test_after_an_emergency_an_arm_that_is_away_is_watched_until_it_is_home() -> None:
    portal = in_phase("released")
    portal.edge("arm", AWAY)
    portal.emergency(False)
    assert portal.phase == "turning"
    portal.edge("arm", HOME)
    assert (portal.phase, portal.told()) == ("rest", [])


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
