"""Parties and their members, and for how long somebody belongs to one. Pure.

A span is half-open UTC milliseconds, and 0 is no bound.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from msgspec import Struct

Span = tuple[int, int]
NIGHT_ENDS, NIGHT_BEGINS = time(8), time(22)
"""Between these hours of the site a home may end: nobody is locked out at night."""


class PartyKind(StrEnum):
    """What a party is."""

    FLAT = "flat"
    COMPANY = "company"
    CLUB = "club"
    CLASS = "class"
    CREW = "crew"


class MemberRole(StrEnum):
    """What somebody is in a party."""

    OWNER = "owner"
    PAYER = "payer"
    ADULT = "adult"
    CHILD = "child"
    TENANT = "tenant"
    COLLECTOR = "collector"
    ADMIN = "admin"
    HELPER = "helper"


AT_HOME = frozenset(MemberRole) - {MemberRole.COLLECTOR, MemberRole.ADMIN}
"""The roles of those whose home a flat is."""


class Party(Struct, frozen=True):
    """People who belong together. ``flat`` names the flat of theirs, where they have one."""

    id: int
    kind: PartyKind
    name_zh: str
    name_en: str
    flat: str | None = None
    created_ms: int = 0
    ended_ms: int | None = None


class PartyMember(Struct, frozen=True):
    """Somebody in a party. ``until_ms`` is what was agreed, of a tenant the end of the lease; ``ended_ms`` is when an
    operator ended it, whatever was agreed."""

    id: int
    party: int
    person: int
    role: MemberRole
    from_ms: int = 0
    until_ms: int = 0
    ended_ms: int | None = None

    @property
    def span(self) -> Span:
        """When somebody belongs to the party, for all but the home."""
        return self.from_ms, earlier(self.until_ms, self.ended_ms)


def home_span(member: PartyMember, zone: ZoneInfo) -> Span:
    """When a flat is the home of a member. A lease that runs out ends no home: an operator does, and never at night.
    For other roles the agreed end is an operator's own word."""
    agreed_ms = 0 if member.role is MemberRole.TENANT else member.until_ms
    return member.from_ms, by_day(earlier(agreed_ms, member.ended_ms), zone)


def by_day(until_ms: int, zone: ZoneInfo) -> int:
    """The first moment from then on that is not at night in the zone of the site."""
    if not until_ms:
        return 0
    local = datetime.fromtimestamp(until_ms / 1000, zone)
    if NIGHT_ENDS <= local.time() < NIGHT_BEGINS:
        return until_ms
    day = local.date() + timedelta(days=local.time() >= NIGHT_BEGINS)
    return int(datetime.combine(day, NIGHT_ENDS, zone).timestamp()) * 1000


def earlier(until_ms: int, ended_ms: int | None) -> int:
    """The earlier of two ends; 0 and None are none."""
    return min(until_ms, ended_ms) if until_ms and ended_ms is not None else until_ms or ended_ms or 0


def common(one: Span, other: Span) -> Span | None:
    """The span that two share; None if they share no moment."""
    start, end = max(one[0], other[0]), earlier(one[1], other[1] or None)
    return None if end and end <= start else (start, end)


def joined(spans: Iterable[Span]) -> list[Span]:
    """The same moments in as few spans as there can be, the first of them first."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and (not found[-1][1] or start <= found[-1][1]):
            before = found[-1]
            found[-1] = before[0], max(before[1], end) if before[1] and end else 0
        else:
            found.append((start, end))
    return found


def gaps(within: Span, spans: Iterable[Span]) -> Iterator[Span]:
    """What is left of a span between these, which lie in it one behind the other."""
    start, end = within
    for one in spans:
        if start < one[0]:
            yield start, one[0]
        if not one[1]:
            return
        start = one[1]
    if not end or start < end:
        yield start, end
