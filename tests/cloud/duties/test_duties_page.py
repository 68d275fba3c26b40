"""Cells and duties in the console, and what is refused there."""

import re

from cloud.duties.rule import Cell, Duty, cell_faults, duty_faults, listed_names
from cloud.duties.store import list_cells, list_duties
from cloud.store.labels import Label
from tests.cloud.support.sender import SITE
from tests.cloud.support.town import Town


def test_cell_and_duty_are_saved_and_removed(town: Town) -> None:
    cell = {"name": "cell-1", "label_en": "North", "units": "3-1, 3-2", "points": "east-gate", "operators": "gate"}
    duty = {"name": "night", "hours": "gym-hours", "operators": "gate office"}
    with town.visit("admin") as admin:
        assert admin.submit("/duties/cells", "/duties", **cell).headers["location"] == "/duties?done=cell"
        assert admin.submit("/duties/duties", "/duties", **duty).headers["location"] == "/duties?done=duty"
        with town.store.reading() as connection:
            assert list_cells(connection, SITE) == [
                Cell("cell-1", Label("North", "North"), ("3-1", "3-2"), ("east-gate",), ("gate",))
            ]
            assert list_duties(connection, SITE) == [
                Duty("night", ("gate", "office"), "gym-hours", Label("night", "night"))
            ]
        assert "North" in admin.get("/duties").text
        for path in ("/duties/cells/cell-1/remove", "/duties/duties/night/remove"):
            assert admin.submit(path, "/duties").headers["location"] == "/duties?done=removed"
            assert admin.submit(path, "/duties").status_code == 422
        assert "Removed a duty" in admin.get("/audit").text
    with town.store.reading() as connection:
        assert not list_cells(connection, SITE)
        assert not list_duties(connection, SITE)


def test_unknown_names_are_refused(town: Town) -> None:
    with town.visit("admin") as admin:
        for fields, says in (
            ({"name": "a", "operators": "nobody"}, "no operator nobody"),
            ({"name": "a", "points": "nowhere"}, "no point nowhere"),
            ({"name": "A b"}, "Something in the form is not right"),
            ({"name": "a", "units": "3-1-702"}, "Something in the form is not right"),
            ({"name": "a", "units": "3-1 3-1"}, "3-1 stands twice"),
        ):
            answer = admin.submit("/duties/cells", "/duties", **fields)
            assert (answer.status_code, says in answer.text) == (422, True), fields
        for fields, says in (
            ({"name": "d", "hours": "always"}, "at least one operator"),
            ({"name": "d", "hours": "never", "operators": "gate"}, "no such hours"),
        ):
            answer = admin.submit("/duties/duties", "/duties", **fields)
            assert (answer.status_code, says in answer.text) == (422, True), fields
    with town.store.reading() as connection:
        assert list_cells(connection, SITE) == []


def test_refused_form_keeps_what_was_typed(town: Town) -> None:
    cell = {"name": "cell-1", "label_en": "North", "units": "3-1", "operators": "gate"}
    with town.visit("admin") as admin:
        assert admin.submit("/duties/cells", "/duties", **cell).status_code == 303
        new = admin.submit("/duties/cells", "/duties", name="south", units="4-1 4-2", operators="nobody").text
        assert re.search(r'<details class="card" open>.*?name="name" value="south".*?value="4-1 4-2"', new, re.DOTALL)
        changed = admin.submit("/duties/cells", "/duties", **cell | {"units": "9-1", "operators": "nobody"}).text
        form = changed[changed.index('id="cell-cell-1"') :]
        assert re.search(r'<details open>.*?value="9-1".*?value="nobody"', form, re.DOTALL)
        assert 'value="9-1"' not in form[form.index("</section>") :]
        duty = admin.submit("/duties/duties", "/duties", name="night", hours="gym-hours", operators="nobody").text
        assert re.search(r'value="night".*?value="gym-hours" selected.*?value="nobody"', duty, re.DOTALL)


def test_unit_is_in_one_cell() -> None:
    north, south = Cell("north", units=("3-1",)), Cell("south", units=("3-1", "4-1"))
    assert list(cell_faults(south, [north])) == [("units", "3-1 is in the cell north too; one cell answers for it")]
    assert list(cell_faults(north, [])) == []
    assert list(duty_faults(Duty("d", ("a", "a")))) == [("operators", "a stands twice; leave one out")]


def test_names_are_listed_however_they_are_parted() -> None:
    assert listed_names(" 3-1,3-2；4-1\n5 、6 ") == ("3-1", "3-2", "4-1", "5", "6")


def test_guards_change_no_cell(town: Town) -> None:
    with town.visit("gate") as guard:
        assert guard.get("/duties").status_code == 200
        assert guard.submit("/duties/cells", "/account", name="a").status_code == 403
