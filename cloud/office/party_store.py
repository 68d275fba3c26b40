"""Parties as console and API show them: who belongs to one, what they hold of its plans, and how many places of each
are taken; and what of all that ends soon."""

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from msgspec import Struct
from sqlalchemy import Connection, func, or_, select

from cloud.office.person_store import cards_of
from cloud.office.rule import LEASE_GRACE_DAYS, LEASE_REMINDERS_DAYS
from cloud.parties.party import MemberRole, Party, PartyKind, PartyMember
from cloud.parties.store import find_parties, find_party, find_party_member, list_party_members, parties_of_people
from cloud.people.members import Membership
from cloud.people.membership_store import labels_of, memberships_that_end
from cloud.people.plans import Plan
from cloud.people.store import list_plans, memberships_of_parties, memberships_of_party
from cloud.people.tables import qualifications
from cloud.people.terms import REMINDERS_DAYS, after_years, due_reminder, term_days, too_many, without_place
from cloud.store.labels import Label
from cloud.store.schema import parties, party_members
from cloud.store.scope import party_seen, scope_of
from contract.decide import DAY_MS, Standing

ENDED_SHOWN_MS = 90 * DAY_MS
"""How long the list of renewals speaks of what has ended."""
MOST_DUE = 500


class PartyLine(Struct, frozen=True):
    """A party in a list, and how many belong to it now."""

    id: int
    kind: PartyKind
    name: Label
    flat: str | None
    members: int


class PartiesPage(Struct, frozen=True):
    """Parties of one page of a list. ``next`` is the cursor of the next page, None at the end."""

    parties: list[PartyLine]
    next: int | None


class MemberView(Struct, frozen=True):
    """Somebody who belongs to a party or did, and the cards they carry."""

    id: int
    person: int
    name: Label
    role: MemberRole
    from_ms: int
    until_ms: int
    ended_ms: int | None
    cards: list[str]

    def is_there(self, now_ms: int) -> bool:
        """Whether they belong to it still: a tenant whose lease has run out does."""
        end = self.until_ms if self.role is not MemberRole.TENANT else 0
        return (self.ended_ms is None or now_ms < self.ended_ms) and (not end or now_ms < end)


class HeldView(Struct, frozen=True):
    """A membership of the party or of one of its people; without a person it is everybody's."""

    id: int
    person: int | None
    name: Label | None
    plan: str
    label: Label
    payer: bool
    from_ms: int
    end_ms: int
    standing: Standing


class PlanUse(Struct, frozen=True):
    """How many of a plan's places are taken now, and by whom; ``surplus`` are those of them for whom there is none."""

    plan: str
    label: Label
    places: int
    names: list[Label]
    surplus: list[Label]

    @property
    def taken(self) -> int:
        return len(self.names)


class PartyView(Struct, frozen=True):
    """A party with all that the office knows of it."""

    id: int
    kind: PartyKind
    name: Label
    flat: str | None
    created_ms: int
    ended_ms: int | None
    members: list[MemberView]
    memberships: list[HeldView]
    uses: list[PlanUse]


class PersonParty(Struct, frozen=True):
    """A party that somebody belongs to or did, with what they are in it, and the plans that everybody of it holds."""

    party: int
    kind: PartyKind
    name: Label
    member: PartyMember
    plans: list[Label]


class DueLine(Struct, frozen=True):
    """What ends soon or has ended: a membership, a qualification, or a tenant's lease. ``days`` is the reminder that is
    due, 0 once it is over. ``is_over_grace`` says that nothing more is waited for. ``member`` is the tenant's place in
    the household, and ``renewed_ms`` the end of a lease that is renewed for a year."""

    person: int | None
    party: int | None
    name: Label
    plan: str
    label: Label | None
    until_ms: int
    days: int
    is_over_grace: bool
    membership: int = 0
    qualification: str = ""
    member: int = 0
    renewed_ms: int = 0


def list_parties(
    connection: Connection, site: str, *, kind: str = "", text: str = "", after: int = 0, limit: int = 50
) -> PartiesPage:
    """Parties that were not ended, in the order they were made: of one kind, whose name or flat holds the text."""
    query = select(parties).where(parties.c.site == site, parties.c.ended_ms.is_(None), parties.c.id > after)
    query = query.where(party_seen(connection, parties.c.id))
    if kind:
        query = query.where(parties.c.kind == kind)
    if text:
        fields = parties.c.name_zh, parties.c.name_en, parties.c.flat
        query = query.where(or_(*(field.contains(text, autoescape=True) for field in fields)))
    rows = connection.execute(query.order_by(parties.c.id).limit(limit + 1)).all()
    mine = (party_members.c.site == site) & party_members.c.party_id.in_([row.id for row in rows])
    counted = select(party_members.c.party_id, func.count(func.distinct(party_members.c.person_id)))
    members = counted.where(mine, party_members.c.ended_ms.is_(None)).group_by(party_members.c.party_id)
    counts: Mapping[int, int] = {row[0]: row[1] for row in connection.execute(members)}
    lines = [
        PartyLine(row.id, PartyKind(row.kind), Label(row.name_zh, row.name_en), row.flat, counts.get(row.id, 0))
        for row in rows
    ]
    return PartiesPage(lines[:limit], lines[limit - 1].id if len(lines) > limit else None)


def view_party(connection: Connection, site: str, party: int, now_ms: int) -> PartyView | None:
    found = find_party(connection, site, party) if scope_of(connection).sees_party(party) else None
    if found is None:
        return None
    members, held = list_party_members(connection, site, party), memberships_of_party(connection, party)
    ids = {one.person for one in members}
    names = labels_of(connection, ids | {one.person for one in held if one.person})
    plans, cards = {plan.name: plan for plan in list_plans(connection)}, cards_of(connection, ids)
    return PartyView(
        found.id,
        found.kind,
        _label(found),
        found.flat,
        found.created_ms,
        found.ended_ms,
        [_member(one, names[one.person], cards.get(one.person, ())) for one in members],
        [_held(one, plans[one.plan], names) for one in held],
        _uses(held, members, plans, names, now_ms),
    )


def _member(one: PartyMember, name: Label, cards: Sequence[str]) -> MemberView:
    window = one.from_ms, one.until_ms, one.ended_ms
    return MemberView(one.id, one.person, name, one.role, *window, list(cards))


def _held(one: Membership, plan: Plan, names: Mapping[int, Label]) -> HeldView:
    name = None if one.person is None else names[one.person]
    window = one.from_ms, one.end_ms
    return HeldView(one.id, one.person, name, one.plan, plan.label, one.payer, *window, one.standing)


def _uses(
    held: Sequence[Membership],
    members: Sequence[PartyMember],
    plans: Mapping[str, Plan],
    names: Mapping[int, Label],
    now_ms: int,
) -> list[PlanUse]:
    uses = []
    for plan in (plans[name] for name in dict.fromkeys(one.plan for one in held)):
        if plan.places is not None:
            running = [one for one in held if one.plan == plan.name and one.from_ms <= now_ms]
            holders = too_many(running, members, 0, now_ms)
            late = without_place(running, plan.places, now_ms)
            listed = ([names[one] for one in some if one in names] for some in (holders, late))
            uses.append(PlanUse(plan.name, plan.label, plan.places, *listed))
    return uses


def party_of_member(connection: Connection, site: str, member: int) -> int | None:
    """Which party a member's row is of; None if there is no such row."""
    found = find_party_member(connection, site, member)
    return None if found is None else found.party


def parties_of_person(connection: Connection, site: str, person: int) -> list[PersonParty]:
    """Every party that somebody belongs to or did, and which plans everybody of it holds."""
    plans = {plan.name: plan.label for plan in list_plans(connection)}
    belongs = parties_of_people(connection, site, [person])
    held = memberships_of_parties(connection, sorted({party.id for _, party in belongs}))
    found = []
    for member, party in belongs:
        shared = [one for one in held if one.party == party.id and one.person is None]
        labels = [plans[name] for name in dict.fromkeys(one.plan for one in shared)]
        found.append(PersonParty(party.id, party.kind, _label(party), member, labels))
    return found


def _label(party: Party) -> Label:
    return Label(party.name_zh, party.name_en)


def list_due(connection: Connection, site: str, now_ms: int, zone: ZoneInfo) -> list[DueLine]:
    """What is to be renewed or ended: what ends within the longest reminder, what ended and was not renewed, leases
    that ran out, and qualifications; ``MOST_DUE`` of each. The first to end comes first."""
    lines = [
        *_memberships_due(connection, site, now_ms, zone),
        *_leases_due(connection, site, now_ms, zone),
        *_qualifications_due(connection, site, now_ms, zone),
    ]
    return sorted(lines, key=lambda line: (line.until_ms, line.name.en))


def _memberships_due(connection: Connection, site: str, now_ms: int, zone: ZoneInfo) -> list[DueLine]:
    plans = {plan.name: plan for plan in list_plans(connection) if term_days(plan) is not None}
    ahead_ms = max((max(_reminders(plan)) for plan in plans.values()), default=0) * DAY_MS
    ending = memberships_that_end(connection, now_ms - ENDED_SHOWN_MS, now_ms + ahead_ms + DAY_MS, MOST_DUE)
    people = labels_of(connection, {one.person for one in ending if one.person is not None})
    parties = find_parties(connection, site, sorted({one.party for one in ending if one.party}))
    lines = []
    for one in ending:
        plan, party = plans.get(one.plan), parties.get(one.party or 0)
        name = people.get(one.person or 0) or (_label(party) if party else None)
        days = due_reminder(one.until_ms, _reminders(plan), now_ms, zone) if plan else None
        if plan is not None and name is not None and days is not None:
            over = one.until_ms + plan.grace_days * DAY_MS <= now_ms
            window = one.until_ms, days, over
            lines.append(DueLine(one.person, one.party, name, one.plan, plan.label, *window, one.id))
    return lines


def _reminders(plan: Plan) -> tuple[int, ...]:
    return plan.reminder_days or REMINDERS_DAYS


def _leases_due(connection: Connection, site: str, now_ms: int, zone: ZoneInfo) -> list[DueLine]:
    query = (
        select(party_members.c.id, party_members.c.person_id, party_members.c.party_id, party_members.c.until_ms)
        .join(parties, parties.c.id == party_members.c.party_id)
        .where(party_members.c.site == site, parties.c.kind == PartyKind.FLAT, parties.c.ended_ms.is_(None))
        .where(party_members.c.role == MemberRole.TENANT, party_members.c.ended_ms.is_(None))
        .where(party_members.c.until_ms.between(1, now_ms + max(LEASE_REMINDERS_DAYS) * DAY_MS + DAY_MS))
    )
    rows = connection.execute(query.order_by(party_members.c.until_ms).limit(MOST_DUE)).all()
    names = labels_of(connection, {row.person_id for row in rows})
    lines = []
    for row in rows:
        days = due_reminder(row.until_ms, LEASE_REMINDERS_DAYS, now_ms, zone)
        if days is not None:
            over = row.until_ms + LEASE_GRACE_DAYS * DAY_MS <= now_ms
            window = row.until_ms, days, over
            again = {"member": row.id, "renewed_ms": after_years(row.until_ms, 1, zone)}
            lines.append(DueLine(row.person_id, row.party_id, names[row.person_id], "", None, *window, **again))
    return lines


def _qualifications_due(connection: Connection, site: str, now_ms: int, zone: ZoneInfo) -> list[DueLine]:
    window = now_ms - ENDED_SHOWN_MS, now_ms + (max(REMINDERS_DAYS) + 1) * DAY_MS
    query = select(qualifications.c.person_id, qualifications.c.name, qualifications.c.until_ms)
    mine = query.where(qualifications.c.site == site, qualifications.c.until_ms.between(*window))
    rows = connection.execute(mine.order_by(qualifications.c.until_ms).limit(MOST_DUE)).all()
    names = labels_of(connection, {row.person_id for row in rows})
    lines = []
    for row in rows:
        days = due_reminder(row.until_ms, REMINDERS_DAYS, now_ms, zone)
        if days is not None:
            ends = row.until_ms, days, row.until_ms <= now_ms
            lines.append(DueLine(row.person_id, None, names[row.person_id], "", None, *ends, qualification=row.name))
    return lines
