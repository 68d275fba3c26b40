"""What holds of every decision: what speaks against somebody never helps them, exits are free, and a home is a home."""

import os
import time
from collections.abc import Callable
from copy import deepcopy
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from contract.decide import DAY_MS, Decision, Facts, Grant, Mode, Request, Standing, Tier, Trust, decide, is_home, weigh
from contract.demands import Assurance, Demand, PinVerdict
from contract.reasons import Reason
from contract.schedules import ALWAYS
from tests.contract.decisions import CASES, asked
from tests.contract.situations import NOW_MS, any_time_ms, demands, facts_of_any_kind, grants, requests

Worse = Callable[[Facts], Facts]

FACTS_THAT_REFUSE: dict[str, Worse] = {
    "busy": lambda facts: replace(facts, busy=True),
    "faulted": lambda facts: replace(facts, faulted=True),
    "offline": lambda facts: replace(facts, offline=True),
    "interlocked": lambda facts: replace(facts, interlocked=True),
    "reserved for another": lambda facts: replace(facts, reserved_for=b"somebody"),
    "no roster": lambda facts: replace(facts, roster_age_ms=None),
    "an old roster": lambda facts: facts if facts.roster_age_ms is None else replace(facts, roster_age_ms=40 * DAY_MS),
    "use unknown": lambda facts: replace(facts, used=None),
    "a PIN asked": lambda facts: replace(facts, demand=replace(facts.demand, pin=ALWAYS)),
    "assurance asked": lambda facts: replace(facts, demand=replace(facts.demand, assurance=Assurance.SIGNED)),
    "out of service": lambda facts: replace(facts, mode=Mode.OUT_OF_SERVICE),
    "a lockdown": lambda facts: replace(facts, mode=Mode.LOCKDOWN) if facts.mode is Mode.SCHEDULED else facts,
}

GRANTS_THAT_REFUSE: dict[str, Callable[[Grant], Grant]] = {
    **{standing.value: partial(replace, standing=standing) for standing in list(Standing)[1:]},
    "ended": lambda grant: replace(grant, valid_until_ms=1),
    "nowhere": lambda grant: replace(grant, points={}),
    "without its PIN": lambda grant: replace(grant, pin=b""),
    "without override": lambda grant: replace(grant, override=False),
    "worth less": lambda grant: replace(grant, assurance=Assurance.NUMBER),
}


@given(st.sampled_from(list(FACTS_THAT_REFUSE)), requests, st.lists(grants, max_size=3), facts_of_any_kind, any_time_ms)
def test_a_fact_that_refuses_opens_nothing(
    worse: str, request: Request, held: list[Grant], facts: Facts, now_ms: int
) -> None:
    worsened = FACTS_THAT_REFUSE[worse](facts)
    before, after = (weigh(request, held, known, now_ms).allowed for known in (facts, worsened))
    assert before or not after


@given(st.sampled_from(list(GRANTS_THAT_REFUSE)), requests, grants, facts_of_any_kind, any_time_ms)
def test_a_grant_with_less_opens_nothing(worse: str, request: Request, grant: Grant, facts: Facts, now_ms: int) -> None:
    active = replace(grant, standing=Standing.ACTIVE)
    lessened = GRANTS_THAT_REFUSE[worse](active)
    before, after = (decide(request, one, facts, now_ms).allowed for one in (active, lessened))
    assert before or not after


def test_what_refuses_opens_nothing_in_any_golden_case() -> None:
    """The same for situations that are near to each other, where one fact decides."""
    for case in CASES:
        request, grant, facts, now_ms = asked(case.get("set", {}))
        if decide(request, grant, facts, now_ms).allowed:
            continue
        worse = [(name, grant, worsen(facts)) for name, worsen in FACTS_THAT_REFUSE.items()]
        if grant is not None and grant.standing is Standing.ACTIVE:
            worse += [(name, lessen(grant), facts) for name, lessen in GRANTS_THAT_REFUSE.items()]
        assert [name for name, held, known in worse if decide(request, held, known, now_ms).allowed] == [], case["name"]


def test_every_fact_that_refuses_does() -> None:
    request, grant, facts, now_ms = asked({})
    assert grant is not None
    kept = [name for name, worse in FACTS_THAT_REFUSE.items() if decide(request, grant, worse(facts), now_ms).allowed]
    assert kept == ["use unknown"], "nothing is rationed in the base scenario"


@given(requests, grants, facts_of_any_kind, any_time_ms)
def test_digits_open_no_more_than_right_ones(request: Request, grant: Grant, facts: Facts, now_ms: int) -> None:
    right, other = (
        decide(replace(request, pin=pin), grant, facts, now_ms).allowed for pin in (PinVerdict.RIGHT, request.pin)
    )
    assert right or not other


@given(requests, st.lists(grants, max_size=3), facts_of_any_kind, any_time_ms)
def test_duress_is_decided_as_the_right_pin(request: Request, held: list[Grant], facts: Facts, now_ms: int) -> None:
    """Nothing at the door tells that somebody is being forced."""
    forced, free = (replace(request, pin=pin) for pin in (PinVerdict.DURESS, PinVerdict.RIGHT))
    assert weigh(forced, held, facts, now_ms) == weigh(free, held, facts, now_ms)


@given(requests, st.lists(grants, max_size=3), facts_of_any_kind, any_time_ms)
def test_free_exit_keeps_nobody_in(request: Request, held: list[Grant], facts: Facts, now_ms: int) -> None:
    leaving = replace(request, direction="out")
    assert weigh(leaving, held, replace(facts, free_exit=True), now_ms).reason is Reason.FREE_EXIT


@given(requests, st.lists(grants, max_size=3), facts_of_any_kind, any_time_ms)
def test_nothing_known_of_somebody_keeps_them_in(
    request: Request, held: list[Grant], facts: Facts, now_ms: int
) -> None:
    """Whatever the card, its grants, the roster, the clock and the pass: only the way itself may be shut."""
    decision = weigh(replace(request, direction="out"), held, facts, now_ms)
    if not decision.allowed:
        assert decision.reason in (Reason.INTERLOCKED, Reason.FAULTED, Reason.BUSY, Reason.RESERVED)
        assert facts.interlocked or facts.faulted or facts.busy or facts.reserved_for
    way_is_clear = replace(facts, interlocked=False, faulted=False, busy=False, reserved_for=b"")
    assert weigh(replace(request, direction="out"), held, way_is_clear, now_ms).allowed


@pytest.mark.parametrize("ended_first", [True, False])
def test_leaver_is_named_by_the_grant_held(ended_first: bool) -> None:
    """Whoever has a good grant beside one that has ended leaves without a note."""
    request, grant, facts, now_ms = asked({"direction": "out"})
    assert grant is not None
    ended = replace(grant, valid_until_ms=1)
    held = [ended, grant] if ended_first else [grant, ended]
    assert weigh(request, held, facts, now_ms) == Decision(Reason.ALLOWED, grant)
    assert weigh(request, [ended], facts, now_ms) == Decision(Reason.FREE_EXIT, ended, Reason.EXPIRED)


@given(requests, grants, facts_of_any_kind, demands, any_time_ms)
def test_way_out_asks_for_no_pin(request: Request, grant: Grant, facts: Facts, demand: Demand, now_ms: int) -> None:
    leaving = replace(request, direction="out")
    asked = decide(leaving, grant, replace(facts, demand=demand), now_ms)
    assert asked == decide(replace(leaving, pin=None), grant, replace(facts, demand=Demand()), now_ms)


@given(requests, grants, facts_of_any_kind, demands, st.sampled_from(Trust), st.integers(0), any_time_ms)
def test_neither_plan_nor_point_bars_a_home(
    request: Request, grant: Grant, facts: Facts, demand: Demand, clock: Trust, age_ms: int, now_ms: int
) -> None:
    """No bar, place, qualification, sum, age or clock: at their home a resident is asked for nothing but their card."""
    home = replace(grant, tier=Tier.RESIDENT, points={request.point: ALWAYS}, allotments={}, valid_from_ms=0)
    assert is_home(home, request.point)
    at_best = replace(facts, demand=Demand(), clock=Trust.SYNCED, roster_age_ms=0, used={})
    best = decide(request, replace(home, standing=Standing.ACTIVE, assurance=Assurance.SIGNED), at_best, now_ms)
    at_worst = replace(facts, demand=demand, clock=clock, roster_age_ms=age_ms, used=None)
    for standing in (Standing.BARRED, Standing.UNQUALIFIED, Standing.SURPLUS):
        worst = replace(home, standing=standing, assurance=Assurance.NUMBER)
        assert decide(request, worst, at_worst, now_ms).reason is best.reason


@given(requests, st.lists(grants, max_size=3), facts_of_any_kind, any_time_ms)
def test_nothing_outside_the_arguments_matters(request: Request, held: list[Grant], facts: Facts, now_ms: int) -> None:
    """Neither the clock nor the zone of the machine, nor what was decided before."""
    here = weigh(request, held, facts, now_ms)
    with pytest.MonkeyPatch.context() as elsewhere:
        elsewhere.setitem(os.environ, "TZ", "Pacific/Apia")
        elsewhere.setattr(time, "time", lambda: 1.0)
        time.tzset()
        weigh(replace(request, point="elsewhere"), held, facts, NOW_MS)
        there = weigh(*deepcopy((request, held, facts, now_ms)))
    time.tzset()
    assert there == here


@given(requests, st.lists(grants, min_size=1, max_size=3), facts_of_any_kind, any_time_ms)
def test_another_grant_takes_nothing_away(request: Request, held: list[Grant], facts: Facts, now_ms: int) -> None:
    fewer = [grant for grant in held[:-1] if request.point in grant.points]
    if fewer and weigh(request, fewer, facts, now_ms).allowed:
        assert weigh(request, held, facts, now_ms).allowed
