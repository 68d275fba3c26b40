"""People on the console: added and changed by forms alone, and shown to those who may not change them."""

import re

import pytest

from cloud.people.community import load_community
from contract.decide import Standing
from tests.cloud.support.pages import words
from tests.cloud.support.town import Town


@pytest.mark.parametrize(
    "days",
    [{"last_day": "9999-12-31"}, {"first_day": "0001-01-01"}, {"first_day": "9999-12-31", "last_day": "9999-12-31"}],
)
def test_a_day_beyond_the_calendar_is_refused(town: Town, days: dict[str, str]) -> None:
    """The day after the last one there is overflowed, as an error of ours."""
    with town.visit("office") as visitor:
        for path, on in (("/people/1/memberships", "/people/1"), ("/people", "/people")):
            answer = visitor.submit(path, on, name_en="Lin", plan="yearly", **days)
            assert answer.status_code == 422
            assert "are dates" in answer.text


def test_a_person_is_added_given_a_plan_and_a_card_by_forms_alone(town: Town) -> None:
    with town.visit("office") as visitor:
        fields = {"name_zh": "郑十", "unit": "9-901", "plan": "yearly", "last_day": "2027-01-31"}
        added = visitor.submit("/people", "/people", **fields).headers["location"]
        assert "Now enrol a card" in visitor.get(added).text
        where = added.partition("?")[0]
        wanted = {"format": "H10301", "facility": "21", "number": "4242", "label": "blue fob"}
        page = visitor.get(visitor.submit(f"{where}/cards", where, **wanted).headers["location"]).text
        assert "blue fob In use" in words(page)
        assert "through 2027-01-31" in words(page)
        assert "4242" not in page
        (action,) = re.findall(rf'action="({where}/cards/\d+)"', page)
        page = visitor.get(visitor.submit(action, where, standing="lost").headers["location"]).text
        assert "blue fob Reported lost" in words(page)
    assert town.changes == 3
    with town.store.reading() as connection:
        whole = load_community(connection)
    assert whole.credentials[-1].standing is Standing.LOST
    assert whole.memberships[-1].until_ms == 1_801_411_200_000, "midnight in Shanghai after the last day"


MISTAKES: list[tuple[str, dict[str, str], str]] = [
    ("/people", {"name_zh": " "}, "A person needs a name"),
    ("/people", {"name_zh": "郑十", "plan": "founder"}, "This plan is shared by a household"),
    ("/people", {"name_zh": "郑十", "plan": "yearly", "last_day": "soon"}, "first and the last day are dates"),
    ("/people/1/cards", {"format": "H10301", "facility": "21", "number": "10002"}, "Zhang Dayi has this card already"),
    ("/people/1/cards", {"format": "H10301", "number": "1"}, "There can be no such card"),
    ("/people/1/cards", {"format": "H10301", "facility": "21", "number": "a"}, "are digits alone"),
    ("/people/1/cards/1", {"standing": "eaten"}, "Something in the form is not right"),
    ("/people/1/cards/1", {"standing": "barred"}, "Something in the form is not right"),
    ("/people/1/cards/999", {"standing": "lost"}, "There is no such card"),
    (
        "/people/1/memberships",
        {"plan": "yearly", "first_day": "2027-02-02", "last_day": "2027-02-01"},
        "last day comes before",
    ),
]


def test_a_form_with_a_mistake_comes_back_with_it_and_changes_nothing(town: Town) -> None:
    with town.visit("office") as visitor:
        for path, fields, said in MISTAKES:
            answer = visitor.submit(path, "/people" if path == "/people" else "/people/1", **fields)
            assert answer.status_code == 422, fields
            assert said in answer.text, fields
    assert town.changes == 0


def test_what_was_typed_of_a_person_stays_in_the_form_that_comes_back(town: Town) -> None:
    typed = {"name_zh": "郑十", "unit": "9-901", "plan": "yearly", "first_day": "2027-02-02", "last_day": "2027-02-01"}
    with town.visit("office") as visitor:
        text = visitor.submit("/people", "/people", **typed).text
    for kept in ("郑十", "9-901", "2027-02-02", "2027-02-01", 'yearly" selected'):
        assert (kept if "selected" in kept else f'value="{kept}"') in text


def test_a_membership_that_is_over_does_not_look_alive_in_the_list(town: Town) -> None:
    with town.visit("auditor") as visitor:
        row = next(line for line in visitor.get("/people?text=Wang").text.split("<tr>") if "Wang Wu" in line)
    assert "badge lost" in row
    assert "Ended" in row


def test_auditor_sees_people_but_no_form(town: Town) -> None:
    """But for the one that asks for the purpose of a look."""
    with town.visit("auditor") as visitor:
        for path in ("/people", "/people/1"):
            forms = re.findall(r'<form[^>]*method="post"[^>]*>', visitor.get(path).text)
            assert [form for form in forms if '/look"' not in form] == []
