"""Which of what a post tells is the same transaction, and what is kept of it."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.decide import Tier
from contract.sessions import Stop
from edge.archetypes import account
from edge.archetypes.account import RegisterReading
from edge.archetypes.session import Session
from edge.archetypes.station import Unreadable, read_document
from edge.stations.ev_post import transactions
from edge.stations.ev_post.messages import StartReported, StopReported, connector_of, number_of
from edge.stations.ev_post.transactions import MAX_PARKED, MAX_TRANSACTIONS, Book, Parked, Transaction

NOON_MS = 1_795_435_200_000
HOUR_MS = 3_600_000
SESSION = Session("00ff" * 4, "aa", "bb", Tier.RIDER, "card", "ev", 1, 2)


def one(number: str, *, over: bool = False, late: bool = False, meter_wh: float | None = 1000) -> Transaction:
    return Transaction(number, "bb", NOON_MS, meter_wh, SESSION, over, late)


def began(transaction: str = "", at_ms: int | None = NOON_MS, meter_wh: float | None = 1000) -> StartReported:
    return StartReported("1", "04A1B2C3", transaction, at_ms, NOON_MS, meter_wh)


def over(transaction: str, meter_wh: float | None = 2000, at_ms: int | None = NOON_MS + HOUR_MS) -> StopReported:
    return StopReported("2", transaction, "", at_ms, NOON_MS, meter_wh, "Local")


def test_the_newest_that_is_neither_over_nor_told_late_runs() -> None:
    book = Book((one("1", over=True), one("2"), one("3", late=True)))
    assert book.live == one("2")
    assert book.session == SESSION
    assert Book((one("1", over=True),)).live is None
    assert Book().session is None


def test_a_beginning_is_the_same_by_its_number_or_by_card_time_and_meter() -> None:
    book = Book((one("101"), one("tx-1")))
    assert transactions.same(book, "other", began("tx-1")) == one("tx-1")
    assert transactions.same(book, "bb", began("tx-2")) is None
    assert transactions.same(book, "bb", began()) is not None
    assert transactions.same(book, "bb", began(at_ms=NOON_MS + 1)) is None
    assert transactions.same(book, "bb", began(meter_wh=1001)) is None
    assert transactions.same(book, "cc", began()) is None


def test_a_full_book_forgets_the_oldest_that_is_over() -> None:
    book = Book((one("1"), one("2", over=True), *(one(str(number)) for number in range(3, MAX_TRANSACTIONS + 1))))
    book = transactions.put(book, one("new"))
    assert len(book.transactions) == MAX_TRANSACTIONS
    assert [found.number for found in book.transactions][:2] == ["1", "3"]
    assert transactions.put(book, one("new", over=True)).transactions[-1] == one("new", over=True)


def test_an_end_that_belongs_to_nothing_waits_once_and_not_for_ever() -> None:
    book, is_new = transactions.park(Book(), over("-1"))
    assert is_new
    assert transactions.park(book, over("-1")) == (book, False)
    for meter_wh in range(MAX_PARKED + 5):
        book, _ = transactions.park(book, over("-1", meter_wh))
    assert len(book.parked) == MAX_PARKED
    assert book.parked[-1].meter_wh == MAX_PARKED + 4


def test_a_beginning_finds_the_first_end_that_is_not_before_it() -> None:
    early, late = Parked("-1", NOON_MS - 1, 2000, ""), Parked("-1", NOON_MS + 1, 2000, "")
    low, unknown = Parked("-1", NOON_MS + 1, 10, ""), Parked("-1", None, 2000, "")
    book = Book(parked=(early, low, unknown, late))
    assert transactions.unpark(book, one("101")) == (Book(parked=(early, low, unknown)), late)
    assert transactions.unpark(Book(parked=(early, low)), one("101"))[1] is None


@given(st.integers(0, 2**64 - 1), st.integers(1, 99))
def test_a_fresh_number_is_new_fits_31_bits_and_keeps_its_connector(ticket: int, connector: int) -> None:
    book = Book()
    for _ in range(3):
        number = transactions.fresh_number(book, number_of(f"{ticket:016x}", connector))
        assert number not in {found.number for found in book.transactions}
        assert connector_of(number) == connector
        book = transactions.put(book, one(number))


@pytest.mark.parametrize(
    ("reason", "tag", "stop"),
    [
        ("EVDisconnected", "", Stop.PULLED),
        ("SOCLimitReached", "", Stop.FULL),
        ("Local", "04A1B2C3", Stop.CARD),
        ("Local", "", Stop.USER),
        ("whatever", "", Stop.USER),
    ],
)
def test_a_reason_of_a_post_is_one_of_ours(reason: str, tag: str, stop: Stop) -> None:
    assert transactions.stop_of(reason, tag) is stop


def test_document_is_read_as_written() -> None:
    book = Book((one("1", over=True), one("2")), (Parked("-1", None, None, "Local"),), unsure="1")
    assert read_document(msgspec.json.encode(book), Book) == book
    assert read_document(b"", Book) is None


@pytest.mark.parametrize("rotten", [b"{", b"[]", b'{"transactions": 5}', b"\xff", b'{"transactions":[{}]}'])
def test_what_cannot_be_read_is_told_apart_from_nothing(rotten: bytes) -> None:
    with pytest.raises(Unreadable):
        read_document(rotten, Book)


OLD_BOOK = (
    b'{"transactions":[{"number":"101","digest":"bb","at_ms":1795435200000,"meter_wh":1000.0,"session":{"id":"00ff00ff0'
    b'0ff00ff","holder":"aa","digest":"bb","tier":"rider","by":"card","class_name":"ev","limit_ms":1,"limit_wh":2,"allot'
    b'ment":"","started_minute":null,"used_ms":60000,"used_mwh":500000,"span_ms":60000,"register_wh":1500.0,"still_ms":10'
    b'00,"power_w":7000,"loaded":true,"idle_minutes":0,"lines":[],"ended":""},"over":false,"late":false}],"parked":[{"num'
    b'ber":"-1","at_ms":null,"meter_wh":null,"reason":"Local"}],"unsure":""}'
)
"""As it was kept before a transaction had an account."""


def test_a_book_of_an_older_version_counts_on() -> None:
    book = read_document(OLD_BOOK, Book)
    assert book is not None
    assert book.live is not None
    kept = transactions.account_of(book.live)
    assert (kept.energy_wh, kept.begin) == (500, RegisterReading(1000, NOON_MS))
    later = account.read(account.passed(kept, 60_000), RegisterReading(1600, NOON_MS + 120_000), 22_000)
    assert later.energy_wh == 600
    assert account.closed(later, RegisterReading(1700, NOON_MS + 180_000), 22_000).energy_wh == 700
