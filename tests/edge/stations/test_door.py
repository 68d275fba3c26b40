"""A door, told by what people do at it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.decide import Mode
from edge.archetypes.portal import MAX_UNLOCK_MS, SLOW_TIMES
from edge.archetypes.protocol import LEASE_MARGIN_MS, Drive, Due, ModeChanged, Record, Rest, Show, Wake
from edge.stations import door
from tests.edge.support.doors import OPEN, SHUT, closed, in_phase
from tests.edge.support.portals import ANNA, BEN, CARL, Portal, decision


def test_the_lock_rests_as_soon_as_the_leaf_opens_and_the_passage_is_booked() -> None:
    portal = closed()
    portal.badge()
    effects = portal.edge("contact", OPEN)
    assert effects[:2] == [Record("access.passed", {"holder": ANNA.hex(), "direction": "in"}), Rest("lock")]
    assert portal.driven == {}


def test_everybody_who_badged_before_the_leaf_opened_passes_with_it() -> None:
    portal = closed()
    portal.badge(ANNA)
    portal.wait(2_000)
    portal.badge(BEN)
    portal.badge(BEN)
    portal.told()
    portal.edge("contact", OPEN)
    assert [record.data["holder"] for record in portal.records] == [ANNA.hex(), BEN.hex()]


def test_a_badge_at_the_open_leaf_is_booked_at_once() -> None:
    portal = in_phase("open")
    portal.badge(BEN)
    assert portal.told() == ["access.allowed", "access.passed"]
    portal.edge("contact", SHUT)
    portal.wait(5_000)
    assert (portal.told(), portal.phase) == ([], "closed")


def test_people_who_badge_one_after_the_other_do_not_hold_the_door() -> None:
    portal = in_phase("open")
    for _ in range(5):
        portal.wait(15_000)
        portal.badge(BEN)
    assert portal.phase == "open"


def test_a_leaf_that_shuts_on_somebody_who_badged_may_be_opened_again() -> None:
    portal = in_phase("open")
    portal.badge(BEN)
    portal.edge("contact", SHUT)
    portal.told()
    portal.edge("contact", OPEN)
    assert (portal.told(), portal.phase, portal.driven) == ([], "open", {})


def test_a_door_that_opens_by_itself_is_forced() -> None:
    portal = closed()
    effects = portal.edge("contact", OPEN)
    assert effects == [Record("door.forced"), Show("red", "forced")]
    portal.wait(60_000)
    portal.edge("contact", SHUT)
    assert portal.records[-1] == Record("door.shut", {"open_ms": 60_000})


def test_a_leaf_caught_before_it_latches_is_tailgated_and_one_that_latched_is_forced() -> None:
    portal = in_phase("open")
    portal.edge("contact", SHUT)
    portal.wait(999)
    portal.edge("contact", OPEN)
    assert (portal.phase, portal.told()) == ("open", ["door.tailgated"])
    portal.edge("contact", SHUT)
    portal.wait(1_000)
    portal.edge("contact", OPEN)
    assert (portal.phase, portal.told()) == ("forced", ["door.forced"])


def test_a_badge_at_a_forced_door_still_drives_the_lock() -> None:
    portal = in_phase("forced")
    portal.badge()
    assert "lock" in portal.driven


def test_a_door_held_open_warns_first_and_tells_how_long_it_stood() -> None:
    portal = in_phase("open")
    portal.wait(20_000)
    assert (portal.shown, portal.told()) == (Show("red", "please_close"), [])
    portal.wait(10_000)
    assert portal.records == [Record("door.held", {"open_ms": 30_000})]
    portal.wait(5_000)
    portal.edge("contact", SHUT)
    assert portal.records[-1] == Record("door.shut", {"open_ms": 35_000})


def test_a_door_that_shuts_in_time_was_not_held() -> None:
    portal = in_phase("open")
    portal.wait(29_000)
    portal.edge("contact", SHUT)
    portal.wait(60_000)
    assert portal.told() == []


@pytest.mark.parametrize("name", ["warn", "hold"])
def test_a_wake_up_that_comes_too_late_says_nothing(name: str) -> None:
    portal = closed()
    assert portal.take(Due(name)) == []


def test_the_exit_button_drives_before_anything_is_written() -> None:
    effects = closed().edge("exit_button", True)
    assert effects == [
        Drive("lock", 6_000, "nothing"),
        Wake("relock", 5_000),
        Record("door.exit_button"),
        Wake("button_stuck", 30_000),
    ]


def test_an_opening_by_the_button_is_an_exit_and_nobodys_entry() -> None:
    portal = closed()
    portal.edge("exit_button", True)
    portal.edge("contact", OPEN)
    assert portal.kinds == ["door.exit_button", "door.exited"]


def test_a_button_that_nobody_follows_leaves_no_trace_of_a_passage() -> None:
    portal = closed()
    portal.edge("exit_button", True)
    portal.edge("exit_button", False)
    portal.wait(60_000)
    assert portal.kinds == ["door.exit_button"]


def test_the_button_does_not_take_the_passage_of_somebody_who_badged() -> None:
    portal = closed()
    portal.badge()
    portal.edge("exit_button", True)
    portal.edge("contact", OPEN)
    assert portal.kinds[-2:] == ["access.passed", "door.exited"]


def test_a_button_that_does_not_come_back_is_stuck_until_it_does() -> None:
    portal = closed()
    portal.edge("exit_button", True)
    portal.wait(30_000)
    assert portal.faults == {"exit_button_stuck"}
    portal.edge("exit_button", False)
    assert portal.faults == set()
    assert portal.kinds[-2:] == ["door.fault", "door.fault_cleared"]


def test_a_stuck_button_does_not_hold_the_door_unlocked() -> None:
    portal = closed()
    portal.edge("exit_button", True)
    portal.wait(30_000)
    assert portal.driven == {}


def test_a_contact_wired_the_wrong_way_round_is_found_out_at_the_third_badge() -> None:
    portal = Portal(door.KIND)
    portal.levels({"contact": not SHUT})
    for _ in range(3):
        assert portal.faults == set()
        portal.badge()
        portal.wait(1_000)
        portal.edge("contact", SHUT)  # the leaf opens
        portal.wait(7_000)
        portal.edge("contact", OPEN)  # and shuts
        portal.wait(60_000)
    assert portal.faults == {"contact_reversed"}


def test_a_quick_leaf_on_a_reversed_contact_is_found_out_too() -> None:
    portal = Portal(door.KIND)
    portal.levels({"contact": not SHUT})
    for _ in range(3):
        portal.badge()
        portal.wait(1_000)
        portal.edge("contact", SHUT)
        portal.wait(3_000)
        portal.edge("contact", OPEN)
        portal.wait(60_000)
    assert portal.faults == {"contact_reversed"}


def test_a_contact_that_is_wired_well_is_never_called_reversed() -> None:
    portal = closed()
    for _ in range(10):
        portal.badge(ANNA)
        portal.edge("contact", OPEN)
        portal.badge(BEN)
        portal.edge("contact", SHUT)
        portal.wait(60_000)
    assert portal.faults == set()


def test_a_door_without_a_contact_unlocks_and_relocks_and_claims_nothing() -> None:
    portal = Portal(door.KIND)
    portal.levels({})
    for _ in range(30):
        portal.badge()
        assert portal.phase == "unlocked"
        portal.wait(5_000)
    assert (portal.phase, portal.faults) == ("closed", set())
    assert set(portal.kinds) == {"access.allowed"}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"unlock_ms": 2_999}, "unlock_ms lies between"),
        ({"warn_ms": 30_000}, "warn_ms lies between 0 and held_ms"),
        ({"warn_ms": 0}, "warn_ms lies between 0 and held_ms"),
        ({"button_stuck_ms": 0}, "button_stuck_ms is greater than 0"),
        ({"still_after": 0}, "still_after is greater than 0"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(settings: dict[str, int], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        door.DoorSettings(**settings)


def test_slow_holder_is_given_three_times_as_long() -> None:
    portal = closed()
    portal.take(decision(ANNA, slow=True))
    portal.wait(5_000 * SLOW_TIMES - 1)
    assert portal.phase == "unlocked"
    portal.wait(1)
    assert (portal.phase, portal.driven) == ("closed", {})
    portal.badge()
    portal.wait(5_000)
    assert portal.phase == "closed", "the next one has the usual time"


def test_badge_behind_a_slow_holder_shortens_nothing() -> None:
    portal = closed()
    portal.take(decision(ANNA, slow=True))
    portal.wait(2_000)
    portal.badge(BEN)
    portal.edge("exit_button", True)
    portal.wait(12_999)
    assert portal.phase == "unlocked"
    portal.wait(1)
    assert portal.phase == "closed"


def test_lockdown_ends_the_time_of_a_slow_holder() -> None:
    portal = closed()
    portal.take(decision(ANNA, slow=True))
    portal.take(decision(BEN, "out"))
    portal.take(ModeChanged(Mode.LOCKDOWN, 1))
    portal.wait(5_000)
    assert portal.phase == "closed"


@given(
    st.integers(3_000, MAX_UNLOCK_MS),
    st.lists(st.tuples(st.sampled_from([ANNA, BEN, CARL]), st.booleans(), st.integers(0, 9_000)), max_size=8),
)
def test_no_lease_is_longer_than_the_keeper_gives(unlock_ms: int, badges: list[tuple[bytes, bool, int]]) -> None:
    portal = closed(unlock_ms=unlock_ms)
    for holder, slow, wait_ms in badges:
        effects = portal.take(decision(holder, slow=slow))
        leases = [effect.lease_ms for effect in effects if isinstance(effect, Drive)]
        assert all(unlock_ms <= lease - LEASE_MARGIN_MS <= MAX_UNLOCK_MS for lease in leases)
        portal.wait(wait_ms)
