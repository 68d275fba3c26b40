"""Parties as console and API show them: who belongs to one, what they hold of its plans, and how many places of each
are taken; and what of all that ends soon."""

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from msgspec import Struct
from sqlalchemy import Connection, func, or_, select

from cloud.office.person_store import cards_in_use
from cloud.office.rule import LEASE_GRACE_DAYS, LEASE_REMINDERS_DAYS
from cloud.parties.party import MemberRole, Party, PartyKind, PartyMember
from cloud.parties.store import find_party, list_party_members, parties_of_people
from cloud.people.members import Membership
from cloud.people.membership_store import find_plan, labels_of, memberships_that_end
from cloud.people.store import memberships_of_party
from cloud.people.terms import REMINDERS_DAYS, due_reminder, term_days, too_many
from cloud.store.labels import Label
from cloud.store.schema import parties, party_members
from contract.decide import DAY_MS, Standing

ENDED_SHOWN_MS = 90 * DAY_MS
"""How long the list of renewals speaks of what has ended."""


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
    """How many of a plan's places are taken now, and by whom."""

    plan: str
    label: Label
    places: int
    names: list[Label]

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
    """A party that somebody belongs to or did, with what they are in it."""

    party: int
    kind: PartyKind
    name: Label
    member: PartyMember


class DueLine(Struct, frozen=True):
    """What ends soon or has ended: a membership, or a tenant's lease. ``days`` is the reminder that is due, 0 once it
    is over. ``is_over_grace`` says that nothing more is waited for."""

    person: int | None
    party: int | None
    name: Label
    plan: str
    label: Label | None
    until_ms: int
    days: int
    is_over_grace: bool
    membership: int = 0


def list_parties(
    connection: Connection, site: str, *, kind: str = "", text: str = "", after: int = 0, limit: int = 50
) -> PartiesPage:
    """Parties that were not ended, in the order they were made: of one kind, whose name or flat holds the text."""
    query = select(parties).where(parties.c.site == site, parties.c.ended_ms.is_(None), parties.c.id > after)
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
    found = find_party(connection, site, party)
    if found is None:
        return None
    members, held = list_party_members(connection, site, party), memberships_of_party(connection, party)
    names = labels_of(connection, {one.person for one in members} | {one.person for one in held if one.person})
    return PartyView(
        found.id,
        found.kind,
        Label(found.name_zh, found.name_en),
        found.flat,
        found.created_ms,
        found.ended_ms,
        [
            MemberView(
                one.id,
                one.person,
                names[one.person],
                one.role,
                one.from_ms,
                one.until_ms,
                one.ended_ms,
                [label for _, label in cards_in_use(connection, one.person)],
            )
            for one in members
        ],
        [_held(connection, one, names) for one in held],
        _uses(connection, held, members, names, now_ms),
    )


def _held(connection: Connection, one: Membership, names: Mapping[int, Label]) -> HeldView:
    plan = find_plan(connection, one.plan)
    label = plan.label if plan else Label(one.plan, one.plan)
    name = None if one.person is None else names[one.person]
    window = one.from_ms, one.end_ms
    return HeldView(one.id, one.person, name, one.plan, label, one.payer, *window, one.standing)


def _uses(
    connection: Connection,
    held: Sequence[Membership],
    members: Sequence[PartyMember],
    names: Mapping[int, Label],
    now_ms: int,
) -> list[PlanUse]:
    uses = []
    for name in dict.fromkeys(one.plan for one in held):
        plan = find_plan(connection, name)
        if plan is not None and plan.places is not None:
            running = [one for one in held if one.plan == name and one.from_ms <= now_ms]
            holders = too_many(running, members, 0, now_ms)
            uses.append(PlanUse(name, plan.label, plan.places, [names[one] for one in holders if one in names]))
    return uses


def parties_of_person(connection: Connection, site: str, person: int) -> list[PersonParty]:
    """Every party that somebody belongs to or did."""
    found = parties_of_people(connection, site, [person])
    return [PersonParty(party.id, party.kind, _label(party), member) for member, party in found]


def _label(party: Party) -> Label:
    return Label(party.name_zh, party.name_en)


def list_due(connection: Connection, site: str, now_ms: int, zone: ZoneInfo) -> list[DueLine]:
    """What is to be renewed or ended: what ends within the longest reminder, what ended and was not renewed, and leases
    that ran out. The first to end comes first."""
    lines = [*_memberships_due(connection, now_ms, zone), *_leases_due(connection, site, now_ms, zone)]
    return sorted(lines, key=lambda line: (line.until_ms, line.name.en))


def _memberships_due(connection: Connection, now_ms: int, zone: ZoneInfo) -> list[DueLine]:
    ending = memberships_that_end(connection, now_ms - ENDED_SHOWN_MS, now_ms + 400 * DAY_MS)
    last = {(one.person, one.party, one.plan): one for one in ending}
    names = labels_of(connection, {one.person for one in last.values() if one.person is not None})
    lines = []
    for one in last.values():
        plan = find_plan(connection, one.plan)
        if plan is None or term_days(plan) is None or one.person not in names:
            continue
        days = due_reminder(one.until_ms, plan.reminder_days or REMINDERS_DAYS, now_ms, zone)
        if days is not None:
            over = one.until_ms + plan.grace_days * DAY_MS <= now_ms
            name, window = names[one.person], (one.until_ms, days, over)
            lines.append(DueLine(one.person, one.party, name, one.plan, plan.label, *window, one.id))
    return lines


def _leases_due(connection: Connection, site: str, now_ms: int, zone: ZoneInfo) -> list[DueLine]:
    query = (
        select(party_members.c.person_id, party_members.c.party_id, party_members.c.until_ms)
        .join(parties, parties.c.id == party_members.c.party_id)
        .where(party_members.c.site == site, parties.c.kind == PartyKind.FLAT, parties.c.ended_ms.is_(None))
        .where(party_members.c.role == MemberRole.TENANT, party_members.c.ended_ms.is_(None))
        .where(party_members.c.until_ms.between(1, now_ms + max(LEASE_REMINDERS_DAYS) * DAY_MS + DAY_MS))
    )
    rows = connection.execute(query).all()
    names = labels_of(connection, {row.person_id for row in rows})
    lines = []
    for row in rows:
        days = due_reminder(row.until_ms, LEASE_REMINDERS_DAYS, now_ms, zone)
        if days is not None:
            over = row.until_ms + LEASE_GRACE_DAYS * DAY_MS <= now_ms
            window = row.until_ms, days, over
            lines.append(DueLine(row.person_id, row.party_id, names[row.person_id], "", None, *window))
    return lines
