"""Rows are compared value by value, and written without the marks of a programming language."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.web.plain_values import changed_values, plain_value

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("ab", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, "–"),
        ([], "–"),
        (True, "✓"),
        (365, "365"),
        (["gym", "hub"], "gym, hub"),
        ({"zh": "门", "en": "Door"}, "zh 门, en Door"),
        ([{"unit": "wh", "amount": 5}, {"unit": "minutes", "amount": 9}], "unit wh, amount 5; unit minutes, amount 9"),
    ],
)
def test_value_is_written_for_people(value: object, written: str) -> None:
    assert plain_value(value) == written


@given(VALUES)
def test_no_value_shows_brackets_or_quotes(value: object) -> None:
    assert not set("{}[]'\"") & set(plain_value(value))


def test_only_changed_parts_are_named() -> None:
    before = {"opens": {"gym": "always", "hub": "day"}, "fee": 3, "places": 4}
    after = {"opens": {"gym": "night", "hub": "day", "pool": "day"}, "fee": 3}
    assert [*changed_values(before, after)] == [
        ("opens.gym", "always", "night"),
        ("opens.pool", "–", "day"),
        ("places", "4", "–"),
    ]
