"""Flats on the console: found by building, added, corrected and marked vacant by forms alone."""

from cloud.flats.rule import Place
from cloud.points.store import set_places
from cloud.sample import SITE
from tests.cloud.support.pages import words
from tests.cloud.support.town import Town


def test_flats_are_found_with_their_residents(town: Town) -> None:
    with town.visit("auditor") as auditor:
        page = auditor.get("/flats").text
        assert "Li Si, Li Xiaowu" in words(page)
        assert 'href="/parties/' in page
        assert "Add a flat" not in page
        assert "2-502" not in auditor.get("/flats?building=6").text
        assert "No flat matches" in auditor.get("/flats?building=9").text
        assert auditor.get("/flats/no-such").status_code == 404


def test_flat_is_added_and_corrected(town: Town) -> None:
    with town.visit("office") as office:
        typed = {"building": "9", "unit": "1", "flat": "1103", "floor": "11", "area_m2": "88.5"}
        where = office.submit("/flats", "/flats", **typed).headers["location"]
        assert where == "/flats/9-1-1103?done=added"
        assert "The flat is added" in office.get(where).text
        again = office.submit("/flats", "/flats", **typed)
        assert (again.status_code, "of this name already" in again.text, "88.5" in again.text) == (422, True, True)
        at = "/flats/9-1-1103"
        assert office.submit(at, at, **typed, tenure="tenant", vacant="1").headers["location"] == f"{at}?done=changed"
        assert words(office.get("/flats?building=9").text).count("Vacant") == 2, "beside that of the form"
        for wrong in ({"floor": "up"}, {"tenure": "squatter"}, {"area_m2": "-1"}):
            assert office.submit(at, at, **{**typed, **wrong}).status_code == 422
    assert town.changes == 1, "a new flat concerns nobody"


def test_name_with_a_slash_has_its_page(town: Town) -> None:
    with town.visit("office") as office:
        where = office.submit("/flats", "/flats", name="Yard 2/3").headers["location"]
        assert "Yard 2/3" in office.get(where).text


def test_page_of_a_flat_names_its_own_points(town: Town) -> None:
    with town.store.writing() as connection:
        set_places(connection, SITE.name, {"east-gate": Place("2", 5), "west-gate": Place("2", 6)})
    with town.visit("auditor") as auditor:
        page = words(auditor.get("/flats/2-502").text)
    assert "East gate floor 5 of unit 2" in page
    assert "West gate" not in page


def test_flat_is_removed_by_forms(town: Town) -> None:
    with town.visit("office") as office:
        office.submit("/flats", "/flats", name="Yard 2/3")
        here = "/flats/Yard%202/3"
        assert office.submit(f"{here}/remove", here).headers["location"] == "/flats?done=removed"
        assert office.get(here).status_code == 404
        lived_in = office.submit("/flats/2-502/remove", "/flats/2-502")
        assert (lived_in.status_code, "Li Si, Li Xiaowu" in lived_in.text) == (422, True)
