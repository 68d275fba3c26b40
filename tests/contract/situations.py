"""Requests, grants and facts of every kind, for properties of the rule."""

from typing import get_args
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from contract.decide import DAY_MS, Facts, Grant, Mode, Request, Standing, Tier, Trust
from contract.demands import Assurance, Demand, PinVerdict
from contract.occupancy import Whereabouts, ZoneCount
from contract.pass_verdicts import PassVerdict
from contract.schedules import ALWAYS, MINUTES_PER_DAY, Schedule
from contract.zone_rules import AntiPassback, PageZone
from tests.contract.allotments import own, used

NOW_MS = 1_777_888_800_000
"""Monday 4 May 2026, 10:00 UTC, 18:00 in Shanghai."""
SHANGHAI = ZoneInfo("Asia/Shanghai")

points = st.sampled_from(["gym", "gate", "hub"])
hours = st.just(ALWAYS) | st.builds(
    lambda start, length: Schedule((((start, start + length),),) * 7),
    st.integers(0, MINUTES_PER_DAY - 1),
    st.integers(1, MINUTES_PER_DAY),
)
near_now_ms = st.integers(NOW_MS - 40 * DAY_MS, NOW_MS + 40 * DAY_MS)
any_time_ms = near_now_ms | st.integers(0, 1 << 42) | st.integers()
bounds_ms = st.just(0) | near_now_ms | st.integers(0, ((1 << 32) - 1) * 1000)
requests = st.builds(
    Request,
    point=points,
    digest=st.binary(min_size=16, max_size=16),
    direction=st.sampled_from(["in", "out"]),
    pin=st.none() | st.sampled_from(PinVerdict),
    pass_verdict=st.none() | st.sampled_from(PassVerdict),
)
allotments = st.builds(own, st.sampled_from(["phone", "ebike"]), st.integers(0, 600), st.integers(0, 2000))
amounts = st.builds(used, st.integers(0, 600 * 60_000) | st.integers(), st.integers(0, 2_000_000) | st.integers())
grants = st.builds(
    Grant,
    holder=st.binary(min_size=8, max_size=8),
    tier=st.sampled_from(Tier),
    points=st.dictionaries(points, hours),
    standing=st.sampled_from(Standing),
    valid_from_ms=bounds_ms,
    valid_until_ms=bounds_ms,
    allotments=st.dictionaries(points, allotments),
    resets=st.frozensets(points),
    override=st.booleans(),
    pin=st.sampled_from([b"", b"verifier"]),
    assurance=st.sampled_from(Assurance),
    family=st.booleans(),
)
demands = st.builds(Demand, pin=st.none() | hours, assurance=st.sampled_from(Assurance))
zones = st.builds(
    PageZone,
    comfort=st.integers(0, 60),
    limit=st.integers(0, 60),
    anti_passback=st.sampled_from(get_args(AntiPassback)),
    timed_s=st.integers(1, 600),
)
counts = st.builds(
    ZoneCount, st.integers(0, 60), count_doubt=st.integers(0, 9), names_doubt=st.integers(0, 1), is_fresh=st.booleans()
)
facts_of_any_kind = st.builds(
    Facts,
    zone=st.sampled_from([SHANGHAI, ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")]),
    clock=st.sampled_from(Trust),
    clock_floor_ms=any_time_ms,
    roster_age_ms=st.none() | st.integers(0, 40 * DAY_MS) | st.integers(),
    roster_damaged=st.booleans(),
    free_exit=st.booleans(),
    busy=st.booleans(),
    faulted=st.booleans(),
    mode=st.sampled_from(Mode),
    offline=st.booleans(),
    used=st.none() | st.dictionaries(st.sampled_from(["phone", "ebike"]), amounts),
    reserved_for=st.just(b"") | st.binary(min_size=8, max_size=8),
    can_be_held=st.booleans(),
    demand=demands,
    interlocked=st.booleans(),
    counted=st.none() | zones,
    zone_count=st.none() | counts,
    whereabouts=st.none() | st.builds(Whereabouts, st.none() | st.booleans(), st.none() | any_time_ms),
)
