"""What explains a decision walks the checks that decide, and says no more and no less than they do."""

from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from contract.decide import Facts, Grant, Request, Tier, Trust, decide, weigh
from contract.demands import Demand
from contract.explain import CHANGES, NAMES, NO_PIN, ORDER, Outcome, explain, walk
from contract.reasons import TABLE, Reason
from contract.schedules import ALWAYS, Schedule, is_open, next_opening
from tests.contract.decisions import CASES, asked
from tests.contract.decisions import ORDER as GOLDEN_ORDER
from tests.contract.situations import any_time_ms, facts_of_any_kind, grants, hours, near_now_ms, requests

BERLIN = ZoneInfo("Europe/Berlin")
SPRING_MS = 1_774_742_400_000
"""Sunday, 29 March 2026, 01:00 in Berlin: an hour before its clocks go forward."""


def test_every_check_has_a_name() -> None:
    assert tuple(NAMES) == ORDER


def test_every_refusal_says_what_would_change_it() -> None:
    outside_the_rule = {Reason.CANNOT_RECORD, Reason.INTERNAL_ERROR, Reason.NOT_INSIDE}
    refusals = {reason for reason, entry in TABLE.items() if not entry.allows} - outside_the_rule
    assert {*CHANGES, Reason.ASSURANCE_TOO_LOW} == refusals


def test_golden_cases_are_explained_as_decided() -> None:
    for case in CASES:
        walked = walk(*asked(case.get("set", {})))
        assert (case["name"], walked.reason) == (case["name"], case["reason"])
        assert tuple(step.check for step in walked.steps) == ORDER


@given(requests, st.lists(grants, max_size=3), facts_of_any_kind, any_time_ms)
def test_an_explanation_says_what_is_decided(request: Request, held: list[Grant], facts: Facts, now_ms: int) -> None:
    explained = explain(request, held, facts, now_ms)
    first = explained.walks[0]
    assert explained.decision == weigh(request, held, facts, now_ms)
    assert (first.reason, first.grant) == (explained.decision.reason, explained.decision.grant)
    for one in explained.walks:
        assert one.reason is decide(request, one.grant, facts, now_ms).reason
        outcomes = [step.outcome for step in one.steps]
        passed = next((at for at, outcome in enumerate(outcomes) if outcome is not Outcome.PASSED), len(ORDER))
        assert outcomes[:passed] == [Outcome.PASSED] * passed
        rest = outcomes[passed + 1 :]
        if outcomes[passed : passed + 1] == [Outcome.NOTED]:
            assert request.direction == "out"
            assert {*rest[:-2]} <= {Outcome.NOT_WEIGHED}
            assert (one.stop is None) == (one.reason is Reason.FREE_EXIT)
        else:
            assert rest == [Outcome.NOT_WEIGHED] * len(rest)
            assert (one.stop is None) == (passed == len(ORDER))


def test_the_golden_order_is_that_of_the_checks() -> None:
    stops = [walk(*asked(row["set"])).stop for row in GOLDEN_ORDER]
    places = [ORDER.index(stop.check) for stop in stops if stop]
    assert places == sorted(places)


def test_a_refusal_says_when_time_alone_changes_it() -> None:
    request, grant, facts, now_ms = asked({"hours": "morning"})
    stop = walk(request, grant, facts, now_ms).stop
    assert stop is not None
    assert stop.change is not None
    assert (stop.check, stop.change.en) == ("schedule", "It opens next at 2026-05-05 06:00")
    assert stop.passes_ms is not None
    assert walk(request, grant, facts, stop.passes_ms).reason is Reason.ALLOWED


def test_opening_in_a_clock_gap_is_its_end() -> None:
    in_the_gap = Schedule((((150, 240),),) * 7)
    assert next_opening(in_the_gap, BERLIN, SPRING_MS) == SPRING_MS + 60 * 60_000


@given(hours, st.sampled_from([BERLIN, ZoneInfo("America/New_York")]), near_now_ms)
def test_shut_way_opens_when_it_is_said(schedule: Schedule, zone: ZoneInfo, now_ms: int) -> None:
    opens_ms = next_opening(schedule, zone, now_ms)
    assert opens_ms is not None
    assert is_open(schedule, zone, opens_ms)
    if not is_open(schedule, zone, now_ms):
        assert not is_open(schedule, zone, opens_ms - 1)


def test_what_never_opens_is_not_said_to() -> None:
    assert next_opening(Schedule(((),) * 7), BERLIN, SPRING_MS) is None


def test_without_a_pin_nobody_is_asked_it() -> None:
    asked_here = Facts(BERLIN, Trust.SYNCED, clock_floor_ms=0, roster_age_ms=0, demand=Demand(pin=ALWAYS))
    without = Grant(b"\1" * 8, Tier.MEMBER, {"gym": ALWAYS})
    changes = []
    for grant in (without, replace(without, pin=b"\2" * 8)):
        step = walk(Request("gym", b"\3" * 16), grant, asked_here, SPRING_MS).stop
        assert step is not None
        assert step.reason is Reason.PIN_NEEDED
        changes.append(step.change)
    assert changes == [NO_PIN, CHANGES[Reason.PIN_NEEDED]]


def test_explanation_of_nobody_ends_at_the_card() -> None:
    facts = Facts(zone=BERLIN, clock=Trust.SYNCED, clock_floor_ms=0, roster_age_ms=0)
    (only,) = explain(Request("gym", bytes(16)), [], facts, SPRING_MS).walks
    assert only.stop is not None
    assert (only.stop.check, only.stop.reason) == ("known", Reason.UNKNOWN_CREDENTIAL)


def test_what_keeps_nobody_in_is_noted() -> None:
    """Then only the place is asked: it may be shut to everybody."""
    facts = Facts(zone=BERLIN, clock=Trust.SYNCED, clock_floor_ms=0, roster_age_ms=0)
    leaving = Request("gym", bytes(16), "out")
    for busy, reason, of_the_place in (
        (False, Reason.FREE_EXIT, Outcome.PASSED),
        (True, Reason.BUSY, Outcome.STOPPED),
    ):
        walked = walk(leaving, None, replace(facts, busy=busy), SPRING_MS)
        steps = {step.check: step for step in walked.steps}
        assert walked.reason is reason
        assert (steps["known"].outcome, steps["known"].reason) == (Outcome.NOTED, Reason.UNKNOWN_CREDENTIAL)
        assert (steps["window"].outcome, steps["station"].outcome) == (Outcome.NOT_WEIGHED, of_the_place)


def test_each_grant_of_a_card_is_walked() -> None:
    facts = Facts(zone=BERLIN, clock=Trust.SYNCED, clock_floor_ms=0, roster_age_ms=0)
    ended = Grant(bytes(8), Tier.MEMBER, {"gym": ALWAYS}, valid_until_ms=1000)
    held = [ended, replace(ended, valid_until_ms=0)]
    explained = explain(Request("gym", bytes(16)), held, facts, SPRING_MS)
    assert [one.reason for one in explained.walks] == [Reason.ALLOWED, Reason.EXPIRED]
