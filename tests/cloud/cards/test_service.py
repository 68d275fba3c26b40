"""The use cases of cards: what is refused changes nothing, whoever asks."""

import pytest

from cloud.cards.rule import Card, Recipient
from cloud.cards.service import CardService
from cloud.cards.store import CardFilter, count_cards, list_cards
from cloud.keys.keys import KeyFolder
from cloud.people.community import load_community
from cloud.people.store import list_people
from cloud.store.database import Store
from cloud.store.revision import revision
from cloud.web.operators import list_audit
from cloud.web.rejected import Rejected
from contract.decide import Standing
from tests.cloud.support.town import Past

NOW_MS = 1_800_000_000_000


@pytest.fixture
def cards(store: Store, keys: KeyFolder, past: Past) -> CardService:
    past.copy_to(store)
    return CardService(store, keys, lambda: NOW_MS)


def test_refused_card_changes_nothing(store: Store, cards: CardService) -> None:
    with store.reading() as connection:
        before = revision(connection), list_audit(connection), list_people(connection)
    for number, facility in ((1 << 90, 21), (7, -1)):
        with pytest.raises(Rejected, match="such card"):
            cards.add_card("lin", Recipient(1), Card("H10301", facility, number))
    with store.reading() as connection:
        assert (revision(connection), list_audit(connection), list_people(connection)) == before


def test_card_changes_stand_in_the_audit(store: Store, cards: CardService) -> None:
    card = cards.add_card("lin", Recipient(1), Card("H10301", 21, 4242))
    assert cards.set_standing("lin", card, Standing.LOST).person == 1
    with store.reading() as connection:
        assert [deed.action for deed in list_audit(connection, limit=2)] == ["card.changed", "card.added"]


def test_returned_card_is_given_anew(store: Store, cards: CardService) -> None:
    card = cards.add_card("lin", Recipient(1), Card("H10301", 21, 4242), deposit_fen=2_000)
    with pytest.raises(Rejected, match="still has this card"):
        cards.give("lin", card, Recipient(2))
    assert cards.take_back("lin", card).person == 1
    with pytest.raises(Rejected, match="Nobody has"):
        cards.take_back("lin", card)
    with pytest.raises(Rejected, match="Nobody has"):
        cards.set_standing("lin", card, Standing.LOST)
    cards.give("lin", card, Recipient(2), "blue")
    found = cards.find(Card("H10301", 21, 4242))
    assert found is not None
    assert (found.id, found.person, found.label, found.deposit_fen) == (card, 2, "blue", 2_000)
    assert cards.add_card("lin", Recipient(3), Card("H10301", 21, 4243)) != card
    with pytest.raises(Rejected, match="has this card"):
        cards.add_card("lin", Recipient(3), Card("H10301", 21, 4242))


def test_void_card_is_never_given_again(store: Store, cards: CardService) -> None:
    card = cards.add_card("lin", Recipient(1), Card("H10301", 21, 4242))
    cards.void("lin", card)
    for act in (
        lambda: cards.give("lin", card, Recipient(2)),
        lambda: cards.add_card("lin", Recipient(2), Card("H10301", 21, 4242)),
        lambda: cards.void("lin", card),
    ):
        with pytest.raises(Rejected, match="void"):
            act()
    with store.reading() as connection:
        actions = [entry.action for entry in list_audit(connection, limit=2)]
    assert actions == ["card.voided", "card.added"]


@pytest.mark.parametrize(
    ("text", "batch", "deposit_fen", "said"),
    [
        ("1\n1", "b", 0, "known already"),
        ("1\n10001", "b", 0, "known already"),
        ("", "b", 0, "Paste the numbers"),
        ("1", " ", 0, "Paste the numbers"),
        ("1", "b", -1, "deposit is 0 to 1000"),
        ("1\nx", "b", 0, "lines: 2"),
    ],
)
def test_bad_batch_changes_nothing(
    store: Store, cards: CardService, text: str, batch: str, deposit_fen: int, said: str
) -> None:
    """One that is in the batch twice, or in the register already, leaves the whole batch out."""
    with store.reading() as connection:
        before = list_audit(connection), list_cards(connection, CardFilter(), limit=500)
    with pytest.raises(Rejected, match=said):
        cards.add_batch("lin", text, "H10301", 21, batch, deposit_fen)
    with store.reading() as connection:
        assert (list_audit(connection), list_cards(connection, CardFilter(), limit=500)) == before


def test_stock_opens_nothing(store: Store, cards: CardService) -> None:
    cards.add_batch("lin", "7\n8", "H10301", 21, "spring")
    with store.reading() as connection:
        whole, counted = load_community(connection), count_cards(connection)
    digests = {one.digest for one in whole.credentials}
    assert not digests & {Card("H10301", 21, number).digest(cards._keys.digest) for number in (7, 8)}
    assert ("spring", "stock", 2) in [(one.batch, one.state, one.count) for one in counted]


def test_card_is_known_in_each_of_its_forms(cards: CardService) -> None:
    """A reader that sends 26 bits reports the lowest of a UID, which nobody else can be given then."""
    card = cards.add_card("lin", Recipient(1), Card("UID4", None, 4242))
    for form in (Card("UID4", None, 4242), Card("H10301", 0, 4242), Card("UID4", None, 0x92100000)):
        found = cards.find(form)
        assert found is not None
        assert found.id == card
    with pytest.raises(Rejected, match="has this card"):
        cards.add_card("lin", Recipient(3), Card("H10301", 0, 4242))
    assert cards.find(Card("H10301", 1, 4242)) is None
