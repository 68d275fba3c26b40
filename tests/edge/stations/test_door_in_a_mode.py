"""What an operator orders of a door: one opening, held open, locked down, out of service."""

import pytest

from contract.decide import Mode
from contract.reasons import Reason
from edge.archetypes.protocol import BARRING, HOLD_LEASE_MS, Drive, Record
from tests.edge.support.doors import OPEN, SHUT, closed, in_phase
from tests.edge.support.orders import OPENS
from tests.edge.support.portals import BEN, Portal, decision, set_to


@pytest.mark.parametrize("phase", ["closed", "unlocked", "open"])
def test_an_operators_opening_is_recorded_drives_the_lock_and_is_booked_on_nobody(phase: str) -> None:
    portal = in_phase(phase)
    assert portal.take(OPENS)[:2] == [Record("command.done", OPENS.order_record), Drive("lock", 6_000, "written")]
    if phase != "open":
        portal.edge("contact", OPEN)
    assert [record.data["holder"] for record in portal.records if record.kind == "access.passed"][-1] == ""


def test_a_door_held_open_is_driven_lease_by_lease_and_rings_no_alarm() -> None:
    portal = set_to(closed(), Mode.HOLD_OPEN)
    for _ in range(100):
        portal.wait(6_000)
        assert portal.now_ms < portal.driven["lock"] <= portal.now_ms + HOLD_LEASE_MS
        portal.edge("contact", OPEN)
        portal.wait(40_000)
        portal.edge("contact", SHUT)
    assert portal.told() == ["door.mode"]
    set_to(portal, Mode.SCHEDULED)
    assert (portal.phase, portal.driven, portal.wakes) == ("closed", {}, {})


def test_the_exit_button_does_not_shorten_what_is_held_open() -> None:
    portal = set_to(closed(), Mode.HOLD_OPEN)
    portal.driven["lock"] = portal.now_ms + 1  # the keeper's own opening, which is shorter
    portal.edge("exit_button", True)
    assert portal.driven["lock"] == portal.now_ms + HOLD_LEASE_MS


def test_a_leaf_that_stands_open_when_the_hold_ends_is_watched() -> None:
    portal = set_to(closed(), Mode.HOLD_OPEN)
    portal.edge("contact", OPEN)
    set_to(portal, Mode.SCHEDULED)
    portal.wait(30_000)
    assert portal.told()[-1] == "door.held"


def strikes(portal: Portal, cause: str, *, active: bool) -> None:
    if cause == "emergency":
        portal.emergency(active)
    else:
        portal.edge("release_sense", active)


@pytest.mark.parametrize("cause", ["emergency", "hardware"])
def test_an_emergency_stands_above_a_door_held_open_which_is_held_again_after_it(cause: str) -> None:
    portal = set_to(closed(), Mode.HOLD_OPEN)
    strikes(portal, cause, active=True)
    assert (portal.driven, "hold_open" in portal.wakes) == ({}, False)
    strikes(portal, cause, active=False)
    assert (portal.phase, "lock" in portal.driven) == ("released", True)


@pytest.mark.parametrize("mode", sorted(BARRING))
def test_whoever_was_let_in_a_moment_ago_finds_the_door_locked(mode: Mode) -> None:
    portal = in_phase("unlocked")
    set_to(portal, mode)
    assert (portal.phase, portal.driven, portal.told()) == ("closed", {}, ["door.mode", "access.not_entered"])
    portal.edge("contact", OPEN)
    assert portal.told() == ["door.forced"]


@pytest.mark.parametrize("mode", sorted(BARRING))
@pytest.mark.parametrize("leaving", ["button", "card"])
def test_whoever_is_on_the_way_out_finds_the_door_open(mode: Mode, leaving: str) -> None:
    portal = in_phase("unlocked")
    if leaving == "button":
        portal.edge("exit_button", True)
    else:
        portal.badge(BEN, "out")
    set_to(portal, mode)
    assert (portal.phase, "lock" in portal.driven) == ("unlocked", True)
    portal.edge("contact", OPEN)
    assert [record.data.get("direction") for record in portal.records if record.kind == "access.passed"] == (
        [] if leaving == "button" else ["out"]
    )


@pytest.mark.parametrize("mode", Mode)
def test_no_mode_bars_the_way_out(mode: Mode) -> None:
    portal = set_to(closed(), mode)
    portal.edge("exit_button", True)
    assert "lock" in portal.driven
    portal.edge("exit_button", False)
    portal.wait(60_000)
    portal.take(decision(None, "out", Reason.FREE_EXIT))
    assert "lock" in portal.driven
