"""PINs at the desk: for all cards that somebody has, of which nothing but verifiers are kept."""

from collections.abc import Callable

import pytest
from msgspec import structs
from sqlalchemy import select, update

from cloud.cards.rule import Card, CardKind, Recipient
from cloud.people.plans import STAFF
from cloud.people.tables import card_forms, credentials
from cloud.web.rejected import Rejected
from contract.decide import Tier
from contract.demands import PinVerdict
from contract.pins import pin_verdict
from contract.roster import Row, unpack_rows
from tests.cloud.support.households import BY, PropertyOffice

PIN = "295073"


@pytest.fixture
def person(office: PropertyOffice) -> int:
    return office.person("Keyed", "8-801")


@pytest.fixture
def guard(office: PropertyOffice) -> int:
    guard = office.person("Guard")
    office.give("staff", guard)
    return guard


def rows(office: PropertyOffice, person: int) -> list[Row]:
    return unpack_rows(office.compiled()[person].rows)


def verdicts(office: PropertyOffice, person: int, pin: str) -> set[PinVerdict]:
    """What devices say of these digits behind each of somebody's cards, in each of its forms."""
    key = office.keys.digest
    return {
        pin_verdict(key, row.digest, pin, row.pin, may_signal_duress=row.may_signal_duress)
        for row in rows(office, person)
    }


def test_pin_counts_for_every_card_of_its_holder(office: PropertyOffice, person: int) -> None:
    """In every form in which readers report one; the audit says that there is a PIN, and of no digit."""
    office.cards_service.add_card(BY, Recipient(person), Card("UID4", None, 0x11223344), "fob")
    office.pins.set_pin(BY, person, PIN)
    assert verdicts(office, person, PIN) == {PinVerdict.RIGHT}
    assert verdicts(office, person, "295074") == {PinVerdict.WRONG}
    assert len({row.digest for row in rows(office, person)}) > 4
    assert office.actions(1) == ["pin.set"]
    assert PIN not in str(office.audit(3))
    office.pins.set_pin(BY, person, "40717")
    assert (verdicts(office, person, PIN), verdicts(office, person, "40717")) == (
        {PinVerdict.WRONG},
        {PinVerdict.RIGHT},
    )


def test_code_has_no_pin(office: PropertyOffice, person: int) -> None:
    """It is digits itself: behind it a keypad takes no others. Who has nothing but a code gets no PIN."""
    mine = update(credentials).where(credentials.c.person_id == person)
    with office.store.writing() as connection:
        connection.execute(mine.values(kind=CardKind.CODE))
    with pytest.raises(Rejected, match="a PIN goes with one"):
        office.pins.set_pin(BY, person, PIN)
    office.give_card(person)
    office.pins.set_pin(BY, person, PIN)
    with office.store.reading() as connection:
        kept = select(credentials.c.kind).where(credentials.c.person_id == person, credentials.c.pin.is_not(None))
        assert connection.execute(kept).scalars().all() == ["card"]


def test_later_card_has_no_pin_until_set_again(office: PropertyOffice, person: int) -> None:
    office.pins.set_pin(BY, person, PIN)
    office.give_card(person, "new")
    assert verdicts(office, person, PIN) == {PinVerdict.RIGHT, PinVerdict.WRONG}
    office.pins.set_pin(BY, person, PIN)
    assert verdicts(office, person, PIN) == {PinVerdict.RIGHT}


@pytest.mark.parametrize("gives_back", [True, False])
def test_pin_goes_with_its_holder(office: PropertyOffice, person: int, gives_back: bool) -> None:
    """Whoever gets the card next has another; and a PIN that is cleared is nowhere any more."""
    card = office.cards_service.add_card(BY, Recipient(person), Card("UID4", None, 0x11223344), "fob")
    office.pins.set_pin(BY, person, PIN)
    if gives_back:
        office.cards_service.take_back(BY, card)
    else:
        office.pins.clear_pin(BY, person)
    with office.store.reading() as connection:
        of_card = select(credentials.c.pin, credentials.c.pin_digits).where(credentials.c.id == card)
        assert connection.execute(of_card).one() == (None, None)
        assert set(connection.execute(select(card_forms.c.pin)).scalars()) == {None}


def test_generated_pin_is_told_once(office: PropertyOffice, guard: int) -> None:
    pin = office.pins.make_pin(BY, guard)
    assert len(pin) == 6
    assert verdicts(office, guard, pin) == {PinVerdict.RIGHT}
    assert pin not in str(office.audit(3))


def test_short_pin_of_new_staff_counts_no_more(office: PropertyOffice, person: int) -> None:
    """Where they pass as staff. At the gym they are a resident as before."""
    office.pins.set_pin(BY, person, "4071")
    office.give("staff", person)
    assert {(row.tier, bool(row.pin)) for row in rows(office, person)} == {(Tier.STAFF, False), (Tier.RESIDENT, True)}
    office.pins.set_pin(BY, person, PIN)
    assert verdicts(office, person, PIN) == {PinVerdict.RIGHT}


def test_override_is_a_mark_of_staff(office: PropertyOffice, guard: int, person: int) -> None:
    office.pins.set_override(BY, guard, may_override=True)
    assert {row.override for row in rows(office, guard)} == {True}
    with pytest.raises(Rejected, match="Only who holds a plan of the staff"):
        office.pins.set_override(BY, person, may_override=True)
    office.pins.set_override(BY, guard, may_override=False)
    assert {row.override for row in rows(office, guard)} == {False}
    assert office.actions(2) == ["override.given", "override.taken"]


def test_override_ends_with_the_plan_of_staff(office: PropertyOffice, guard: int) -> None:
    """The mark stays written down and opens nothing: it is of staff rows alone."""
    office.pins.set_override(BY, guard, may_override=True)
    office.plan(structs.replace(STAFF, name="visitor", tier=Tier.MEMBER))
    office.give("visitor", guard)
    assert {row.tier for row in rows(office, guard) if row.override} == {Tier.STAFF}


def test_wrong_pin_changes_nothing(office: PropertyOffice, guard: int) -> None:
    cardless = office.people.add_person(BY, structs.replace(STAFF.label), "8-802")
    before = office.audit()
    wrong: dict[str, Callable[[], object]] = {
        "has 6 to 8 digits": lambda: office.pins.set_pin(BY, guard, "4071"),
        "4 to 8 digits": lambda: office.pins.set_pin(BY, guard, "12345678901"),
        "Digits in a row": lambda: office.pins.set_pin(BY, guard, "123456"),
        "Digits that repeat": lambda: office.pins.set_pin(BY, guard, "111111"),
        "has no card": lambda: office.pins.set_pin(BY, cardless, PIN),
        "no card, and": lambda: office.pins.make_pin(BY, cardless),
        "has no PIN": lambda: office.pins.clear_pin(BY, guard),
        "no such person": lambda: office.pins.set_pin(BY, 999, PIN),
    }
    for sentence, act in wrong.items():
        with pytest.raises(Rejected, match=sentence):
            act()
    assert office.audit() == before
