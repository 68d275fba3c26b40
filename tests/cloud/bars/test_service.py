"""Bars at the desk: two people, at most 90 days, and never a home."""

from collections.abc import Callable

import pytest

from cloud.bars.rule import BarGround, BarState
from cloud.bars.store import bars_of_person
from cloud.devices.registry import site_of
from cloud.web.rejected import Rejected
from contract.decide import DAY_MS
from tests.cloud.support.households import NOW_MS, PropertyOffice

UNTIL_MS = NOW_MS + 30 * DAY_MS


@pytest.fixture
def person(office: PropertyOffice) -> int:
    person = office.person("Barred", "8-801")
    office.give("yearly", person)
    return person


def state(office: PropertyOffice, person: int) -> list[BarState]:
    with office.store.reading() as connection:
        found = bars_of_person(connection, site_of(connection).name, person)
    return [one.bar.state(office.now_ms) for one in found]


def test_barred_person_keeps_their_home(office: PropertyOffice, person: int) -> None:
    """Entered by one operator it changes nothing; confirmed by another it leaves the home; at its end all is back, by
    time alone."""
    bar = office.bars.enter("lin", BarGround.THREATS, UNTIL_MS, person=person)
    assert office.plans_open_to(person) == {"resident", "yearly"}
    with pytest.raises(Rejected, match="Another operator has to confirm it"):
        office.bars.confirm("lin", bar)
    office.bars.confirm("wu", bar)
    assert office.plans_open_to(person) == {"resident"}
    assert office.compiled()[person].edge_ms == UNTIL_MS
    office.now_ms = UNTIL_MS
    assert office.plans_open_to(person) == {"resident", "yearly"}
    assert state(office, person) == [BarState.ENDED]
    with pytest.raises(Rejected, match="ended or was lifted"):
        office.bars.lift("lin", bar)


def test_bar_that_begins_later_is_the_next_edge(office: PropertyOffice, person: int) -> None:
    begins_ms = NOW_MS + DAY_MS
    bar = office.bars.enter("lin", BarGround.THREATS, UNTIL_MS, person=person, from_ms=begins_ms)
    office.bars.confirm("wu", bar)
    assert office.plans_open_to(person) == {"resident", "yearly"}
    assert office.compiled()[person].edge_ms == begins_ms
    office.now_ms = begins_ms
    assert office.plans_open_to(person) == {"resident"}


def test_appeal_is_noted_and_the_bar_lifted(office: PropertyOffice, person: int) -> None:
    bar = office.bars.enter("lin", BarGround.DAMAGE, UNTIL_MS, person=person)
    office.bars.confirm("wu", bar)
    office.bars.note_appeal("lin", bar, "It was not me")
    office.bars.lift("lin", bar)
    assert office.plans_open_to(person) == {"resident", "yearly"}
    assert state(office, person) == [BarState.LIFTED]
    assert office.actions(4) == ["bar.entered", "bar.confirmed", "bar.appealed", "bar.lifted"]


def test_bar_of_telephone_is_found_any_form(office: PropertyOffice) -> None:
    """Its number is nowhere in the database."""
    office.bars.enter("lin", BarGround.THEFT, UNTIL_MS, phone="138 0013 8000")
    office.bars.enter("lin", BarGround.THEFT, UNTIL_MS, plate="沪A·12O45")
    (of_phone,) = office.bars.find(phone="+86 13800138000")
    assert of_phone.bar.phone not in (None, b"13800138000")
    assert [one.bar.plate for one in office.bars.find(plate="沪a12045")] == ["沪A12045"]
    assert office.bars.find() == []


def test_wrong_bar_changes_nothing(office: PropertyOffice, person: int) -> None:
    before = office.audit()
    wrong: dict[str, Callable[[], object]] = {
        "at most 90 days": lambda: office.bars.enter("lin", BarGround.THEFT, NOW_MS + 91 * DAY_MS, person=person),
        "comes before": lambda: office.bars.enter("lin", BarGround.THEFT, NOW_MS, person=person),
        "one of them": lambda: office.bars.enter("lin", BarGround.THEFT, UNTIL_MS),
        "fill in one": lambda: office.bars.enter("lin", BarGround.THEFT, UNTIL_MS, person=person, plate="沪A12345"),
        "5 to 15 digits": lambda: office.bars.enter("lin", BarGround.THEFT, UNTIL_MS, phone="12"),
        "5 to 9 letters": lambda: office.bars.enter("lin", BarGround.THEFT, UNTIL_MS, plate="?"),
        "no such person": lambda: office.bars.enter("lin", BarGround.THEFT, UNTIL_MS, person=999_999),
        "no such bar": lambda: office.bars.confirm("lin", 999_999),
    }
    for sentence, act in wrong.items():
        with pytest.raises(Rejected, match=sentence):
            act()
    assert office.audit() == before
