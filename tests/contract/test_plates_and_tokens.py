"""Credentials that are no cards: plates, printed tokens, codes, phones and passes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.credentials import (
    MAX_FRAME_BITS,
    canonical,
    code_credential,
    normal_plate,
    pass_credential,
    phone_credential,
    plate_credential,
    read_token,
    token_credential,
    token_text,
)

frames = st.text("01", min_size=1, max_size=MAX_FRAME_BITS)


@pytest.mark.parametrize(
    ("text", "plate"),
    [
        ("京A12345", "京A12345"),
        ("京a·12O4I", "京A12041"),
        ("沪 AD 12345", "沪AD12345"),
        ("粤B1234学", "粤B1234学"),
        ("京012345", "京O12345"),
        ("Ｂ－ＡＢ１２３", "BAB123"),
        ("bo io 10", "B01010"),
    ],
)
def test_plate_is_read_alike_however_it_is_written(text: str, plate: str) -> None:
    """Case, spaces, dots and full-width letters say nothing; no plate has the letters O and I behind the second place,
    and no second place is a digit."""
    assert normal_plate(text) == plate
    assert plate_credential(text) == b"plate:" + plate.encode()


@pytest.mark.parametrize("text", ["", "京", "京A1234", "京A1234567", "京-·A", "ABC", "AB123456789", "京11\n345"])
def test_text_that_is_no_plate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a plate has 7 or 8"):
        normal_plate(text)


@given(st.text(max_size=12))
def test_normal_plate_stays_as_it_is(text: str) -> None:
    try:
        plate = normal_plate(text)
    except ValueError:
        return
    assert normal_plate(plate) == plate


@given(st.binary(min_size=16, max_size=16))
def test_printed_token_is_read_back(token: bytes) -> None:
    text = token_text(token)
    assert (text[:3], len(text)) == ("HGT", 29)
    assert read_token(text) == token


@given(st.text(max_size=40) | st.from_regex(r"HGT[A-Z2-7]{26}", fullmatch=True))
def test_no_two_texts_are_one_token(text: str) -> None:
    """Bits that no token has are not passed over: else many texts would open for one token."""
    try:
        token = read_token(text)
    except ValueError as wrong:
        assert str(wrong).startswith("a token is HGT")
        return
    assert token_text(token) == text


@given(frames, st.binary(min_size=8, max_size=16))
def test_no_card_is_taken_for_another_credential(frame: str, number: bytes) -> None:
    others = [code_credential("1234"), plate_credential("京A12345"), token_credential(number)]
    others += [phone_credential(number[:8]), pass_credential(number[:8])]
    assert len(set(others)) == len(others)
    assert canonical(frame) not in others
