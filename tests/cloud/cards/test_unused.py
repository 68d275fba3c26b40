"""Cards that nobody uses: counted from events, and a list that ends nothing."""

from cloud.cards.rule import Card, Recipient
from cloud.cards.unused import UseCounter, unused_cards
from contract.credentials import canonical, encode, forms
from contract.decide import DAY_MS
from contract.sealing import credential_digest
from tests.cloud.support.sender import SITE
from tests.cloud.support.taps import Taps
from tests.cloud.support.town import Town


def unused(town: Town, days: int) -> list[tuple[int, int | None]]:
    UseCounter(town.store).count()
    with town.store.reading() as connection:
        return [(one.card.id, one.day_ms) for one in unused_cards(connection, SITE, days, town.now_ms, limit=50)]


def passes(town: Town, frame: str, kind: str = "access.allowed") -> None:
    """Somebody shows a card, in the form of this reader."""
    card = canonical(frame)
    assert card is not None
    digest = credential_digest(town.keys.digest, card).hex()
    reason = "allowed" if kind == "access.allowed" else "expired"
    town.happens(kind, digest=digest, reason=reason, direction="in", roster=1, rule=3)


def test_used_card_is_not_in_the_list(town: Town, taps: Taps) -> None:
    before = len(taps.cards_of(5))
    assert unused(town, 30) == []
    town.now_ms += 31 * DAY_MS
    everybody = [card for card, _ in unused(town, 30)]
    (mine,) = [card.id for card in taps.cards_of(5)]
    assert (mine in everybody, before) == (True, 1)
    passes(town, encode("H10301", facility=21, number=15890))
    assert mine not in [card for card, _ in unused(town, 30)]
    used_ms = town.now_ms // DAY_MS * DAY_MS
    town.now_ms += 40 * DAY_MS
    assert (mine, used_ms) in unused(town, 30)


def test_refusal_is_no_use(town: Town, taps: Taps) -> None:
    town.now_ms += 31 * DAY_MS
    passes(town, encode("H10301", facility=21, number=15890), "access.refused")
    assert taps.cards_of(5)[0].id in [card for card, _ in unused(town, 30)]


def test_use_in_another_form_is_use(town: Town, taps: Taps) -> None:
    card = taps.cards.add_card("office", Recipient(5), Card("UID7", None, 0x04112233445566))
    town.now_ms += 31 * DAY_MS
    assert card in [one for one, _ in unused(town, 30)]
    whole = canonical(encode("UID7", number=0x04112233445566))
    assert whole is not None
    assert forms(whole)[1][0] == 32
    passes(town, encode("UID4", number=int.from_bytes(forms(whole)[1][1:], "big")))
    assert card not in [one for one, _ in unused(town, 30)]


def test_card_given_lately_is_not_unused(town: Town, taps: Taps) -> None:
    town.now_ms += 31 * DAY_MS
    card = taps.cards.add_card("office", Recipient(5), Card("H10301", 7, 4242))
    assert card not in [one for one, _ in unused(town, 30)]


def test_uses_are_counted_once_from_where_it_was(town: Town, taps: Taps) -> None:
    counter = UseCounter(town.store)
    for _ in range(3):
        passes(town, encode("H10301", facility=21, number=15890))
        counter.count()
    with town.store.reading() as connection:
        counted = connection.exec_driver_sql("SELECT count(*), max(arrival) FROM card_uses, card_use_marks").one()
    assert tuple(counted) == (1, 3)
