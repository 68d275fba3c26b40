"""What a card is called, and the numbers of a batch as they are pasted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.cards.rule import MAX_BATCH, BadBatch, Card, end_of_number, form_digests, read_batch
from contract.credentials import encode
from contract.sealing import DigestKey

KEY = DigestKey(b"k" * 32)


def test_batch_takes_numbers_as_they_are_pasted() -> None:
    text = "\ufeff10001\n\n  10002  A-0002 \n3:77 printed\r\n"
    assert read_batch(text, "H10301", 21) == [
        (Card("H10301", 21, 10001), "...01"),
        (Card("H10301", 21, 10002), "A-0002"),
        (Card("H10301", 3, 77), "printed"),
    ]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("1.00E+09", [1]),
        ("12\nx\n99999999\n7", [2, 3]),
        ("-5", [1]),
        ("1:2:3", [1]),
        (":5", [1]),
        ("٣", [1]),
        ("300:5", [1]),
        ("9" * 30, [1]),
        ("\n".join(map(str, range(MAX_BATCH + 1))), [MAX_BATCH + 1]),
    ],
)
def test_batch_names_each_wrong_line(text: str, lines: list[int]) -> None:
    with pytest.raises(BadBatch) as wrong:
        read_batch(text, "H10301", 21)
    assert list(wrong.value.lines) == lines


@given(st.text(max_size=200))
def test_any_text_is_a_batch_or_bad(text: str) -> None:
    try:
        found = read_batch(text, "H10301", 21)
    except BadBatch as wrong:
        assert wrong.lines
        return
    for card, label in found:
        assert card.digest(KEY)
        assert label


@given(st.integers(0, (1 << 80) - 1))
def test_end_of_a_number_never_says_all(number: int) -> None:
    shown = end_of_number(Card("UID10", None, number)).removeprefix("...")
    assert len(shown) <= 4
    assert len(shown) <= max(2, len(str(number)) // 2)


@given(st.integers(0, (1 << 56) - 1))
def test_card_of_a_frame_is_the_card(number: int) -> None:
    card = Card("UID7", None, number)
    assert Card.of_frame(encode("UID7", number=number)) == card
    assert Card.from_text(card.text()) == card
    assert form_digests(KEY, card)[0] == card.digest(KEY)


@pytest.mark.parametrize("frame", ["", "2", "0" * 81, "0" * 27, "1" + "0" * 25])
def test_frame_that_is_no_card_is_refused(frame: str) -> None:
    with pytest.raises(ValueError, match=r"frame"):
        Card.of_frame(frame)
