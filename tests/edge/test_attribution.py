"""Whose a message is that a post sends: decided by evidence, and nobody's where there is none."""

import pytest

from contract.decide import Tier
from edge import account, attribution
from edge.account import Reading
from edge.ocpp_words import MeterSaid, StopSaid, is_given
from edge.session import Session
from edge.transactions import Book, Transaction

NOON_MS = 1_795_435_200_000
MINUTE_MS, HOUR_MS = 60_000, 3_600_000
SESSION = Session("00ff" * 4, "aa", "bb", Tier.RIDER, "card", "ev", 1, 2)
NEVER_GIVEN = ["", "0", "-1", "4294967295", "2147483648", "9223372036854775807", "-9223372036854775808"]


def one(number: str, *, over: bool = False, late: bool = False, meter_wh: float | None = 1000) -> Transaction:
    begun = account.opened(None if meter_wh is None else Reading(meter_wh, NOON_MS), HOUR_MS)
    ended_ms = NOON_MS + HOUR_MS if over else None
    return Transaction(number, "bb", NOON_MS, meter_wh, SESSION, over, late, begun, ended_ms)


def over(
    transaction: str, meter_wh: float | None = 2000, at_ms: int | None = NOON_MS + HOUR_MS, tag: str = ""
) -> StopSaid:
    return StopSaid("2", transaction, tag, at_ms, NOON_MS, meter_wh, "Local")


@pytest.mark.parametrize("number", NEVER_GIVEN)
def test_a_number_beyond_31_bits_was_never_given(number: str) -> None:
    assert not is_given(number)


@pytest.mark.parametrize("number", ["1", "201", "2147483647", "tx-1", "0f3a"])
def test_any_other_number_may_have_been_given(number: str) -> None:
    assert is_given(number)


def test_an_end_belongs_to_its_number_whether_or_not_that_is_over() -> None:
    book = Book((one("101", over=True), one("102")))
    assert attribution.ended_by(book, over("101")) == one("101", over=True)
    assert attribution.ended_by(book, over("103")) is None


@pytest.mark.parametrize("never", NEVER_GIVEN)
def test_an_end_without_a_number_belongs_to_the_newest_it_fits(never: str) -> None:
    book = Book((one("101"), one("102", meter_wh=5000), one("103", over=True)))
    assert attribution.ended_by(book, over(never, 6000)) == one("102", meter_wh=5000)
    assert attribution.ended_by(book, over(never, 2000)) == one("101")
    assert attribution.ended_by(book, over(never, None)) == one("102", meter_wh=5000)
    assert attribution.ended_by(book, over(never, 10)) is None


@pytest.mark.parametrize("number", ["2147483647", "4711", "-1"])
def test_an_end_of_unknown_number_belongs_to_its_tag(number: str) -> None:
    book = Book((one("101", meter_wh=5000),))
    stop = over(number, 10, tag="04A1")
    assert attribution.ended_by(book, stop, "04a1") == one("101", meter_wh=5000)
    assert attribution.ended_by(book, stop, "04a2") is None
    assert attribution.ended_by(book, stop, "") is None
    assert attribution.ended_by(book, over(number, 10), "") is None
    assert attribution.ended_by(book, over(number, 10, NOON_MS - 1, "04A1"), "04a1") is None
    two = Book((*book.transactions, one("102", meter_wh=5000)))
    assert attribution.ended_by(two, stop, "04a1") is None


def test_a_reading_belongs_to_its_number_or_to_what_runs() -> None:
    book = Book((one("101", over=True), one("102"), one("103", late=True)))
    for number, owner in (("101", 0), ("102", 1), ("103", 2), ("", 1), ("-1", 1), ("9223372036854775807", 1)):
        said = MeterSaid(number, 1100, 7000, NOON_MS + HOUR_MS)
        assert attribution.measured(book, said, 22_000) == book.transactions[owner]


def test_a_reading_of_unknown_number_belongs_where_its_register_goes_on() -> None:
    book = Book((one("102"),))
    assert attribution.measured(book, MeterSaid("4711", 1100, 7000), 22_000) == one("102")
    assert attribution.measured(book, MeterSaid("4711", 90_000, 7000), 22_000) is None
    assert attribution.measured(book, MeterSaid("4711", None, 7000), 22_000) is None
    assert attribution.measured(Book(), MeterSaid("", 1100, 7000), 22_000) is None


def test_a_reading_before_the_last_end_came_late() -> None:
    book = Book((one("101", over=True),))
    assert attribution.is_past(book, MeterSaid("101", 1100, 7000, NOON_MS + HOUR_MS))
    assert not attribution.is_past(book, MeterSaid("101", 1100, 7000, NOON_MS + HOUR_MS + 1))
    assert not attribution.is_past(book, MeterSaid("101", 1100, 7000))
    assert not attribution.is_past(Book(), MeterSaid("101", 1100, 7000, NOON_MS))
