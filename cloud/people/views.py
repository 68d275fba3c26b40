"""People as the console and the API list them: who they are, what they hold, which cards they carry."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from unicodedata import normalize

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, or_, select

from cloud.store.labels import Label
from cloud.store.schema import credentials, households, memberships, people, plans


class PlanView(Struct, frozen=True):
    name: str
    tier: str
    fee_yuan: int
    places: int | None
    opens: dict[str, str]
    label: Label
    allotments: dict[str, dict[str, int]]
    resets: list[str]


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
    id: int
    holder: bytes
    name: Label
    unit: str | None
    memberships: list[MembershipView]
    cards: list[CardView]


class PersonPage(Struct, frozen=True):
    """``after`` is the cursor of the next page, None at the end."""

    rows: list[PersonView]
    after: int | None


def list_plans(connection: Connection) -> list[PlanView]:
    return [
        PlanView(
            row.name,
            row.tier,
            row.fee_yuan,
            row.places,
            row.opens,
            Label(row.label_zh, row.label_en),
            row.allotments,
            row.resets,
        )
        for row in connection.execute(select(plans).order_by(plans.c.name))
    ]


def list_people(connection: Connection, text: str = "", after: int = 0, limit: int = 50) -> PersonPage:
    """People in the order they were added, whose name or unit holds the text."""
    conditions = [people.c.id > after]
    if text:
        fields = (people.c.name_zh, people.c.name_en, households.c.unit)
        conditions.append(or_(*(field.contains(text, autoescape=True) for field in fields)))
    found = _people(connection, *conditions, limit=limit + 1)
    return PersonPage(found[:limit], found[limit - 1].id if len(found) > limit else None)


def find_person(connection: Connection, person: int) -> PersonView | None:
    found = _people(connection, people.c.id == person, limit=1)
    return found[0] if found else None


def find_household(connection: Connection, unit: str) -> int | None:
    """The household of that building and flat, in whatever form its name was once written."""
    exact: int | None = connection.execute(select(households.c.id).where(households.c.unit == unit)).scalar()
    if exact is not None:
        return exact
    known = connection.execute(select(households.c.id, households.c.unit))
    return next((row.id for row in known if normalize("NFKC", row.unit) == unit), None)


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
    found = connection.execute(query).all()
    held = _by_person(
        connection.execute(
            select(memberships, plans.c.label_zh, plans.c.label_en)
            .join(plans)
            .where(memberships.c.person_id.in_([row.id for row in found]))
            .order_by(memberships.c.id)
        )
    )
    carried = _by_person(
        connection.execute(
            select(credentials).where(credentials.c.person_id.in_([row.id for row in found])).order_by(credentials.c.id)
        )
    )
    return [
        PersonView(
            row.id,
            row.holder,
            Label(row.name_zh, row.name_en),
            row.unit,
            [_membership(one) for one in held[row.id]],
            [CardView(one.id, one.label, one.standing, one.added_ms) for one in carried[row.id]],
        )
        for row in found
    ]


def _by_person(rows: Iterable[Any]) -> dict[int, list[Any]]:
    sorted_out: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        sorted_out[row.person_id].append(row)
    return sorted_out


def _membership(row: Any) -> MembershipView:
    label = Label(row.label_zh, row.label_en)
    return MembershipView(row.id, row.plan, label, row.payer, row.from_ms, row.until_ms, row.standing)
