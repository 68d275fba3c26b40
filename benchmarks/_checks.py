"""What each check of the rule costs, with everything asked that can be: hours with special days, a PIN by hours, a
signed pass, a quantity, a zone with hard anti-passback and room for few more. Nothing stops, so every check is weighed
to its end."""

from collections.abc import Callable
from functools import partial
from statistics import median
from time import perf_counter_ns
from zoneinfo import ZoneInfo

from contract.decide import CHECKS, CHECKS_OF_ANYBODY, DAY_MS, HOUR_MS, Facts, Grant, Request, Tier, Trust, decide
from contract.demands import NO_DEMAND, Assurance, Demand, PinVerdict
from contract.occupancy import Whereabouts, ZoneCount
from contract.pass_verdicts import PassVerdict
from contract.quantities import Account, Allotment, Quantity
from contract.schedules import ALWAYS, Schedule
from contract.zone_rules import PageZone

NOW_MS = 1_777_888_800_000
"""Monday 4 May 2026, 18:00 in Shanghai."""
POINT = "gym"
TIMES, ROUNDS = 2_000, 21
HOURS = Schedule((((360, 1320),),) * 7, dict.fromkeys(range(20500, 20530), ((360, 720),)))
CHARGING = Allotment("charging", (Quantity(60, "minutes"), Quantity(500, "wh")))

REQUEST = Request(POINT, bytes(16), pin=PinVerdict.RIGHT, pass_verdict=PassVerdict.OK)
GRANT = Grant(
    bytes(8),
    Tier.MEMBER,
    {POINT: HOURS},
    valid_from_ms=NOW_MS - DAY_MS,
    valid_until_ms=NOW_MS + DAY_MS,
    allotments={POINT: CHARGING},
    pin=bytes(range(8)),
    assurance=Assurance.SIGNED,
)
FACTS = Facts(
    ZoneInfo("Asia/Shanghai"),
    Trust.SYNCED,
    NOW_MS - HOUR_MS,
    HOUR_MS,
    used={"charging": {"minutes": Account(60_000, 3_600_000), "wh": Account(1_000, 500_000)}},
    demand=Demand(HOURS, Assurance.SIGNED),
    counted=PageZone(comfort=40, limit=60, anti_passback="hard"),
    zone_count=ZoneCount(39, is_fresh=True),
    whereabouts=Whereabouts(is_inside=False, since_ms=NOW_MS - HOUR_MS),
)
PLAIN = Grant(bytes(8), Tier.MEMBER, {POINT: ALWAYS})
PLAIN_FACTS = Facts(FACTS.zone, Trust.SYNCED, NOW_MS - HOUR_MS, HOUR_MS, demand=NO_DEMAND)

WHOLE, WITH_EVERYTHING = "the rule, a card at a door", "the rule, everything asked"


def costs_ns() -> dict[str, float]:
    """Nanoseconds for each check by its name, and for the whole rule."""
    assert decide(REQUEST, GRANT, FACTS, NOW_MS).allowed
    assert decide(REQUEST, PLAIN, PLAIN_FACTS, NOW_MS).allowed
    return {
        WHOLE: _timed(partial(decide, REQUEST, PLAIN, PLAIN_FACTS, NOW_MS)),
        WITH_EVERYTHING: _timed(partial(decide, REQUEST, GRANT, FACTS, NOW_MS)),
        **{name: _timed(partial(check, REQUEST, GRANT, FACTS)) for name, check in CHECKS_OF_ANYBODY.items()},
        **{name: _timed(partial(check, REQUEST, GRANT, FACTS, NOW_MS)) for name, check in CHECKS.items()},
    }


def _timed(act: Callable[[], object]) -> float:
    """The median of some rounds, without what the loop and the call around it cost."""
    return max(0.0, median(_round(act) for _ in range(ROUNDS)) - median(_round(_nothing) for _ in range(ROUNDS)))


def _round(act: Callable[[], object]) -> float:
    began = perf_counter_ns()
    for _ in range(TIMES):
        act()
    return (perf_counter_ns() - began) / TIMES


def _nothing() -> None:
    """A call that does nothing."""
