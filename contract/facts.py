"""What the rule is asked: who wants to pass where, what they are granted, and what the device knows besides."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

from contract.demands import NO_DEMAND, Assurance, Demand, PinVerdict
from contract.occupancy import Whereabouts, ZoneCount
from contract.pass_verdicts import PassVerdict
from contract.quantities import Accounts, Allotment
from contract.schedules import ALWAYS, Schedule
from contract.zone_rules import PageZone

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


class Tier(StrEnum):
    """The class of a holder. It bounds how old a roster may be and still speak for them."""

    FOUNDER = "founder"
    STAFF = "staff"
    RESIDENT = "resident"
    MEMBER = "member"
    RIDER = "rider"
    GUEST = "guest"


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
    digits that were keyed with it, ``pass_verdict`` of the signed pass that was shown; None if there were none."""

    point: str
    digest: bytes
    direction: Direction = "in"
    pin: PinVerdict | None = None
    pass_verdict: PassVerdict | None = None


class Grant(Struct, frozen=True):
    """A row of the roster with its references resolved: who may pass where, when. Never a decision.

    ``valid_from_ms`` and ``valid_until_ms`` are a half-open window in UTC milliseconds; 0 is no bound.
    ``points`` maps each point the holder is entitled at to its schedule, ``allotments`` those points whose use is
    rationed to what they are used from. In the zones of ``resets`` the holder may end an emergency or clear a fault. A
    ``slow`` holder needs longer to pass: it says nothing of whether they may. ``override`` lets them into a lockdown
    with their PIN. ``pin`` is its verifier (8 bytes; empty: they have none), and a holder who ``may_signal_duress`` has
    a second one, which tells that they are being forced. ``key`` is the public half of the holder's phone (33 bytes;
    empty: it is no phone). A ``family`` shares its card: nobody can say who of them is inside. What is ``carried`` came
    with a signed pass and stands in no roster.
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
    key: bytes = b""
    family: bool = False
    carried: bool = False


_RESIDENT = Tier.RESIDENT
"""To look a member up in its Enum takes Python 3.11 as long as a whole check."""


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
    that mode is none. While the other door of a pair stands open, this one is ``interlocked``. Where the point leads
    into a zone that counts, ``counted`` is the zone's rule, ``zone_count`` how many are inside (None if nobody knows),
    and ``whereabouts`` where the holder is."""

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
    counted: PageZone | None = None
    zone_count: ZoneCount | None = None
    whereabouts: Whereabouts | None = None


def not_before(facts: Facts, now_ms: int) -> int:
    """The device's wall clock, but no earlier than anything it knows to have been."""
    return max(0, now_ms, facts.clock_floor_ms)
