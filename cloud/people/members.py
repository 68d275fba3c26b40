"""Who is a member of what: memberships, and the rule of the household that shares one."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from msgspec import Struct

from cloud.people.plans import RESIDENT, Plan
from contract.decide import DAY_MS, Standing

MAX_OF_A_PLAN = 8
"""Memberships of one plan that one person may have running or to come. Devices are told of no more: every further one
would repeat the profiles of all plans, until the site page is too large to be delivered to anybody."""
MAX_HELD = 256
"""Memberships of one person that are kept, those that have ended among them."""
ENDED_SHOWN_MS = 90 * DAY_MS
"""How long an ended membership stays in the rosters, so that a refusal can say that it has ended."""


class Member(Struct, frozen=True):
    """A person, as far as rosters speak of them. ``holder`` is all that devices ever know of one. Riders and staff have
    no household."""

    id: int
    holder: bytes
    household: int | None


class Membership(Struct, frozen=True):
    """A plan that a person holds over a half-open window (UTC milliseconds, 0 for no bound)."""

    id: int
    person: int
    plan: str
    payer: bool = False
    from_ms: int = 0
    until_ms: int = 0
    standing: Standing = Standing.ACTIVE

    def worth_telling(self, now_ms: int) -> bool:
        """Whether a roster should still speak of it."""
        return not self.until_ms or now_ms < self.until_ms + ENDED_SHOWN_MS

    def has_ended(self, now_ms: int) -> bool:
        return 0 < self.until_ms <= now_ms

    def overlaps(self, other: "Membership") -> bool:
        """Whether both are the same plan at some moment."""
        starts_first = not other.until_ms or self.from_ms < other.until_ms
        return self.plan == other.plan and starts_first and (not self.until_ms or other.from_ms < self.until_ms)


class Obstacle(StrEnum):
    """Why somebody cannot be given a membership."""

    SAME_PLAN = "same_plan"
    TOO_MANY = "too_many"


def obstacle(held: Sequence[Membership], new: Membership, now_ms: int) -> Obstacle | None:
    """Why a person who holds these cannot be given the new one. A suspended one stands in nobody's way."""
    others = [membership for membership in held if membership.id != new.id]
    if any(membership.standing is Standing.ACTIVE and membership.overlaps(new) for membership in others):
        return Obstacle.SAME_PLAN
    of_plan = sum(membership.plan == new.plan and not membership.has_ended(now_ms) for membership in others)
    return Obstacle.TOO_MANY if of_plan >= MAX_OF_A_PLAN or len(others) >= MAX_HELD else None


def within_bounds(memberships: Iterable[Membership], now_ms: int) -> tuple[list[Membership], int]:
    """Those that devices are told of, and how many are left out: of each plan of each person the ``MAX_OF_A_PLAN`` that
    matter first. Only a database that was written past the rule above holds more."""
    counts: Counter[tuple[int, str]] = Counter()
    worth = sorted(
        (membership for membership in memberships if membership.worth_telling(now_ms)),
        key=lambda membership: _urgency(membership, now_ms),
    )
    kept = []
    for membership in worth:
        counts[membership.person, membership.plan] += 1
        if counts[membership.person, membership.plan] <= MAX_OF_A_PLAN:
            kept.append(membership)
    return kept, len(worth) - len(kept)


def _urgency(membership: Membership, now_ms: int) -> tuple[bool, bool, int, int]:
    """What runs comes before what is to come, the soonest first, and that before what has ended, the latest first."""
    if membership.has_ended(now_ms):
        return membership.standing is not Standing.ACTIVE, True, -membership.until_ms, membership.id
    return membership.standing is not Standing.ACTIVE, False, max(membership.from_ms, now_ms), membership.id


def in_force(
    people: Mapping[int, Member], memberships: Iterable[Membership], plans: Mapping[str, Plan], now_ms: int
) -> dict[int, list[Membership]]:
    """Every person's memberships that devices should know, the best first: that one's refusal is the one people hear.

    Whoever belongs to a household is a resident without any membership. A plan with places admits the payer and the
    family named first, as many as there are places; without a payer it admits nobody.
    """
    of_plans = (membership for membership in memberships if membership.plan in plans)
    bounded, _ = within_bounds((membership for membership in of_plans if membership.person in people), now_ms)
    admitted = _within_places(people, bounded, plans)
    held: dict[int, list[Membership]] = {
        person.id: [Membership(0, person.id, RESIDENT.name)]
        for person in people.values()
        if person.household is not None and RESIDENT.name in plans
    }
    for membership in sorted(admitted, key=_best_first):
        held.setdefault(membership.person, []).append(membership)
    return held


def _within_places(
    people: Mapping[int, Member], memberships: Iterable[Membership], plans: Mapping[str, Plan]
) -> list[Membership]:
    shared: dict[tuple[int | None, str], list[Membership]] = defaultdict(list)
    admitted = []
    for membership in memberships:
        if plans[membership.plan].places is None:
            admitted.append(membership)
        else:
            shared[people[membership.person].household, membership.plan].append(membership)
    for (household, plan), family in shared.items():
        if household is not None and any(membership.payer for membership in family):
            family.sort(key=lambda membership: (not membership.payer, membership.id))
            admitted += family[: plans[plan].places]
    return admitted


def _best_first(membership: Membership) -> tuple[bool, bool, int, int]:
    return membership.standing is not Standing.ACTIVE, membership.until_ms != 0, -membership.until_ms, membership.id
