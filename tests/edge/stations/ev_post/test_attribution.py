"""Whose a message is that a post sends: decided by evidence, and nobody's where there is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.decide import Tier
from edge.archetypes import account
from edge.archetypes.account import RegisterReading
from edge.archetypes.session import Session
from edge.stations.ev_post import attribution
from edge.stations.ev_post.attribution import Evidence
from edge.stations.ev_post.messages import MeterReported, Standing, StopReported, Unended, Word, is_given
from edge.stations.ev_post.transactions import Book, Transaction

NOON_MS = 1_795_435_200_000
MINUTE_MS, HOUR_MS = 60_000, 3_600_000
SESSION = Session("00ff" * 4, "aa", "bb", Tier.RIDER, "card", "ev", 1, 2)
NEVER_GIVEN = ["", "0", "-1", "4294967295", "2147483648", "9223372036854775807", "-9223372036854775808"]


def one(number: str, *, over: bool = False, late: bool = False, meter_wh: float | None = 1000) -> Transaction:
    begun = account.opened(None if meter_wh is None else RegisterReading(meter_wh, NOON_MS), HOUR_MS)
    ended_ms = NOON_MS + HOUR_MS if over else None
    return Transaction(number, "bb", NOON_MS, meter_wh, SESSION, over, late, begun, ended_ms)


def over(
    transaction: str, meter_wh: float | None = 2000, at_ms: int | None = NOON_MS + HOUR_MS, tag: str = ""
) -> StopReported:
    return StopReported("2", transaction, tag, at_ms, NOON_MS, meter_wh, "Local")


@pytest.mark.parametrize("number", NEVER_GIVEN)
def test_a_number_beyond_31_bits_was_never_given(number: str) -> None:
    assert not is_given(number)


@pytest.mark.parametrize("number", ["1", "201", "2147483647", "tx-1", "0f3a"])
def test_any_other_number_may_have_been_given(number: str) -> None:
    assert is_given(number)


def test_an_end_belongs_to_its_number() -> None:
    book = Book((one("101", over=True), one("102")))
    assert attribution.ended_by(book, over("101")) == one("101", over=True)
    assert attribution.ended_by(book, over("103")) is None


@pytest.mark.parametrize("never", NEVER_GIVEN)
def test_end_without_number_belongs_to_newest_it_fits(never: str) -> None:
    book = Book((one("101"), one("102", meter_wh=5000), one("103", over=True)))
    assert attribution.ended_by(book, over(never, 6000)) == one("102", meter_wh=5000)
    assert attribution.ended_by(book, over(never, 2000)) == one("101")
    assert attribution.ended_by(book, over(never, None)) == one("102", meter_wh=5000)
    assert attribution.ended_by(book, over(never, 10)) is None


@pytest.mark.parametrize("number", ["2147483647", "4711", "-1"])
def test_end_of_unknown_number_belongs_to_its_tag(number: str) -> None:
    book = Book((one("101", meter_wh=5000),))
    stop = over(number, 10, tag="04A1")
    assert attribution.ended_by(book, stop, "04a1") == one("101", meter_wh=5000)
    assert attribution.ended_by(book, stop, "04a2") is None
    assert attribution.ended_by(book, stop, "") is None
    assert attribution.ended_by(book, over(number, 10), "") is None
    assert attribution.ended_by(book, over(number, 10, NOON_MS - 1, "04A1"), "04a1") is None
    two = Book((*book.transactions, one("102", meter_wh=5000)))
    assert attribution.ended_by(two, stop, "04a1") is None


def test_a_reading_belongs_to_its_number_or_session() -> None:
    book = Book((one("101", over=True), one("102"), one("103", late=True)))
    for number, owner in (("101", 0), ("102", 1), ("103", 2), ("", 1), ("-1", 1), ("9223372036854775807", 1)):
        said = MeterReported(number, 1100, 7000, NOON_MS + HOUR_MS)
        assert attribution.measured(book, said, 22_000) == book.transactions[owner]


def test_a_reading_of_unknown_number_follows_its_register() -> None:
    book = Book((one("102"),))
    assert attribution.measured(book, MeterReported("4711", 1100, 7000), 22_000) == one("102")
    assert attribution.measured(book, MeterReported("4711", 90_000, 7000), 22_000) is None
    assert attribution.measured(book, MeterReported("4711", None, 7000), 22_000) is None
    assert attribution.measured(Book(), MeterReported("", 1100, 7000), 22_000) is None


def test_a_reading_before_the_last_end_came_late() -> None:
    book = Book((one("101", over=True),))
    assert attribution.is_past(book, MeterReported("101", 1100, 7000, NOON_MS + HOUR_MS))
    assert not attribution.is_past(book, MeterReported("101", 1100, 7000, NOON_MS + HOUR_MS + 1))
    assert not attribution.is_past(book, MeterReported("101", 1100, 7000))
    assert not attribution.is_past(Book(), MeterReported("101", 1100, 7000, NOON_MS))


TICKET = "00000000000000ff"
STANDINGS = {
    1: Standing(("101", "tx-1"), (Unended("04a1", (1000.0, 5000.0)),)),
    2: Standing(("102",), (Unended("", (80_000.0,)),), plugged=False),
    3: Standing(("3",), awaited=(TICKET,), open=True),
    4: Standing((), plugged=True),
}


@pytest.mark.parametrize(
    ("evidence", "connector"),
    [
        (Evidence("101"), 1),
        (Evidence("tx-1", begins=True), 1),
        (Evidence("102", "04A1", ends=True), 2),
        (Evidence("9", TICKET.upper(), begins=True), 3),
        (Evidence("9", remote=255, begins=True), 3),
        (Evidence("9", remote=254, begins=True), 4),
        (Evidence("9", "04ff", begins=True), 4),
        (Evidence("-1", "04A1", meter_wh=80_001, ends=True), 1),
        (Evidence("-1", meter_wh=5_001, ends=True), 1),
        (Evidence("-1", meter_wh=80_001, ends=True), 2),
        (Evidence("7702", ends=True), 2),
        (Evidence("-1", meter_wh=10, ends=True), None),
        (Evidence("-1", ends=True), None),
        (Evidence("9"), None),
    ],
)
def test_a_connector_is_known_by_evidence(evidence: Evidence, connector: int | None) -> None:
    assert attribution.connector_for(STANDINGS, evidence) == connector


def test_what_fits_two_connectors_alike_is_nobodys() -> None:
    twins = {1: STANDINGS[1], 2: STANDINGS[1]}
    for evidence in (Evidence("101"), Evidence("-1", "04A1", meter_wh=5_001, ends=True), Evidence(begins=True)):
        assert attribution.connector_for(twins, evidence) is None
    both_open = {1: Standing(open=True), 2: Standing(open=True)}
    assert attribution.connector_for(both_open, Evidence("9", begins=True)) is None


def test_the_only_connector_is_whose_everything_is() -> None:
    assert attribution.connector_for({4: Standing()}, Evidence("-1", ends=True)) == 4


@given(
    st.dictionaries(st.integers(1, 4), st.sampled_from(list(STANDINGS.values())), min_size=2),
    st.builds(
        Evidence,
        st.sampled_from(["", "-1", "tx-1", "3", "x"]),
        st.sampled_from(["", "04a1", TICKET]),
        st.sampled_from([None, 255, 7]),
        st.none() | st.floats(0, 1e6),
        st.booleans(),
        st.booleans(),
    ),
)
def test_the_order_of_connectors_decides_nothing(standings: dict[int, Standing], evidence: Evidence) -> None:
    """The same evidence finds the same standing, whatever number its connector has (but for numbers of ours)."""
    found = attribution.connector_for(standings, evidence)
    turned = {5 - at: one for at, one in standings.items()}
    again = attribution.connector_for(turned, evidence)
    assert again == (None if found is None else 5 - found)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({1: "concurrent", 2: "accepted"}, ("accepted", 2)),
        ({1: "blocked", 2: "accepted", 3: "concurrent"}, ("accepted", 2)),
        ({1: "blocked", 2: "concurrent"}, ("concurrent", 2)),
        ({1: "invalid", 2: "invalid"}, ("invalid", 1)),
        ({1: "blocked", 2: "expired"}, ("expired", 2)),
        ({2: "blocked", 1: "blocked"}, ("blocked", 1)),
    ],
)
def test_card_is_told_the_best_of_all_connectors(words: dict[int, Word], said: tuple[Word, int]) -> None:
    assert attribution.best_answer(words) == said
