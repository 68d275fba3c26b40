"""Parties at the desk: households whose homes end as the rule allows, and companies whose leavers are gone at once."""

import pytest

from cloud.keys.keys import KeyFolder
from cloud.office.rule import HomeGround
from cloud.parties.party import MemberRole, PartyKind
from cloud.people.store import find_person
from cloud.store.database import Store
from cloud.store.labels import Label
from cloud.web.rejected import Rejected
from contract.decide import DAY_MS, HOUR_MS
from tests.cloud.support.households import BY, NOW_MS, PropertyOffice
from tests.cloud.support.rosters import World


@pytest.fixture
def tenant(office: PropertyOffice) -> int:
    """Somebody who rents 8-801 until 60 days from now."""
    landlord = office.person("Landlord", "8-801")
    tenant = office.person("Tenant")
    office.join(office.party_of(landlord), tenant, MemberRole.TENANT, NOW_MS + 60 * DAY_MS)
    return tenant


def test_lease_is_warned_and_ends_at_the_desk(office: PropertyOffice, tenant: int) -> None:
    """A tenant's lease: a line on the list 30, 7 and 1 day ahead. It ends no home: not when it runs out, not after the
    days of grace, not at night. Somebody at the desk ends it, and then by day."""
    until_ms, party = NOW_MS + 60 * DAY_MS, office.party_of(tenant)
    seen = []
    for ahead in (60, 30, 7, 1, 0):
        office.now_ms = until_ms - ahead * DAY_MS
        seen.append([(line.days, line.is_over_grace) for line in office.due() if line.person == tenant])
        assert office.has_home(tenant)
    assert seen == [[], [(30, False)], [(7, False)], [(1, False)], [(0, False)]]
    place = office.place(party, tenant)
    with pytest.raises(Rejected, match="7 days of grace are not over"):
        office.parties.end_member(BY, place, HomeGround.LEASE_OVER)
    office.now_ms = until_ms + 7 * DAY_MS + 7 * HOUR_MS
    assert [line.is_over_grace for line in office.due() if line.person == tenant] == [True]
    assert office.has_home(tenant), "23:00 after the last day of grace"
    ends_ms = office.parties.end_member(BY, place, HomeGround.LEASE_OVER)
    assert ends_ms == office.now_ms + 9 * HOUR_MS, "08:00 the next morning"
    assert office.has_home(tenant)
    office.now_ms = ends_ms
    assert not office.has_home(tenant)
    assert [line for line in office.due() if line.person == tenant] == []


def test_renewed_lease_leaves_the_list(office: PropertyOffice, tenant: int) -> None:
    office.now_ms = NOW_MS + 65 * DAY_MS
    place = office.place(office.party_of(tenant), tenant)
    office.parties.change_member(BY, place, MemberRole.TENANT, 0, NOW_MS + 425 * DAY_MS)
    assert [line for line in office.due() if line.person == tenant] == []


def test_adult_s_home_ends_on_ground_only(office: PropertyOffice) -> None:
    adult, other = office.family("8-802", "Adult", "Other")
    place = office.place(office.party_of(adult), adult)
    for ground in (None, HomeGround.GUARDIAN, HomeGround.LEASE_OVER):
        with pytest.raises(Rejected):
            office.parties.end_member(BY, place, ground)
    for change in ((MemberRole.COLLECTOR, 0, 0), (MemberRole.ADULT, 0, NOW_MS + 1), (MemberRole.ADULT, NOW_MS + 1, 0)):
        with pytest.raises(Rejected, match="end somebody's home"):
            office.parties.change_member(BY, place, *change)
    assert office.has_home(adult)
    assert office.parties.end_member(BY, place, HomeGround.OWN_WORD) == NOW_MS
    assert not office.has_home(adult)
    assert office.has_home(other)


def test_tenant_role_does_not_end_the_lease(office: PropertyOffice, tenant: int) -> None:
    place = office.place(office.party_of(tenant), tenant)
    with pytest.raises(Rejected, match="end somebody's home"):
        office.parties.change_member(BY, place, MemberRole.ADULT, 0, NOW_MS + 60 * DAY_MS)
    office.parties.change_member(BY, place, MemberRole.ADULT, 0, 0)


def test_company_leaver_is_in_no_next_roster(office: PropertyOffice) -> None:
    """The company holds a plan for its staff. Who leaves has no row any more, at the same moment."""
    company, stays, leaves = office.company("Acme"), office.person("Stays"), office.person("Leaves")
    for person in (stays, leaves):
        office.join(company, person, MemberRole.ADULT)
    office.give("yearly", None, party=company)
    own = office.give("staff", leaves, party=company)
    assert office.plans_open_to(stays) == {"yearly"}
    assert office.plans_open_to(leaves) == {"yearly", "staff"}
    office.parties.end_member(BY, office.place(company, leaves))
    assert office.actions(2) == ["member.ended", "membership.ended"]
    assert office.held(own).end_ms == office.now_ms
    assert office.plans_open_to(leaves) == set()
    assert office.plans_open_to(stays) == {"yearly"}


def test_leaver_is_gone_from_the_pages_of_devices(store: Store, keys: KeyFolder) -> None:
    """By the real publisher: the pages that a device holds name the leaver's card before, and not after."""
    world = World(store, keys)
    office = PropertyOffice(store, keys)
    office.now_ms = world.now_ms
    company, person = office.company("Acme"), office.person("Leaver")
    office.join(company, person, MemberRole.ADULT)
    office.give("staff", None, party=company)
    holder = world_holder(store, person)
    world.refresh()
    device = world.devices["east-gate"]
    world.fetch(device)
    assert holder in {row.holder for row in device.rows()}
    office.parties.end_member(BY, office.place(company, person))
    office.now_ms += 1000
    world.now_ms = office.now_ms
    world.refresh()
    world.fetch(device)
    now_s = world.now_ms // 1000
    theirs = [row for row in device.rows() if row.holder == holder]
    assert all(0 < row.valid_until_s <= now_s for row in theirs)


def world_holder(store: Store, person: int) -> bytes:
    with store.reading() as connection:
        found = find_person(connection, person)
    assert found is not None
    return found.holder


def test_company_that_ends_ends_all_of_it(office: PropertyOffice) -> None:
    company, person = office.company("Acme"), office.person("Staff")
    office.join(company, person, MemberRole.ADULT)
    office.give("yearly", None, party=company)
    office.parties.end(BY, company)
    assert office.plans_open_to(person) == set()
    with pytest.raises(Rejected, match="it has ended"):
        office.join(company, office.person("Late"), MemberRole.ADULT)


def test_household_with_homes_is_not_ended(office: PropertyOffice) -> None:
    person = office.person("Adult", "8-803")
    with pytest.raises(Rejected, match="have their home here"):
        office.parties.end(BY, office.party_of(person))


def test_newcomer_to_full_party_is_refused(office: PropertyOffice) -> None:
    """A plan with places that a whole company holds: whoever joins takes one."""
    company = office.company("Acme")
    for name in ("A", "B", "C", "D"):
        office.join(company, office.person(name), MemberRole.ADULT)
    office.give("founder", None, payer=True, party=company)
    with pytest.raises(Rejected, match="The 4 places are taken by A, B, C, D"):
        office.join(company, office.person("E"), MemberRole.ADULT)


def test_nobody_belongs_to_a_party_twice(office: PropertyOffice, tenant: int) -> None:
    party = office.party_of(tenant)
    office.now_ms = NOW_MS + 61 * DAY_MS
    with pytest.raises(Rejected, match="belong to it already"):
        office.parties.add_member(BY, party, tenant, MemberRole.ADULT, office.now_ms)


def test_household_is_made_for_existing_flat(office: PropertyOffice) -> None:
    with pytest.raises(Rejected, match="no flat of this name"):
        office.parties.add(BY, PartyKind.FLAT, Label("", ""), "99-9999")
    with pytest.raises(Rejected, match="lives there already"):
        office.parties.add(BY, PartyKind.FLAT, Label("", ""), "1-101")
    with pytest.raises(Rejected, match="needs a name"):
        office.parties.add(BY, PartyKind.CLUB, Label("", " "))
