"""Memberships as the desk looks at them: those that end soon, those that rest with a payer's, and what a person must be
to hold one."""

from collections.abc import Collection

from sqlalchemy import Connection, bindparam, delete, exists, select

from cloud.devices.registry import site_of
from cloud.parties.store import people_of_party
from cloud.people.community import MEMBERSHIP, membership_of
from cloud.people.members import Membership
from cloud.people.plans import Plan
from cloud.people.tables import memberships, plans, qualifications
from cloud.store.labels import Label
from cloud.store.prepared import Prepared
from cloud.store.revision import touch
from cloud.store.schema import people
from contract.decide import Standing


def find_plan(connection: Connection, name: str) -> Plan | None:
    return connection.execute(_FIND_PLAN, {"plan": name}).scalar()


def memberships_that_end(connection: Connection, since_ms: int, until_ms: int, limit: int) -> list[Membership]:
    """Those in use that end between these moments, that nobody has ended and that no later one of the same plan renews.
    The first to end comes first."""
    later = memberships.alias()
    is_renewed = exists().where(
        later.c.plan == memberships.c.plan,
        later.c.person_id.is_not_distinct_from(memberships.c.person_id),
        later.c.party_id.is_not_distinct_from(memberships.c.party_id),
        (later.c.until_ms == 0) | (later.c.until_ms > memberships.c.until_ms),
    )
    between = memberships.c.until_ms.between(since_ms, until_ms) & memberships.c.ended_ms.is_(None)
    query = select(*MEMBERSHIP).where(between, memberships.c.standing == Standing.ACTIVE, ~is_renewed)
    first = query.order_by(memberships.c.until_ms, memberships.c.id).limit(limit)
    return [membership_of(row) for row in connection.execute(first)]


def resting_with(connection: Connection, payer: int) -> set[int]:
    """The memberships that were suspended with this payer's."""
    return set(connection.execute(select(memberships.c.id).where(memberships.c.suspended_with == payer)).scalars())


def remove_membership(connection: Connection, one: Membership) -> None:
    """As if it had never been given: it had not begun."""
    connection.execute(delete(memberships).where(memberships.c.id == one.id))
    touch(connection, concerned(connection, one.person, one.party, one.plan))


def concerned(connection: Connection, person: int | None, party: int | None, plan: str) -> set[int]:
    """Whose rows follow from a membership of these: where more people hold the plan in the party than it has places,
    somebody else may gain or lose one."""
    if person is None:
        return set() if party is None else people_of_party(connection, site_of(connection).name, party)
    if party is None:
        return {person}
    found, holders = find_plan(connection, plan), {person, *_holders(connection, party, plan)}
    has_surplus = found is not None and found.places is not None and len(holders) > found.places
    return holders if has_surplus else {person}


def _holders(connection: Connection, party: int, plan: str) -> set[int]:
    """The people who hold a plan in that party, or have held it."""
    mine = memberships.c.party_id == party, memberships.c.plan == plan, memberships.c.person_id.is_not(None)
    return set(connection.execute(select(memberships.c.person_id).where(*mine)).scalars())


def is_qualified(connection: Connection, site: str, person: int, name: str, at_ms: int) -> bool:
    """Whether somebody has a qualification at that moment."""
    query = select(qualifications.c.until_ms).where(
        qualifications.c.site == site, qualifications.c.person_id == person, qualifications.c.name == name
    )
    until_ms: int | None = connection.execute(query).scalar()
    return until_ms is not None and not 0 < until_ms <= at_ms


def person_ended(connection: Connection, person: int) -> bool | None:
    """Whether an operator has ended the person; None if there is no such person."""
    row = _PERSON_ENDED.first(connection, person)
    return None if row is None else row[0] is not None


def labels_of(connection: Connection, ids: Collection[int]) -> dict[int, Label]:
    """The names of these people, by person."""
    query = select(people.c.id, people.c.name_zh, people.c.name_en).where(people.c.id.in_(sorted(ids)))
    return {row.id: Label(row.name_zh, row.name_en) for row in connection.execute(query)}


# An import carries these out for each of its rows.
_FIND_PLAN = select(plans.c.document).where(plans.c.name == bindparam("plan"))
_PERSON_ENDED = Prepared(select(people.c.ended_ms).where(people.c.id == bindparam("person")), "person")
