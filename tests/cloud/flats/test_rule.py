"""Names of flats, and the places that lead to them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.flats.rule import HOME, OWN_FLOOR, Flat, Place, place_of_point, places_of_flat, read_flat_name, served


@pytest.mark.parametrize(
    ("name", "building", "unit", "floor", "flat"),
    [
        ("3-1-702", "3", "1", 7, "702"),
        ("3-1-1202", "3", "1", 12, "1202"),
        ("2-502", "2", "", 5, "502"),
        ("A-12-3", "A", "12", None, "3"),
        ("3-1-0702", "3", "1", None, "0702"),
        ("gate house", "", "", None, ""),
        ("3-1-7-02", "", "", None, ""),
    ],
)
def test_name_says_where_a_flat_is(name: str, building: str, unit: str, floor: int | None, flat: str) -> None:
    assert read_flat_name(name) == Flat(name, building, unit, floor, flat)


def test_point_serves_one_place() -> None:
    """A point of a flat is that flat's, wherever it stands; a floor without a unit is nobody's."""
    assert place_of_point("", None, "") is place_of_point("", 7, "") is None
    assert place_of_point("3-1", 7, "3-1-702") == Place(flat="3-1-702")
    zones = [(place.name, place.zone) for place in (Place("3-1"), Place("3-1", 0), Place(flat="3-1"))]
    assert zones == [("unit 3-1", HOME), ("floor 0 of 3-1", OWN_FLOOR), ("flat 3-1", HOME)]


def test_flat_has_its_unit_floor_and_itself() -> None:
    flat = read_flat_name("3-1-702")
    assert set(places_of_flat(flat)) == {Place("3-1"), Place("3-1", 7), Place(flat="3-1-702")}
    assert places_of_flat(Flat("gate house")) == [Place(flat="gate house")]
    assert served([("3-1", None, ""), ("3-1", None, ""), ("", None, "")]) == {Place("3-1")}


names = st.text("123-ab", min_size=1, max_size=6)
floors = st.none() | st.integers(-3, 3)


@given(one=st.builds(Place, names, floors), other=st.builds(Place, names, floors), flat=names)
def test_places_that_differ_have_other_names(one: Place, other: Place, flat: str) -> None:
    assert (one.name == other.name) is (one == other)
    assert Place(flat=flat).name != one.name
