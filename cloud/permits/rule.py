"""A permit: one timed right with who answers for it, where it leads, and what became of it. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from msgspec import Struct

from cloud.parties.party import Span
from cloud.people.permits import GATES_STAY_MS, lasts
from cloud.permits.kinds import KINDS, KindRule, PermitKind
from contract.decide import DAY_MS, MINUTE_MS

MAX_PER_FLAT = 20
"""Permits that are drawn up for one flat in a day."""
MAX_LIVE = 10_000
"""Permits of a site that count at a time, or will."""
MAX_AHEAD_MS = 366 * DAY_MS
"""How far ahead a permit may begin."""
CODE_DIGITS = range(6, 9)
CODES_PER_LIVE = 10_000
"""So many codes there are for each that counts. The guard at a reader lets about 74 wrong ones a day through, so a
day's guesses succeed at one reader with a chance of less than one in a hundred."""


class PermitState(StrEnum):
    """What has become of a permit."""

    DRAWN = "drawn"
    VALID = "valid"
    INSIDE = "inside"
    LEFT = "left"
    OVERSTAYED = "overstayed"
    OVER = "over"
    ENDED = "ended"


class Turn(StrEnum):
    """What brings a permit from one state to the next. Of turns of one moment the first of these comes first."""

    BEGINS = "begins"
    GOES_IN = "goes_in"
    GOES_OUT = "goes_out"
    RUNS_OUT = "runs_out"
    IS_ENDED = "is_ended"


_DRAWN, _VALID, _INSIDE, _LEFT = PermitState.DRAWN, PermitState.VALID, PermitState.INSIDE, PermitState.LEFT
_OVERSTAYED, _OVER, _ENDED = PermitState.OVERSTAYED, PermitState.OVER, PermitState.ENDED

STATES: Mapping[PermitState, Mapping[Turn, PermitState]] = {
    _DRAWN: {Turn.BEGINS: _VALID, Turn.GOES_IN: _INSIDE, Turn.RUNS_OUT: _OVER, Turn.IS_ENDED: _ENDED},
    _VALID: {Turn.GOES_IN: _INSIDE, Turn.RUNS_OUT: _OVER, Turn.IS_ENDED: _ENDED},
    _INSIDE: {Turn.GOES_OUT: _LEFT, Turn.RUNS_OUT: _OVERSTAYED, Turn.IS_ENDED: _OVERSTAYED},
    _LEFT: {Turn.GOES_IN: _INSIDE, Turn.RUNS_OUT: _OVER, Turn.IS_ENDED: _ENDED},
    _OVERSTAYED: {Turn.GOES_OUT: _OVER},
    _OVER: {Turn.GOES_IN: _OVERSTAYED, Turn.IS_ENDED: _ENDED},
    _ENDED: {Turn.GOES_IN: _OVERSTAYED},
}
"""Which state follows; a turn that is not named changes nothing. Whoever is inside when it ends has overstayed: nobody
is locked in, and a guard looks after them."""
OPEN_STATES = frozenset({_DRAWN, _VALID, _INSIDE, _LEFT})
"""Those in which a permit still counts."""


class Permit(Struct, frozen=True, kw_only=True):
    """A permit as it is stored. ``inviter`` is who answers for it, None for the operator who drew it. ``from_ms`` to
    ``until_ms`` is what was agreed, half-open; margins, ``uses`` and ``clock_ms`` are those of its kind when it was
    drawn, ``made`` the kinds of the credentials that it was drawn up with. ``used_ms`` is the first passage through a
    gate, ``gates_until_ms`` when the first gate shuts at which its uses are used up, ``in_ms`` and ``out_ms`` are the
    last passages; ``left_assumed``: no gate reads who leaves, and they are taken for gone."""

    id: int = 0
    holder: bytes = b""
    kind: PermitKind
    plan: str = ""
    name: str = ""
    flat: str = ""
    inviter: int | None = None
    drawn_by: str = ""
    drawn_ms: int = 0
    from_ms: int
    until_ms: int
    early_ms: int = 0
    late_ms: int = 0
    uses: int = 0
    clock_ms: int = 0
    headcount: int = 1
    plate: str = ""
    made: str = ""
    goods: str = ""
    agreed_by: str = ""
    agreed_ms: int | None = None
    used_ms: int | None = None
    gates_until_ms: int | None = None
    in_ms: int | None = None
    out_ms: int | None = None
    extended_ms: int | None = None
    ended_ms: int | None = None
    ended_by: str = ""
    overstayed_ms: int | None = None
    left_assumed: bool = False

    @property
    def window(self) -> Span:
        """When it opens what it opens, margins and clock included."""
        return lasts(self)

    @property
    def rule(self) -> KindRule:
        return KINDS[self.kind]

    def state(self, now_ms: int) -> PermitState:
        """Its state at that moment: what has happened until then, in the order of the table."""
        state = _DRAWN
        for _, turn in sorted(self._turns(now_ms), key=_order):
            state = STATES[state].get(turn, state)
        return state

    def counts_at(self, now_ms: int) -> bool:
        """Whether it is neither over nor ended."""
        return self.ended_ms is None and now_ms < self.window[1]

    def _turns(self, now_ms: int) -> list[tuple[int, Turn]]:
        from_ms, until_ms = self.window
        moments = (from_ms, self.in_ms, self.out_ms, until_ms, self.ended_ms)
        return [(at, turn) for at, turn in zip(moments, Turn, strict=True) if at is not None and at <= now_ms]


def pass_span(permit: Permit, zone: ZoneInfo, now_ms: int) -> Span:
    """How long a pass of a permit that counts is believed: no longer than the permit; where its clock runs from its
    first use, so long from now on; of any other until midnight, and never more than 24 hours."""
    from_ms, until_ms = permit.window
    from_ms = max(from_ms, now_ms)
    ends_ms = from_ms + permit.clock_ms if permit.clock_ms else day_of(from_ms, zone)[1]
    return from_ms, min(until_ms, ends_ms, from_ms + DAY_MS)


def _order(one: tuple[int, Turn]) -> tuple[int, int]:
    return one[0], list(Turn).index(one[1])


class Passing(Struct, frozen=True):
    """Somebody with a permit went through. ``at_gate``: into the estate, or out of it; ``uses`` is how often they had
    gone in at that gate before."""

    at_ms: int
    direction: str
    at_gate: bool
    uses: int = 0


def after_passage(permit: Permit, passage: Passing) -> dict[str, int]:
    """What a passage changes of a permit. A passage that is told late changes nothing that came after it."""
    if passage.direction == "out":
        # Only who leaves by a gate has left; inner doors lead out into the estate.
        newer = passage.at_gate and passage.at_ms > (permit.out_ms or 0)
        return {"out_ms": passage.at_ms, "left_assumed": False} if newer else {}
    changes = {"in_ms": passage.at_ms} if passage.at_ms > (permit.in_ms or 0) else {}
    if passage.at_gate:
        if permit.used_ms is None or passage.at_ms < permit.used_ms:
            changes["used_ms"] = passage.at_ms
        if uses_up(permit, passage) and permit.gates_until_ms is None:
            changes["gates_until_ms"] = passage.at_ms + GATES_STAY_MS
    return changes


def uses_up(permit: Permit, passage: Passing) -> bool:
    """Whether that was the last use at this gate."""
    is_use = passage.at_gate and passage.direction == "in"
    return is_use and bool(permit.uses) and passage.uses + 1 >= permit.uses


class PermitRefusal(StrEnum):
    """Why a permit cannot be drawn up so."""

    ENDS_EARLY = "ends_early"
    IS_PAST = "is_past"
    TOO_LONG = "too_long"
    TOO_FAR = "too_far"
    NOBODY = "nobody"
    TOO_MANY = "too_many"
    NO_FLAT = "no_flat"
    NO_PLATE = "no_plate"
    NO_GOODS = "no_goods"
    NOT_ITS_OWN = "not_its_own"


def refusal_of(permit: Permit, kinds: Sequence[str], now_ms: int) -> PermitRefusal | None:
    """Why a permit with credentials of these kinds cannot be drawn up so; None if it can."""
    rule, length_ms = permit.rule, permit.until_ms - permit.from_ms
    wrong = {
        PermitRefusal.ENDS_EARLY: length_ms <= 0,
        PermitRefusal.IS_PAST: permit.until_ms <= now_ms,
        PermitRefusal.TOO_LONG: length_ms > rule.most_ms + DST_MS,
        PermitRefusal.TOO_FAR: permit.from_ms > now_ms + MAX_AHEAD_MS,
        PermitRefusal.NOBODY: permit.headcount < 1,
        PermitRefusal.TOO_MANY: permit.headcount > rule.most_people,
        PermitRefusal.NO_FLAT: rule.needs_flat and not permit.flat,
        PermitRefusal.NO_PLATE: rule.needs_plate and not permit.plate,
        PermitRefusal.NO_GOODS: rule.has_goods and not permit.goods,
        PermitRefusal.NOT_ITS_OWN: not rule.credentials.issuperset(kinds),
    }
    return next((refusal for refusal, is_so in wrong.items() if is_so), None)


DST_MS = 60 * MINUTE_MS
"""A day on which clocks are set back is an hour longer, and still a day."""


def usual_end(rule: KindRule, from_ms: int, zone: ZoneInfo) -> int:
    """When a permit of this kind ends that nobody has said more of: after its usual time, or at midnight there."""
    return from_ms + rule.usual_ms if rule.usual_ms else day_of(from_ms, zone)[1]


def day_of(at_ms: int, zone: ZoneInfo) -> Span:
    """The day of a moment there, from midnight to midnight: it may have 23 hours, or 25."""
    day = datetime.fromtimestamp(at_ms / 1000, zone).date()
    midnights = (datetime.combine(one, time(), zone) for one in (day, day + timedelta(days=1)))
    begins_ms, ends_ms = (int(midnight.timestamp()) * 1000 for midnight in midnights)
    return begins_ms, ends_ms


def code_digits(live: int) -> int | None:
    """How many digits a new code has while so many others count; None if there are too many of them."""
    return next((digits for digits in CODE_DIGITS if 10**digits >= CODES_PER_LIVE * (live + 1)), None)
