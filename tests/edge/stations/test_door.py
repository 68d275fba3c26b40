"""A door, told by what happens at it."""

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
from edge.stations import door
from tests.edge.support.orders import OPENS
from tests.edge.support.portals import ANNA, BEN, Portal, decision, set_to

WIRED = {"contact": True, "exit_button": False}
SHUT, OPEN = True, False
FAULTS = {"exit_button_stuck", "contact_reversed", "contact_still"}


def closed(**settings: int) -> Portal:
    """A door with a contact and a button, shut and at rest."""
    portal = Portal(door, **settings)
    portal.levels(WIRED)
    return portal


def in_phase(phase: str) -> Portal:
    """A door led into a phase by what people do."""
    portal = closed()
    if phase in ("unlocked", "open", "held"):
        portal.badge()
    if phase in ("open", "held", "forced"):
        portal.edge("contact", OPEN)
    if phase == "held":
        portal.wait(30_000)
    if phase == "released":
        portal.emergency()
    assert portal.phase == phase
    portal.records.clear()
    return portal


def trigger(portal: Portal, name: str) -> None:
    """Cause what a trigger of the table stands for."""
    if name == "unlock":
        portal.badge(BEN)
    elif name == "opened":
        portal.edge("contact", OPEN)
    elif name == "caught":
        portal.badge()
        portal.edge("contact", OPEN)
        portal.edge("contact", SHUT)
        portal.wait(999)
        portal.edge("contact", OPEN)
    elif name == "shut":
        portal.edge("contact", SHUT)
    elif name == "shut_unlocked":
        portal.badge(BEN)
        portal.edge("contact", SHUT)
    elif name == "relock":
        portal.wait(5_000)
    elif name == "hold":
        portal.wait(30_000)
    else:
        portal.emergency(name == "release")


@pytest.mark.parametrize(("before", "cause"), door.NEXT, ids=str)
def test_each_row_of_the_table_happens_at_the_door(before: str, cause: str) -> None:
    portal = in_phase(before)
    trigger(portal, cause)
    assert portal.phase == door.NEXT[before, cause]  # type: ignore[index]


def test_an_allowed_badge_is_recorded_drives_the_lock_and_shows_green() -> None:
    assert closed().badge()[1:] == [
        Drive("lock", 6_000, "written"),
        Wake("relock", 5_000),
        Show("green", "allowed"),
    ]


@pytest.mark.parametrize("phase", ["closed", "unlocked", "open", "held", "forced", "released"])
def test_a_refused_badge_drives_nothing_and_changes_nothing(phase: str) -> None:
    portal = in_phase(phase)
    before, driven = portal.state, dict(portal.driven)
    portal.refuse(Reason.REPORTED_LOST)
    assert (portal.state, portal.driven) == (before, driven)
    assert portal.shown == Show("red", "reported_lost")
    assert portal.kinds == ["access.refused"]


def test_the_lock_rests_as_soon_as_the_leaf_opens_and_the_passage_is_booked() -> None:
    portal = closed()
    portal.badge()
    effects = portal.edge("contact", OPEN)
    assert effects[:2] == [Record("access.passed", {"holder": ANNA.hex(), "direction": "in"}), Rest("lock")]
    assert portal.driven == {}


def test_nobody_who_did_not_enter_is_counted_as_inside() -> None:
    portal = closed()
    portal.badge()
    portal.wait(5_000)
    assert portal.records[-1] == Record("access.not_entered", {"holder": ANNA.hex(), "direction": "in"})
    assert (portal.phase, portal.driven) == ("closed", {})


def test_everybody_who_badged_before_the_leaf_opened_passes_with_it() -> None:
    portal = closed()
    portal.badge(ANNA)
    portal.wait(2_000)
    portal.badge(BEN)
    portal.badge(BEN)
    portal.told()
    portal.edge("contact", OPEN)
    assert [record.data["holder"] for record in portal.records] == [ANNA.hex(), BEN.hex()]


def test_a_second_badge_gives_its_holder_the_whole_time() -> None:
    portal = closed()
    portal.badge(ANNA)
    portal.wait(4_990)
    portal.badge(BEN)
    portal.wait(4_990)
    assert portal.phase == "unlocked"


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
    portal = Portal(door)
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
    portal = Portal(door)
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


def test_a_contact_that_never_moves_is_suspect_until_it_moves() -> None:
    portal = closed(still_after=3)
    for _ in range(3):
        assert portal.faults == set()
        portal.badge()
        portal.wait(60_000)
    assert portal.faults == {"contact_still"}
    portal.edge("contact", OPEN)
    assert portal.faults == set()


def test_a_door_without_a_contact_unlocks_and_relocks_and_claims_nothing() -> None:
    portal = Portal(door)
    portal.levels({})
    for _ in range(30):
        portal.badge()
        assert portal.phase == "unlocked"
        portal.wait(5_000)
    assert (portal.phase, portal.faults) == ("closed", set())
    assert set(portal.kinds) == {"access.allowed"}


@pytest.mark.parametrize("phase", ["closed", "unlocked", "open", "held", "forced"])
def test_an_emergency_frees_the_door_and_books_no_passage(phase: str) -> None:
    portal = in_phase(phase)
    portal.emergency()
    portal.edge("contact", OPEN)
    portal.edge("contact", SHUT)
    portal.wait(120_000)
    assert (portal.phase, portal.driven, portal.told()) == ("released", {}, [])


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


def test_when_the_keeper_comes_back_the_lock_is_told_to_rest() -> None:
    assert Rest("lock") in in_phase("unlocked").levels(WIRED)


def test_when_the_keeper_comes_back_an_emergency_goes_on() -> None:
    portal = in_phase("released")
    portal.levels({**WIRED, "contact": OPEN})
    assert portal.phase == "released"


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


def test_a_door_for_which_too_many_wait_is_busy() -> None:
    portal = closed()
    for number in range(door.MAX_PASSERS):
        assert not door.report(portal.state).busy
        portal.badge(bytes([number]) * 16)
    assert door.report(portal.state).busy


@pytest.mark.parametrize("phase", ["closed", "unlocked", "open"])
def test_an_operators_opening_is_recorded_drives_the_lock_and_is_booked_on_nobody(phase: str) -> None:
    portal = in_phase(phase)
    assert portal.take(OPENS)[:2] == [Record("command.done", OPENS.told), Drive("lock", 6_000, "written")]
    if phase != "open":
        portal.edge("contact", OPEN)
    assert [record.data["holder"] for record in portal.records if record.kind == "access.passed"][-1] == ""


def test_a_mode_is_recorded_once_with_the_number_of_its_document() -> None:
    portal = set_to(set_to(closed(), Mode.LOCKDOWN), Mode.LOCKDOWN)
    assert portal.records == [Record("door.mode", {"mode": "lockdown", "number": 7})]


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


def test_a_keeper_that_comes_back_finds_the_door_held_open_again() -> None:
    portal = set_to(closed(), Mode.HOLD_OPEN)
    portal.levels(WIRED)
    assert "lock" in portal.driven


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


def test_a_relock_that_comes_late_does_not_shut_what_is_held_open() -> None:
    portal = set_to(closed(), Mode.HOLD_OPEN)
    assert portal.take(Due("relock")) == []
    assert "lock" in portal.driven


@pytest.mark.parametrize("mode", Mode)
def test_no_mode_bars_the_way_out(mode: Mode) -> None:
    portal = set_to(closed(), mode)
    portal.edge("exit_button", True)
    assert "lock" in portal.driven
    portal.edge("exit_button", False)
    portal.wait(60_000)
    portal.take(decision(None, "out", Reason.FREE_EXIT))
    assert "lock" in portal.driven


def test_what_a_door_does_not_know_changes_nothing() -> None:
    portal = in_phase("unlocked")
    before = portal.state
    assert portal.take(CannotRecord("lock")) == []
    assert portal.edge("bell", True) == []
    assert portal.take(Due("bell")) == []
    assert portal.state == before


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


INPUTS = st.one_of(
    st.builds(
        decision,
        st.sampled_from([None, ANNA, BEN]),
        st.sampled_from(["in", "out"]),
        st.sampled_from(list(Reason)),
    ),
    st.builds(Edge, st.sampled_from([*door.INPUTS, "else"]), st.booleans()),
    st.builds(Due, st.sampled_from(["relock", "warn", "hold", "button_stuck", "hold_open", "else"])),
    st.builds(Emergency, st.booleans()),
    st.builds(Levels, st.dictionaries(st.sampled_from([*door.INPUTS]), st.booleans())),
    st.builds(CannotRecord, st.text(string.ascii_lowercase, max_size=5)),
    st.builds(ModeChanged, st.sampled_from(list(Mode)), st.just(7)),
    st.just(OPENS),
)


def _enters(happened: Any) -> bool:
    """Whether this lets somebody in."""
    if isinstance(happened, Decided):
        return happened.direction == "in" and TABLE[happened.decision.reason].allows
    return isinstance(happened, CommandReceived)


def _wants_out(happened: Any) -> bool:
    """Whether somebody presses the exit button, or is found to."""
    if isinstance(happened, Levels):
        return happened.active.get("exit_button", False)
    return bool(happened == Edge("exit_button", True))


class AnyDoor(RuleBasedStateMachine):
    """Whatever happens at a door, in whatever order, late wake-ups included."""

    def __init__(self) -> None:
        super().__init__()
        self.portal = Portal(door, still_after=2)

    @rule(happened=INPUTS)
    def something_happens(self, happened: Any) -> None:
        before = self.portal.state
        if before.mode in BARRING and _enters(happened):
            return  # the rule lets nobody in
        again = door.step(before, happened, self.portal.now_ms)
        if isinstance(happened, Due):
            self.portal.wakes.pop(happened.name, None)
        effects = self.portal.take(happened)
        assert again == (self.portal.state, effects)
        if before.phase != self.portal.phase and not isinstance(happened, Levels):
            moves = {after for (phase, _), after in door.NEXT.items() if phase == before.phase}
            # A door that is no longer free is open if the leaf is.
            assert self.portal.phase in moves or (before.phase, self.portal.phase) == ("released", "open")
        if any(isinstance(effect, Drive) for effect in effects):
            opens = isinstance(happened, Decided) and TABLE[happened.decision.reason].allows
            held = self.portal.state.released_by == {HELD_OPEN}
            assert held or opens or isinstance(happened, CommandReceived | ModeChanged) or _wants_out(happened)
            assert held or self.portal.phase != "released"
        if _wants_out(happened):
            assert "lock" in self.portal.driven or self.portal.state.released_by - {HELD_OPEN}

    @rule(ms=st.integers(0, 40_000))
    def time_passes(self, ms: int) -> None:
        self.portal.wait(ms)

    @invariant()
    def the_lock_is_driven_only_while_a_relock_is_awaited(self) -> None:
        portal = self.portal
        held = portal.state.released_by == {HELD_OPEN}
        if "lock" in portal.driven:
            assert portal.wakes["hold_open" if held else "relock"] < portal.driven["lock"]
        assert (portal.state.unlocked or held) == ("lock" in portal.driven)

    @invariant()
    def a_door_is_held_open_by_its_mode_and_nothing_else(self) -> None:
        state = self.portal.state
        assert (HELD_OPEN in state.released_by) == (state.mode is Mode.HOLD_OPEN)

    @invariant()
    def where_nobody_may_enter_nobody_is_awaited(self) -> None:
        state = self.portal.state
        assert state.mode not in BARRING or all(who.direction == "out" for who in state.passers)

    @invariant()
    def the_phase_fits_the_leaf_and_the_lock(self) -> None:
        state = self.portal.state
        if state.phase == "unlocked":
            assert "relock" in self.portal.wakes
            assert state.unlocked
            assert not state.leaf_open
        if state.phase == "closed":
            assert not state.leaf_open
            assert not state.unlocked
        if state.phase in ("open", "held", "forced"):
            assert state.leaf_open
        assert (state.phase == "released") == bool(state.released_by)

    @invariant()
    def nobody_waits_at_a_door_that_is_not_unlocked(self) -> None:
        state = self.portal.state
        assert len(state.passers) <= door.MAX_PASSERS
        assert state.phase == "unlocked" or not (state.passers or state.button)

    @invariant()
    def wake_ups_and_faults_are_known_ones(self) -> None:
        assert set(self.portal.wakes) <= {"relock", "warn", "hold", "button_stuck", "hold_open"}
        assert self.portal.faults <= FAULTS


TestAnyDoor = AnyDoor.TestCase


@given(st.lists(st.one_of(st.sampled_from(["badge", "open", "shut", "button"]), st.integers(1, 8_000)), max_size=60))
def test_every_allowed_badge_ends_in_one_passage_or_none(story: list[str | int]) -> None:
    """As long as nobody frees the door otherwise: no entry is counted twice, none is forgotten."""
    portal, badges = closed(), 0
    for event in [*story, 60_000]:
        if isinstance(event, int):
            portal.wait(event)
        elif event == "badge":
            badges += 1
            portal.badge(bytes([badges]) * 16)
        elif event == "button":
            portal.edge("exit_button", True)
        else:
            portal.edge("contact", event == "shut")
    ended = [
        record.data["holder"] for record in portal.records if record.kind in ("access.passed", "access.not_entered")
    ]
    assert len(ended) == len(set(ended))
    assert len(ended) == badges or badges > door.MAX_PASSERS
