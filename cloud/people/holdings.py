"""What somebody holds: the plans of their own memberships and of their parties', and the homes among them.

Whoever lives in a flat is a resident without any membership. That holding depends on nothing but the flat, and is all
that somebody keeps who is barred.
"""

from collections.abc import Iterator, Mapping, Sequence
from zoneinfo import ZoneInfo

from msgspec import Struct, structs

from cloud.flats.rule import Flat, Place, places_of_flat
from cloud.parties.party import AT_HOME, PartyKind, PartyMember, Span, by_day, common, earlier, home_span
from cloud.people.members import Member, Membership
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
    """A person with everything that their rows follow from, cards aside. ``bars`` are the spans in which nothing but
    their home is theirs."""

    person: Member
    stays: Sequence[Stay] = ()
    memberships: Sequence[Membership] = ()
    qualifications: Sequence[Qualification] = ()
    bars: Sequence[Span] = ()

    def is_barred(self, now_ms: int) -> bool:
        return any(start <= now_ms and (not end or now_ms < end) for start, end in self.bars)


class Holding(Struct, frozen=True):
    """A plan that somebody has over a window. ``place`` is the place of a flat that it opens there, None for the zones
    that are the same for everybody."""

    plan: Plan
    from_ms: int
    until_ms: int
    standing: Standing = Standing.ACTIVE
    place: Place | None = None


def holdings(who: Holder, plans: Mapping[str, Plan], zone: ZoneInfo, now_ms: int) -> list[Holding]:
    """All that somebody holds, has held or will hold."""
    found = [*_residence(who, plans, zone)]
    if not who.is_barred(now_ms):
        found += _by_membership(who, plans, zone)
    return found


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
        for start, end in _qualified(who, plan, _spans(one, plan, theirs)):
            span = start, earlier(end, who.person.ended_ms)
            yield from _opened(plan, span, one.standing, [stay for stay in theirs if stay.is_home], zone)


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


def _qualified(who: Holder, plan: Plan, spans: Iterator[Span]) -> Iterator[Span]:
    if not plan.qualification:
        yield from spans
        return
    until = [one.until_ms for one in who.qualifications if one.name == plan.qualification]
    for span in spans if until else ():
        shared = common(span, (0, 0 if 0 in until else max(until)))
        if shared is not None:
            yield shared


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
