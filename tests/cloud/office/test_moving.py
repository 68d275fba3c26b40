"""Moving day: shown first, carried out as one, and each step in the audit."""

import pytest
from msgspec import structs

from cloud.cards.rule import Card, Recipient
from cloud.cards.service import CardService
from cloud.devices.registry import site_of
from cloud.flats.store import find_flat
from cloud.office.rule import HomeGround
from cloud.parties.party import MemberRole
from cloud.people.plans import YEARLY
from cloud.store.labels import Label
from cloud.web.domain import MovingDay, Newcomer
from cloud.web.i18n import languages
from cloud.web.rejected import Rejected
from contract.decide import DAY_MS, HOUR_MS
from tests.cloud.support.households import BY, NOW_MS, SHANGHAI, PropertyOffice

OUT_MS, IN_MS = NOW_MS + DAY_MS + 2 * HOUR_MS, NOW_MS + DAY_MS - 8 * HOUR_MS
"""18:00 and 08:00 of the next day in Shanghai."""


def moving(party: int, *leavers: int, comes: tuple[Newcomer, ...] = (), ground: str = "own_word") -> MovingDay:
    return MovingDay(party, leavers, comes, ground, OUT_MS, IN_MS)


def comes(name: str, role: MemberRole = MemberRole.OWNER, until_ms: int = 0) -> Newcomer:
    return Newcomer(role.value, name=Label(name, name), until_ms=until_ms)


def told(office: PropertyOffice, day: MovingDay) -> dict[str, list[str]]:
    english = languages(SHANGHAI)["en"]
    return {step.name: [english.sentence(line) for line in step.lines] for step in office.moving.preview(day)}


def newest_person(office: PropertyOffice) -> int:
    """Who came last, with a card."""
    newest = max(office.compiled())
    office.give_card(newest)
    return newest


@pytest.fixture
def leavers(office: PropertyOffice) -> list[int]:
    return office.family("8-801", "Leaver One", "Leaver Two")


def test_preview_says_what_and_changes_nothing(office: PropertyOffice, leavers: list[int]) -> None:
    office.plan(structs.replace(YEARLY, name="parking", label=Label("车位", "Parking"), follows="flat"))
    party = office.party_of(leavers[0])
    office.give("parking", leavers[0], party=party)
    office.give("founder", leavers[0], payer=True)
    before = office.audit(), office.view(party)
    assert told(office, moving(party, *leavers, comes=(comes("Comer"),))) == {
        "members": [
            "Leaver One leaves; the home ends that evening",
            "Leaver Two leaves; the home ends that evening",
            "Comer comes; the home begins that morning",
        ],
        "memberships": [
            "Parking of Leaver One passes to whoever comes, that evening",
            "Founder of Leaver One goes with who pays for it",
        ],
        "cards": ["Card card of Leaver Two of Leaver Two is to be returned"],
        "flat": [],
        "permits": [],
    }
    assert (office.audit(), office.view(party)) == before


def test_moving_day_is_carried_out_as_one(office: PropertyOffice, leavers: list[int]) -> None:
    """A founder's family sells the flat: their plan goes with them, the parking place stays with the flat, their home
    ends in the evening, and the next family's begins in the morning."""
    office.plan(structs.replace(YEARLY, name="parking", follows="flat"))
    party = office.party_of(leavers[0])
    parking = office.give("parking", leavers[0], party=party)
    founders = [office.give("founder", leavers[0], payer=True), office.give("founder", leavers[1])]
    office.moving.carry_out(BY, moving(party, *leavers, comes=(comes("Comer"),)))
    steps = [entry.detail["step"] for entry in reversed(office.audit()) if entry.action == "moving.carried_out"]
    assert steps == ["members", "memberships", "cards", "flat", "permits"]
    comer = newest_person(office)
    office.now_ms = IN_MS
    assert office.has_home(comer)
    assert office.has_home(leavers[0])
    office.now_ms = OUT_MS
    assert office.plans_open_to(leavers[0]) == {"founder"}
    assert office.plans_open_to(leavers[1]) == {"founder"}
    assert office.held(parking).end_ms == OUT_MS
    (passed,) = [one for one in office.view(party).memberships if one.plan == "parking" and one.person == comer]
    assert (passed.from_ms, passed.end_ms) == (OUT_MS, office.held(parking).until_ms)
    moved = {office.held(one).party for one in founders}
    assert len(moved) == 1
    assert party not in moved
    (use,) = office.view(moved.pop() or 0).uses
    assert (use.taken, use.places) == (2, 4)
    office.give("founder", comer, payer=True)


def test_tenants_leave_after_their_lease(office: PropertyOffice) -> None:
    """The lease and its days of grace are over: the desk carries the moving day out, and the next tenant comes."""
    landlord = office.person("Landlord", "8-803")
    party, tenant = office.party_of(landlord), office.person("Tenant")
    office.join(party, tenant, MemberRole.TENANT, NOW_MS - 6 * DAY_MS)
    day = moving(party, tenant, comes=(comes("Next", MemberRole.TENANT, NOW_MS + 366 * DAY_MS),), ground="lease_over")
    late = structs.replace(day, out_ms=OUT_MS - 2 * DAY_MS)
    with pytest.raises(Rejected, match="7 days of grace are not over"):
        office.moving.preview(late)
    office.moving.carry_out(BY, day)
    office.now_ms = OUT_MS
    assert not office.has_home(tenant)
    assert office.has_home(landlord)
    assert office.has_home(newest_person(office))


def test_plan_of_the_flat_waits_for_whoever_comes(office: PropertyOffice, leavers: list[int]) -> None:
    office.plan(structs.replace(YEARLY, name="parking", label=Label("车位", "Parking"), follows="flat"))
    party = office.party_of(leavers[0])
    office.give("parking", leavers[0], party=party)
    said = told(office, moving(party, *leavers))
    assert said["memberships"] == ["Parking of Leaver One waits at the flat for whoever comes next"]
    assert said["flat"] == ["The flat is vacant from then on"]
    office.moving.carry_out(BY, moving(party, *leavers))
    with office.store.reading() as connection:
        flat = find_flat(connection, site_of(connection).name, "8-801")
    assert flat is not None
    assert flat.vacant
    office.now_ms = OUT_MS
    assert office.plans_open_to(leavers[0]) == set()
    later = structs.replace(moving(party, comes=(comes("Comer"),)), in_ms=OUT_MS + DAY_MS, out_ms=OUT_MS + DAY_MS)
    office.moving.carry_out(BY, later)
    office.now_ms = OUT_MS + DAY_MS
    assert office.plans_open_to(newest_person(office)) == {"resident", "parking"}


def test_family_card_is_returned_when_all_leave(office: PropertyOffice, leavers: list[int]) -> None:
    party = office.party_of(leavers[0])
    cards = CardService(office.store, office.keys, office.clock)
    cards.add_card(BY, Recipient(party=party), Card("H10301", 21, 60_001), "family fob")
    returned = "Family card family fob is to be returned"
    assert returned not in told(office, moving(party, leavers[0]))["cards"]
    assert returned in told(office, moving(party, *leavers, comes=(comes("Comer"),)))["cards"]
    office.moving.carry_out(BY, moving(party, *leavers, comes=(comes("Comer"),)))
    assert "card.to_return" in [entry.action for entry in office.audit() if entry.subject == f"party {party}"]


def test_moving_day_is_refused_whole(office: PropertyOffice, leavers: list[int]) -> None:
    party, stranger = office.party_of(leavers[0]), office.person("Stranger")
    company, before = office.company("Acme"), office.audit()
    wrong = {
        "Say who leaves or who comes": moving(party),
        "does not belong to it": moving(party, stranger),
        "needs a name": moving(party, leavers[0], comes=(comes(""),)),
        "on a ground of the list": moving(party, leavers[0], ground=""),
        "at the household of a flat": moving(company, stranger),
        "no such person": moving(party, comes=(Newcomer("adult", 999_999),)),
    }
    for sentence, day in wrong.items():
        for act in (office.moving.preview, lambda day: office.moving.carry_out(BY, day)):
            with pytest.raises(Rejected, match=sentence):
                act(day)
    with pytest.raises(Rejected, match="A guardian's word"):
        office.moving.carry_out(BY, moving(party, leavers[0], ground=HomeGround.GUARDIAN.value))
    assert office.audit() == before
