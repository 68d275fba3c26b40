"""The words between a post and its station: how makers write what is the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.stations.ev_post.messages import UID_BYTES, card_bytes

ONE_CARD = [
    "04A1B2C3",
    "04a1b2c3",
    "04:A1:B2:C3",
    "04-a1-b2-c3",
    "04 A1 B2 C3",
    " 04 A1 B2 C3 ",
    "0x04A1B2C3",
    "0X04a1b2c3",
    "04A1:B2C3",
]
NO_CARD = [
    "",
    "0x",
    "04A1B2",
    "04A1B2C",
    "04A1B2C3D4",
    "0:4A1B2C3",
    "04::A1:B2:C3",
    ":04A1B2C3",
    "04A1B2C3:",
    "04_A1_B2_C3",
    "x04A1B2C3",
    "04\nA1B2C3",
    "٠٤A1B2C3",
    "not a card",
]


@pytest.mark.parametrize("tag", ONE_CARD)
def test_card_is_known_however_a_post_writes_it(tag: str) -> None:
    assert card_bytes(tag) == b"\x20\x04\xa1\xb2\xc3"


@pytest.mark.parametrize("tag", NO_CARD)
def test_text_that_is_no_number_is_no_card(tag: str) -> None:
    assert card_bytes(tag) is None


@given(st.sampled_from(UID_BYTES).flatmap(lambda size: st.binary(min_size=size, max_size=size)), st.data())
def test_separators_and_case_change_no_card(number: bytes, data: st.DataObject) -> None:
    parts = [data.draw(st.sampled_from([f"{one:02x}", f"{one:02X}"])) for one in number]
    signs = [data.draw(st.sampled_from(["", ":", "-", " "])) for _ in parts[:-1]]
    tag = "".join(part + sign for part, sign in zip(parts, [*signs, ""], strict=True))
    assert card_bytes(tag) == bytes([8 * len(number)]) + number
