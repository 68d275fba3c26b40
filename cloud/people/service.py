"""The use cases of people: each change to them, what they hold and their cards, with its row in the audit."""

from collections.abc import Mapping
from typing import TypeVar

from msgspec import structs
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from cloud.devices.registry import site_of
from cloud.keys.keys import KeyFolder
from cloud.parties.party import MemberRole, PartyMember
from cloud.parties.store import add_party_member, home_of_person, take_household
from cloud.people import store
from cloud.people.members import Membership, Obstacle, beside_in_party, obstacle
from cloud.people.plans import Plan
from cloud.people.store import Card, find_person, list_plans, person_of_card
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
ENDS_EARLY = N_("The last day comes before the first day. Nothing was changed.")
NO_PERSON = N_("There is no such person.")
NO_CARD = N_("There is no such card.")
NO_MEMBERSHIP = N_("There is no such membership.")
NO_PLAN = N_("There is no such plan.")
NO_FORMAT = N_("Unknown card format.")
NOT_A_CARD = N_("There can be no such card: check the format, the facility code and the number.")
CARD_TAKEN = N_("Somebody has this card already.")
NEEDS_HOUSEHOLD = N_("This plan is shared by a household: name the building and flat.")
NO_PLACE = N_("No place is left in this plan: %(names)s have it. Nothing was changed.")
NO_PAYER = N_("Nobody of the household pays for this plan yet: give it to who pays first. Nothing was changed.")

OBSTACLES: Mapping[Obstacle, str] = {
    Obstacle.SAME_PLAN: N_("This person has the same plan at that time already: check the list of their plans."),
    Obstacle.TOO_MANY: N_("This person has as many memberships as devices can store: end some of them first."),
}


class PeopleService:
    """The service that changes people, memberships and cards. Any thread may use it; ``by`` is the operator's name.
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
                self._add_membership(connection, by, structs.replace(membership, person=added))
        return added

    def add_membership(self, by: str, membership: Membership) -> int:
        """The new membership's id. Raises ``Rejected``."""
        with self._store.writing() as connection:
            return self._add_membership(connection, by, membership)

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

    def set_membership_standing(self, by: str, membership: int, standing: Standing) -> int:
        """Suspend a membership or let it count again; returns whose it is. Raises ``Rejected``."""
        with self._store.writing() as connection:
            before = _found(store.find_membership(connection, membership), NO_MEMBERSHIP)
            if before.standing is not Standing.ACTIVE and standing is Standing.ACTIVE:
                self._check_fits(connection, structs.replace(before, standing=standing))
            store.set_membership_standing(connection, membership, standing)
            detail = {"membership": str(membership), "standing": standing.value}
            record(connection, self._clock(), by, "membership.changed", f"person {before.person}", **detail)
        return before.person or 0

    def _add_membership(self, connection: Connection, by: str, new: Membership) -> int:
        """Of a plan with places, with the party that lives in the person's flat unless one is named."""
        person = _found(find_person(connection, new.person or 0), NO_PERSON).id
        plan = _plan_of(connection, new)
        if new.until_ms and new.until_ms <= new.from_ms:
            raise Rejected(ENDS_EARLY, "body")
        if plan.places is not None and new.party is None:
            household = home_of_person(connection, site_of(connection).name, person)
            if household is None:
                raise Rejected(NEEDS_HOUSEHOLD, "unit")
            new = structs.replace(new, party=household)
        self._check_fits(connection, new)
        added = store.add_membership(connection, new)
        record(connection, self._clock(), by, "membership.added", f"person {person}", plan=new.plan)
        return added

    def _check_fits(self, connection: Connection, membership: Membership) -> None:
        """Raises ``Rejected`` if the person cannot hold it beside what they hold, or the party has no place for it."""
        if membership.person is not None:
            reason = obstacle(store.memberships_of(connection, membership.person), membership)
            if reason is not None:
                raise Rejected(OBSTACLES[reason], "plan", 409)
        places = _plan_of(connection, membership).places
        if places is not None and membership.party is not None:
            beside = beside_in_party(store.memberships_of_party(connection, membership.party), membership)
            holders = list(dict.fromkeys(one.person for one in beside if one.person is not None))
            if len(holders) >= places:
                raise Rejected(NO_PLACE, "plan", names=store.names_of(connection, holders))
            if not membership.payer and not any(one.payer for one in beside):
                raise Rejected(NO_PAYER, "payer")


def _plan_of(connection: Connection, membership: Membership) -> Plan:
    plan = next((plan for plan in list_plans(connection) if plan.name == membership.plan), None)
    if plan is None:
        raise Rejected(NO_PLAN, "plan")
    return plan


def _found(value: T | None, otherwise: str) -> T:
    if value is None:
        raise Rejected(otherwise, status=404)
    return value
