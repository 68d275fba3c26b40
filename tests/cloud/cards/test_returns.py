"""Cards to be returned: read from what has ended, and ticked off at the desk."""

import pytest

from cloud.cards.returns import RENEWAL_DAYS, cards_to_return
from cloud.cards.rule import Card, Recipient
from cloud.parties.party import MemberRole
from contract.decide import DAY_MS, Standing
from tests.cloud.support.households import BY, PropertyOffice
from tests.cloud.support.pages import words
from tests.cloud.support.sender import SITE
from tests.cloud.support.town import Town


def due(office: PropertyOffice) -> list[tuple[str, str]]:
    """Which card, and what ended, by their English names."""
    with office.store.reading() as connection:
        found = cards_to_return(connection, SITE, office.now_ms, limit=50)
    return [(one.card.label, one.left.en if one.left else "") for one in found]


def test_leaver_of_a_company_returns_the_card(office: PropertyOffice) -> None:
    company, stays, goes = office.company("Acme"), office.person("Stays"), office.person("Goes")
    office.parties.add_member(BY, company, stays, MemberRole.HELPER)
    member = office.parties.add_member(BY, company, goes, MemberRole.HELPER)
    assert due(office) == []
    office.parties.end_member(BY, member)
    assert due(office) == [("card of Goes", "Acme")]
    office.parties.add_member(BY, office.company("Next"), goes, MemberRole.HELPER)
    assert due(office) == [], "the next company has them"


def test_who_has_another_right_keeps_the_card(office: PropertyOffice) -> None:
    """A new person without a plan has not left, and a membership that ran out may still be renewed."""
    office.person("New")
    member = office.person("Member")
    office.give("yearly", member)
    office.now_ms += 366 * DAY_MS
    assert due(office) == []
    office.now_ms += RENEWAL_DAYS * DAY_MS
    assert [card for card, _ in due(office)] == ["card of Member"]


def test_family_card_of_a_gone_household_is_named(office: PropertyOffice) -> None:
    company, person = office.company("Acme"), office.person("Last")
    member = office.parties.add_member(BY, company, person, MemberRole.HELPER)
    office.cards_service.add_card(BY, Recipient(party=company), Card("UID7", None, 0x04112233445566), "desk card")
    assert due(office) == []
    office.parties.end_member(BY, member)
    assert sorted(due(office)) == [("card of Last", "Acme"), ("desk card", "Acme")]


@pytest.mark.parametrize("how", ["take_back", "void", "lost"])
def test_card_leaves_the_list(office: PropertyOffice, how: str) -> None:
    person = office.person("Goes")
    office.persons.end(BY, person)
    with office.store.reading() as connection:
        ((card, left, since_ms),) = [
            (one.card, one.left, one.since_ms) for one in cards_to_return(connection, SITE, office.now_ms, limit=50)
        ]
    assert (left, since_ms) == (None, office.now_ms)
    if how == "lost":
        office.cards_service.set_standing(BY, card.id, Standing.LOST)
    else:
        getattr(office.cards_service, how)(BY, card.id)
    assert due(office) == []


def test_card_is_ticked_off_by_forms(town: Town) -> None:
    with town.visit("office") as visitor:
        numbers = {"format": "H10301", "facility": "21", "number": "60001", "label": "blue", "deposit": "20"}
        person = visitor.submit("/people", "/people", name_en="Goes").headers["location"].partition("?")[0]
        assert visitor.submit(f"{person}/cards", person, **numbers).status_code == 303
        assert "blue" not in visitor.get("/cards/returns").text
        visitor.submit(f"{person}/record/end", person)
        page = visitor.get("/cards/returns").text
        assert "Goes blue the whole record 2027-01-15 ¥20.00" in words(page)
        (card,) = [part.partition("/return")[0] for part in page.split('action="/cards/')[1:] if "/return" in part[:12]]
        back = visitor.submit(f"/cards/{card}/return", "/cards/returns", back="/cards/returns").headers["location"]
        assert "No card is to be returned." in visitor.get(back).text
