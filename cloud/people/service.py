"""The use cases of people and their cards, each with its row in the audit."""

from typing import TypeVar

from msgspec import structs
from sqlalchemy.exc import IntegrityError

from cloud.devices.registry import site_of
from cloud.keys.keys import KeyFolder
from cloud.parties.party import MemberRole, PartyMember
from cloud.parties.store import add_party_member, take_household
from cloud.people import store
from cloud.people.members import Membership
from cloud.people.memberships import NO_PERSON, add_membership
from cloud.people.store import Card, find_person, person_of_card
from cloud.store.database import Clock, Store
from cloud.store.labels import Label
from cloud.web.context import N_
from cloud.web.names import clean_text
from cloud.web.operators import record
from cloud.web.rejected import Rejected
from contract.credentials import FORMATS
from contract.decide import Standing

T = TypeVar("T")

MAX_NAME, MAX_UNIT = 60, 40
"""Characters of a name of a person or a card, and of a building and flat."""

NO_NAME = N_("A person needs a name, in Chinese or in English. Nothing was changed.")
NO_CARD = N_("There is no such card.")
NO_FORMAT = N_("Unknown card format.")
NOT_A_CARD = N_("There can be no such card: check the format, the facility code and the number.")
CARD_TAKEN = N_("Somebody has this card already.")


class PeopleService:
    """The service that adds people, and changes their cards. Any thread may use it; ``by`` is the operator's name.
    What is rejected leaves no trace."""

    def __init__(self, store: Store, keys: KeyFolder, clock: Clock) -> None:
        self._store, self._keys, self._clock = store, keys, clock

    def add_person(self, by: str, name: Label, unit: str = "", membership: Membership | None = None) -> int:
        """The new person's id, which the membership is given too. One name is enough; ``unit`` is building and flat,
        empty for riders and staff. Raises ``Rejected``, or ``ValueError`` for what is no name."""
        zh, en, unit = clean_text(name.zh, MAX_NAME), clean_text(name.en, MAX_NAME), clean_text(unit, MAX_UNIT)
        if not (zh or en):
            raise Rejected(NO_NAME, "body")
        with self._store.writing() as connection:
            now_ms = self._clock()
            added = store.add_person(connection, zh or en, en or zh)
            if unit:
                site = site_of(connection).name
                household = take_household(connection, site, unit, now_ms)
                add_party_member(connection, site, PartyMember(0, household, added, MemberRole.ADULT))
            record(connection, now_ms, by, "person.added", f"person {added}")
            if membership:
                add_membership(connection, now_ms, by, structs.replace(membership, person=added))
        return added

    def add_card(self, by: str, person: int, card: Card, label: str = "") -> int:
        """The new card's id. The audit learns that there is one, not its number. Raises ``Rejected``, or ``ValueError``
        for what is no label."""
        if card.format not in FORMATS:
            raise Rejected(NO_FORMAT, "format")
        shown, now_ms = clean_text(label, MAX_NAME) or card.format, self._clock()
        with self._store.writing() as connection:
            _found(find_person(connection, person), NO_PERSON)
            try:
                added = store.add_card(
                    connection,
                    person,
                    card,
                    shown,
                    digest_key=self._keys.digest,
                    numbers=self._keys.numbers,
                    now_ms=now_ms,
                )
            except IntegrityError:
                raise Rejected(CARD_TAKEN, "number", 409) from None
            except ValueError:
                raise Rejected(NOT_A_CARD, "number") from None
            record(connection, now_ms, by, "card.added", f"person {person}", card=str(added))
        return added

    def set_card_standing(self, by: str, card: int, standing: Standing) -> int:
        """Suspend a card, report it lost, or take it into use again; returns whose it is. Raises ``Rejected``."""
        with self._store.writing() as connection:
            person = _found(person_of_card(connection, card), NO_CARD)
            store.set_card_standing(connection, card, standing)
            detail = {"card": str(card), "standing": standing.value}
            record(connection, self._clock(), by, "card.changed", f"person {person}", **detail)
        return person


def _found(value: T | None, otherwise: str) -> T:
    if value is None:
        raise Rejected(otherwise, status=404)
    return value
