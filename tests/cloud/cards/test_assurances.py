"""How hard cards are to copy: written down with each, and looked up once for those of before."""

import pytest
from sqlalchemy import select, update

from cloud.cards.assurances import note_assurances
from cloud.cards.rule import Card, Recipient, assurance_of
from cloud.people.tables import credentials
from contract.demands import Assurance
from tests.cloud.support.households import BY, PropertyOffice

CARDS = {
    Card("H10301", 21, 40_001): Assurance.COPYABLE,
    Card("UID4", None, 0x11223344): Assurance.COPYABLE,
    Card("UID7", None, 0x04112233445566): Assurance.COPYABLE,
    Card("H10306", 7, 4711): Assurance.COPYABLE,
    Card("C1k35s", 7, 4711): Assurance.CARD,
    Card("H10302", None, 4711): Assurance.CARD,
}


@pytest.mark.parametrize(("card", "assurance"), CARDS.items())
def test_short_cards_and_bare_serials_are_copied(card: Card, assurance: Assurance) -> None:
    """A 34-bit frame is a serial number of 4 bytes between two bits of parity."""
    assert assurance_of(card) is assurance


def test_cards_of_before_are_looked_at_once(office: PropertyOffice) -> None:
    """By their sealed numbers; a card whose number is not known may be one that any shop copies."""
    person = office.person("Early", "8-801")
    added = {office.cards_service.add_card(BY, Recipient(person), card): one for card, one in CARDS.items()}
    unread = office.cards_service.add_card(BY, Recipient(person), Card("C1k35s", 7, 4712))
    with office.store.writing() as connection:
        connection.execute(update(credentials).values(assurance=None))
        connection.execute(update(credentials).where(credentials.c.id == unread).values(sealed=b""))
    assert note_assurances(office.store, office.keys) > len(added)
    assert note_assurances(office.store, office.keys) == 0
    with office.store.reading() as connection:
        rows = connection.execute(select(credentials.c.id, credentials.c.assurance)).all()
    found = {row.id: row.assurance for row in rows}
    assert {card: found[card] for card in added} == added
    assert found[unread] == Assurance.COPYABLE
