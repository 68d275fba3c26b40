"""The use cases of cards: each change to them, with its row in the audit."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from cloud.cards import store
from cloud.cards.rule import (
    CAN_BE_GIVEN,
    BadBatch,
    Card,
    CardState,
    Recipient,
    cards_written,
    form_digests,
    read_batch,
)
from cloud.cards.store import CardRow, NewCard, seal_card
from cloud.devices.registry import site_of
from cloud.keys.keys import KeyFolder
from cloud.people.membership_store import person_ended
from cloud.people.memberships import NO_PERSON
from cloud.store.database import Clock, Store
from cloud.store.schema import parties
from cloud.web.names import clean_text
from cloud.web.operators import record
from cloud.web.rejected import Rejected
from cloud.web.sentence import N_
from contract.credentials import FORMATS
from contract.decide import Standing

MAX_LABEL = 60
LAST_DIGITS = 3
"""Of a number, as receipts and bank cards show them: enough to tell two cards apart, too few to copy one."""
"""Characters of the name of a card, and of a batch."""
MAX_DEPOSIT_FEN = 100_000

NO_CARD = N_("There is no such card.")
NO_FORMAT = N_("Unknown card format.")
NO_PARTY = N_("There is no such household or company.")
NOBODY_THERE = N_("Nobody belongs to this household or company yet: add its people first.")
NOT_A_CARD = N_("There can be no such card: check the format, the facility code and the number.")
CARD_TAKEN = N_("Somebody has this card already.")
CARD_HELD = N_("%(name)s has this card already: take it back first. Nothing was changed.")
CARD_VOID = N_("This card is void: it is never given again. Nothing was changed.")
NOT_ISSUED = N_("Nobody has this card. Nothing was changed.")
STILL_ISSUED = N_("Somebody still has this card: take it back first. Nothing was changed.")
BAD_LINES = N_("No number of a card in these lines: %(lines)s. Nothing was changed.")
KNOWN_LINES = N_("These cards are known already: %(lines)s. Nothing was changed.")
NO_BATCH = N_("Paste the numbers of the cards, and name the batch. Nothing was changed.")
BAD_DEPOSIT = N_("A deposit is 0 to 1000 yuan. Nothing was changed.")


class CardService:
    """The service that changes cards. Any thread may use it; ``by`` is the operator's name. What is rejected leaves no
    trace."""

    def __init__(self, store: Store, keys: KeyFolder, clock: Clock) -> None:
        self._store, self._keys, self._clock = store, keys, clock

    def add_card(self, by: str, to: Recipient, card: Card, label: str = "", deposit_fen: int = 0) -> int:
        """Give somebody a card by its number; returns its id. One that lies in stock, or came back, is given anew. The
        audit learns that there is one, not its number. Raises ``Rejected``, or ``ValueError`` for what is no label."""
        shown, now_ms = clean_text(label, MAX_LABEL), self._clock()
        _check_deposit(deposit_fen)
        with self._store.writing() as connection:
            site = site_of(connection).name
            check_recipient(connection, site, to)
            new = self._sealed(card, shown or card.format, to=to, deposit_fen=deposit_fen)
            return self.take(connection, site, by, new, shown, now_ms)[0]

    def take(
        self, connection: Connection, site: str, by: str, new: NewCard, label: str, now_ms: int
    ) -> tuple[int, int]:
        """Write a card down as somebody's or as stock; returns its id, and how many of its forms another card has.
        Raises ``Rejected``."""
        known = store.cards_with(connection, site, new.digests[:1])
        if not known:
            added, left_out = store.insert_card(connection, site, new, now_ms)
            record(connection, now_ms, by, "card.added", subject(new.to), card=str(added))
            return added, left_out
        card = _found(store.find_card(connection, known[0]))
        if card.state == CardState.VOID:
            raise Rejected(CARD_VOID, "number", 409)
        if card.state == CardState.ISSUED or new.state is not CardState.ISSUED:
            raise _taken(card)
        store.give(connection, site, card.id, new.to, label, now_ms)
        record(connection, now_ms, by, "card.given", subject(new.to), card=str(card.id))
        return card.id, 0

    def set_standing(self, by: str, card: int, standing: Standing) -> CardRow:
        """Suspend a card, report it lost, or take it into use again. Raises ``Rejected``."""
        with self._store.writing() as connection:
            changed = _found(store.find_card(connection, card))
            if changed.state != CardState.ISSUED:
                raise Rejected(NOT_ISSUED, status=409)
            store.set_card_standing(connection, card, standing)
            detail = {"card": str(card), "standing": standing.value}
            record(connection, self._clock(), by, "card.changed", subject(changed.recipient), **detail)
        return changed

    def give(self, by: str, card: int, to: Recipient, label: str = "") -> None:
        """Give a card of the stock, or one that came back. Raises ``Rejected``."""
        shown, now_ms = clean_text(label, MAX_LABEL), self._clock()
        with self._store.writing() as connection:
            site = site_of(connection).name
            check_recipient(connection, site, to)
            given = _found(store.find_card(connection, card))
            if given.state not in CAN_BE_GIVEN:
                raise Rejected(CARD_VOID if given.state == CardState.VOID else STILL_ISSUED, status=409)
            store.give(connection, site, card, to, shown, now_ms)
            record(connection, now_ms, by, "card.given", subject(to), card=str(card))

    def take_back(self, by: str, card: int) -> CardRow:
        """Somebody gave their card back, and may get the deposit; returns the card as it was. Raises ``Rejected``."""
        with self._store.writing() as connection:
            site = site_of(connection).name
            returned = _found(store.find_card(connection, card))
            if returned.state != CardState.ISSUED:
                raise Rejected(NOT_ISSUED, status=409)
            store.take_back(connection, site, returned, CardState.RETURNED)
            detail = {"card": str(card), "deposit": f"{returned.deposit_fen / 100:.2f}"}
            record(connection, self._clock(), by, "card.returned", subject(returned.recipient), **detail)
        return returned

    def void(self, by: str, card: int) -> CardRow:
        """A card is broken, or shall never open anything again, whoever has it; returns it as it was. Raises
        ``Rejected``."""
        with self._store.writing() as connection:
            site = site_of(connection).name
            voided = _found(store.find_card(connection, card))
            if voided.state == CardState.VOID:
                raise Rejected(CARD_VOID, status=409)
            store.take_back(connection, site, voided, CardState.VOID)
            record(connection, self._clock(), by, "card.voided", subject(voided.recipient), card=str(card))
        return voided

    def add_batch(
        self, by: str, text: str, format_name: str, facility: int | None, batch: str, deposit_fen: int = 0
    ) -> int:
        """Take a batch of cards into stock by their numbers, all or none; returns how many. Raises ``Rejected``, or
        ``ValueError`` for what is no name of a batch."""
        named, now_ms = clean_text(batch, MAX_LABEL), self._clock()
        _check_deposit(deposit_fen)
        if format_name not in FORMATS:
            raise Rejected(NO_FORMAT, "format")
        try:
            lines = read_batch(text, format_name, facility)
        except BadBatch as wrong:
            raise Rejected(BAD_LINES, "numbers", lines=some_of(wrong.lines)) from None
        if not lines or not named:
            raise Rejected(NO_BATCH, "numbers")
        with self._store.writing() as connection:
            site, known = site_of(connection).name, list[str]()
            for line in lines:
                label = clean_text(line.label, MAX_LABEL)
                new = self._sealed(line.card, label, state=CardState.STOCK, batch=named, deposit_fen=deposit_fen)
                try:
                    with connection.begin_nested():
                        store.insert_card(connection, site, new, now_ms)
                except IntegrityError:
                    known.append(label)
            if known:
                raise Rejected(KNOWN_LINES, "numbers", 409, lines=some_of(known))
            record(connection, now_ms, by, "card.batch", named, cards=str(len(lines)))
        return len(lines)

    def find(self, card: Card) -> CardRow | None:
        """The card of this number, in whatever form a reader reports it; None if it is not known here. Raises
        ``Rejected`` for a number that no card has."""
        digests = self.digests_of(card)
        with self._store.reading() as connection:
            site = site_of(connection).name
            for some in ([digests[0]], digests[1:]):
                found = store.cards_with(connection, site, some) if some else []
                if found:
                    return store.find_card(connection, found[0])
        return None

    def with_number(self, connection: Connection, text: str) -> list[CardRow]:
        """The cards that a text may be the number of, in whatever format."""
        site, digests = site_of(connection).name, [self.digests_of(card)[0] for card in cards_written(text)]
        found = store.cards_with(connection, site, digests)
        return store.cards_of_ids(connection, found)

    def last_digits(self, connection: Connection, cards: Iterable[int]) -> Mapping[int, str]:
        """The end of each card's number, by which two cards of one person are told apart. Empty where the number is not
        known."""
        sealed = store.sealed_numbers(connection, cards)
        return {
            one.id: str(Card.from_text(self._keys.numbers.open(one.sealed, one.digest)).number)[-LAST_DIGITS:]
            for one in sealed
        }

    def _sealed(self, card: Card, label: str, **more: object) -> NewCard:
        """Raises ``Rejected`` for a card that cannot be."""
        self.digests_of(card)
        return seal_card(card, label, self._keys.digest, self._keys.numbers, **more)

    def digests_of(self, card: Card) -> Sequence[bytes]:
        """By which a card is known in each form that readers report, its own first. Raises ``Rejected`` for a card that
        cannot be."""
        if card.format not in FORMATS:
            raise Rejected(NO_FORMAT, "format")
        try:
            return form_digests(self._keys.digest, card)
        except ValueError:
            raise Rejected(NOT_A_CARD, "number") from None


def subject(to: Recipient) -> str:
    """Whom a row of the audit is about."""
    if to.person is not None:
        return f"person {to.person}"
    return "stock" if to.party is None else f"party {to.party}"


def check_recipient(connection: Connection, site: str, to: Recipient) -> None:
    """Raises ``Rejected`` unless there is such a person or party."""
    if to.person is not None and person_ended(connection, to.person) is not False:
        raise Rejected(NO_PERSON, status=404)
    if to.party is not None:
        mine = parties.c.site == site, parties.c.id == to.party, parties.c.ended_ms.is_(None)
        if connection.execute(select(parties.c.id).where(*mine)).first() is None:
            raise Rejected(NO_PARTY, status=404)
        if not store.has_members(connection, site, to.party):
            raise Rejected(NOBODY_THERE, status=409)


def some_of(things: Sequence[object]) -> list[str]:
    """The first of many, for a sentence."""
    return [*map(str, things[:20]), *(["…"] if len(things) > 20 else [])]


def _check_deposit(deposit_fen: int) -> None:
    if not 0 <= deposit_fen <= MAX_DEPOSIT_FEN:
        raise Rejected(BAD_DEPOSIT, "deposit")


def _found(card: CardRow | None) -> CardRow:
    if card is None:
        raise Rejected(NO_CARD, status=404)
    return card


def _taken(card: CardRow) -> Rejected:
    """Says who has the card, where that is a person, a household or a company."""
    name = card.person_name or card.party_name
    return Rejected(CARD_HELD, "number", 409, name=name) if name else Rejected(CARD_TAKEN, "number", 409)
