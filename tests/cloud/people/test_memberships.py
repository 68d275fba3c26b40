"""Memberships at the desk: places with names, terms and grace, and the family that stands on its payer."""

import pytest
from msgspec import structs
from sqlalchemy import select

from cloud.people.community import load_people
from cloud.people.grants import compile_people
from cloud.people.plans import YEARLY, Days
from cloud.people.store import change_plan, list_plans
from cloud.store.schema import people
from cloud.web.rejected import Rejected
from contract.decide import DAY_MS, Standing
from tests.cloud.support.households import BY, PropertyOffice, yearly_family

NAMES = ("Gu Yi", "Gu Er", "Gu San", "Gu Si", "Gu Wu")


@pytest.fixture
def family(office: PropertyOffice) -> list[int]:
    office.plan(yearly_family(YEARLY))
    return office.family("7-701", *NAMES)


def test_fifth_of_founder_s_family_is_refused(office: PropertyOffice, family: list[int]) -> None:
    """A founder's family: the payer and three more hold the plan for life; the fifth is told who has the places."""
    payer = office.give("founder", family[0], payer=True)
    for person in family[1:4]:
        office.give("founder", person)
    with pytest.raises(Rejected) as refused:
        office.give("founder", family[4])
    assert str(refused.value) == "The 4 places are taken by Gu Yi, Gu Er, Gu San, Gu Si. Nothing was changed."
    assert refused.value.status == 422
    assert office.held(payer).until_ms == 0
    (use,) = office.view(office.party_of(family[0])).uses
    assert (use.taken, use.places, [name.en for name in use.names]) == (4, 4, list(NAMES[:4]))
    assert "founder" in office.plans_open_to(family[3])
    assert office.plans_open_to(family[4]) == {"resident"}


def test_place_that_ends_is_free_again(office: PropertyOffice, family: list[int]) -> None:
    office.give("founder", family[0], payer=True)
    last = [office.give("founder", person) for person in family[1:4]][-1]
    office.memberships.end(BY, last)
    office.give("founder", family[4])
    with pytest.raises(Rejected, match="The 4 places are taken by Gu Yi, Gu Er, Gu San, Gu Wu"):
        office.give("founder", family[3])


def test_family_needs_a_payer_and_has_one(office: PropertyOffice, family: list[int]) -> None:
    with pytest.raises(Rejected, match="Nobody pays for this plan"):
        office.give("founder", family[1])
    office.give("founder", family[0], payer=True)
    with pytest.raises(Rejected, match="Gu Yi pays for this plan already"):
        office.give("founder", family[1], payer=True)
    with pytest.raises(Rejected, match="name the building and flat"):
        office.give("founder", office.person("Rider"), payer=True)


def test_plan_of_residents_comes_with_a_flat_only(office: PropertyOffice, family: list[int]) -> None:
    for person in (office.person("Rider"), family[0]):
        with pytest.raises(Rejected, match="Whoever belongs to a flat has this plan"):
            office.give("resident", person)


def test_membership_lasts_for_its_term(office: PropertyOffice, family: list[int]) -> None:
    held = office.held(office.give("yearly", family[0]))
    assert held.until_ms - held.from_ms == 365 * DAY_MS
    assert held.from_ms <= office.now_ms < held.from_ms + DAY_MS, "it begins today"


def test_family_never_outlasts_its_payer(office: PropertyOffice, family: list[int]) -> None:
    payer = office.held(office.give("family-year", family[0], payer=True))
    office.now_ms += 30 * DAY_MS
    assert office.held(office.give("family-year", family[1])).until_ms == payer.until_ms


def test_renewal_within_grace_adjoins(office: PropertyOffice, family: list[int]) -> None:
    """Renewed on the seventh day after its end, a year goes on from where it ended; on the eighth day it begins that
    day."""
    office.plan(structs.replace(YEARLY, name="graced", grace_days=7))
    first = office.held(office.give("graced", family[0]))
    office.now_ms = first.until_ms + 7 * DAY_MS - 1
    renewed = office.held(office.memberships.renew(BY, first.id))
    assert (renewed.from_ms, renewed.until_ms) == (first.until_ms, first.until_ms + 365 * DAY_MS)
    office.now_ms = renewed.until_ms + 7 * DAY_MS
    late = office.held(office.memberships.renew(BY, renewed.id))
    assert late.from_ms == office.now_ms, "midnight of that day"
    assert late.until_ms == late.from_ms + 365 * DAY_MS
    with pytest.raises(Rejected, match="same plan at that time already"):
        office.memberships.renew(BY, renewed.id)


def test_plan_for_life_is_not_renewed(office: PropertyOffice, family: list[int]) -> None:
    with pytest.raises(Rejected, match="no term to be renewed"):
        office.memberships.renew(BY, office.give("founder", family[0], payer=True))


def test_family_is_renewed_with_its_payer(office: PropertyOffice, family: list[int]) -> None:
    payer = office.give("family-year", family[0], payer=True)
    office.give("family-year", family[1])
    office.now_ms = office.held(payer).until_ms - DAY_MS
    office.memberships.renew(BY, payer)
    assert office.actions(2) == ["membership.renewed", "membership.renewed"]
    office.now_ms += 2 * DAY_MS
    for person in family[:2]:
        assert "family-year" in office.plans_open_to(person)


def test_family_without_payer_stays_at_home(office: PropertyOffice, family: list[int]) -> None:
    payer = office.give("family-year", family[0], payer=True)
    others = [office.give("family-year", person) for person in family[1:3]]
    office.memberships.end(BY, payer)
    assert office.actions(3) == ["membership.ended"] * 3
    assert {office.held(one).end_ms for one in (payer, *others)} == {office.now_ms}
    for person in family[:3]:
        assert office.plans_open_to(person) == {"resident"}


def test_ended_membership_has_no_days_of_grace(office: PropertyOffice, family: list[int]) -> None:
    office.plan(structs.replace(YEARLY, name="graced", grace_days=7))
    held = office.give("graced", family[0])
    assert "graced" in office.plans_open_to(family[0])
    office.memberships.end(BY, held)
    office.now_ms += 1000
    assert office.plans_open_to(family[0]) == {"resident"}


def test_family_keeps_life_plan_without_payer(office: PropertyOffice, family: list[int]) -> None:
    payer = office.give("founder", family[0], payer=True)
    child = office.give("founder", family[1])
    office.memberships.end(BY, payer)
    assert office.held(child).end_ms == 0
    office.give("founder", family[2])


def test_suspended_payer_suspends_the_family(office: PropertyOffice, family: list[int]) -> None:
    """The payer's membership is suspended, and the family's of that plan with it. It comes back with the payer's, save
    what was suspended before by itself; in between nobody is added and nobody comes back alone. Nobody's home asks."""
    payer = office.give("family-year", family[0], payer=True)
    with_payer, alone = (office.give("family-year", person) for person in family[1:3])
    office.memberships.set_standing(BY, alone, Standing.SUSPENDED)
    office.memberships.set_standing(BY, payer, Standing.SUSPENDED)
    assert office.actions(2) == ["membership.changed", "membership.changed"]
    for person in family[:3]:
        assert office.plans_open_to(person) == {"resident"}
    with pytest.raises(Rejected, match="Nobody pays for this plan"):
        office.memberships.set_standing(BY, with_payer, Standing.ACTIVE)
    with pytest.raises(Rejected, match="Nobody pays for this plan"):
        office.give("family-year", family[3])
    office.memberships.set_standing(BY, payer, Standing.ACTIVE)
    standings = [office.held(one).standing for one in (payer, with_payer, alone)]
    assert standings == [Standing.ACTIVE, Standing.ACTIVE, Standing.SUSPENDED]


def test_place_of_a_suspended_one_may_be_taken(office: PropertyOffice, family: list[int]) -> None:
    office.give("founder", family[0], payer=True)
    held = [office.give("founder", person) for person in family[1:4]]
    office.memberships.set_standing(BY, held[0], Standing.SUSPENDED)
    office.give("founder", family[4])
    with pytest.raises(Rejected, match="The 4 places are taken by Gu Yi, Gu San, Gu Si, Gu Wu"):
        office.memberships.set_standing(BY, held[0], Standing.ACTIVE)


def test_membership_that_has_not_begun_is_taken_back(office: PropertyOffice, family: list[int]) -> None:
    held = office.give("yearly", family[0])
    office.memberships.change_window(BY, held, office.now_ms + DAY_MS, office.now_ms + 2 * DAY_MS)
    office.memberships.end(BY, held)
    assert office.actions(1) == ["membership.removed"]
    office.give("yearly", family[0])


def test_shorter_window_of_the_payer_is_the_familys(office: PropertyOffice, family: list[int]) -> None:
    payer = office.give("family-year", family[0], payer=True)
    other = office.give("family-year", family[1])
    soon_ms = office.now_ms + 10 * DAY_MS
    office.memberships.change_window(BY, payer, 0, soon_ms)
    assert office.held(other).end_ms == soon_ms
    with pytest.raises(Rejected, match="last day comes before"):
        office.memberships.change_window(BY, payer, soon_ms, office.now_ms)


def test_qualification_that_runs_out_is_renewed_alone(office: PropertyOffice, family: list[int]) -> None:
    """The membership is as long as was paid for: while the qualification lacks, it opens nothing."""
    office.plan(structs.replace(YEARLY, name="sauna", term=Days(30), qualification="sauna course"))
    with pytest.raises(Rejected, match="needs the qualification sauna course"):
        office.give("sauna", family[0])
    until_ms = office.now_ms + 5 * DAY_MS
    office.persons.qualify(BY, family[0], "sauna course", until_ms)
    assert office.held(office.give("sauna", family[0])).until_ms > until_ms
    assert "sauna" in office.plans_open_to(family[0])
    office.now_ms = until_ms
    assert "sauna" not in office.plans_open_to(family[0])
    office.persons.qualify(BY, family[0], "sauna course", until_ms + DAY_MS)
    assert "sauna" in office.plans_open_to(family[0])


def test_plan_with_fewer_places_leaves_the_last_out(office: PropertyOffice, family: list[int]) -> None:
    """The household's page names them; they keep their home, and get the place that somebody leaves."""
    held = [office.give("family-year", one, payer=one == family[0]) for one in family[:4]]
    with office.store.writing() as connection:
        plan = next(plan for plan in list_plans(connection) if plan.name == "family-year")
        change_plan(connection, structs.replace(plan, places=3))
    assert [office.plans_open_to(one) for one in family[2:4]] == [{"resident", "family-year"}, {"resident"}]
    (use,) = office.view(office.party_of(family[0])).uses
    assert ([name.en for name in use.surplus], use.taken, use.places) == (["Gu Si"], 4, 3)
    with office.store.reading() as connection:
        alone = compile_people(load_people(connection, [family[3]]), office.now_ms)
    assert alone[family[3]] == office.compiled()[family[3]], "who is compiled alone is compared with the others"
    before = touched(office, family[3])
    office.memberships.end(BY, held[2])
    assert office.plans_open_to(family[3]) == {"resident", "family-year"}
    assert touched(office, family[3]) > before, "their rows would stay as they were"


def touched(office: PropertyOffice, person: int) -> int:
    """The revision of the site in which somebody's grants may have changed last."""
    with office.store.reading() as connection:
        return int(connection.execute(select(people.c.revision).where(people.c.id == person)).scalar_one())


def test_qualification_that_runs_out_is_on_the_list(office: PropertyOffice, family: list[int]) -> None:
    office.persons.qualify(BY, family[0], "first aid", office.now_ms + 6 * DAY_MS)
    office.persons.qualify(BY, family[1], "first aid")
    assert [(line.person, line.days) for line in office.due() if line.qualification] == [(family[0], 7)]


def test_reminders_are_counted_by_days_ahead(office: PropertyOffice, family: list[int]) -> None:
    held = office.held(office.give("yearly", family[0]))
    days = []
    for ahead in (31, 30, 7, 1, 0, -3):
        office.now_ms = held.until_ms - ahead * DAY_MS
        days.append([line.days for line in office.due() if line.person == family[0]])
    assert days == [[], [30], [7], [1], [0], [0]]
    office.memberships.renew(BY, held.id)
    assert [line for line in office.due() if line.person == family[0]] == []
