"""Flats as they are stored: found in any form, and whom a change of one concerns."""

from collections.abc import Callable

import pytest
from msgspec import structs
from sqlalchemy import Connection, select

from cloud.flats.rule import Flat, Place
from cloud.flats.store import change_flat, count_flats, find_flat, list_flats, people_at, served_places
from cloud.points.store import set_places
from cloud.sample import SITE
from cloud.store.database import Store
from cloud.store.revision import revision
from cloud.store.schema import people
from tests.cloud.support.town import Past


@pytest.fixture
def court(store: Store, past: Past) -> Store:
    """Sunny Court: two people live in 2-502, four in 1-101."""
    past.copy_to(store)
    return store


def touched(store: Store, act: Callable[[Connection], object]) -> set[int]:
    """Whose rows an act concerns."""
    with store.writing() as connection:
        before = revision(connection)
        act(connection)
        return set(connection.execute(select(people.c.id).where(people.c.revision > before)).scalars())


def test_flats_are_listed_by_building_and_name(court: Store) -> None:
    with court.reading() as connection:
        names = [flat.name for flat in list_flats(connection, SITE.name, limit=99)]
        assert names == ["1-101", "2-502", "3-303", "5-606", "6-1202"]
        assert [one.name for one in list_flats(connection, SITE.name, after="2-502", limit=2)] == ["3-303", "5-606"]
        assert [one.name for one in list_flats(connection, SITE.name, building="6", limit=9)] == ["6-1202"]
        assert [one.name for one in list_flats(connection, SITE.name, text="0%", limit=9)] == []
        assert count_flats(connection, SITE.name)["6", ""] == 1
        assert find_flat(connection, SITE.name, "6-1202") == Flat("6-1202", "6", "", 12, "1202")
        assert find_flat(connection, "elsewhere", "6-1202") is None


def test_change_of_a_flat_concerns_its_people(court: Store) -> None:
    with court.reading() as connection:
        flat = find_flat(connection, SITE.name, "2-502")
    assert flat is not None
    assert touched(court, lambda connection: change_flat(connection, SITE.name, structs.replace(flat, floor=6))) == {
        5,
        6,
    }


@pytest.mark.parametrize("place", [Place("2"), Place("2", 5), Place(flat="2-502")])
def test_first_point_of_a_place_concerns_its_people(court: Store, place: Place) -> None:
    """A second one changes what the page says, and nobody's rows; the last one that goes concerns them again."""

    def serve(point: str, served: Place | None) -> set[int]:
        return touched(court, lambda connection: set_places(connection, SITE.name, {point: served}))

    assert serve("east-gate", place) == {5, 6}
    assert serve("west-gate", place) == set()
    assert serve("west-gate", place) == set()
    assert serve("east-gate", None) == set()
    with court.reading() as connection:
        assert served_places(connection) == {place}
        assert people_at(connection, SITE.name, {place}) == {5, 6}
    assert serve("west-gate", Place("9")) == {5, 6}
    with court.reading() as connection:
        assert served_places(connection) == {Place("9")}
