"""Parties and their members as they are stored, and whom a change of one concerns."""

import pytest
from sqlalchemy import Connection, select

from cloud.parties.party import MemberRole, Party, PartyKind, PartyMember
from cloud.parties.store import (
    add_party,
    add_party_member,
    change_party,
    change_party_member,
    find_party,
    find_party_member,
    home_of_person,
    household_of_flat,
    list_party_members,
    parties_of_people,
    places_of_person,
    take_household,
)
from cloud.sample import SITE
from cloud.store.database import Store
from cloud.store.revision import revision
from cloud.store.schema import people
from tests.cloud.support.town import Past

NAME = SITE.name


@pytest.fixture
def court(store: Store, past: Past) -> Store:
    past.copy_to(store)
    return store


def touched_since(connection: Connection, before: int) -> set[int]:
    return set(connection.execute(select(people.c.id).where(people.c.revision > before)).scalars())


def test_household_of_a_flat_is_made_once(court: Store) -> None:
    with court.writing() as connection:
        made = take_household(connection, NAME, "9-901", 7)
        assert take_household(connection, NAME, "9-901", 8) == made
        assert find_party(connection, NAME, made) == Party(made, PartyKind.FLAT, "9-901", "9-901", "9-901", 7)
        assert find_party(connection, "elsewhere", made) is None


def test_places_of_person_are_in_one_party(court: Store) -> None:
    """Neither another's there nor their own elsewhere."""
    with court.writing() as connection:
        one, other = (add_party(connection, NAME, Party(0, PartyKind.CLUB, name, name)) for name in ("Chess", "Choir"))
        for party, person in ((one, 5), (one, 6), (other, 5), (one, 5)):
            add_party_member(connection, NAME, PartyMember(0, party, person, MemberRole.HELPER))
        mine = places_of_person(connection, NAME, 5, one)
        assert mine == [place for place in list_party_members(connection, NAME, one) if place.person == 5]
        assert len(mine) == 2
        assert places_of_person(connection, "elsewhere", 5, one) == []


def test_party_that_ended_lives_nowhere(court: Store) -> None:
    """Who moves in next is another party of the same flat; the change concerns those who lived there."""
    with court.writing() as connection:
        before = revision(connection)
        old = household_of_flat(connection, NAME, "2-502")
        assert old is not None
        assert change_party(connection, NAME, old.id, ended_ms=9)
        assert touched_since(connection, before) == {5, 6}
        assert household_of_flat(connection, NAME, "2-502") is None
        assert home_of_person(connection, NAME, 5) is None
        new = take_household(connection, NAME, "2-502")
        assert new != old.id
        assert not change_party(connection, NAME, 999, ended_ms=9)


def test_member_comes_and_goes(court: Store) -> None:
    with court.writing() as connection:
        company = add_party(connection, NAME, Party(0, PartyKind.COMPANY, "公司", "Company"))
        before = revision(connection)
        member = PartyMember(0, company, 8, MemberRole.HELPER, 5, 9)
        row = add_party_member(connection, NAME, member)
        assert touched_since(connection, before) == {8}
        assert change_party_member(connection, NAME, row, ended_ms=7)
        found = find_party_member(connection, NAME, row)
        assert found == PartyMember(row, company, 8, MemberRole.HELPER, 5, 9, 7)
        assert list_party_members(connection, NAME, company) == [found]
        assert not change_party_member(connection, NAME, 999, ended_ms=7)
        kinds = [party.kind for _, party in parties_of_people(connection, NAME, [8])]
        assert kinds == [PartyKind.FLAT, PartyKind.COMPANY]
