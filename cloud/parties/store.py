"""Parties and their members as they are stored. Whoever joins a party, leaves it or is something else in it may pass
other points: the publisher is told."""

from collections.abc import Sequence
from typing import Any

from msgspec import structs
from sqlalchemy import Connection, bindparam, insert, select, update

from cloud.flats.store import take_flat
from cloud.parties.party import MemberRole, Party, PartyKind, PartyMember
from cloud.store.chunks import among, chunks
from cloud.store.prepared import Prepared
from cloud.store.revision import touch
from cloud.store.schema import parties, party_members

_PARTY = [parties.c[name] for name in Party.__struct_fields__]
_MEMBER = [
    party_members.c[{"party": "party_id", "person": "person_id"}.get(name, name)]
    for name in PartyMember.__struct_fields__
]


def add_party(connection: Connection, site: str, party: Party) -> int:
    """The new party's id; its own ``id`` is not looked at."""
    return _ADD_PARTY.added(connection, site, *structs.astuple(party)[1:])


def find_party(connection: Connection, site: str, party: int) -> Party | None:
    row = _FIND_PARTY.first(connection, site, party)
    return None if row is None else _party(row)


def find_parties(connection: Connection, site: str, ids: Sequence[int]) -> dict[int, Party]:
    """Those of them that there are, by their ids."""
    query = select(*_PARTY).where(parties.c.site == site)
    rows = (connection.execute(query.where(among(parties.c.id, some))) for some in chunks(ids))
    return {row.id: _party(row) for some in rows for row in some}


def household_of_flat(connection: Connection, site: str, flat: str) -> Party | None:
    """The party that lives in a flat now: the newest of its kind that no operator has ended."""
    row = _PARTY_OF_FLAT.first(connection, site, flat, PartyKind.FLAT)
    return None if row is None else _party(row)


def take_household(connection: Connection, site: str, name: str, now_ms: int = 0) -> int:
    """The id of the party that lives in the flat of that name. Flat and party are made if there are none."""
    flat = take_flat(connection, site, name)
    party = household_of_flat(connection, site, flat.name)
    if party is not None:
        return party.id
    return add_party(connection, site, Party(0, PartyKind.FLAT, flat.name, flat.name, flat.name, now_ms))


def change_party(connection: Connection, site: str, party: int, **values: object) -> bool:
    """False if there is no such party."""
    mine = update(parties).where(parties.c.site == site, parties.c.id == party)
    if not connection.execute(mine.values(values)).rowcount:
        return False
    touch(connection, people_of_party(connection, site, party))
    return True


def people_of_party(connection: Connection, site: str, party: int) -> set[int]:
    """Everybody who belongs to it, or has."""
    mine = (party_members.c.site == site) & (party_members.c.party_id == party)
    return set(connection.execute(select(party_members.c.person_id).where(mine)).scalars())


def add_party_member(connection: Connection, site: str, member: PartyMember) -> int:
    """The new row's id; its own ``id`` is not looked at."""
    added = _ADD_MEMBER.added(connection, site, *structs.astuple(member)[1:])
    touch(connection, (member.person,))
    return added


def change_party_member(connection: Connection, site: str, member: int, **values: object) -> bool:
    """False if there is no such row."""
    mine = update(party_members).where(party_members.c.site == site, party_members.c.id == member)
    people = connection.execute(mine.values(values).returning(party_members.c.person_id)).scalars().all()
    touch(connection, people)
    return bool(people)


def find_party_member(connection: Connection, site: str, member: int) -> PartyMember | None:
    mine = (party_members.c.site == site) & (party_members.c.id == member)
    row = connection.execute(select(*_MEMBER).where(mine)).first()
    return None if row is None else _member(row)


def list_party_members(connection: Connection, site: str, party: int) -> list[PartyMember]:
    """Everybody who belongs to a party or has, in the order they came."""
    return [_member(row) for row in _MEMBERS.all(connection, site, party)]


def places_of_person(connection: Connection, site: str, person: int, party: int) -> list[PartyMember]:
    """When somebody belongs to a party or has, and as what. A company may have thousands of others."""
    return [one for one in map(_member, _PLACES.all(connection, site, person)) if one.party == party]


def parties_of_people(connection: Connection, site: str, ids: Sequence[int]) -> list[tuple[PartyMember, Party]]:
    """Every party that these people belong to or have belonged to."""
    query = select(*_MEMBER, *_PARTY).join(parties, parties.c.id == party_members.c.party_id)
    query = query.where(party_members.c.site == site)
    return [
        (_member(row[: len(_MEMBER)]), _party(row[len(_MEMBER) :]))
        for some in chunks(ids)
        for row in connection.execute(query.where(among(party_members.c.person_id, some)))
    ]


def home_of_person(connection: Connection, site: str, person: int) -> int | None:
    """The party of the flat that somebody lives in and nobody has ended; of several the newest."""
    homes = [
        party.id
        for member, party in parties_of_people(connection, site, [person])
        if party.kind is PartyKind.FLAT and party.flat and member.ended_ms is None and party.ended_ms is None
    ]
    return max(homes, default=None)


def _party(row: Any) -> Party:
    return Party(row[0], PartyKind(row[1]), *row[2:])


def _member(row: Any) -> PartyMember:
    number, party, person, role, *window = row
    return PartyMember(number, party, person, MemberRole(role), *window)


# An import carries these out for each of its rows.
_ADD_PARTY = Prepared(insert(parties).returning(parties.c.id), "site", *(one.name for one in _PARTY[1:]))
_ADD_MEMBER = Prepared(insert(party_members).returning(party_members.c.id), "site", *(one.name for one in _MEMBER[1:]))
_FIND_PARTY = Prepared(
    select(*_PARTY).where(parties.c.site == bindparam("site"), parties.c.id == bindparam("party")), "site", "party"
)
_PARTY_OF_FLAT = Prepared(
    select(*_PARTY)
    .where(
        parties.c.site == bindparam("site"),
        parties.c.flat == bindparam("flat"),
        parties.c.kind == bindparam("kind"),
        parties.c.ended_ms.is_(None),
    )
    .order_by(parties.c.id.desc()),
    *("site", "flat", "kind"),
)
_MEMBERS = Prepared(
    select(*_MEMBER)
    .where(party_members.c.site == bindparam("site"), party_members.c.party_id == bindparam("party"))
    .order_by(party_members.c.id),
    *("site", "party"),
)
_PLACES = Prepared(
    select(*_MEMBER)
    .where(party_members.c.site == bindparam("site"), party_members.c.person_id == bindparam("person"))
    .order_by(party_members.c.id),
    *("site", "person"),
)
