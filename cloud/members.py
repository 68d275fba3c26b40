"""Who is a member of what: memberships, and the rule of the household that shares one."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from msgspec import Struct

from cloud.plans import RESIDENT, Plan
from contract.decide import DAY_MS, Standing

ENDED_SHOWN_MS = 90 * DAY_MS
"""How long an ended membership stays in the rosters, so that a refusal can say that it has ended."""


class Person(Struct, frozen=True):
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


def in_force(
    people: Mapping[int, Person], memberships: Iterable[Membership], plans: Mapping[str, Plan], now_ms: int
) -> dict[int, list[Membership]]:
    """Every person's memberships that devices should know, the best first: that one's refusal is the one people hear.

    Whoever belongs to a household is a resident without any membership. A plan with places admits the payer and the
    family named first, as many as there are places; without a payer it admits nobody.
    """
    told = [one for one in memberships if one.person in people and one.plan in plans and one.worth_telling(now_ms)]
    admitted = _within_places(people, told, plans)
    held: dict[int, list[Membership]] = {
        person.id: [Membership(0, person.id, RESIDENT.name)]
        for person in people.values()
        if person.household is not None and RESIDENT.name in plans
    }
    for one in sorted(admitted, key=_best_first):
        held.setdefault(one.person, []).append(one)
    return held


def _within_places(
    people: Mapping[int, Person], memberships: Iterable[Membership], plans: Mapping[str, Plan]
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
