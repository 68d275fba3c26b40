"""One grammar for all keypads: numbers of points, PINs and codes, in every wrong order of keys."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.agent.keypad import (
    CLEARS_AFTER_MS,
    MOST_DIGITS,
    NOTHING,
    Card,
    Code,
    Keyed,
    Meaning,
    Pin,
    TakenBack,
    press,
    show_card,
)

CARD = "C"


def meanings(symbols: str) -> list[Meaning]:
    """What these keys and cards mean, 100 ms apart."""
    keyed, found = NOTHING, list[Meaning | None]()
    for number, symbol in enumerate(symbols):
        keyed, meaning = step(keyed, symbol, number * 100)
        found.append(meaning)
    return [meaning for meaning in found if meaning is not None]


def step(keyed: Keyed, symbol: str, now_ms: int) -> tuple[Keyed, Meaning | None]:
    return show_card(keyed, now_ms) if symbol == CARD else press(keyed, symbol, now_ms)


@pytest.mark.parametrize(
    ("symbols", "last"),
    [
        ("C", Card("")),
        ("1C", Card("1")),
        ("12C", Card("12")),
        ("1#C", Card("1")),
        ("12#C", Card("12")),
        ("1#2C", Card("2")),
        ("9*1C", Card("1")),
        ("#1C", Card("1")),
        ("1##C", Card("")),
        ("1201C", Card("1201")),
        ("C4711#", Pin("4711")),
        ("12C4711#", Pin("4711")),
        ("C47#", Pin("47")),
        ("C1234567890#", Pin("123456789")),
        ("C4711#4711#", Code("4711", "")),
        ("C47*11#C", Card("11")),
        ("C47C", Card("47")),
        ("C47#C", Card("47")),
        ("C12#C4711#", Pin("4711")),
        ("C12#4711#", Pin("4711")),
        ("C12#4C", Card("4")),
        ("C4711C", Card("")),
        ("C12#4711C", Card("")),
        ("C47C11#", Pin("11")),
        ("C4711", Card("")),
        ("123456#", Code("123456", "")),
        ("12#123456#", Code("123456", "12")),
        ("1#2#123456#", Code("123456", "2")),
        ("123456789#", TakenBack()),
        ("C#", TakenBack()),
        ("C*", TakenBack()),
        ("#", TakenBack()),
        ("**", TakenBack()),
    ],
)
def test_keys_mean(symbols: str, last: Meaning) -> None:
    assert meanings(symbols)[-1] == last


@pytest.mark.parametrize("symbols", ["", "1", "123456", "12#", "12#3456"])
def test_unfinished_keys_mean_nothing(symbols: str) -> None:
    assert meanings(symbols) == []


def test_number_serves_one_card() -> None:
    assert meanings("12CC") == [Card("12"), Card("")]


@pytest.mark.parametrize("symbols", ["C47", "12", "12#", "12#34", "C"])
def test_ten_seconds_clear(symbols: str) -> None:
    """The last key counts: whoever is slow, but keys on, is not interrupted."""
    keyed = NOTHING
    for number, symbol in enumerate(symbols):
        keyed, _ = step(keyed, symbol, number * (CLEARS_AFTER_MS - 1))
    last_ms = (len(symbols) - 1) * (CLEARS_AFTER_MS - 1)
    assert show_card(keyed, last_ms + CLEARS_AFTER_MS)[1] == Card("")
    assert press(keyed, "#", last_ms + CLEARS_AFTER_MS)[1] == TakenBack()


KEYS = st.lists(st.tuples(st.sampled_from("0123456789*#CC##"), st.sampled_from((100, 100, 100, 9_999, 10_000))))


@given(KEYS)
def test_meaning_is_what_stands_since_cleared(typed: list[tuple[str, int]]) -> None:
    """Whatever is keyed in whatever order, the meaning follows from what stands since it was last cleared, read as
    a sentence from its beginning."""
    keyed, now_ms, since = NOTHING, 0, ""
    for symbol, pause_ms in typed:
        now_ms += pause_ms
        since = symbol if pause_ms >= CLEARS_AFTER_MS else since + symbol
        keyed, meaning = step(keyed, symbol, now_ms)
        assert meaning == expected(since)
        if isinstance(meaning, Pin | Code | TakenBack) and not _is_number(meaning):
            since = ""
            assert keyed == NOTHING


def expected(since: str) -> Meaning | None:
    """The meaning of the last key, or the last card, by patterns over all that was keyed."""
    before = since[:-1].rpartition(CARD)[2]
    has_card = CARD in since[:-1]
    if since.endswith(CARD):
        return Card(_number_behind_card(before) if has_card else _number(before))
    if since.endswith("*"):
        return TakenBack()
    if not since.endswith("#"):
        return None
    last = before.rpartition("#")[2]
    if has_card:
        return Pin(last[:9]) if last else TakenBack()
    if re.fullmatch(r"\d{4,8}", last):
        return Code(last, before.rpartition("#")[0].rpartition("#")[2])
    return None if re.fullmatch(r"\d{1,3}", last) else TakenBack()


def _is_number(meaning: Meaning) -> bool:
    """Whether it is too short for a PIN, so that the next card may be meant by it."""
    return isinstance(meaning, Pin) and len(meaning.digits) <= 3


def _number_behind_card(before: str) -> str:
    """What another card was keyed in between; so long a row of digits was the beginning of a PIN."""
    number = _number(before)
    return number if len(number) <= 3 else ""


def _number(before: str) -> str:
    """The digits right before the card, or the number that was ended before it."""
    ended, _, open_digits = before.rpartition("#")
    return open_digits or ended.rpartition("#")[2]


def test_digits_beyond_the_longest_lengthen_nothing() -> None:
    """A key that sticks: what was keyed clears ten seconds behind the last digit that counted."""
    keyed = NOTHING
    for at_ms in range(0, CLEARS_AFTER_MS + MOST_DIGITS * 100, 100):
        keyed, _ = press(keyed, "5", at_ms)
        assert keyed.is_full is (at_ms >= MOST_DIGITS * 100)
    keyed, _ = press(keyed, "5", CLEARS_AFTER_MS + MOST_DIGITS * 100)
    assert keyed.digits == "5"
