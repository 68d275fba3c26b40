"""Traits of a person: months of birth and the tags that follow from them."""

import pytest

from cloud.people.traits import Tag, age_tags, is_month


@pytest.mark.parametrize(
    ("text", "is_one"), [("1957-03", True), ("2019-12", True), ("1957-13", False), ("57-03", False), ("1857-03", False)]
)
def test_month_of_birth_is_a_month(text: str, is_one: bool) -> None:
    assert is_month(text) == is_one


@pytest.mark.parametrize(
    ("born", "tags"),
    [
        ("1967-06", {Tag.OVER_60}),
        ("1967-07", set()),
        ("1957-06", {Tag.OVER_60, Tag.OVER_70}),
        ("1957-07", {Tag.OVER_60}),
        ("", set()),
    ],
)
def test_age_counts_from_the_month_of_birth(born: str, tags: set[Tag]) -> None:
    assert age_tags(born, 2027, 6) == tags
