"""A person's record at the desk: traits, end and merge."""

from collections.abc import Callable

import pytest

from cloud.devices.registry import site_of
from cloud.office.party_store import parties_of_person
from cloud.office.person_store import Traits, find_traits
from cloud.office.rule import HomeGround
from cloud.parties.party import MemberRole
from cloud.people.traits import Tag, Verified
from cloud.store.labels import Label
from cloud.web.rejected import Rejected
from contract.decide import DAY_MS, HOUR_MS
from tests.cloud.support.households import BY, NOW_MS, PropertyOffice


def traits(office: PropertyOffice, person: int) -> Traits:
    with office.store.reading() as connection:
        found = find_traits(connection, site_of(connection).name, person)
    assert found is not None
    return found


def test_record_is_changed_and_each_change_is_audited(office: PropertyOffice) -> None:
    child, parent = office.family("8-801", "Child", "Parent")
    office.persons.rename(BY, child, Label("小孩", "Kid"))
    office.persons.set_traits(BY, child, "2019-03", Verified.RESIDENT)
    office.persons.tag(BY, child, Tag.SLOW, NOW_MS, NOW_MS + DAY_MS)
    office.persons.qualify(BY, child, "swimming")
    office.persons.add_guardian(BY, child, parent)
    found = traits(office, child)
    assert (found.born, found.verified) == ("2019-03", Verified.RESIDENT)
    assert [(one.tag, one.until_ms) for one in found.tags] == [(Tag.SLOW, NOW_MS + DAY_MS)]
    assert [(one.name, one.until_ms) for one in found.qualifications] == [("swimming", 0)]
    assert [one.person for one in found.guardians] == [parent]
    assert [one.name.en for one in traits(office, parent).children] == ["Kid"]
    office.persons.untag(BY, child, Tag.SLOW, NOW_MS)
    office.persons.unqualify(BY, child, "swimming")
    office.persons.remove_guardian(BY, child, parent)
    changes = ("renamed", "changed", "tagged", "qualified", "guarded", "untagged", "unqualified", "unguarded")
    assert office.actions(8) == [f"person.{change}" for change in changes]


def test_wrong_traits_change_nothing(office: PropertyOffice) -> None:
    person = office.person("Adult", "8-801")
    before = office.audit()
    wrong: tuple[Callable[[], object], ...] = (
        lambda: office.persons.set_traits(BY, person, "1957-13", Verified.NOT),
        lambda: office.persons.rename(BY, person, Label(" ", "")),
        lambda: office.persons.tag(BY, person, Tag.RIDER, 5, 5),
        lambda: office.persons.untag(BY, person, Tag.RIDER),
        lambda: office.persons.add_guardian(BY, person, person),
        lambda: office.persons.qualify(BY, person, " "),
        lambda: office.persons.unqualify(BY, person, "none"),
        lambda: office.persons.rename(BY, 999_999, Label("", "Nobody")),
        lambda: office.persons.merge(BY, person, person),
    )
    for act in wrong:
        with pytest.raises(Rejected):
            act()
    assert office.audit() == before


def test_ended_person_keeps_nothing(office: PropertyOffice) -> None:
    company, person = office.company("Acme"), office.person("Staff")
    office.join(company, person, MemberRole.ADULT)
    office.give("yearly", person)
    office.give("staff", None, party=company)
    assert office.persons.end(BY, person) == NOW_MS
    assert office.plans_open_to(person) == set()
    with pytest.raises(Rejected, match="This person has ended"):
        office.give("yearly", person)
    with pytest.raises(Rejected, match="ended already"):
        office.persons.rename(BY, person, Label("", "Again"))


def test_home_of_an_ended_person_ends_by_day(office: PropertyOffice) -> None:
    person = office.person("Adult", "8-801")
    office.now_ms = NOW_MS + 8 * HOUR_MS
    with pytest.raises(Rejected, match="on a ground of the list"):
        office.persons.end(BY, person)
    ends_ms = office.persons.end(BY, person, HomeGround.DIED)
    assert ends_ms == NOW_MS + 16 * HOUR_MS
    office.now_ms = ends_ms - 1000
    assert office.has_home(person)
    office.now_ms = ends_ms
    assert not office.has_home(person)


def test_duplicates_become_one(office: PropertyOffice) -> None:
    stays, goes = office.person("Zhang", "8-801"), office.person("Zhang again", "8-802")
    company = office.company("Acme")
    office.join(company, goes, MemberRole.ADMIN)
    office.give("yearly", goes)
    office.persons.tag(BY, goes, Tag.VOLUNTEER)
    office.persons.qualify(BY, goes, "first aid")
    office.persons.qualify(BY, stays, "first aid", NOW_MS + DAY_MS)
    office.persons.merge(BY, stays, goes)
    assert office.cards(stays) == ["card of Zhang", "card of Zhang again"]
    assert office.cards(goes) == []
    assert office.plans_open_to(stays) == {"resident", "yearly"}
    assert office.plans_open_to(goes) == set()
    with office.store.reading() as connection:
        joined = parties_of_person(connection, site_of(connection).name, stays)
    assert company in [one.party for one in joined]
    assert [one.tag for one in traits(office, stays).tags] == [Tag.VOLUNTEER]
    assert [one.until_ms for one in traits(office, stays).qualifications] == [NOW_MS + DAY_MS]
    assert traits(office, goes).ended_ms == NOW_MS
    assert office.actions(2) == ["person.merged", "person.ended"]


def test_merge_is_refused_where_both_run_one_plan(office: PropertyOffice) -> None:
    stays, goes = office.family("8-801", "Zhang", "Zhang again")
    for person in (stays, goes):
        office.give("yearly", person)
    before = office.audit()
    with pytest.raises(Rejected, match="Both have the plan Yearly member at the same time"):
        office.persons.merge(BY, stays, goes)
    assert office.audit() == before


def test_duplicate_in_one_household_takes_one_place(office: PropertyOffice) -> None:
    stays, goes = office.family("8-801", "Zhang", "Zhang again")
    office.give("founder", stays, payer=True)
    party = office.party_of(stays)
    office.persons.merge(BY, stays, goes)
    there = [one for one in office.view(party).members if one.is_there(office.now_ms)]
    assert [one.person for one in there] == [stays]
    assert office.has_home(stays)
