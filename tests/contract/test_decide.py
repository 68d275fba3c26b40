from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from contract.decide import (
    DAY_MS,
    HOUR_MS,
    UNSET_CLOCK_DOUBT_MS,
    Decision,
    Direction,
    Facts,
    Grant,
    Mode,
    Request,
    Standing,
    Tier,
    Trust,
    decide,
    is_home,
    weigh,
)
from contract.demands import PinVerdict
from contract.occupancy import Whereabouts, ZoneCount
from contract.pass_verdicts import PassVerdict
from contract.quantities import Accounts, is_spent
from contract.reasons import Reason
from contract.schedules import ALWAYS, Schedule
from contract.zone_rules import AntiPassback, PageZone
from tests.contract.allotments import used
from tests.contract.decisions import CARDS, CASES, ORDER, OUTDATED, Row, asked, asked_of_card
from tests.contract.situations import (
    NOW_MS,
    SHANGHAI,
    amounts,
    any_time_ms,
    counts,
    facts_of_any_kind,
    grants,
    near_now_ms,
    requests,
    zones,
)

MORNING = Schedule((((360, 540),),) * 7)
ALL_BUT_A_MINUTE = Schedule((((0, 1439),),) * 7)
GYM = Request(point="gym", digest=bytes(16))
NO_BAR_TO_A_HOME = {Standing.ACTIVE, Standing.BARRED, Standing.UNQUALIFIED, Standing.SURPLUS}
MEMBER = Grant(holder=bytes(8), tier=Tier.MEMBER, points={"gym": ALWAYS})
FACTS = Facts(zone=SHANGHAI, clock=Trust.SYNCED, clock_floor_ms=NOW_MS - HOUR_MS, roster_age_ms=HOUR_MS)
UNSET = replace(FACTS, clock=Trust.UNSET, clock_floor_ms=NOW_MS)


def answer(changes: Row) -> Reason:
    """What `decide` says to a row of the golden table."""
    return decide(*asked(changes)).reason


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_golden_table_holds(case: Row) -> None:
    assert answer(case.get("set", {})) == case["reason"]


@pytest.mark.parametrize("card", CARDS, ids=[card["name"] for card in CARDS])
def test_the_golden_cards_hold(card: Row) -> None:
    assert weigh(*asked_of_card(card)).reason == card["reason"]


def test_golden_table_names_no_row_twice() -> None:
    names = [row["name"] for row in CASES + CARDS]
    assert len(names) >= 300
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("case", OUTDATED, ids=str)
def test_an_outdated_row_is_answered_differently(case: Row) -> None:
    assert answer(case.get("set", {})) != case["reason"]


@pytest.mark.parametrize("check", ORDER, ids=[check["reason"] for check in ORDER])
def test_each_check_alone_speaks_for_itself(check: Row) -> None:
    assert answer(check["set"]) == check["reason"]


@pytest.mark.parametrize(
    ("earlier", "later"),
    list(combinations(ORDER, 2)),
    ids=[f"{earlier['reason']} before {later['reason']}" for earlier, later in combinations(ORDER, 2)],
)
def test_of_two_checks_the_earlier_one_speaks(earlier: Row, later: Row) -> None:
    if (earlier["reason"], later["reason"]) == ("outside_hours", "clock_unset"):
        assert answer(later["set"] | earlier["set"]) == "clock_unset", "an unset clock cannot say that it is too early"
    else:
        assert answer(later["set"] | earlier["set"]) == earlier["reason"]


def test_the_table_knows_every_reason_that_the_rule_itself_gives() -> None:
    given_by_stations, only_warned_of = {Reason.CANNOT_RECORD, Reason.INTERNAL_ERROR}, {Reason.NOT_INSIDE}
    assert {row["reason"] for row in ORDER + CASES} == set(Reason) - given_by_stations - only_warned_of


@given(requests, st.none() | grants, facts_of_any_kind, any_time_ms)
def test_the_rule_has_an_answer_to_everything(request: Request, grant: Grant | None, facts: Facts, now_ms: int) -> None:
    decision = decide(request, grant, facts, now_ms)
    assert decision.grant is grant
    assert decision.reason in Reason
    assert decision == decide(request, grant, facts, now_ms)


@given(requests, st.lists(grants, max_size=4), facts_of_any_kind, any_time_ms)
def test_weighing_has_an_answer_to_everything(request: Request, held: list[Grant], facts: Facts, now_ms: int) -> None:
    decision = weigh(request, held, facts, now_ms)
    concerned: list[Grant | None] = [*held] or [None]
    each = [decide(request, grant, facts, now_ms) for grant in concerned]
    assert decision in each
    assert decision.allowed == any(one.allowed for one in each)


@given(requests, st.none() | grants, facts_of_any_kind, any_time_ms)
def test_a_free_exit_lets_everybody_out(request: Request, grant: Grant | None, facts: Facts, now_ms: int) -> None:
    leaving = replace(request, direction="out")
    assert decide(leaving, grant, replace(facts, free_exit=True), now_ms).reason is Reason.FREE_EXIT


@given(requests, facts_of_any_kind, any_time_ms)
def test_nobody_unknown_enters(request: Request, facts: Facts, now_ms: int) -> None:
    entering = replace(request, direction="in")
    decision = decide(entering, None, facts, now_ms)
    assert decision.allowed == (facts.mode is Mode.HOLD_OPEN and facts.can_be_held)


@given(requests, st.none() | grants, facts_of_any_kind, any_time_ms)
def test_nobody_enters_a_lockdown_without_override_and_pin(
    request: Request, grant: Grant | None, facts: Facts, now_ms: int
) -> None:
    entering, closed = replace(request, direction="in"), replace(facts, mode=Mode.LOCKDOWN)
    decision = decide(entering, grant, closed, now_ms)
    if grant is None or not (grant.override and grant.pin):
        assert decision.reason is Reason.LOCKED_DOWN
    elif decision.allowed:
        assert decision.reason is Reason.OVERRIDE
        assert request.pin in (PinVerdict.RIGHT, PinVerdict.DURESS)


@given(requests, st.none() | grants, facts_of_any_kind, st.sampled_from(Mode), any_time_ms)
def test_the_way_out_does_not_depend_on_the_mode(
    request: Request, grant: Grant | None, facts: Facts, mode: Mode, now_ms: int
) -> None:
    leaving = replace(request, direction="out")
    assert decide(leaving, grant, facts, now_ms) == decide(leaving, grant, replace(facts, mode=mode), now_ms)


@given(requests, grants, facts_of_any_kind, any_time_ms)
def test_nobody_enters_on_what_is_missing_or_broken(request: Request, grant: Grant, facts: Facts, now_ms: int) -> None:
    decision = decide(replace(request, direction="in"), grant, facts, now_ms)
    if decision.allowed and not (facts.mode is Mode.HOLD_OPEN and facts.can_be_held):
        assert grant.standing in (NO_BAR_TO_A_HOME if is_home(grant, request.point) else {Standing.ACTIVE})
        assert request.point in grant.points
        assert facts.roster_age_ms is not None
        assert not facts.busy
        assert not facts.faulted
        assert not facts.offline
        assert facts.reserved_for in (b"", grant.holder)
        assert request.pass_verdict in (None, PassVerdict.OK)
        allotment = grant.allotments.get(request.point)
        if allotment is not None:
            assert facts.used is not None
            assert not is_spent(allotment, facts.used.get(allotment.name, {}))


@given(requests, grants, facts_of_any_kind, st.sampled_from(["phone", "ebike"]), amounts, any_time_ms)
def test_who_has_used_more_is_never_allowed_what_they_were_refused_before(
    request: Request, grant: Grant, facts: Facts, name: str, more: Accounts, now_ms: int
) -> None:
    before = dict(facts.used or {})
    held = before.get(name, used())
    added = {unit: replace(one, used=one.used + max(0, more[unit].used)) for unit, one in held.items()}
    after = before | {name: added}
    fewer, now = (decide(request, grant, replace(facts, used=known), now_ms) for known in (before, after))
    assert fewer.allowed or not now.allowed


@given(requests, st.lists(grants, max_size=4), facts_of_any_kind, st.none() | st.just({"phone": used()}), any_time_ms)
def test_what_was_used_concerns_nobody_without_an_allotment(
    request: Request, held: list[Grant], facts: Facts, known: dict[str, Accounts] | None, now_ms: int
) -> None:
    free = [replace(grant, allotments={}) for grant in held]
    assert weigh(request, free, facts, now_ms) == weigh(request, free, replace(facts, used=known), now_ms)


@given(requests, grants, facts_of_any_kind, zones, st.integers(0, 60), any_time_ms)
def test_nobody_enters_beyond_the_fire_limit(
    request: Request, grant: Grant, facts: Facts, zone: PageZone, more: int, now_ms: int
) -> None:
    """Save who comes home, and whom the door would let in without asking."""
    crowd = replace(facts, counted=zone, zone_count=ZoneCount(zone.limit + more), mode=Mode.SCHEDULED)
    decision = decide(replace(request, direction="in"), grant, crowd, now_ms)
    assert not (decision.allowed and zone.limit and not is_home(grant, request.point))


@given(requests, st.lists(grants, max_size=3), facts_of_any_kind, zones, counts, any_time_ms)
def test_way_out_depends_on_no_zone(
    request: Request, held: list[Grant], facts: Facts, zone: PageZone, count: ZoneCount, now_ms: int
) -> None:
    leaving = replace(request, direction="out")
    uncounted = weigh(leaving, held, replace(facts, counted=None), now_ms)
    counted = weigh(leaving, held, replace(facts, counted=zone, zone_count=count), now_ms)
    assert (counted.reason, counted.grant) == (uncounted.reason, uncounted.grant)


@given(requests, st.lists(grants, max_size=3), facts_of_any_kind, zones, any_time_ms)
def test_way_home_depends_on_no_zone(
    request: Request, held: list[Grant], facts: Facts, zone: PageZone, now_ms: int
) -> None:
    at_home = [grant for grant in held if is_home(grant, request.point)]
    counted, uncounted = replace(facts, counted=zone), replace(facts, counted=None)
    assert weigh(request, at_home, counted, now_ms) == weigh(request, at_home, uncounted, now_ms)


@pytest.mark.parametrize(
    ("kind", "direction", "is_inside", "warning"),
    [
        ("soft", "in", True, Reason.ALREADY_INSIDE),
        ("soft", "in", False, None),
        ("soft", "in", None, None),
        ("soft", "out", False, Reason.NOT_INSIDE),
        ("soft", "out", True, None),
        ("timed", "in", True, Reason.ALREADY_INSIDE),
        ("hard", "out", False, Reason.NOT_INSIDE),
        ("hard", "out", None, None),
        ("none", "in", True, None),
    ],
)
def test_passing_on_the_wrong_side_warns(
    kind: AntiPassback, direction: Direction, is_inside: bool | None, warning: Reason | None
) -> None:
    """Whoever may pass all the same, as their last passage was an hour ago, is let through with a note."""
    facts = replace(FACTS, counted=PageZone(anti_passback=kind), whereabouts=Whereabouts(is_inside, NOW_MS - HOUR_MS))
    decision = decide(replace(GYM, direction=direction), MEMBER, facts, NOW_MS)
    assert (decision.reason, decision.warning) == (Reason.ALLOWED, warning)
    assert decide(replace(GYM, direction=direction), replace(MEMBER, family=True), facts, NOW_MS).warning is None


def test_refusal_carries_no_warning() -> None:
    inside = replace(FACTS, counted=PageZone(anti_passback="soft"), whereabouts=Whereabouts(True, NOW_MS), busy=True)
    assert decide(GYM, MEMBER, inside, NOW_MS) == Decision(Reason.BUSY, MEMBER)


@given(st.sampled_from(Tier), any_time_ms, any_time_ms)
def test_a_permanent_grant_needs_no_clock(tier: Tier, now_ms: int, floor_ms: int) -> None:
    facts = replace(UNSET, clock_floor_ms=floor_ms)
    assert decide(GYM, replace(MEMBER, tier=tier), facts, now_ms).allowed


@given(st.integers(1, 10 * DAY_MS), st.integers(0, NOW_MS))
def test_a_dated_grant_without_a_clock_passes_only_if_48_hours_cannot_end_it(left_ms: int, now_ms: int) -> None:
    dated = replace(MEMBER, valid_until_ms=NOW_MS + left_ms)
    expected = Reason.ALLOWED if left_ms > UNSET_CLOCK_DOUBT_MS else Reason.CLOCK_UNSET
    assert decide(GYM, dated, UNSET, now_ms).reason is expected


def test_the_doubt_about_an_unset_clock_is_48_hours() -> None:
    assert UNSET_CLOCK_DOUBT_MS == 2 * DAY_MS


@given(grants, facts_of_any_kind, near_now_ms, near_now_ms)
def test_time_never_runs_below_the_floor(grant: Grant, facts: Facts, floor_ms: int, now_ms: int) -> None:
    facts = replace(facts, clock_floor_ms=floor_ms)
    assert decide(GYM, grant, facts, min(now_ms, floor_ms)) == decide(GYM, grant, facts, floor_ms)


LIMITS = {
    Tier.GUEST: DAY_MS,
    Tier.RIDER: DAY_MS,
    Tier.MEMBER: 30 * DAY_MS,
    Tier.RESIDENT: 30 * DAY_MS,
    Tier.FOUNDER: None,
    Tier.STAFF: None,
}


@pytest.mark.parametrize("tier", Tier)
def test_a_roster_speaks_for_each_tier_up_to_its_own_age(tier: Tier) -> None:
    limit_ms = LIMITS[tier]
    grant = replace(MEMBER, tier=tier, points={"gym": ALL_BUT_A_MINUTE})

    def reason_at(age_ms: int) -> Reason:
        return decide(GYM, grant, replace(FACTS, roster_age_ms=age_ms), NOW_MS).reason

    if limit_ms is None:
        assert reason_at(10_000 * DAY_MS) is Reason.ALLOWED
    else:
        assert [reason_at(limit_ms - 1), reason_at(limit_ms)] == [Reason.ALLOWED, Reason.ROSTER_STALE]


@given(grants, facts_of_any_kind, st.sampled_from(Trust), st.integers(0), st.integers(0), near_now_ms)
def test_neither_age_nor_clock_bars_a_home(
    grant: Grant, facts: Facts, clock: Trust, one_ms: int, other_ms: int, now_ms: int
) -> None:
    """What a resident gets at home changes only with the window, never by the roster's age or the clock's trust."""
    home = replace(grant, tier=Tier.RESIDENT, points={"gym": ALWAYS}, allotments={}, valid_from_ms=0)
    by_age = decide(GYM, home, replace(facts, roster_age_ms=one_ms), now_ms)
    assert decide(GYM, home, replace(facts, roster_age_ms=other_ms, clock=clock), now_ms) == by_age


@given(st.sampled_from(Tier), st.sampled_from(Trust), st.integers(0, 40 * DAY_MS), st.integers(0, 40 * DAY_MS))
def test_an_older_roster_never_opens_what_a_younger_one_did_not(
    tier: Tier, clock: Trust, one_ms: int, other_ms: int
) -> None:
    younger, older = (
        decide(GYM, replace(MEMBER, tier=tier), replace(FACTS, clock=clock, roster_age_ms=age_ms), NOW_MS)
        for age_ms in sorted((one_ms, other_ms))
    )
    assert younger.allowed or not older.allowed


@given(near_now_ms, near_now_ms, near_now_ms)
def test_a_window_is_half_open(from_ms: int, until_ms: int, now_ms: int) -> None:
    facts = replace(FACTS, clock_floor_ms=0)
    dated = replace(MEMBER, valid_from_ms=from_ms, valid_until_ms=until_ms)
    assert decide(GYM, dated, facts, now_ms).allowed is (from_ms <= now_ms < until_ms)


ENDED_GYM = Grant(holder=bytes(8), tier=Tier.MEMBER, points={"gym": ALWAYS}, valid_until_ms=NOW_MS - DAY_MS)
HOME_GATE = Grant(holder=bytes(8), tier=Tier.RESIDENT, points={"gate": ALWAYS})
GYM_IN_THE_MORNING = replace(MEMBER, points={"gym": MORNING})


@pytest.mark.parametrize("held", [[ENDED_GYM, HOME_GATE], [HOME_GATE, ENDED_GYM]])
def test_an_ended_gym_membership_is_refused_as_ended_whatever_else_the_card_opens(held: list[Grant]) -> None:
    assert weigh(GYM, held, FACTS, NOW_MS) == Decision(Reason.EXPIRED, ENDED_GYM)


@pytest.mark.parametrize("held", [[ENDED_GYM, MEMBER], [MEMBER, ENDED_GYM], [HOME_GATE, ENDED_GYM, MEMBER]])
def test_one_grant_that_allows_is_enough(held: list[Grant]) -> None:
    assert weigh(GYM, held, FACTS, NOW_MS) == Decision(Reason.ALLOWED, MEMBER)


def test_grant_that_holds_now_tells_its_refusal() -> None:
    """In whatever order a roster has them: the one of a window that is over, or has yet to begin, says nothing."""
    barred = replace(MEMBER, standing=Standing.BARRED, valid_until_ms=NOW_MS + DAY_MS)
    afterwards = replace(MEMBER, valid_from_ms=NOW_MS + DAY_MS)
    tomorrow = replace(barred, valid_from_ms=NOW_MS + DAY_MS, valid_until_ms=0)
    for now, others, reason in (
        (GYM_IN_THE_MORNING, [ENDED_GYM, tomorrow], Reason.OUTSIDE_HOURS),
        (barred, [afterwards], Reason.BARRED),
        (HOME_GATE, [replace(HOME_GATE, valid_from_ms=NOW_MS + DAY_MS)], Reason.NOT_ENTITLED),
    ):
        for held in ([now, *others], [*others, now]):
            assert weigh(GYM, held, FACTS, NOW_MS) == Decision(reason, now)


def test_of_two_refusals_alike_the_first_is_told() -> None:
    suspended = replace(MEMBER, standing=Standing.SUSPENDED)
    assert weigh(GYM, [suspended, GYM_IN_THE_MORNING], FACTS, NOW_MS).reason is Reason.SUSPENDED
    assert weigh(GYM, [GYM_IN_THE_MORNING, suspended], FACTS, NOW_MS).reason is Reason.OUTSIDE_HOURS


def test_a_card_that_opens_only_other_points_is_not_entitled_here() -> None:
    assert weigh(GYM, [HOME_GATE], FACTS, NOW_MS) == Decision(Reason.NOT_ENTITLED, HOME_GATE)


def test_a_credential_without_grants_is_unknown_but_leaves_freely() -> None:
    assert weigh(GYM, [], FACTS, NOW_MS) == Decision(Reason.UNKNOWN_CREDENTIAL)
    leaving = replace(GYM, direction="out")
    assert weigh(leaving, [], replace(FACTS, free_exit=True), NOW_MS) == Decision(Reason.FREE_EXIT)
