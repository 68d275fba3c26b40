"""A door in an emergency, and after its keeper was away: what frees it, and what is believed of it then."""

import pytest

from edge.archetypes.protocol import Record
from tests.edge.support.doors import OPEN, SHUT, WIRED, closed, in_phase


def test_in_an_emergency_a_badge_is_recorded_and_nothing_is_driven() -> None:
    portal = in_phase("released")
    portal.badge()
    portal.edge("exit_button", True)
    assert portal.driven == {}
    assert portal.kinds == ["access.allowed", "door.exit_button"]


def test_after_an_emergency_an_open_leaf_is_watched_again() -> None:
    portal = in_phase("released")
    portal.edge("contact", OPEN)
    portal.emergency(False)
    assert portal.phase == "open"
    portal.wait(30_000)
    assert portal.phase == "held"


def test_a_release_in_hardware_is_only_seen_and_said() -> None:
    portal = in_phase("unlocked")
    portal.edge("release_sense", True)
    assert (portal.phase, portal.driven) == ("released", {})
    portal.edge("release_sense", False)
    assert portal.records == [Record("door.hard_release", {"active": active}) for active in (True, False)]
    assert portal.phase == "closed"


@pytest.mark.parametrize("first", ["emergency", "hardware"])
def test_a_door_is_free_until_both_causes_are_over(first: str) -> None:
    portal = in_phase("released")
    portal.edge("release_sense", True)
    over = [lambda: portal.emergency(False), lambda: portal.edge("release_sense", False)]
    over[first == "hardware"]()
    assert portal.phase == "released"
    over[first != "hardware"]()
    assert portal.phase == "closed"


@pytest.mark.parametrize("phase", ["closed", "unlocked", "open", "held", "forced"])
@pytest.mark.parametrize("leaf", [SHUT, OPEN])
def test_when_the_keeper_comes_back_the_leaf_is_believed(phase: str, leaf: bool) -> None:
    portal = in_phase(phase)
    portal.levels({**WIRED, "contact": leaf})
    expected = "closed" if leaf is SHUT else phase if phase in ("open", "held", "forced") else "open"
    assert (portal.phase, portal.told()) == (expected, [])
    if leaf is SHUT:
        portal.wait(120_000)
        assert portal.told() == []


def test_an_opening_while_the_keeper_was_away_is_not_booked_on_who_badged_before() -> None:
    portal = in_phase("unlocked")
    portal.levels(WIRED)
    portal.edge("contact", OPEN)
    assert portal.told() == ["door.forced"]


def test_a_hardware_release_that_began_or_ended_unseen_is_said() -> None:
    portal = closed()
    portal.levels({**WIRED, "release_sense": True})
    assert portal.phase == "released"
    portal.levels({**WIRED, "release_sense": False})
    assert (portal.phase, portal.told()) == ("closed", ["door.hard_release", "door.hard_release"])


def test_a_button_let_go_while_the_keeper_was_away_is_no_longer_stuck() -> None:
    portal = closed()
    portal.edge("exit_button", True)
    portal.wait(30_000)
    portal.levels(WIRED)
    assert (portal.faults, portal.wakes) == (set(), {})


def test_a_button_found_pressed_lets_out_and_is_watched() -> None:
    portal = closed()
    portal.levels({**WIRED, "exit_button": True})
    assert (portal.phase, "lock" in portal.driven, portal.kinds) == ("unlocked", True, ["door.exit_button"])
    portal.wait(30_000)
    assert portal.phase == "closed"
    assert portal.faults == {"exit_button_stuck"}
