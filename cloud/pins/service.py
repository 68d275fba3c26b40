"""The use cases of PINs: set, made up, cleared; and of the mark that overrides a lockdown. Each has its row in the
audit, without a digit."""

import secrets
from collections.abc import Mapping
from itertools import count

from sqlalchemy import Connection

from cloud.cards.pin_store import forget_pin, put_pin
from cloud.cards.rule import Card
from cloud.devices.registry import site_of
from cloud.keys.keys import KeyFolder
from cloud.people.members import STAFF_PIN_DIGITS
from cloud.pins import store
from cloud.pins.rule import PinRefusal, refusal_of_pin
from cloud.pins.store import PinHolder
from cloud.store.database import Clock, Store
from cloud.store.revision import touch
from cloud.web.operators import record
from cloud.web.rejected import Rejected
from cloud.web.sentence import N_
from contract.pins import pin_verifier

NO_PERSON = N_("There is no such person.")
PERSON_ENDED = N_("This person has ended: nothing can be given to them. Nothing was changed.")
NO_CARD = N_("This person has no card, and a PIN goes with one: enrol a card first. Nothing was changed.")
NO_PIN = N_("This person has no PIN. Nothing was changed.")
NOT_STAFF = N_("Only who holds a plan of the staff can override a lockdown. Nothing was changed.")

REFUSALS: Mapping[PinRefusal, str] = {
    PinRefusal.NOT_DIGITS: N_("A PIN is 4 to 8 digits. Nothing was changed."),
    PinRefusal.TOO_SHORT: N_("The PIN of staff and guards has 6 to 8 digits. Nothing was changed."),
    PinRefusal.A_RUN: N_("Digits in a row, such as 1234 or 9876, are guessed first. Choose others."),
    PinRefusal.REPEATED: N_("Digits that repeat, such as 1111 or 1212, are guessed first. Choose others."),
    PinRefusal.A_BIRTHDAY: N_("This looks like the person's birthday, which others know. Choose other digits."),
    PinRefusal.CARD_NUMBER: N_("These digits stand on the person's card. Choose others."),
}


class PinService:
    """The service that changes PINs. Any thread may use it; ``by`` is the operator's name. What is rejected leaves no
    trace.

    A PIN is its holder's, for all cards that they have. Of the digits nothing is kept but a verifier for each card: a
    card that they get later has no PIN until one is set again.
    """

    def __init__(self, store: Store, keys: KeyFolder, clock: Clock) -> None:
        self._store, self._keys, self._clock = store, keys, clock

    def set_pin(self, by: str, person: int, pin: str) -> None:
        """In the place of one that they have. Raises ``Rejected``."""
        with self._store.writing() as connection:
            holder = self._found(connection, person)
            refusal = self._refusal(holder, pin)
            if refusal is not None:
                raise Rejected(REFUSALS[refusal], "pin")
            self._put(connection, by, person, holder, pin)

    def make_pin(self, by: str, person: int) -> str:
        """The digits, random, which are told this once. Raises ``Rejected``."""
        with self._store.writing() as connection:
            holder = self._found(connection, person)
            tried = (f"{secrets.randbelow(10**STAFF_PIN_DIGITS):0{STAFF_PIN_DIGITS}}" for _ in count())
            pin = next(pin for pin in tried if self._refusal(holder, pin) is None)
            self._put(connection, by, person, holder, pin)
        return pin

    def clear_pin(self, by: str, person: int) -> None:
        """Where a PIN is asked they pass no more. Raises ``Rejected``."""
        with self._store.writing() as connection:
            holder = self._found(connection, person)
            if not holder.digits:
                raise Rejected(NO_PIN, "pin", 404)
            for card in holder.cards:
                forget_pin(connection, site_of(connection).name, card.id)
            touch(connection, (person,))
            record(connection, self._clock(), by, "pin.cleared", f"person {person}")

    def set_override(self, by: str, person: int, *, may_override: bool) -> None:
        """Whether somebody of the staff passes a lockdown with card and PIN. Raises ``Rejected``."""
        with self._store.writing() as connection:
            holder = self._found(connection, person)
            if may_override and not holder.is_staff:
                raise Rejected(NOT_STAFF, "override", 409)
            if may_override is not holder.may_override:
                store.set_override(connection, person, may_override=may_override)
                action = "override.given" if may_override else "override.taken"
                record(connection, self._clock(), by, action, f"person {person}")

    def _found(self, connection: Connection, person: int) -> PinHolder:
        found = store.find_pin_holder(connection, site_of(connection).name, person, self._clock())
        if found is None:
            raise Rejected(NO_PERSON, status=404)
        if found.is_ended:
            raise Rejected(PERSON_ENDED, "person", 409)
        return found

    def _refusal(self, holder: PinHolder, pin: str) -> PinRefusal | None:
        opened = (self._keys.numbers.open(card.sealed, card.digests[0]) for card in holder.cards if card.sealed)
        numbers = [str(Card.from_text(text).number) for text in opened]
        return refusal_of_pin(pin, is_staff=holder.is_staff, born=holder.born, numbers=numbers)

    def _put(self, connection: Connection, by: str, person: int, holder: PinHolder, pin: str) -> None:
        if not holder.cards:
            raise Rejected(NO_CARD, "pin", 409)
        for card in holder.cards:
            verifiers = {digest: pin_verifier(self._keys.digest, digest, pin) for digest in card.digests}
            put_pin(connection, site_of(connection).name, card.id, verifiers, len(pin))
        touch(connection, (person,))
        record(connection, self._clock(), by, "pin.set", f"person {person}", cards=str(len(holder.cards)))
