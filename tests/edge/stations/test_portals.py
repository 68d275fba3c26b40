"""What all portals do alike, told by what people do at them."""

import pytest

from contract.decide import Mode
from contract.reasons import Reason
from edge.archetypes.protocol import BARRING, CannotRecord, Drive, Due, Edge, Record, Rest, Show, Wake
from tests.edge.support.every_portal import PHASES, PORTALS, ROWS, name
from tests.edge.support.orders import OPENS
from tests.edge.support.portals import ANNA, BEN, PortalCase, decision, holders, set_to

every_portal = pytest.mark.parametrize("case", PORTALS, ids=name)
in_every_phase = pytest.mark.parametrize(("case", "phase"), PHASES, ids=name)
in_every_phase_but_released = pytest.mark.parametrize(
    ("case", "phase"), [row for row in PHASES if row[1] != "released"], ids=name
)


@pytest.mark.parametrize(("case", "before", "cause"), ROWS, ids=name)
def test_each_row_of_the_table_happens(case: PortalCase, before: str, cause: str) -> None:
    portal = case.in_phase(before)
    case.trigger(portal, cause)
    assert portal.phase == case.step.table[before, cause]


@every_portal
def test_allowed_badge_drives_the_lock_and_shows_green(case: PortalCase) -> None:
    assert case.at_rest().badge()[1:] == [
        Drive(case.output, 6_000, "written"),
        Wake("relock", 5_000),
        Show("green", "allowed"),
    ]


@in_every_phase
@pytest.mark.parametrize("reason", [Reason.REPORTED_LOST, Reason.UNKNOWN_CREDENTIAL])
def test_refused_badge_drives_and_changes_nothing(case: PortalCase, phase: str, reason: Reason) -> None:
    portal = case.in_phase(phase)
    before, driven = portal.state, dict(portal.driven)
    portal.refuse(reason)
    assert (portal.state, portal.driven, portal.kinds) == (before, driven, ["access.refused"])
    assert portal.shown == Show("red", reason.value)


@every_portal
def test_one_badge_is_one_passage(case: PortalCase) -> None:
    portal = case.at_rest()
    portal.badge()
    case.pass_through(portal)
    assert portal.records[1:] == [Record("access.passed", {"holder": ANNA.hex(), "direction": "in"})]
    assert (portal.phase, portal.driven, portal.wakes) == (case.rest, {}, {})


@every_portal
def test_who_did_not_pass_is_not_counted_as_inside(case: PortalCase) -> None:
    portal = case.at_rest()
    portal.badge()
    portal.wait(5_000)
    assert portal.records[-1] == Record("access.not_entered", {"holder": ANNA.hex(), "direction": "in"})
    assert (portal.phase, portal.driven) == (case.rest, {})


@every_portal
def test_second_badge_gives_its_holder_the_whole_time(case: PortalCase) -> None:
    portal = case.at_rest()
    portal.badge(ANNA)
    portal.wait(4_990)
    portal.badge(BEN)
    portal.wait(4_990)
    assert portal.phase == "unlocked"


@every_portal
def test_portal_that_awaits_many_is_busy(case: PortalCase) -> None:
    portal = case.at_rest()
    for number in range(case.most):
        assert not case.kind.report(portal.state).busy
        portal.badge(bytes([number]) * 16)
    assert case.kind.report(portal.state).busy
    portal.badge(b"c" * 16)
    assert len(portal.state.awaited) == case.most


@every_portal
def test_sensor_that_never_moves_is_suspect_until_it_moves(case: PortalCase) -> None:
    portal = case.at_rest(still_after=3)
    for _ in range(3):
        assert portal.faults == set()
        portal.badge()
        portal.wait(60_000)
    assert portal.faults == {case.still_fault}
    portal.badge()
    case.pass_through(portal)
    assert portal.faults == set()


@every_portal
def test_what_a_portal_does_not_know_changes_nothing(case: PortalCase) -> None:
    portal = case.in_phase("unlocked")
    before = portal.state
    for happened in (CannotRecord(case.output), Edge("bell", active=True), Due("bell")):
        assert portal.take(happened) == []
    assert portal.state == before


# In an emergency, and after the keeper was away


@in_every_phase_but_released
def test_emergency_frees_the_way_and_books_no_passage(case: PortalCase, phase: str) -> None:
    portal = case.in_phase(phase)
    portal.emergency()
    case.pass_through(portal)
    portal.wait(120_000)
    assert (portal.phase, portal.driven, portal.told()) == ("released", {}, [])


@every_portal
def test_badge_in_an_emergency_drives_nothing(case: PortalCase) -> None:
    portal = case.in_phase("released")
    portal.badge()
    assert (portal.kinds, portal.driven) == (["access.allowed"], {})
    portal.emergency(False)
    assert (portal.phase, portal.driven) == (case.rest, {})


@every_portal
def test_end_of_no_emergency_changes_nothing(case: PortalCase) -> None:
    portal = case.in_phase("unlocked")
    assert portal.emergency(False) == []
    assert portal.phase == "unlocked"


@in_every_phase_but_released
def test_lock_rests_when_the_keeper_comes_back(case: PortalCase, phase: str) -> None:
    portal = case.in_phase(phase)
    assert portal.levels(case.levels)[0] == Rest(case.output)
    assert (portal.phase, portal.driven, portal.told()) == (case.rest, {}, [])


@every_portal
def test_emergency_outlasts_an_absence_of_the_keeper(case: PortalCase) -> None:
    portal = case.in_phase("released")
    portal.levels({name: not active for name, active in case.levels.items()})
    assert portal.phase == "released"


# In the modes that an operator orders


@every_portal
def test_opening_by_an_operator_is_booked_on_nobody(case: PortalCase) -> None:
    portal = case.at_rest()
    assert portal.take(OPENS)[:2] == [Record("command.done", OPENS.order_record), Drive(case.output, 6_000, "written")]
    case.pass_through(portal)
    assert holders(portal, "access.passed") == [""]


@every_portal
def test_mode_is_recorded_once_with_its_document(case: PortalCase) -> None:
    portal = set_to(set_to(case.at_rest(), Mode.LOCKDOWN), Mode.LOCKDOWN)
    assert portal.records == [Record(f"{case.kind.name}.mode", {"mode": "lockdown", "number": 7})]


@every_portal
def test_emergency_stands_above_a_portal_held_open(case: PortalCase) -> None:
    portal = set_to(case.at_rest(), Mode.HOLD_OPEN)
    portal.emergency()
    assert (portal.driven, portal.wakes) == ({}, {})
    portal.emergency(False)
    assert (portal.phase, case.output in portal.driven) == ("released", True)


@every_portal
def test_end_of_a_hold_locks_again(case: PortalCase) -> None:
    portal = set_to(set_to(case.at_rest(), Mode.HOLD_OPEN), Mode.SCHEDULED)
    assert (portal.phase, portal.driven, portal.wakes) == (case.rest, {}, {})


@every_portal
def test_keeper_that_comes_back_finds_it_held_open(case: PortalCase) -> None:
    portal = set_to(case.at_rest(), Mode.HOLD_OPEN)
    portal.levels(case.levels)
    assert case.output in portal.driven


@every_portal
def test_late_relock_does_not_end_a_hold(case: PortalCase) -> None:
    portal = set_to(case.at_rest(), Mode.HOLD_OPEN)
    assert portal.take(Due("relock")) == []
    assert case.output in portal.driven


@every_portal
@pytest.mark.parametrize("mode", sorted(BARRING))
def test_who_was_let_in_finds_it_locked(case: PortalCase, mode: Mode) -> None:
    portal = set_to(case.in_phase("unlocked"), mode)
    assert (portal.phase, portal.driven) == (case.rest, {})
    assert portal.told() == [f"{case.kind.name}.mode", "access.not_entered"]


@every_portal
@pytest.mark.parametrize("mode", sorted(BARRING))
def test_who_is_on_the_way_out_finds_it_unlocked(case: PortalCase, mode: Mode) -> None:
    portal = case.at_rest()
    portal.badge(ANNA, "out")
    set_to(portal, mode)
    assert (portal.phase, case.output in portal.driven) == ("unlocked", True)


@every_portal
@pytest.mark.parametrize("mode", Mode)
def test_no_mode_bars_the_way_out(case: PortalCase, mode: Mode) -> None:
    portal = set_to(case.at_rest(), mode)
    portal.take(decision(None, "out", Reason.FREE_EXIT))
    assert case.output in portal.driven
