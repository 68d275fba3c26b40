"""What an import compares a file with: who is there, by flat or company and name, and what plans there are."""

from collections.abc import Mapping
from typing import Any
from unicodedata import normalize

from sqlalchemy import Connection, bindparam, select

from cloud.exchange.rule import PersonKey
from cloud.parties.party import PartyKind
from cloud.people.store import list_plans
from cloud.people.tables import credentials
from cloud.store.prepared import Prepared
from cloud.store.schema import flats, parties, party_members, people


def people_by_key(connection: Connection, site: str) -> dict[PersonKey, list[int]]:
    """Everybody who was not ended, by every flat and company that they belong to and by both names."""
    found: dict[PersonKey, list[int]] = {}
    placed = set[int]()
    names = people.c.id, people.c.name_zh, people.c.name_en
    party_names = parties.c.name_zh.label("party_zh"), parties.c.name_en.label("party_en")
    query = (
        select(*names, parties.c.kind, parties.c.flat, *party_names)
        .join(party_members, party_members.c.person_id == people.c.id)
        .join(parties, parties.c.id == party_members.c.party_id)
        .where(parties.c.site == site, people.c.ended_ms.is_(None), party_members.c.ended_ms.is_(None))
    )
    for row in connection.execute(query).all():
        placed.add(row.id)
        where = [row.flat] if row.kind == PartyKind.FLAT else [row.party_zh, row.party_en]
        for place in dict.fromkeys(where):
            _note(found, (("flat" if row.kind == PartyKind.FLAT else "company"), place or ""), row)
    for one in connection.execute(select(*names).where(people.c.ended_ms.is_(None))):
        if one.id not in placed:
            _note(found, ("", ""), one)
    return found


def companies_by_name(connection: Connection, site: str) -> dict[str, int]:
    """The companies that were not ended, by both names."""
    query = select(parties).where(
        parties.c.site == site, parties.c.kind == PartyKind.COMPANY.value, parties.c.ended_ms.is_(None)
    )
    return {name: row.id for row in connection.execute(query) for name in (row.name_zh, row.name_en)}


def flat_names(connection: Connection, site: str) -> set[str]:
    """The flats that are there, in the one form of their names."""
    names = connection.execute(select(flats.c.name).where(flats.c.site == site)).scalars()
    return {normalize("NFKC", name) for name in names}


def plans_by_name(connection: Connection) -> Mapping[str, str]:
    """The names of plans, by their names and by what screens call them."""
    return {
        text.casefold(): plan.name
        for plan in list_plans(connection)
        for text in (plan.label.zh, plan.label.en, plan.name)
    }


def has_card(connection: Connection, digest: bytes, person: int) -> bool:
    """Whether this person has this card already."""
    return _HAS_CARD.first(connection, digest, person) is not None


_HAS_CARD = Prepared(
    select(credentials.c.id).where(
        credentials.c.digest == bindparam("digest"), credentials.c.person_id == bindparam("person")
    ),
    *("digest", "person"),
)


def _note(found: dict[PersonKey, list[int]], where: tuple[str, str], row: Any) -> None:
    for name in dict.fromkeys((row.name_zh, row.name_en)):
        ids = found.setdefault((*where, name), [])
        if row.id not in ids:
            ids.append(row.id)
