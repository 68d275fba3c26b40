"""What somebody holds: the plans of their own memberships and of their parties', and the homes among them.

Whoever lives in a flat is a resident without any membership. That holding depends on nothing but the flat. What
somebody holds stays theirs while they may not use it: who is barred, unqualified or one too many is told so.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from zoneinfo import ZoneInfo

from msgspec import Struct, structs

from cloud.flats.rule import Flat, Place, places_of_flat
from cloud.parties.party import (
    AT_HOME,
    PartyKind,
    PartyMember,
    Span,
    by_day,
    common,
    earlier,
    gaps,
    home_span,
    joined,
)
from cloud.people.members import SEVERITY, Member, Membership
from cloud.people.plans import RESIDENT, Plan
from contract.decide import DAY_MS, Standing


class Stay(Struct, frozen=True):
    """Somebody's belonging to a party, with what the party is and its flat. A party that was ended has ended it."""

    member: PartyMember
    kind: PartyKind
    flat: Flat | None = None

    @property
    def is_home(self) -> bool:
        return self.flat is not None and self.member.role in AT_HOME

    def home_span(self, zone: ZoneInfo) -> Span:
        """When its flat is theirs to enter."""
        return home_span(self.member, zone) if self.kind is PartyKind.FLAT else self.member.span


class Qualification(Struct, frozen=True):
    """What a person is qualified for until then (0 for no bound)."""

    person: int
    name: str
    until_ms: int = 0


class Holder(Struct, frozen=True):
    """A person with everything that their rows follow from, cards aside. ``bars`` are the spans in which they enter
    nothing but their home; ``surplus`` those in which they are one more than a plan has places, by party and plan."""

    person: Member
    stays: Sequence[Stay] = ()
    memberships: Sequence[Membership] = ()
    qualifications: Sequence[Qualification] = ()
    bars: Sequence[Span] = ()
    surplus: Mapping[tuple[int | None, str], Sequence[Span]] = {}


class Holding(Struct, frozen=True):
    """A plan that somebody has over a window. ``place`` is the place of a flat that it opens there, None for the zones
    that are the same for everybody."""

    plan: Plan
    from_ms: int
    until_ms: int
    standing: Standing = Standing.ACTIVE
    place: Place | None = None


def holdings(who: Holder, plans: Mapping[str, Plan], zone: ZoneInfo, now_ms: int) -> list[Holding]:
    """All that somebody holds, has held or will hold, in parts where its standing changes."""
    held = [*_residence(who, plans, zone), *_by_membership(who, plans, zone)]
    not_over = [span for span in who.bars if not span[1] or now_ms < span[1]]
    return [*_lowered(held, not_over, Standing.BARRED)]


def standing_now(who: Holder, one: Membership, plans: Mapping[str, Plan], zone: ZoneInfo, now_ms: int) -> Standing:
    """What a membership counts for at that moment, whatever was said of it."""
    held = _lowered(_by_membership(structs.replace(who, memberships=[one]), plans, zone), who.bars, Standing.BARRED)
    running = (part.standing for part in held if part.from_ms <= now_ms and not 0 < part.until_ms <= now_ms)
    return min(running, key=SEVERITY.index, default=one.standing)


def _residence(who: Holder, plans: Mapping[str, Plan], zone: ZoneInfo) -> Iterator[Holding]:
    resident = plans.get(RESIDENT.name)
    ended_ms = None if who.person.ended_ms is None else by_day(who.person.ended_ms, zone)
    for stay in who.stays:
        if resident is not None and stay.is_home and stay.kind is PartyKind.FLAT:
            start, end = stay.home_span(zone)
            yield from _opened(resident, (start, earlier(end, ended_ms)), Standing.ACTIVE, [stay], zone)


def _by_membership(who: Holder, plans: Mapping[str, Plan], zone: ZoneInfo) -> Iterator[Holding]:
    for one in who.memberships:
        plan = plans.get(one.plan)
        if plan is None:
            continue
        theirs = [stay for stay in who.stays if one.party is None or stay.member.party == one.party]
        homes = [stay for stay in theirs if stay.is_home]
        for start, end in _spans(one, plan, theirs):
            whole = _opened(plan, (start, earlier(end, who.person.ended_ms)), one.standing, homes, zone)
            qualified = _lowered(whole, _unqualified(who, plan), Standing.UNQUALIFIED)
            yield from _lowered(qualified, _without_place(who, one), Standing.SURPLUS)


def _spans(one: Membership, plan: Plan, stays: Sequence[Stay]) -> Iterator[Span]:
    """When a membership holds, its days of grace included unless an operator ended it: of a party's, while the holder
    belongs to it."""
    grace_ms = plan.grace_days * DAY_MS
    agreed = one.from_ms, one.until_ms
    if one.party is None or (one.person is not None and not plan.ends_with_stay):
        start, end = _longer(agreed, grace_ms)
        yield start, earlier(end, one.ended_ms)
        return
    for stay in stays:
        shared = common(agreed, (stay.member.from_ms, stay.member.until_ms))
        if shared is not None:
            start, end = _longer(shared, grace_ms)
            yield start, earlier(earlier(end, stay.member.ended_ms), one.ended_ms)


def _longer(span: Span, by_ms: int) -> Span:
    return span[0], span[1] + by_ms if span[1] else 0


def _lowered(held: Iterable[Holding], spans: Sequence[Span], standing: Standing) -> Iterable[Holding]:
    """The same holdings; within these spans their standing is this one, unless it is a worse one already."""
    if not spans:
        return held
    return [part for one in held for part in _cut(one, joined(spans), standing)]


def _cut(one: Holding, spans: Sequence[Span], standing: Standing) -> Iterator[Holding]:
    whole = one.from_ms, one.until_ms
    within = [shared for span in spans if (shared := common(whole, span)) is not None]
    worse = max(one.standing, standing, key=SEVERITY.index)
    for start, end in within:
        yield structs.replace(one, from_ms=start, until_ms=end, standing=worse)
    for start, end in gaps(whole, within):
        yield structs.replace(one, from_ms=start, until_ms=end)


def _unqualified(who: Holder, plan: Plan) -> list[Span]:
    """When somebody lacks the qualification that the plan asks for."""
    if not plan.qualification:
        return []
    return [*gaps(ALWAYS, joined((0, one.until_ms) for one in who.qualifications if one.name == plan.qualification))]


ALWAYS: Span = (0, 0)


def _without_place(who: Holder, one: Membership) -> list[Span]:
    """When a membership has none of the plan's places. Who had none at its end has none in its days of grace."""
    spans = who.surplus.get((one.party, one.plan), ())
    return [(start, 0 if one.end_ms and end >= one.end_ms else end) for start, end in spans]


def _opened(plan: Plan, span: Span, standing: Standing, homes: Sequence[Stay], zone: ZoneInfo) -> Iterator[Holding]:
    """The holding of a plan, and of each place of these flats that it opens, while the flat is their home."""
    if span[1] and span[1] <= span[0]:
        return
    whole = Holding(plan, *span, standing)
    yield whole
    for stay in homes:
        shared = common(span, stay.home_span(zone)) if plan.relative else None
        if shared is not None and stay.flat is not None:
            for place in places_of_flat(stay.flat):
                if place.zone in plan.opens:
                    yield structs.replace(whole, from_ms=shared[0], until_ms=shared[1], place=place)
