"""What an access decision rested on, as its event carries it: one short field of bytes.

The cloud has kept every page of the roster that is named here. All else that the rule weighed stands here too, so that
the cloud can decide once more and compare, and say later why it was so. Nobody is named: the field stays when an event
is erased.

Its bytes, the numbers big-endian: the form (1), the version of the rule (1), the number of the roster (4), the state of
the point (2, see ``_STATE``), the last 24 bits of the device's clock (3), the first two bytes of the site page's hash
(2), the age of the roster in milliseconds (4), how long ago the clock floor was (2, seconds), and how far the clock may
be off (1, seconds). What is larger than fits is written as the largest number, which the rule weighs alike. Where the
use of an allotment was weighed, or the point was reserved, msgpack of ``_More`` follows; where a signed pass was, or a
zone that counts, that of ``_All``.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct, msgpack

from contract.codec import UNREADABLE, Malformed
from contract.decide import Direction, Facts, Grant, Mode, Request, Standing, Tier, Trust, not_before
from contract.demands import NO_DEMAND, Assurance, Demand, PinVerdict
from contract.occupancy import Whereabouts, ZoneCount
from contract.pass_verdicts import PassVerdict
from contract.quantities import MAX_PARTS, Account, Accounts, Unit
from contract.schedules import ALWAYS
from contract.zone_rules import PageZone

FORM = 1
FIELD = "facts"
"""What the field is called in an event's data."""

_HEAD = struct.Struct(">BBIHBHHIHB")
_NO_ROSTER, _OLDEST_MS = 0xFFFF_FFFF, 0xFFFF_FFFE
_UNKNOWN_ERROR, _MOST_ERROR_S = 0xFF, 0xFE
_MOST_16, _MOST_32 = 0xFFFF, 0xFFFF_FFFF
_CLOCK_TURNS_MS = 1 << 24
"""The clock is read again from the event's own time, which is at most a few seconds later than the decision's."""

_STATE = ("out", "free_exit", "busy", "faulted", "roster_damaged", "offline", "can_be_held", "interlocked")
"""The bits of the state, from the lowest; above them two of the clock's trust, two of the mode, three of the PIN."""
_TRUSTS, _MODES = tuple(Trust), tuple(Mode)
_PINS = (None, *PinVerdict)
_TRUST_BITS = {trust: place << 8 for place, trust in enumerate(_TRUSTS)}
_MODE_BITS = {mode: place << 10 for place, mode in enumerate(_MODES)}
_PIN_BITS = {pin: place << 12 for place, pin in enumerate(_PINS)}

NOBODY, ANOTHER, FIRST_GRANT = 0, 1, 2
_SOMEBODY_ELSE = b"\xff"
"""In the place of a holder who is not named. No holder has this length."""


class InUse(Struct, frozen=True):
    """The roster that a decision rests on: its number, and the hash of the site page that the device has of it. Before
    the first roster they are 0 and empty."""

    number: int
    site_page: bytes


class _More(Struct, array_like=True):
    """What few decisions rest on. ``reserved`` is ``NOBODY``, ``ANOTHER``, or from ``FIRST_GRANT`` on the grant whose
    holder the point was reserved for; ``used`` is, by allotment and unit, what was used, the allowance, and whether
    that is closed."""

    reserved: int
    used: dict[str, dict[Unit, tuple[int, int, bool]]] | None


class Carried(Struct, array_like=True, frozen=True):
    """What a carried pass grants, for it stands in no roster: to which tier, when (UTC milliseconds), and whether here.
    It does not say to whom."""

    tier: Tier
    valid_from_ms: int
    valid_until_ms: int
    here: bool

    def grant(self, point: str) -> Grant:
        points = {point: ALWAYS} if self.here else {}
        window = self.valid_from_ms, self.valid_until_ms
        return Grant(_NO_HOLDER, self.tier, points, Standing.ACTIVE, *window, assurance=Assurance.SIGNED, carried=True)


class _All(_More):
    """What fewer still rest on. ``where`` is whether the holder was inside, and for how long (milliseconds)."""

    verdict: PassVerdict | None = None
    carried: Carried | None = None
    count: tuple[int, int, int, bool] | None = None
    where: tuple[bool | None, int | None] | None = None


_read_more = msgpack.Decoder(_All).decode
_NO_HOLDER = bytes(8)


class RecordedFacts(Struct, frozen=True):
    """What a decision rested on beside the pages of its roster. ``now_ms`` is the device's clock, never earlier than
    its floor; ``floor_age_s`` says how long before it the floor was, ``error_s`` how far it may have been off (None:
    nobody knows). ``site_page`` are two bytes of that page's hash. ``pin`` is for the rule alone: nobody is shown that
    somebody was forced."""

    rule: int
    roster: int
    direction: Direction
    now_ms: int
    clock: Trust
    floor_age_s: int
    error_s: int | None
    roster_age_ms: int | None
    site_page: bytes
    mode: Mode
    pin: PinVerdict | None
    free_exit: bool
    busy: bool
    faulted: bool
    roster_damaged: bool
    offline: bool
    can_be_held: bool
    interlocked: bool
    reserved: int
    used: Mapping[str, Accounts] | None
    pass_verdict: PassVerdict | None
    carried: Carried | None
    zone_count: ZoneCount | None
    whereabouts: Whereabouts | None

    @property
    def issued_ms(self) -> int | None:
        """When the roster was issued; None where that does not follow: there was none, its age was not written in
        full, or the clock was behind it."""
        age_ms = self.roster_age_ms
        return None if age_ms is None or not 0 < age_ms < _OLDEST_MS else self.now_ms - age_ms

    def request(self, point: str, digest: bytes) -> Request:
        return Request(point, digest, self.direction, self.pin, self.pass_verdict)

    def grants(self, point: str, held: Sequence[Grant]) -> Sequence[Grant]:
        """What was weighed: that of the pass, or what the roster grants."""
        return held if self.carried is None else [self.carried.grant(point)]

    def facts(
        self,
        zone: ZoneInfo,
        grants: Sequence[Grant],
        demand: Demand = NO_DEMAND,
        counted: PageZone | None = None,
    ) -> Facts:
        """The facts as the rule weighs them, together with what the roster says."""
        return Facts(
            zone=zone,
            clock=self.clock,
            clock_floor_ms=0,
            roster_age_ms=self.roster_age_ms,
            free_exit=self.free_exit,
            busy=self.busy,
            faulted=self.faulted,
            mode=self.mode,
            roster_damaged=self.roster_damaged,
            offline=self.offline,
            used=self.used,
            reserved_for=_reserved_for(self.reserved, grants),
            can_be_held=self.can_be_held,
            demand=demand,
            interlocked=self.interlocked,
            counted=counted,
            zone_count=self.zone_count,
            whereabouts=self.whereabouts,
        )


def pack_facts(
    request: Request,
    grants: Sequence[Grant],
    facts: Facts,
    now_ms: int,
    rule: int,
    roster: InUse,
    error_ms: int | None,
) -> bytes:
    """The field of a decision that rested on these. Total: it has bytes for every value of its arguments."""
    now_ms = not_before(facts, now_ms)
    age_ms = facts.roster_age_ms
    # Written out, for somebody waits at the door: a loop over the bits takes longer than all the rest.
    state = (
        (request.direction == "out")
        | facts.free_exit << 1
        | facts.busy << 2
        | facts.faulted << 3
        | facts.roster_damaged << 4
        | facts.offline << 5
        | facts.can_be_held << 6
        | facts.interlocked << 7
        | _TRUST_BITS[facts.clock]
        | _MODE_BITS[facts.mode]
        | _PIN_BITS[request.pin]
    )
    head = _HEAD.pack(
        FORM,
        rule,
        min(roster.number, _MOST_32),
        state,
        now_ms >> 16 & 0xFF,
        now_ms & 0xFFFF,
        int.from_bytes(roster.site_page[:2], "big"),
        _NO_ROSTER if age_ms is None else min(max(0, age_ms), _OLDEST_MS),
        min((now_ms - facts.clock_floor_ms) // 1000, _MOST_16),
        _UNKNOWN_ERROR if error_ms is None else min(-(-max(0, error_ms) // 1000), _MOST_ERROR_S),
    )
    is_plain = request.pass_verdict is None and facts.counted is None
    if is_plain and facts.used == {} and not facts.reserved_for:
        return head
    more = _reserved(facts, grants), _in_tuples(facts.used)
    if is_plain:
        return head + msgpack.encode(_More(*more))
    all_of_it = _All(*more, request.pass_verdict, _carried(request, grants), _count(facts), _where(facts, now_ms))
    return head + msgpack.encode(all_of_it)


def unpack_facts(field: bytes, at_ms: int) -> RecordedFacts:
    """The facts in the event of that time. Raises ``Malformed``."""
    if len(field) < _HEAD.size or field[0] != FORM:
        raise Malformed(f"facts of {len(field)} bytes")
    _, rule, roster, state, high, low, site_page, age_ms, floor_age_s, error_s = _HEAD.unpack_from(field)
    trust, mode, pin = state >> 8 & 0b11, state >> 10 & 0b11, state >> 12
    if trust >= len(_TRUSTS) or pin >= len(_PINS):
        raise Malformed(f"facts of clock {trust} and PIN {pin}")
    more, clock_ms = _more(field[_HEAD.size :]), _nearest(high << 16 | low, at_ms)
    bits = {name: bool(state >> place & 1) for place, name in enumerate(_STATE)}
    direction: Direction = "out" if bits.pop("out") else "in"
    return RecordedFacts(
        rule=rule,
        roster=roster,
        direction=direction,
        now_ms=clock_ms,
        clock=_TRUSTS[trust],
        floor_age_s=floor_age_s,
        error_s=None if error_s == _UNKNOWN_ERROR else error_s,
        roster_age_ms=None if age_ms == _NO_ROSTER else age_ms,
        site_page=site_page.to_bytes(2, "big"),
        mode=_MODES[mode],
        pin=_PINS[pin],
        reserved=more.reserved,
        used=_in_accounts(more.used),
        pass_verdict=more.verdict,
        carried=more.carried,
        zone_count=None if more.count is None else ZoneCount(*more.count),
        whereabouts=_whereabouts(more.where, clock_ms),
        **bits,
    )


def facts_in(data: Mapping[str, Any], at_ms: int) -> RecordedFacts | None:
    """The facts in the data of an event of that time; None where it has none, as events of older software. Raises
    ``Malformed``."""
    field = data.get(FIELD)
    if field is None:
        return None
    if not isinstance(field, bytes):
        raise Malformed(f"facts that are no bytes: {type(field).__name__}")
    return unpack_facts(field, at_ms)


def spelled_out(data: Mapping[str, Any]) -> dict[str, Any]:
    """The data of an event as people and programs read it: direction, roster and rule in the place of the facts, as
    events of older software have them."""
    if FIELD not in data:
        return dict(data)
    rest = {name: value for name, value in data.items() if name != FIELD}
    try:
        facts = facts_in(data, 0)
    except Malformed:
        facts = None
    return rest if facts is None else rest | {"direction": facts.direction, "roster": facts.roster, "rule": facts.rule}


def _nearest(last_bits: int, at_ms: int) -> int:
    """The time nearest to ``at_ms`` that ends in these bits."""
    half = _CLOCK_TURNS_MS // 2
    return at_ms + (last_bits - at_ms + half) % _CLOCK_TURNS_MS - half


def _reserved(facts: Facts, grants: Sequence[Grant]) -> int:
    if not facts.reserved_for:
        return NOBODY
    places = (place for place, grant in enumerate(grants, FIRST_GRANT) if grant.holder == facts.reserved_for)
    return next(places, ANOTHER)


def _reserved_for(reserved: int, grants: Sequence[Grant]) -> bytes:
    if reserved == NOBODY:
        return b""
    place = reserved - FIRST_GRANT
    return grants[place].holder if 0 <= place < len(grants) else _SOMEBODY_ELSE


def _carried(request: Request, grants: Sequence[Grant]) -> Carried | None:
    passes = (grant for grant in grants if grant.carried)
    return next(
        (Carried(one.tier, one.valid_from_ms, one.valid_until_ms, request.point in one.points) for one in passes), None
    )


def _count(facts: Facts) -> tuple[int, int, int, bool] | None:
    count = facts.zone_count
    if facts.counted is None or count is None:
        return None
    return _parts(count.inside), _parts(count.count_doubt), _parts(count.names_doubt), count.is_fresh


def _where(facts: Facts, now_ms: int) -> tuple[bool | None, int | None] | None:
    where = facts.whereabouts
    if facts.counted is None or where is None:
        return None
    return where.is_inside, None if where.since_ms is None else _parts(now_ms - where.since_ms)


def _whereabouts(where: tuple[bool | None, int | None] | None, now_ms: int) -> Whereabouts | None:
    if where is None:
        return None
    is_inside, for_ms = where
    return Whereabouts(is_inside, None if for_ms is None else now_ms - for_ms)


def _in_tuples(used: Mapping[str, Accounts] | None) -> dict[str, dict[Unit, tuple[int, int, bool]]] | None:
    if used is None:
        return None
    return {
        name: {unit: (_parts(one.used), _parts(one.allowance), one.closed) for unit, one in accounts.items()}
        for name, accounts in used.items()
    }


def _in_accounts(used: dict[str, dict[Unit, tuple[int, int, bool]]] | None) -> Mapping[str, Accounts] | None:
    if used is None:
        return None
    return {name: {unit: Account(*numbers) for unit, numbers in accounts.items()} for name, accounts in used.items()}


def _parts(number: int) -> int:
    """No quantity has more parts than this, so that more is nothing else to the rule."""
    return min(max(number, -MAX_PARTS), MAX_PARTS)


def _more(packed: bytes) -> _All:
    """Raises ``Malformed``."""
    if not packed:
        return _All(NOBODY, {})
    try:
        return _read_more(packed)
    except UNREADABLE as wrong:
        raise Malformed(f"facts: {wrong}") from None
