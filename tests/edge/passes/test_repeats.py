"""What a scanner reads over and over is one reading."""

from hypothesis import given
from hypothesis import strategies as st

from edge.passes.repeats import MAX_TEXTS, Repeats


def test_text_is_new_after_it_was_away() -> None:
    """A screen that is held there for a minute is read once."""
    repeats = Repeats()
    assert [repeats.is_new(b"a", at_ms, 3_000) for at_ms in range(0, 60_000, 1_000)] == [True] + [False] * 59
    assert not repeats.is_new(b"a", 61_999, 3_000)
    assert repeats.is_new(b"a", 64_999, 3_000)


def test_next_car_waits_for_nothing() -> None:
    repeats = Repeats()
    assert [repeats.is_new(plate, at_ms, 30_000) for at_ms, plate in enumerate([b"a", b"b", b"a", b"b"])] == [
        True,
        True,
        False,
        False,
    ]


@given(st.lists(st.binary(max_size=2)))
def test_few_texts_are_remembered(texts: list[bytes]) -> None:
    repeats = Repeats()
    for text in texts:
        repeats.is_new(text, 0, 1)
    assert len(repeats._last_ms) <= MAX_TEXTS
