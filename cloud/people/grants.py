"""From people to grants: who may pass where, as the rows and the site page that devices understand."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from cloud.people.members import Member, Membership, in_force
from cloud.people.plans import Plan
from contract.decide import Standing
from contract.roster import Rations, Row, SitePage
from contract.schedules import Schedule

_SEVERITY = (Standing.ACTIVE, Standing.SUSPENDED, Standing.LOST)


class Credential(Struct, frozen=True):
    """A card of a person, by its digest (16 bytes)."""

    person: int
    digest: bytes
    standing: Standing = Standing.ACTIVE


class Point(Struct, frozen=True):
    """A door or socket, the zone it leads to or stands in, and the device it is on. ``class_name`` says of what plans
    ration what it is; empty for a door."""

    name: str
    zone: str
    device: str = ""
    class_name: str = ""


class Community(Struct, frozen=True):
    """All that grants depend on. ``zone`` is the IANA name of the site's time zone."""

    zone: str
    plans: Sequence[Plan]
    people: Sequence[Member]
    memberships: Sequence[Membership]
    credentials: Sequence[Credential]
    points: Sequence[Point]
    schedules: Mapping[str, Schedule]


def grants(community: Community, now_ms: int) -> tuple[list[Row], SitePage]:
    """The sorted rows of the whole site, and the page they refer to.

    Every plan is a profile. Who holds a plan twice, last year's and this year's, needs two rows, and a credential has
    one row a profile: so the profiles are repeated as often as anybody needs, and stay where they are otherwise.
    """
    plans = {plan.name: plan for plan in community.plans}
    held = in_force({person.id: person for person in community.people}, community.memberships, plans, now_ms)
    profiles = [_profile(plan, community.points) for plan in community.plans]
    shares = {plan.name: _shares(plan, community.points) for plan in community.plans}
    quotas = [_quota(plan, community.points, shares[plan.name]) for plan in community.plans]
    resets = [sorted(plan.resets) for plan in community.plans]
    repeats = max((_times(membership, many) for many in held.values() for membership in many), default=0) + 1
    rows = sorted(_rows(community, plans, held))
    return rows, SitePage(
        zone=community.zone,
        schedules=dict(community.schedules),
        profiles=profiles * repeats,
        allotments={_allotment(plan, kind): share for plan, held in shares.items() for kind, share in held.items()},
        quotas=quotas * repeats,
        resets=resets * repeats,
    )


def _profile(plan: Plan, points: Sequence[Point]) -> dict[str, str]:
    return {point.name: plan.opens[point.zone] for point in points if point.zone in plan.opens}


def _shares(plan: Plan, points: Sequence[Point]) -> dict[str, Rations]:
    """What each device may give of a plan's allotments, by class. Devices do not ask one another what was used; so that
    all of them together never give more than the plan, each has an even part, rounded down."""
    devices = {kind: {point.device for point in points if point.class_name == kind} for kind in plan.allotments}
    return {
        kind: Rations(ration.minutes // len(devices[kind]), ration.wh // len(devices[kind]))
        for kind, ration in plan.allotments.items()
        if devices[kind]
    }


def _quota(plan: Plan, points: Sequence[Point], shares: Mapping[str, Rations]) -> dict[str, str]:
    """From which allotment each point that the plan opens is used."""
    opened = (point for point in points if point.zone in plan.opens)
    return {point.name: _allotment(plan.name, point.class_name) for point in opened if point.class_name in shares}


def _allotment(plan: str, class_name: str) -> str:
    return f"{plan}-{class_name}"


def _rows(community: Community, plans: Mapping[str, Plan], held: Mapping[int, Sequence[Membership]]) -> Iterator[Row]:
    places = {name: index for index, name in enumerate(plans)}
    holders = {person.id: person.holder for person in community.people}
    for credential in community.credentials:
        many = held.get(credential.person, ())
        for membership in many:
            yield Row(
                digest=credential.digest,
                profile=_times(membership, many) * len(plans) + places[membership.plan],
                holder=holders[membership.person],
                tier=plans[membership.plan].tier,
                standing=max(membership.standing, credential.standing, key=_SEVERITY.index),
                valid_from_s=membership.from_ms // 1000,
                valid_until_s=membership.until_ms // 1000,
            )


def _times(membership: Membership, many: Sequence[Membership]) -> int:
    """How many memberships of the same plan stand before this one."""
    before = many[: many.index(membership)]
    return sum(other.plan == membership.plan for other in before)
