"""Which digits are a PIN, and which are too easily guessed."""

from hypothesis import given
from hypothesis import strategies as st

from cloud.pins.rule import PinRefusal, refusal_of_pin

GOOD = ("4071", "80352", "295073", "61943072")
WEAK = {
    PinRefusal.NOT_DIGITS: ("", "123", "123456789", "12a4", "１２３４", "40 71"),
    PinRefusal.A_RUN: ("1234", "4321", "7890", "876543", "01234567"),
    PinRefusal.REPEATED: ("1111", "1212", "123123", "40714071"),
    PinRefusal.A_BIRTHDAY: ("1957", "5703", "0357", "195703", "570312", "120357", "031257", "0312", "1203", "519570"),
    PinRefusal.CARD_NUMBER: ("1589", "5890", "15890"),
}


def refusal(pin: str, *, is_staff: bool = False) -> PinRefusal | None:
    return refusal_of_pin(pin, is_staff=is_staff, born="1957-03", numbers=["15890", "400271"])


def test_what_is_guessed_first_is_refused() -> None:
    """Runs, repetitions, the month of birth in every order, and what is printed on the card."""
    for why, pins in WEAK.items():
        assert {pin: refusal(pin) for pin in pins} == dict.fromkeys(pins, why)
    assert [refusal(pin) for pin in GOOD] == [None] * len(GOOD)


def test_pin_of_staff_has_six_digits() -> None:
    assert [refusal(pin, is_staff=True) for pin in GOOD] == [PinRefusal.TOO_SHORT] * 2 + [None] * 2


def test_unknown_birthday_refuses_no_digits() -> None:
    assert refusal_of_pin("1957", is_staff=False, born="", numbers=[]) is None


@given(st.text("0123456789", min_size=4, max_size=8), st.text("0123456789", max_size=9))
def test_more_that_is_known_never_allows_digits(pin: str, number: str) -> None:
    """Whoever finds a card guesses with all that they know: the rule refuses no less for it."""
    known_nothing = refusal_of_pin(pin, is_staff=False, born="", numbers=[])
    for born, numbers in (("1957-03", []), ("", [number]), ("1957-03", [number])):
        refused = refusal_of_pin(pin, is_staff=False, born=born, numbers=numbers)
        assert refused is not None or known_nothing is None
