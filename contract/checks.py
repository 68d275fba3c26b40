"""The checks of the rule, in their published order. Each returns the reason to stop, or None to go on; a fact that is
missing refuses with its own reason, because unknown is never zero.
"""

from collections.abc import Callable, Mapping

from contract.demands import PinVerdict
from contract.facts import DAY_MS, HOUR_MS, Facts, Grant, Mode, Request, Standing, Tier, Trust, is_home
from contract.pass_verdicts import REFUSALS
from contract.quantities import is_spent, is_to_end, is_used_up
from contract.reasons import Reason
from contract.schedules import ALWAYS, is_open
from contract.zone_rules import is_at_limit, is_full, refuses_second_entry

RULE_VERSION = 7
"""Counts up whenever the same request, grant and facts could yield another decision."""

UNSET_CLOCK_DOUBT_MS = 48 * HOUR_MS
"""How far real time may have run past the clock floor while a device without a battery clock lay without power."""


ROSTER_AGE_LIMIT_MS: Mapping[Tier, int | None] = {
    Tier.FOUNDER: None,
    Tier.STAFF: None,
    Tier.RESIDENT: 30 * DAY_MS,
    Tier.MEMBER: 30 * DAY_MS,
    Tier.RIDER: 24 * HOUR_MS,
    Tier.GUEST: 24 * HOUR_MS,
}
"""A resident's home has no limit, whatever stands here."""


_UNSET = Trust.UNSET
_ACTIVE, _BARRED = Standing.ACTIVE, Standing.BARRED
_SCHEDULED, _HOLD_OPEN, _LOCKDOWN = Mode.SCHEDULED, Mode.HOLD_OPEN, Mode.LOCKDOWN
"""The members by which most decisions go: to look one up in its Enum takes Python 3.11 as long as a whole check."""


def is_lockdown(request: Request, facts: Facts) -> bool:
    return facts.mode is _LOCKDOWN and request.direction == "in"


def _free_exit(request: Request, _grant: Grant | None, facts: Facts) -> Reason | None:
    return Reason.FREE_EXIT if facts.free_exit and request.direction == "out" else None


def _mode(request: Request, grant: Grant | None, facts: Facts) -> Reason | None:
    """What the mode says to who wants in, whatever card they hold; None where the card counts. Nobody overrides a
    lockdown who could not be asked for a PIN."""
    if facts.mode is _SCHEDULED or request.direction == "out":
        return None
    if facts.mode is _HOLD_OPEN and not facts.can_be_held:
        return None
    if facts.mode is _LOCKDOWN and grant is not None and grant.override and grant.pin:
        return None
    return _BY_MODE[facts.mode]


_BY_MODE = {
    Mode.HOLD_OPEN: Reason.HELD_OPEN,
    Mode.LOCKDOWN: Reason.LOCKED_DOWN,
    Mode.OUT_OF_SERVICE: Reason.OUT_OF_SERVICE,
}


def _pass(request: Request, _grant: Grant | None, _facts: Facts) -> Reason | None:
    """A pass with a fault lets nobody in, whoever is said to hold it."""
    return REFUSALS.get(request.pass_verdict)


def _bar(request: Request, grant: Grant, _facts: Facts, _now_ms: int) -> Reason | None:
    """A bar keeps nobody from their home, and nobody inside."""
    return None if grant.standing is not _BARRED or _is_spared(request, grant) else Reason.BARRED


def _standing(request: Request, grant: Grant, _facts: Facts, _now_ms: int) -> Reason | None:
    if grant.standing is _ACTIVE:
        return None
    if grant.standing in _OF_THE_PLAN:
        return None if _is_spared(request, grant) else _OF_THE_PLAN[grant.standing]
    return _OF_THE_CREDENTIAL.get(grant.standing)


_OF_THE_CREDENTIAL = {Standing.SUSPENDED: Reason.SUSPENDED, Standing.LOST: Reason.REPORTED_LOST}
_OF_THE_PLAN = {Standing.UNQUALIFIED: Reason.NOT_QUALIFIED, Standing.SURPLUS: Reason.SURPLUS}


def _is_spared(request: Request, grant: Grant) -> bool:
    """Whether what a plan, a bar or a point demands of people is not asked here: on the way out, and at their home."""
    return request.direction == "out" or is_home(grant, request.point)


def _window(_request: Request, grant: Grant, facts: Facts, now_ms: int) -> Reason | None:
    """An unset clock runs late, never early: it can prove that a window ended, not that one has yet to begin."""
    if grant.valid_until_ms and now_ms >= grant.valid_until_ms:
        return Reason.EXPIRED
    if now_ms < grant.valid_from_ms and facts.clock is not _UNSET:
        return Reason.NOT_YET_VALID
    return None


def _entitled(request: Request, grant: Grant, _facts: Facts, _now_ms: int) -> Reason | None:
    return None if request.point in grant.points else Reason.NOT_ENTITLED


def _schedule(request: Request, grant: Grant, facts: Facts, now_ms: int) -> Reason | None:
    schedule = grant.points[request.point]
    if schedule == ALWAYS or facts.clock is _UNSET or is_open(schedule, facts.zone, now_ms):
        return None
    return Reason.OUTSIDE_HOURS


def _clock(request: Request, grant: Grant, facts: Facts, now_ms: int) -> Reason | None:
    """A permanent grant passes with an unset clock, and so does everybody at their home; a dated one elsewhere unless
    its window could have ended or not begun."""
    if facts.clock is not _UNSET or is_home(grant, request.point):
        return None
    could_have_ended = bool(grant.valid_until_ms) and grant.valid_until_ms <= now_ms + UNSET_CLOCK_DOUBT_MS
    may_not_have_begun = grant.valid_from_ms > now_ms
    has_hours = grant.points[request.point] != ALWAYS
    return Reason.CLOCK_UNSET if could_have_ended or may_not_have_begun or has_hours else None


def _roster_age(request: Request, grant: Grant, facts: Facts, _now_ms: int) -> Reason | None:
    if facts.roster_age_ms is None:
        return Reason.NO_ROSTER
    if is_home(grant, request.point):
        return None
    limit_ms = ROSTER_AGE_LIMIT_MS[grant.tier]
    return Reason.ROSTER_STALE if limit_ms is not None and facts.roster_age_ms >= limit_ms else None


def _offline(_request: Request, _grant: Grant, facts: Facts, _now_ms: int) -> Reason | None:
    return Reason.OFFLINE_TOO_LONG if facts.offline else None


def _assurance(request: Request, grant: Grant, facts: Facts, _now_ms: int) -> Reason | None:
    if grant.assurance >= facts.demand.assurance or _is_spared(request, grant):
        return None
    return Reason.ASSURANCE_TOO_LOW


def _pin(request: Request, grant: Grant, facts: Facts, now_ms: int) -> Reason | None:
    """Where no PIN is asked the digits count for nothing. Who has no PIN is asked for one all the same: nobody passes
    by not having it."""
    if not (is_lockdown(request, facts) or _is_pin_asked(request, grant, facts, now_ms)):
        return None
    return _BY_PIN.get(request.pin) if grant.pin else Reason.PIN_NEEDED


def _is_pin_asked(request: Request, grant: Grant, facts: Facts, now_ms: int) -> bool:
    """An unset clock cannot say that the hours of the PIN are over."""
    hours = facts.demand.pin
    if hours is None or _is_spared(request, grant):
        return False
    return facts.clock is _UNSET or is_open(hours, facts.zone, now_ms)


_BY_PIN = {
    None: Reason.PIN_NEEDED,
    PinVerdict.WRONG: Reason.PIN_WRONG,
    PinVerdict.BLOCKED: Reason.PIN_BLOCKED,
}
OF_THE_PIN = frozenset(_BY_PIN.values())
"""The refusals of somebody who lacks nothing but the right digits, which can be keyed at once."""


def passage_fault(request: Request, grant: Grant, facts: Facts) -> Reason | None:
    """What is wrong with the way somebody passes, whether it stops them or not: in while inside, out while outside."""
    zone, where = facts.counted, facts.whereabouts
    if zone is None or where is None or zone.anti_passback == "none" or grant.family or is_home(grant, request.point):
        return None
    if request.direction == "out":
        return Reason.NOT_INSIDE if where.is_inside is False else None
    return Reason.ALREADY_INSIDE if where.is_inside else None


def _anti_passback(request: Request, grant: Grant, facts: Facts, now_ms: int) -> Reason | None:
    """Nobody is kept inside by it."""
    if facts.counted is None or facts.whereabouts is None or request.direction == "out":
        return None
    fault = passage_fault(request, grant, facts)
    if fault is None:
        return None
    return fault if refuses_second_entry(facts.counted, facts.whereabouts, facts.zone_count, now_ms) else None


def _capacity(request: Request, grant: Grant, facts: Facts, _now_ms: int) -> Reason | None:
    if facts.counted is None or _is_spared(request, grant):
        return None
    if is_at_limit(facts.counted, facts.zone_count):
        return Reason.ZONE_AT_LIMIT
    return Reason.ZONE_FULL if is_full(facts.counted, facts.zone_count) else None


def _quota(request: Request, grant: Grant, facts: Facts, _now_ms: int) -> Reason | None:
    allotment = grant.allotments.get(request.point)
    if allotment is None or facts.used is None:
        return Reason.USAGE_UNKNOWN if allotment else None
    accounts = facts.used.get(allotment.name, {})
    if not is_spent(allotment, accounts):
        return None
    if not is_used_up(allotment, accounts):
        return Reason.QUOTA_ELSEWHERE
    return Reason.QUOTA_SPENT if is_to_end(allotment, accounts) else Reason.ALL_IN_USE


def _interlock(_request: Request, _grant: Grant, facts: Facts, _now_ms: int) -> Reason | None:
    return Reason.INTERLOCKED if facts.interlocked else None


def _station(_request: Request, grant: Grant, facts: Facts, _now_ms: int) -> Reason | None:
    if facts.faulted:
        return Reason.FAULTED
    if facts.busy:
        return Reason.BUSY
    return Reason.RESERVED if facts.reserved_for and facts.reserved_for != grant.holder else None


CheckOfAnybody = Callable[[Request, Grant | None, Facts], Reason | None]
Check = Callable[[Request, Grant, Facts, int], Reason | None]

CHECKS_OF_ANYBODY: Mapping[str, CheckOfAnybody] = {"free_exit": _free_exit, "mode": _mode, "pass": _pass}
"""The first checks: they say something whoever it is, and may let pass. Then the credential has to be known."""

CHECKS_OF_GRANT: Mapping[str, Check] = {
    "bar": _bar,
    "standing": _standing,
    "window": _window,
    "entitled": _entitled,
    "schedule": _schedule,
    "clock": _clock,
    "roster_age": _roster_age,
}
CHECKS: Mapping[str, Check] = {
    **CHECKS_OF_GRANT,
    "offline": _offline,
    "assurance": _assurance,
    "pin": _pin,
    # Here the second person and the escort will be asked for.
    "anti_passback": _anti_passback,
    "capacity": _capacity,
    "quota": _quota,
    "interlock": _interlock,
    "station": _station,
}
"""The checks of a grant, in this order."""

OF_THE_PLACE = ("interlock", "station")
"""The checks that may stop somebody on their way out: they speak of the way, and of nobody who wants to go it."""
