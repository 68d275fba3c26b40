"""A PIN: which digits are one, and which are too easily guessed. Pure.

What is known of a holder guesses for whoever finds the card: a month of birth, the number that is printed on it.
"""

import re
from collections.abc import Collection
from enum import StrEnum
from itertools import pairwise

from cloud.people.members import STAFF_PIN_DIGITS

PIN_DIGITS = range(4, 9)


class PinRefusal(StrEnum):
    """Why digits cannot be somebody's PIN."""

    NOT_DIGITS = "not_digits"
    TOO_SHORT = "too_short"
    A_RUN = "a_run"
    REPEATED = "repeated"
    A_BIRTHDAY = "a_birthday"
    CARD_NUMBER = "card_number"


def refusal_of_pin(pin: str, *, is_staff: bool, born: str, numbers: Collection[str]) -> PinRefusal | None:
    """Why these digits cannot be the PIN of somebody born in that month (as 1957-03, empty if not known), whose cards
    have these numbers in decimal digits; None if they can."""
    if not (pin.isascii() and pin.isdigit() and len(pin) in PIN_DIGITS):
        return PinRefusal.NOT_DIGITS
    if is_staff and len(pin) < STAFF_PIN_DIGITS:
        return PinRefusal.TOO_SHORT
    weak = {
        PinRefusal.A_RUN: _is_run(pin),
        PinRefusal.REPEATED: _is_repeated(pin),
        PinRefusal.A_BIRTHDAY: _is_birthday(pin, born),
        PinRefusal.CARD_NUMBER: any(pin in number for number in numbers),
    }
    return next((refusal for refusal, is_so in weak.items() if is_so), None)


def _is_run(pin: str) -> bool:
    """Each digit one higher than the one before, or each one lower; 0 follows 9."""
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(pin)}
    return steps in ({1}, {9})


def _is_repeated(pin: str) -> bool:
    """One digit, or a group of digits, again and again: 1111, 1212, 123123."""
    return any(pin == pin[:size] * (len(pin) // size) for size in range(1, len(pin) // 2 + 1))


def _is_birthday(pin: str, born: str) -> bool:
    """Whether it holds the year, or year and month in either order, or is a day of that month. The day is not known,
    so every day counts."""
    if not born:
        return False
    year, month = born.split("-")
    written = {year, year[2:] + month, month + year[2:]}
    dates = (rf"{month}{_DAY}", rf"{_DAY}{month}", rf"{month}{_DAY}{year[2:]}")
    return any(one in pin for one in written) or any(re.fullmatch(date, pin) for date in dates)


_DAY = r"(0[1-9]|[12]\d|3[01])"
