"""Changes to people, memberships and cards: one way for console and API, each with its row in the audit."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, TypeVar

from fastapi import Depends
from msgspec import structs
from pydantic import Field, model_validator
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from cloud.keys.keys import KeyFolder
from cloud.people import store
from cloud.people.members import Membership, Obstacle, obstacle
from cloud.people.store import Card
from cloud.people.views import find_household, find_person, list_plans, person_of_card
from cloud.web.bodies import Shown, Strict
from cloud.web.context import N_, RequestContext, service
from cloud.web.operators import Operator, record
from cloud.web.rejected import Rejected
from contract.credentials import FORMATS
from contract.decide import Standing

T = TypeVar("T")

MAX_MS = 253_370_764_800_000
"""The beginning of the year 9999."""


Keys = Annotated[KeyFolder, Depends(service(KeyFolder))]


class MembershipIn(Strict):
    """A plan for somebody, over a half-open window (UTC milliseconds, 0 for no bound)."""

    plan: str = Field(min_length=1, max_length=40)
    payer: bool = False
    from_ms: int = Field(0, ge=0, le=MAX_MS)
    until_ms: int = Field(0, ge=0, le=MAX_MS)

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> "MembershipIn":
        if self.until_ms and self.until_ms <= self.from_ms:
            raise ValueError("a membership ends after it begins")
        return self


class PersonIn(Strict):
    """Somebody new. One name is enough; ``unit`` is building and flat, empty for riders and staff."""

    name_zh: Shown = Field("", max_length=60)
    name_en: Shown = Field("", max_length=60)
    unit: Shown = Field("", max_length=40)
    membership: MembershipIn | None = None

    @model_validator(mode="after")
    def _has_a_name(self) -> "PersonIn":
        if not (self.name_zh or self.name_en):
            raise ValueError("a person needs a name")
        return self


class CardIn(Strict):
    """A card as it is printed. ``facility`` is left out where the format has none."""

    format: str = Field(max_length=20)
    facility: int | None = Field(None, ge=0, lt=1 << 32)
    number: int = Field(ge=0, lt=1 << 80)
    label: Shown = Field("", max_length=60)


class StandingIn(Strict):
    standing: Standing


NO_PERSON = N_("There is no such person.")
NO_CARD = N_("There is no such card.")
NO_MEMBERSHIP = N_("There is no such membership.")
NO_PLAN = N_("There is no such plan.")
NO_FORMAT = N_("That card format is not known.")
NOT_A_CARD = N_("There can be no such card: look at the format, the facility code and the number again.")
CARD_TAKEN = N_("Somebody has this card already.")
NEEDS_HOUSEHOLD = N_("This plan is shared by a household: name the building and flat.")

OBSTACLES: Mapping[Obstacle, str] = {
    Obstacle.SAME_PLAN: N_("This person has the same plan at that time already: look at the list of their plans."),
    Obstacle.TOO_MANY: N_("This person has as many memberships as doors can be told of: let some of them end first."),
}


@contextmanager
def _changing(context: RequestContext) -> Iterator[Connection]:
    """A transaction. What is rejected inside leaves no trace."""
    with context.store.writing() as connection:
        yield connection


def add_person(context: RequestContext, by: Operator, person: PersonIn) -> int:
    """The new person's id. Raises ``Rejected``."""
    with _changing(context) as connection:
        household = None
        if person.unit:
            household = find_household(connection, person.unit) or store.add_household(connection, person.unit)
        names = person.name_zh or person.name_en, person.name_en or person.name_zh
        added = store.add_person(connection, *names, household)
        record(connection, context.clock(), by.name, "person.added", f"person {added}")
        if person.membership:
            _add_membership(connection, context, by, added, person.membership)
    return added


def add_membership(context: RequestContext, by: Operator, person: int, membership: MembershipIn) -> int:
    """The new membership's id. Raises ``Rejected``."""
    with _changing(context) as connection:
        return _add_membership(connection, context, by, person, membership)


def _add_membership(
    connection: Connection, context: RequestContext, by: Operator, person: int, new: MembershipIn
) -> int:
    holder = find_person(connection, person)
    if holder is None:
        raise Rejected(NO_PERSON, status=404)
    plan = next((plan for plan in list_plans(connection) if plan.name == new.plan), None)
    if plan is None:
        raise Rejected(NO_PLAN, "plan")
    if plan.places is not None and holder.unit is None:
        raise Rejected(NEEDS_HOUSEHOLD, "unit")
    membership = Membership(0, person, new.plan, new.payer, new.from_ms, new.until_ms)
    _check_fits(connection, membership, context.clock())
    added = store.add_membership(connection, membership)
    record(connection, context.clock(), by.name, "membership.added", f"person {person}", plan=new.plan)
    return added


def _check_fits(connection: Connection, membership: Membership, now_ms: int) -> None:
    """Raises ``Rejected`` if the person cannot hold it beside what they hold."""
    found = obstacle(store.memberships_of(connection, membership.person), membership, now_ms)
    if found is not None:
        raise Rejected(OBSTACLES[found], "plan", 409)


def add_card(context: RequestContext, keys: KeyFolder, by: Operator, person: int, card: CardIn) -> int:
    """The new card's id. The audit learns that there is one, not its number. Raises ``Rejected``."""
    if card.format not in FORMATS:
        raise Rejected(NO_FORMAT, "format")
    try:
        with _changing(context) as connection:
            if find_person(connection, person) is None:
                raise Rejected(NO_PERSON, status=404)
            added = store.add_card(
                connection,
                person,
                Card(card.format, card.facility, card.number),
                card.label or card.format,
                digest_key=keys.digest,
                numbers=keys.numbers,
                now_ms=context.clock(),
            )
            record(connection, context.clock(), by.name, "card.added", f"person {person}", card=str(added))
    except IntegrityError:
        raise Rejected(CARD_TAKEN, "number", 409) from None
    except ValueError:
        raise Rejected(NOT_A_CARD, "number") from None
    return added


def set_card_standing(context: RequestContext, by: Operator, card: int, standing: Standing) -> int:
    """Whose card it is. Raises ``Rejected``."""
    with _changing(context) as connection:
        person = _known(person_of_card(connection, card), NO_CARD)
        store.set_card_standing(connection, card, standing)
        detail = {"card": str(card), "standing": standing.value}
        record(connection, context.clock(), by.name, "card.changed", f"person {person}", **detail)
    return person


def set_membership_standing(context: RequestContext, by: Operator, membership: int, standing: Standing) -> int:
    """Whose membership it is. Raises ``Rejected``."""
    with _changing(context) as connection:
        found = _known(store.find_membership(connection, membership), NO_MEMBERSHIP)
        if found.standing is not Standing.ACTIVE and standing is Standing.ACTIVE:
            _check_fits(connection, structs.replace(found, standing=standing), context.clock())
        store.set_membership_standing(connection, membership, standing)
        detail = {"membership": str(membership), "standing": standing.value}
        record(connection, context.clock(), by.name, "membership.changed", f"person {found.person}", **detail)
    return found.person


def _known(found: T | None, otherwise: str) -> T:
    if found is None:
        raise Rejected(otherwise, status=404)
    return found
