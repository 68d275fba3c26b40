"""People, their plans and what they hold: listed for console and API, and changed piece by piece.

Whatever may change a roster counts the site's revision up, and says whose grants it concerns.
"""

import secrets
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Table, bindparam, insert, or_, select, update

from cloud.parties.party import earlier
from cloud.parties.store import people_of_party
from cloud.people.community import MEMBERSHIP, membership_of, note_plan
from cloud.people.members import Membership
from cloud.people.membership_store import concerned
from cloud.people.plans import RESIDENT, Plan
from cloud.people.tables import credentials, memberships, plans
from cloud.store.chunks import among, chunks
from cloud.store.homes import flat_of_person
from cloud.store.labels import Label
from cloud.store.prepared import Prepared
from cloud.store.revision import Touched, touch
from cloud.store.schema import people, sites
from cloud.store.scope import person_seen, scope_of
from contract.roster import HOLDER_BYTES


class MembershipView(Struct, frozen=True):
    """A plan somebody holds over a half-open window (UTC milliseconds, 0 for no bound)."""

    id: int
    plan: str
    label: Label
    payer: bool
    from_ms: int
    until_ms: int
    standing: str
    ended_ms: int | None = None
    party: int | None = None

    @property
    def end_ms(self) -> int:
        """When it ends, as agreed or by an operator; 0 for no bound."""
        return earlier(self.until_ms, self.ended_ms)

    def ended(self, now_ms: int) -> bool:
        return 0 < self.end_ms <= now_ms


class CardView(Struct, frozen=True):
    """A card without its number, which is nobody's business once it is enrolled."""

    id: int
    label: str
    standing: str
    added_ms: int


class PersonView(Struct, frozen=True):
    """A person as console and API list them, with the plans they hold and the cards they carry."""

    id: int
    holder: bytes
    name: Label
    unit: str | None
    memberships: list[MembershipView]
    cards: list[CardView]
    ended_ms: int | None = None


class PeoplePage(Struct, frozen=True):
    """People of one page of a list. ``next`` is the cursor of the next page, None at the end."""

    people: list[PersonView]
    next: int | None


def find_membership(connection: Connection, membership: int) -> Membership | None:
    row = connection.execute(select(*MEMBERSHIP).where(memberships.c.id == membership)).first()
    return None if row is None else membership_of(row)


def memberships_of(connection: Connection, person: int) -> list[Membership]:
    """All that somebody holds or has held."""
    return [membership_of(row) for row in _OF_PERSON.all(connection, person)]


def memberships_of_party(connection: Connection, party: int) -> list[Membership]:
    """All that is held or was held with a party."""
    return [membership_of(row) for row in _OF_PARTY.all(connection, party)]


def memberships_of_parties(connection: Connection, ids: Sequence[int]) -> list[Membership]:
    """All that is held or was held with one of these parties, the first that was given first."""
    query = select(*MEMBERSHIP).order_by(memberships.c.id)
    return [
        membership_of(row)
        for some in chunks(ids)
        for row in connection.execute(query.where(among(memberships.c.party_id, some)))
    ]


def names_of(connection: Connection, ids: Sequence[int]) -> list[Label]:
    """The names of these people, in this order."""
    columns = people.c.id, people.c.name_zh, people.c.name_en
    rows = connection.execute(select(*columns).where(people.c.id.in_(ids)))
    names = {row.id: Label(row.name_zh, row.name_en) for row in rows}
    return [names[one] for one in ids if one in names]


def holders_of(connection: Connection, site: str, plan: str) -> set[int]:
    """Everybody who holds a plan or has held it, alone or with a party."""
    held = select(memberships.c.person_id, memberships.c.party_id).where(memberships.c.plan == plan).distinct()
    rows = connection.execute(held).all()
    found = {row.person_id for row in rows if row.person_id is not None}
    for party in {row.party_id for row in rows if row.person_id is None}:
        found |= people_of_party(connection, site, party)
    return found


def list_plans(connection: Connection) -> list[Plan]:
    """Every plan, by name."""
    return list(connection.execute(select(plans.c.document).order_by(plans.c.name)).scalars())


def plans_to_give(connection: Connection) -> list[Plan]:
    """The plans that somebody is given by hand: all but the one that comes with a flat."""
    return [plan for plan in list_plans(connection) if plan.name != RESIDENT.name]


def add_plan(connection: Connection, plan: Plan) -> None:
    connection.execute(insert(plans).values(name=plan.name, document=plan))
    note_plan(connection, _site(connection), plan)
    touch(connection, Touched.EVERYBODY if plan.name == RESIDENT.name else Touched.TERMS)


def change_plan(connection: Connection, plan: Plan) -> None:
    """Put the plan in the place of the one of its name."""
    site = _site(connection)
    before = connection.execute(select(plans.c.document).where(plans.c.name == plan.name)).scalar_one()
    connection.execute(update(plans).where(plans.c.name == plan.name).values(document=plan))
    note_plan(connection, site, plan)
    touch(connection, Touched.TERMS)
    if not plan.rows_as(before):
        is_everybodys = plan.name == RESIDENT.name
        touch(connection, Touched.EVERYBODY if is_everybodys else holders_of(connection, site, plan.name))


def _site(connection: Connection) -> str:
    return str(connection.execute(select(sites.c.name)).scalar_one())


def plans_with_hours(connection: Connection, hours: str) -> list[Label]:
    """The plans that open a zone in these hours."""
    return [plan.label for plan in list_plans(connection) if hours in plan.opens.values()]


def add_person(connection: Connection, name_zh: str, name_en: str, holder: bytes | None = None) -> int:
    """The new person's id. ``holder`` is random unless given (8 bytes)."""
    added = _ADD_PERSON.added(connection, holder or secrets.token_bytes(HOLDER_BYTES), name_zh, name_en)
    touch(connection, (added,))
    return added


def add_membership(connection: Connection, new: Membership) -> int:
    """The new membership's id; its own ``id`` is not looked at."""
    values = new.person, new.party, new.plan, new.payer, new.from_ms, new.until_ms, new.standing, new.ended_ms
    added = _ADD_MEMBERSHIP.added(connection, *values)
    touch(connection, concerned(connection, new.person, new.party, new.plan))
    return added


def change_membership(connection: Connection, membership: int, **values: object) -> bool:
    """False if there is no such membership."""
    mine = update(memberships).where(memberships.c.id == membership).values(values)
    columns = memberships.c.person_id, memberships.c.party_id, memberships.c.plan
    row = connection.execute(mine.returning(*columns)).first()
    if row is None:
        return False
    touch(connection, concerned(connection, *row))
    return True


def _add(connection: Connection, table: Table, **values: object) -> int:
    """The id of a new row of somebody's."""
    added = connection.execute(insert(table).values(values).returning(table.c.id, table.c.person_id)).one()
    touch(connection, (added.person_id,))
    return int(added.id)


def _change(connection: Connection, table: Table, number: int, **values: object) -> bool:
    """False if there is no row of that id."""
    changed = update(table).where(table.c.id == number).values(values).returning(table.c.person_id)
    people_of = connection.execute(changed).scalars().all()
    touch(connection, people_of)
    return bool(people_of)


def list_people(connection: Connection, text: str = "", after: int = 0, limit: int = 50) -> PeoplePage:
    """People in the order they were added, whose name or unit holds the text."""
    conditions = [people.c.id > after]
    if text:
        fields = (people.c.name_zh, people.c.name_en, flat_of_person)
        conditions.append(or_(*(field.contains(text, autoescape=True) for field in fields)))
    listed = _people(connection, *conditions, limit=limit + 1)
    return PeoplePage(listed[:limit], listed[limit - 1].id if len(listed) > limit else None)


def find_person(connection: Connection, person: int) -> PersonView | None:
    listed = _people(connection, people.c.id == person, limit=1)
    return listed[0] if listed else None


def find_people(connection: Connection, ids: Sequence[int]) -> list[PersonView]:
    """Those of them who are there, in the order in which they are asked for."""
    listed = (_people(connection, among(people.c.id, some), limit=len(some)) for some in chunks(ids))
    found = {one.id: one for some in listed for one in some}
    return [found[person] for person in dict.fromkeys(ids) if person in found]


def digest_of_card(connection: Connection, card: int) -> bytes | None:
    """What devices know of a card; None if there is no such card."""
    return connection.execute(select(credentials.c.digest).where(credentials.c.id == card)).scalar()


def _people(connection: Connection, *conditions: ColumnElement[bool], limit: int) -> list[PersonView]:
    query = select(people, flat_of_person)
    query = query.where(*conditions, person_seen(connection, people.c.id)).order_by(people.c.id).limit(limit)
    rows = connection.execute(query).all()
    if scope_of(connection).units is not None:
        return [PersonView(row.id, row.holder, Label(row.name_zh, row.name_en), row.unit, [], []) for row in rows]
    held = _by_person(
        connection.execute(
            select(memberships, plans.c.document)
            .join(plans)
            .where(memberships.c.person_id.in_([row.id for row in rows]))
            .order_by(memberships.c.id)
        )
    )
    carried = _by_person(
        connection.execute(
            select(credentials)
            .where(credentials.c.person_id.in_([row.id for row in rows]), credentials.c.kind != "phone")
            .order_by(credentials.c.id)
        )
    )
    return [
        PersonView(
            row.id,
            row.holder,
            Label(row.name_zh, row.name_en),
            row.unit,
            [_membership_view(one) for one in held[row.id]],
            [CardView(one.id, one.label, one.standing, one.added_ms) for one in carried[row.id]],
            row.ended_ms,
        )
        for row in rows
    ]


def _by_person(rows: Iterable[Any]) -> dict[int, list[Any]]:
    sorted_out: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        sorted_out[row.person_id].append(row)
    return sorted_out


def _membership_view(row: Any) -> MembershipView:
    window = row.payer, row.from_ms, row.until_ms
    return MembershipView(row.id, row.plan, row.document.label, *window, row.standing, row.ended_ms, row.party_id)


# An import carries these out for each of its rows.
_OF_PERSON = Prepared(select(*MEMBERSHIP).where(memberships.c.person_id == bindparam("person")), "person")
_OF_PARTY = Prepared(select(*MEMBERSHIP).where(memberships.c.party_id == bindparam("party")), "party")
_ADD_PERSON = Prepared(insert(people).returning(people.c.id), "holder", "name_zh", "name_en")
_ADD_MEMBERSHIP = Prepared(
    insert(memberships).returning(memberships.c.id),
    *("person_id", "party_id", "plan", "payer", "from_ms", "until_ms", "standing", "ended_ms"),
)
