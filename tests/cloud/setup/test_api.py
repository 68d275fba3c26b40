"""The setup as programs read and change it: the whole file, and single rows of its tables."""

from collections.abc import Iterator

import pytest

from tests.cloud.support.api import get, program, send
from tests.cloud.support.town import Town, Visitor

POOL = {
    "tier": "member",
    "fee_yuan": 600,
    "opens": {"hub": "always"},
    "label": {"en": "Pool"},
    "quantities": {"phone": [{"amount": 2, "unit": "items", "per": "concurrent"}]},
}


@pytest.fixture
def admin(town: Town) -> Iterator[Visitor]:
    with program(town, "admin") as caller:
        yield caller


def test_exported_setup_applies_without_a_change(admin: Visitor) -> None:
    text = get(admin, "/setup")["text"]
    answer = send(admin, "/setup", {"text": text}).json()
    assert (answer["applied"], answer["differences"]) == (True, [])
    more = {"text": f'{text}\n[[zone]]\nname = "roof"\n', "dry_run": True}
    looked = send(admin, "/setup", more).json()
    assert (looked["applied"], [one["key"] for one in looked["differences"]]) == (False, ["roof"])
    assert get(admin, "/setup")["text"] == text
    beside = {"text": 'flats = "f.csv"\n', "beside": {"f.csv": "name\n1-101\n"}, "dry_run": True}
    assert "moved out" not in send(admin, "/setup", beside).text


def test_wrong_setup_names_every_line(admin: Visitor) -> None:
    answer = send(admin, "/setup", {"text": "[[zone]]\nname = 'Gym'\nsize = 1\n"})
    assert answer.status_code == 422
    assert len(answer.json()["problems"]) == 2
    assert answer.json()["message"].startswith("setup.toml:2: zone[0].name")


def test_grave_setup_wants_its_code(admin: Visitor) -> None:
    text = get(admin, "/setup")["text"].replace('estate = "always", home', "home")
    refused = send(admin, "/setup", {"text": text})
    assert (refused.status_code, refused.json()["error"]) == (409, "second_step")
    preview = refused.json()["preview"]
    assert preview["second_step"][0].startswith("People who lose a way home")
    assert send(admin, "/setup", {"text": text, "accept": preview["code"]}).json()["applied"] is True


def test_second_program_is_told_what_changed(admin: Visitor) -> None:
    text = get(admin, "/setup")["text"]
    assert send(admin, "/setup/zone/roof", {}, "PUT").status_code == 200
    refused = send(admin, "/setup", {"text": text})
    assert (refused.status_code, refused.json()["error"]) == (409, "outdated")
    assert refused.json()["changes"][0]["subject"] == "roof"


@pytest.mark.parametrize(
    ("table", "key", "row", "wrong"),
    [
        ("plan", "pool", POOL, {**POOL, "opens": {"moon": "always"}}),
        ("cell", "cell-1", {"units": ["3-1"], "operators": ["gate"]}, {"units": ["3-1-702"]}),
        ("duty", "night", {"operators": ["gate"], "hours": "gym-hours"}, {"operators": []}),
        (
            "special_day",
            "2027-10-01 rest",
            {"day": "2027-10-01", "kind": "rest"},
            {"day": "2027-10-02", "kind": "rest"},
        ),
    ],
)
def test_row_is_made_changed_and_removed(
    admin: Visitor, table: str, key: str, row: dict[str, object], wrong: dict[str, object]
) -> None:
    path = f"/setup/{table}/{key}"
    assert send(admin, path, row, "PUT").json()["differences"][0]["what"] == "added"
    assert send(admin, path, row, "PUT").json()["differences"] == []
    mine = next(one for one in get(admin, f"/setup/{table}") if row.items() <= one.items() or one.get("name") == key)
    assert send(admin, path, mine, "PUT").json()["differences"] == []
    refused = send(admin, path, wrong, "PUT")
    assert (refused.status_code, bool(refused.json()["problems"])) == (422, True)
    assert admin.delete(f"/api/v1{path}").status_code == 200
    assert admin.delete(f"/api/v1{path}").status_code == 404


def test_unknown_table_names_those_that_are(admin: Visitor) -> None:
    answer = admin.get("/api/v1/setup/moon")
    assert answer.status_code == 404
    assert "there is cell, class, duty, flat, hours" in answer.json()["message"]
