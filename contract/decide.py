"""The rule. One pure function weighs a grant; it runs on the device and again in the cloud.

The checks stand in their published order. Each returns the reason to stop, or None to go on; a fact that is missing
refuses with its own reason, because unknown is never zero.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

from contract.demands import NO_DEMAND, Assurance, Demand, PinVerdict
from contract.quantities import Accounts, Allotment, is_spent, is_to_end, is_used_up
from contract.reasons import TABLE, Reason
from contract.schedules import ALWAYS, Schedule, is_open

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
UNSET_CLOCK_DOUBT_MS = 48 * HOUR_MS
"""How far real time may have run past the clock floor while a device without a battery clock lay without power."""

RULE_VERSION = 5
"""Counts up whenever the same request, grant and facts could yield another decision."""


class Tier(StrEnum):
    """The class of a holder. It bounds how old a roster may be and still speak for them."""

    FOUNDER = "founder"
    STAFF = "staff"
    RESIDENT = "resident"
    MEMBER = "member"
    RIDER = "rider"
    GUEST = "guest"


ROSTER_AGE_LIMIT_MS: Mapping[Tier, int | None] = {
    Tier.FOUNDER: None,
    Tier.STAFF: None,
    Tier.RESIDENT: 30 * DAY_MS,
    Tier.MEMBER: 30 * DAY_MS,
    Tier.RIDER: 24 * HOUR_MS,
    Tier.GUEST: 24 * HOUR_MS,
}
"""A resident's home has no limit, whatever stands here."""


class Standing(StrEnum):
    """The state of a grant: a lost card stays in the roster so that its refusal can say so. Who is ``unqualified``
    lacks what the plan asks for; who is ``surplus`` is one more than the plan has places."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    LOST = "lost"
    BARRED = "barred"
    UNQUALIFIED = "unqualified"
    SURPLUS = "surplus"


class Trust(StrEnum):
    """How far the device's wall clock is to be believed; a Raspberry Pi has no battery clock."""

    SYNCED = "synced"
    HOLDOVER = "holdover"
    UNSET = "unset"


class Mode(StrEnum):
    """What a point is set to. A mode bars or frees the way in; the way out never depends on one."""

    SCHEDULED = "scheduled"
    HOLD_OPEN = "hold_open"
    LOCKDOWN = "lockdown"
    OUT_OF_SERVICE = "out_of_service"


Direction = Literal["in", "out"]


class Request(Struct, frozen=True):
    """Somebody at a point asks to pass. ``digest`` names the credential (16 bytes). ``pin`` is what became of the
    digits that were keyed with it, None if there were none."""

    point: str
    digest: bytes
    direction: Direction = "in"
    pin: PinVerdict | None = None


class Grant(Struct, frozen=True):
    """A row of the roster with its references resolved: who may pass where, when. Never a decision.

    ``valid_from_ms`` and ``valid_until_ms`` are a half-open window in UTC milliseconds; 0 is no bound.
    ``points`` maps each point the holder is entitled at to its schedule, ``allotments`` those points whose use is
    rationed to what they are used from. In the zones of ``resets`` the holder may end an emergency or clear a fault. A
    ``slow`` holder needs longer to pass: it says nothing of whether they may. ``override`` lets them into a lockdown
    with their PIN. ``pin`` is its verifier (8 bytes; empty: they have none), and a holder who ``may_signal_duress`` has
    a second one, which tells that they are being forced.
    """

    holder: bytes
    tier: Tier
    points: Mapping[str, Schedule]
    standing: Standing = Standing.ACTIVE
    valid_from_ms: int = 0
    valid_until_ms: int = 0
    allotments: Mapping[str, Allotment] = {}
    resets: frozenset[str] = frozenset()
    slow: bool = False
    override: bool = False
    pin: bytes = b""
    may_signal_duress: bool = False
    assurance: Assurance = Assurance.CARD


_RESIDENT, _UNSET = Tier.RESIDENT, Trust.UNSET
_ACTIVE, _BARRED = Standing.ACTIVE, Standing.BARRED
_SCHEDULED, _HOLD_OPEN, _LOCKDOWN = Mode.SCHEDULED, Mode.HOLD_OPEN, Mode.LOCKDOWN
"""The members by which most decisions go: to look one up in its Enum takes Python 3.11 as long as a whole check."""


def is_home(grant: Grant, point: str) -> bool:
    """Whether this point is a way to the holder's home: a resident may pass it at all hours and nothing is rationed."""
    return grant.tier is _RESIDENT and grant.points.get(point) == ALWAYS and point not in grant.allotments


class Facts(Struct, frozen=True):
    """What the device knows besides the grant. ``clock_floor_ms`` is the newest authenticated time seen;
    ``roster_age_ms`` is None before the first roster; with ``roster_damaged`` the page that may hold the credential
    cannot be read, and nobody can say who this is. ``busy`` and ``faulted`` come from the station's report, and so does
    ``reserved_for``, the holder whom alone a free point waits for. ``used`` says by allotment what the grant's holder
    has used on this device and what it may give them, None if nobody knows. While it is ``offline`` this point begins
    nothing new. Only a point that ``can_be_held`` is free to everybody in the mode that holds it open; at any other
    that mode is none. While the other door of a pair stands open, this one is ``interlocked``."""

    zone: ZoneInfo
    clock: Trust
    clock_floor_ms: int
    roster_age_ms: int | None
    free_exit: bool = False
    busy: bool = False
    faulted: bool = False
    mode: Mode = Mode.SCHEDULED
    roster_damaged: bool = False
    offline: bool = False
    used: Mapping[str, Accounts] | None = {}
    reserved_for: bytes = b""
    can_be_held: bool = False
    demand: Demand = NO_DEMAND
    interlocked: bool = False


class Decision(Struct, frozen=True):
    """One reason, and the grant it speaks of (None where no grant was found)."""

    reason: Reason
    grant: Grant | None = None

    @property
    def allowed(self) -> bool:
        return TABLE[self.reason].allows


def decide(request: Request, grant: Grant | None, facts: Facts, now_ms: int) -> Decision:
    """Allow or refuse, with one reason. Total: it has an answer for every value of its arguments.

    ``now_ms`` is the device's wall clock; time never runs below the clock floor, nor before 1970.
    """
    now_ms = not_before(facts, now_ms)
    for of_anybody in CHECKS_OF_ANYBODY.values():
        if (reason := of_anybody(request, grant, facts)) is not None:
            return Decision(reason, grant)
    if grant is None:
        return Decision(nobody(facts))
    for check in CHECKS.values():
        if (reason := check(request, grant, facts, now_ms)) is not None:
            return Decision(reason, grant)
    return Decision(passed(request, facts), grant)


def not_before(facts: Facts, now_ms: int) -> int:
    """The device's wall clock, but no earlier than anything it knows to have been."""
    return max(0, now_ms, facts.clock_floor_ms)


def passed(request: Request, facts: Facts) -> Reason:
    """What is said once no check has stopped somebody. Of a lockdown only those who override it come so far."""
    return Reason.OVERRIDE if _is_lockdown(request, facts) else Reason.ALLOWED


def nobody(facts: Facts) -> Reason:
    """Why there is no grant."""
    if facts.roster_age_ms is None:
        return Reason.NO_ROSTER
    return Reason.ROSTER_DAMAGED if facts.roster_damaged else Reason.UNKNOWN_CREDENTIAL


def _is_lockdown(request: Request, facts: Facts) -> bool:
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


def weigh(request: Request, grants: Sequence[Grant], facts: Facts, now_ms: int) -> Decision:
    """Decide over every grant of one credential: the first that allows wins, else the first refusal stands.

    Grants that name the point come before those that do not, so that an ended gym membership is refused as ended and
    not as a home gate's grant that never covered the gym. Of those that refuse, one that holds now comes before one of
    another time, and before all the one that lacks nothing but its PIN: what it lacks can be keyed at once.
    """
    told, rank = None, (False, False)
    for grant in concerned(request, grants):
        decision = decide(request, grant, facts, now_ms)
        if decision.allowed:
            return decision
        holds_now = _window(request, grant, facts, not_before(facts, now_ms)) is None
        its_rank = decision.reason in OF_THE_PIN, holds_now
        if told is None or its_rank > rank:
            told, rank = decision, its_rank
    return told or decide(request, None, facts, now_ms)


def concerned(request: Request, grants: Sequence[Grant]) -> Sequence[Grant]:
    """The grants that are weighed: those that name the point, or all if none does."""
    return [grant for grant in grants if request.point in grant.points] or grants


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
    if not (_is_lockdown(request, facts) or _is_pin_asked(request, grant, facts, now_ms)):
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

CHECKS_OF_ANYBODY: Mapping[str, CheckOfAnybody] = {"free_exit": _free_exit, "mode": _mode}
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
    # Here the second person and the escort will be asked for, then anti-passback and the capacity of the zone.
    "quota": _quota,
    "interlock": _interlock,
    "station": _station,
}
"""The checks of a grant, in this order. The verdict on a signed pass will stand before the credential is known."""
