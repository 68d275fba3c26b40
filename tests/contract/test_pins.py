"""PINs: what stands in the roster for one, and which digits it takes."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.demands import PinVerdict
from contract.pins import VERIFIER_BYTES, duress_of, pin_verdict, pin_verifier
from contract.sealing import DigestKey

KEY, OTHER_KEY = DigestKey(b"k" * 32), DigestKey(b"o" * 32)
CARD, OTHER_CARD = b"c" * 16, b"d" * 16
DIGITS = st.text("0123456789", min_size=1, max_size=9)


def verdict(digits: str, pin: str = "4711", *, duress: bool = True) -> PinVerdict:
    return pin_verdict(KEY, CARD, digits, pin_verifier(KEY, CARD, pin), may_signal_duress=duress)


def test_verifier_is_hmac_of_its_parts() -> None:
    """RFC 2104, worked out by another module than ours uses."""
    made = hmac.new(KEY, b"pin" + CARD + b"4711", hashlib.sha256).digest()
    assert pin_verifier(KEY, CARD, "4711") == made[:VERIFIER_BYTES]
    assert pin_verifier(KEY, CARD, "4711").hex() == "15ed9a07e92b470c"


def test_verifier_is_of_one_card_and_site() -> None:
    """Two cards of one person with the same PIN have nothing in common that is seen."""
    made = {pin_verifier(key, card, "4711") for key in (KEY, OTHER_KEY) for card in (CARD, OTHER_CARD)}
    assert len(made) == 4


@pytest.mark.parametrize(
    ("pin", "duress"), [("4711", "4712"), ("4719", "4710"), ("0000", "0001"), ("123459", "123450")]
)
def test_last_digit_one_higher_tells_of_duress(pin: str, duress: str) -> None:
    assert duress_of(pin) == duress
    assert verdict(duress, pin) is PinVerdict.DURESS
    assert verdict(duress, pin, duress=False) is PinVerdict.WRONG


@given(DIGITS, DIGITS)
def test_verdict_is_of_equal_digits(pin: str, keyed: str) -> None:
    expected = {pin: PinVerdict.RIGHT, duress_of(pin): PinVerdict.DURESS}
    for digits in (pin, duress_of(pin), keyed):
        assert verdict(digits, pin) is expected.get(digits, PinVerdict.WRONG)


@given(DIGITS)
def test_no_digits_are_right_without_pin(keyed: str) -> None:
    assert pin_verdict(KEY, CARD, keyed, b"", may_signal_duress=True) is PinVerdict.WRONG
