"""People, what they hold and where they may go: read whole for the rosters, listed for console and API, and changed
piece by piece.

Whatever may change a roster counts the site's revision up, and says whose grants it concerns.
"""

import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple
from unicodedata import normalize

from msgspec import Struct, convert, structs
from sqlalchemy import Column, ColumnElement, Connection, Select, Table, func, insert, or_, select, true, update

from cloud.keys.keys import NumberSeal
from cloud.people.grants import Community, Credential, Point
from cloud.people.members import Member, Membership
from cloud.people.plans import RESIDENT, Hours, Plan
from cloud.people.tables import credentials, memberships, plans, schedules
from cloud.store.chunks import among, chunks
from cloud.store.labels import Label
from cloud.store.revision import Touched, touch
from cloud.store.schema import households, people, points, sites
from contract import credentials as cards
from contract.decide import Standing
from contract.roster import HOLDER_BYTES
from contract.schedules import Schedule
from contract.sealing import DigestKey, credential_digest


class MembershipView(Struct, frozen=True):
    """A plan somebody holds over a half-open window (UTC milliseconds, 0 for no bound)."""

    id: int
    plan: str
    label: Label
    payer: bool
    from_ms: int
    until_ms: int
    standing: str

    def ended(self, now_ms: int) -> bool:
        return 0 < self.until_ms <= now_ms


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


class PeoplePage(Struct, frozen=True):
    """People of one page of a list. ``next`` is the cursor of the next page, None at the end."""

    people: list[PersonView]
    next: int | None


def load_community(connection: Connection) -> Community:
    """All that the grants of the site are made of."""
    return _with_people(connection, load_terms(connection), None)


def load_terms(connection: Connection) -> Community:
    """What all grants share, without any people."""
    run = connection.execute
    columns = points.c.name, points.c.zone, points.c.device, points.c["class"]
    hours = run(select(schedules).order_by(schedules.c.name))
    return Community(
        zone=run(select(sites.c.zone)).scalar_one(),
        plans=_plans_by_profile(connection),
        points=[Point(*row) for row in run(select(*columns).order_by(points.c.name))],
        schedules={row.name: convert({"week": row.week}, Schedule) for row in hours},
    )


def load_people(connection: Connection, ids: Sequence[int]) -> Community:
    """Some people with what they hold, without what opens where."""
    zone = connection.execute(select(sites.c.zone)).scalar_one()
    return _with_people(connection, Community(zone, _plans_by_profile(connection)), ids)


def _plans_by_profile(connection: Connection) -> list[Plan]:
    query = select(plans.c.document).order_by(plans.c.profile, plans.c.name)
    return list(connection.execute(query).scalars())


def _with_people(connection: Connection, terms: Community, ids: Sequence[int] | None) -> Community:
    """The community with these people in it, or all."""

    def rows(query: Select[Any], person: Column[int]) -> Iterator[Any]:
        for where in (among(person, some) for some in chunks(ids)) if ids is not None else (true(),):
            yield from connection.execute(query.where(where))

    members = select(people.c.id, people.c.holder, people.c.household_id)
    cards_of = select(credentials.c.person_id, credentials.c.digest, credentials.c.standing)
    return structs.replace(
        terms,
        people=[Member(*row) for row in rows(members, people.c.id)],
        memberships=[_membership(row) for row in rows(select(memberships), memberships.c.person_id)],
        credentials=[
            Credential(row.person_id, row.digest, Standing(row.standing))
            for row in rows(cards_of, credentials.c.person_id)
        ],
    )


def find_membership(connection: Connection, membership: int) -> Membership | None:
    row = connection.execute(select(memberships).where(memberships.c.id == membership)).first()
    return None if row is None else _membership(row)


def memberships_of(connection: Connection, person: int) -> list[Membership]:
    """All that somebody holds or has held."""
    return [
        _membership(row) for row in connection.execute(select(memberships).where(memberships.c.person_id == person))
    ]


def _membership(row: Any) -> Membership:
    return Membership(row.id, row.person_id, row.plan, row.payer, row.from_ms, row.until_ms, Standing(row.standing))


def list_plans(connection: Connection) -> list[Plan]:
    """Every plan, by name."""
    return list(connection.execute(select(plans.c.document).order_by(plans.c.name)).scalars())


def add_plan(connection: Connection, plan: Plan) -> None:
    profile = select(func.coalesce(func.max(plans.c.profile) + 1, 0)).scalar_subquery()
    connection.execute(insert(plans).values(name=plan.name, document=plan, profile=profile))
    touch(connection, Touched.EVERYBODY if plan.name == RESIDENT.name else Touched.TERMS)


def change_plan(connection: Connection, plan: Plan) -> None:
    """Put the plan in the place of the one of its name."""
    before = connection.execute(select(plans.c.document).where(plans.c.name == plan.name)).scalar_one()
    connection.execute(update(plans).where(plans.c.name == plan.name).values(document=plan))
    touch(connection, Touched.TERMS)
    if (before.tier, before.places) != (plan.tier, plan.places):
        holders = select(memberships.c.person_id).where(memberships.c.plan == plan.name).distinct()
        is_everybodys = plan.name == RESIDENT.name
        touch(connection, Touched.EVERYBODY if is_everybodys else connection.execute(holders).scalars().all())


def add_hours(connection: Connection, hours: Hours) -> None:
    labels = {"label_zh": hours.label_zh, "label_en": hours.label_en}
    connection.execute(insert(schedules).values(name=hours.name, week=hours.schedule.week, **labels))
    touch(connection, Touched.TERMS)


def add_household(connection: Connection, unit: str) -> int:
    """The new household's id. ``unit`` is building and flat."""
    return int(connection.execute(insert(households).values(unit=unit).returning(households.c.id)).scalar_one())


def add_person(
    connection: Connection, name_zh: str, name_en: str, household: int | None = None, holder: bytes | None = None
) -> int:
    """The new person's id. ``holder`` is random unless given (8 bytes)."""
    holder = holder or secrets.token_bytes(HOLDER_BYTES)
    values = {"holder": holder, "name_zh": name_zh, "name_en": name_en, "household_id": household}
    added = int(connection.execute(insert(people).values(values).returning(people.c.id)).scalar_one())
    touch(connection, (added,))
    return added


def add_membership(connection: Connection, membership: Membership) -> int:
    """The new membership's id; its own ``id`` is not looked at."""
    values = structs.asdict(membership)
    del values["id"]
    return _add(connection, memberships, person_id=values.pop("person"), **values)


def set_membership_standing(connection: Connection, membership: int, standing: Standing) -> bool:
    """False if there is no such membership."""
    return _change(connection, memberships, membership, standing=standing)


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


class Card(NamedTuple):
    """A card as people write it: format, facility (None where the format has none) and number."""

    format: str
    facility: int | None
    number: int

    def digest(self, key: DigestKey) -> bytes:
        """Raises ``ValueError`` or ``KeyError`` if there can be no such card."""
        canonical = cards.canonical(cards.encode(self.format, number=self.number, facility=self.facility))
        if canonical is None:
            raise ValueError(f"{self.format} makes no valid card of {self.number}")
        return credential_digest(key, canonical)

    def text(self) -> str:
        return f"{self.format}:{'' if self.facility is None else self.facility}:{self.number}"

    @classmethod
    def from_text(cls, text: str) -> "Card":
        name, facility, number = text.split(":")
        return cls(name, int(facility) if facility else None, int(number))


def add_card(
    connection: Connection,
    person: int,
    card: Card,
    label: str,
    *,
    digest_key: DigestKey,
    numbers: NumberSeal,
    now_ms: int,
) -> int:
    """The new credential's id. Raises ``ValueError`` for a card that cannot be, SQLAlchemy's ``IntegrityError`` for
    one that somebody has already."""
    digest = card.digest(digest_key)
    values = {"person_id": person, "kind": "card", "label": label, "standing": Standing.ACTIVE, "added_ms": now_ms}
    return _add(connection, credentials, digest=digest, sealed=numbers.close(card.text(), digest), **values)


def set_card_standing(connection: Connection, credential: int, standing: Standing) -> bool:
    """Suspend, lose or restore a card. False if there is no such credential."""
    return _change(connection, credentials, credential, standing=standing)


def list_people(connection: Connection, text: str = "", after: int = 0, limit: int = 50) -> PeoplePage:
    """People in the order they were added, whose name or unit holds the text."""
    conditions = [people.c.id > after]
    if text:
        fields = (people.c.name_zh, people.c.name_en, households.c.unit)
        conditions.append(or_(*(field.contains(text, autoescape=True) for field in fields)))
    listed = _people(connection, *conditions, limit=limit + 1)
    return PeoplePage(listed[:limit], listed[limit - 1].id if len(listed) > limit else None)


def find_person(connection: Connection, person: int) -> PersonView | None:
    listed = _people(connection, people.c.id == person, limit=1)
    return listed[0] if listed else None


def find_household(connection: Connection, unit: str) -> int | None:
    """The household of that building and flat, in whatever form its name was once written."""
    exact: int | None = connection.execute(select(households.c.id).where(households.c.unit == unit)).scalar()
    if exact is not None:
        return exact
    households_known = connection.execute(select(households.c.id, households.c.unit))
    return next((row.id for row in households_known if normalize("NFKC", row.unit) == unit), None)


def person_of_card(connection: Connection, card: int) -> int | None:
    """Whose card it is; None if there is no such card."""
    return connection.execute(select(credentials.c.person_id).where(credentials.c.id == card)).scalar()


def digest_of_card(connection: Connection, card: int) -> bytes | None:
    """What devices know of a card; None if there is no such card."""
    return connection.execute(select(credentials.c.digest).where(credentials.c.id == card)).scalar()


def _people(connection: Connection, *conditions: ColumnElement[bool], limit: int) -> list[PersonView]:
    query = (
        select(people, households.c.unit).outerjoin(households).where(*conditions).order_by(people.c.id).limit(limit)
    )
    rows = connection.execute(query).all()
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
            select(credentials).where(credentials.c.person_id.in_([row.id for row in rows])).order_by(credentials.c.id)
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
        )
        for row in rows
    ]


def _by_person(rows: Iterable[Any]) -> dict[int, list[Any]]:
    sorted_out: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        sorted_out[row.person_id].append(row)
    return sorted_out


def _membership_view(row: Any) -> MembershipView:
    return MembershipView(row.id, row.plan, row.document.label, row.payer, row.from_ms, row.until_ms, row.standing)
