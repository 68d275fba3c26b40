"""From people to grants: who may pass where, as the rows and the site page that devices understand."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from msgspec import Struct

from cloud.people.members import Member, Membership, in_force, next_edge_ms, windows
from cloud.people.plans import Plan
from contract.decide import Standing
from contract.roster import Rations, Row, SitePage, unpack_rows
from contract.schedules import Schedule


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
    """What grants depend on. ``zone`` is the IANA name of the site's time zone. The place of a plan among ``plans`` is
    the number of its profile, which it keeps for good. Of people, either all are there or some whole households, and
    some who have none."""

    zone: str
    plans: Sequence[Plan]
    people: Sequence[Member] = ()
    memberships: Sequence[Membership] = ()
    credentials: Sequence[Credential] = ()
    points: Sequence[Point] = ()
    schedules: Mapping[str, Schedule] = {}


class Compiled(Struct, frozen=True):
    """The rows of one person, packed in their order; when time alone changes them next, and how many windows are left
    out."""

    rows: bytes
    edge_ms: int | None
    left_out: int


def grants(community: Community, now_ms: int) -> tuple[list[Row], SitePage]:
    """The sorted rows of a whole site, and the page they refer to: what all changes together must come to."""
    compiled = compile_people(community, now_ms)
    return sorted(row for one in compiled.values() for row in unpack_rows(one.rows)), compile_site(community)


def compile_people(found: Community, now_ms: int) -> dict[int, Compiled]:
    """The rows of each of these people, by person: one for each card and each window of a plan."""
    by_name = {plan.name: plan for plan in found.plans}
    held = in_force({one.id: one for one in found.people}, found.memberships, by_name, now_ms)
    own: dict[int, list[Membership]] = defaultdict(list)
    for membership in found.memberships:
        own[membership.person].append(membership)
    carried: dict[int, list[Credential]] = defaultdict(list)
    for credential in found.credentials:
        carried[credential.person].append(credential)
    compiled = {}
    for person in found.people:
        rows, left_out = _rows(person, held.get(person.id, ()), carried[person.id], found.plans, now_ms)
        compiled[person.id] = Compiled(
            b"".join(row.pack() for row in rows), next_edge_ms(own[person.id], by_name, now_ms), left_out
        )
    return compiled


def _rows(
    person: Member, held: Sequence[Membership], carried: Sequence[Credential], plans: Sequence[Plan], now_ms: int
) -> tuple[list[Row], int]:
    """Somebody's rows, and how many windows of a plan are too many to be among them."""
    of_plan: dict[str, list[Membership]] = defaultdict(list)
    for membership in held:
        of_plan[membership.plan].append(membership)
    rows, most_left_out = [], 0
    for card in carried:
        for number, plan in enumerate(plans):
            if plan.name not in of_plan:
                continue
            told, left_out = windows(of_plan[plan.name], card.standing, now_ms)
            most_left_out = max(most_left_out, left_out)
            rows += [
                Row(card.digest, number, person.holder, plan.tier, one.standing, one.from_s, one.until_s)
                for one in told
            ]
    return sorted(rows), most_left_out


def compile_site(community: Community) -> SitePage:
    """The page that the rows refer to. Every plan is a profile, once, whoever holds it and how often."""
    plans, points = community.plans, community.points
    shares = {plan.name: _shares(plan, points) for plan in plans}
    return SitePage(
        zone=community.zone,
        schedules=dict(community.schedules),
        profiles=[_profile(plan, points) for plan in plans],
        allotments={_allotment(plan, kind): share for plan, held in shares.items() for kind, share in held.items()},
        quotas=[_quota(plan, points, shares[plan.name]) for plan in plans],
        resets=[sorted(plan.resets) for plan in plans],
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
