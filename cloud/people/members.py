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
    """``holder`` is all that devices ever know of a person. Riders and staff have no household."""

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
    others = [one for one in held if one.id != new.id]
    if any(one.standing is Standing.ACTIVE and one.overlaps(new) for one in others):
        return Obstacle.SAME_PLAN
    of_plan = sum(one.plan == new.plan and not one.has_ended(now_ms) for one in others)
    return Obstacle.TOO_MANY if of_plan >= MAX_OF_A_PLAN or len(others) >= MAX_HELD else None


def within_bounds(memberships: Iterable[Membership], now_ms: int) -> tuple[list[Membership], int]:
    """Those that devices are told of, and how many are left out: of each plan of each person the ``MAX_OF_A_PLAN`` that
    matter first. Only a database that was written past the rule above holds more."""
    counts: Counter[tuple[int, str]] = Counter()
    worth = sorted((one for one in memberships if one.worth_telling(now_ms)), key=lambda one: _urgency(one, now_ms))
    kept = []
    for one in worth:
        counts[one.person, one.plan] += 1
        if counts[one.person, one.plan] <= MAX_OF_A_PLAN:
            kept.append(one)
    return kept, len(worth) - len(kept)


def _urgency(one: Membership, now_ms: int) -> tuple[bool, bool, int, int]:
    """What runs comes before what is to come, the soonest first, and that before what has ended, the latest first."""
    if one.has_ended(now_ms):
        return one.standing is not Standing.ACTIVE, True, -one.until_ms, one.id
    return one.standing is not Standing.ACTIVE, False, max(one.from_ms, now_ms), one.id


def in_force(
    people: Mapping[int, Member], memberships: Iterable[Membership], plans: Mapping[str, Plan], now_ms: int
) -> dict[int, list[Membership]]:
    """Every person's memberships that devices should know, the best first: that one's refusal is the one people hear.

    Whoever belongs to a household is a resident without any membership. A plan with places admits the payer and the
    family named first, as many as there are places; without a payer it admits nobody.
    """
    known, _ = within_bounds((one for one in memberships if one.person in people and one.plan in plans), now_ms)
    admitted = _within_places(people, known, plans)
    held: dict[int, list[Membership]] = {
        person.id: [Membership(0, person.id, RESIDENT.name)]
        for person in people.values()
        if person.household is not None and RESIDENT.name in plans
    }
    for one in sorted(admitted, key=_best_first):
        held.setdefault(one.person, []).append(one)
    return held


def _within_places(
    people: Mapping[int, Member], memberships: Iterable[Membership], plans: Mapping[str, Plan]
) -> list[Membership]:
    shared: dict[tuple[int | None, str], list[Membership]] = defaultdict(list)
    admitted = []
    for one in memberships:
        if plans[one.plan].places is None:
            admitted.append(one)
        else:
            shared[people[one.person].household, one.plan].append(one)
    for (household, plan), family in shared.items():
        if household is not None and any(one.payer for one in family):
            family.sort(key=lambda one: (not one.payer, one.id))
            admitted += family[: plans[plan].places]
    return admitted


def _best_first(one: Membership) -> tuple[bool, bool, int, int]:
    return one.standing is not Standing.ACTIVE, one.until_ms != 0, -one.until_ms, one.id
