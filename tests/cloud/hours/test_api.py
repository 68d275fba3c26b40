"""Hours and the calendar by the API."""

from cloud.hours.rule import DayKind
from tests.cloud.support.api import get, send
from tests.cloud.support.town import Town, Visitor

WEEK = ["06:00-22:00"] * 5 + ["08:00-20:00", "-"]


def test_hours_are_listed_changed_and_removed(town: Town, api: Visitor) -> None:
    body = {"name": "pool", "label_en": "Pool", "week": WEEK, "rest": "10:00-16:00"}
    assert send(api, "/hours", body).status_code == 201
    listed = {one["name"]: one for one in get(api, "/hours")}
    seen = listed["pool"].pop("seen")
    assert listed["pool"] == {
        "name": "pool",
        "label": {"zh": "Pool", "en": "Pool"},
        "week": WEEK,
        "rest": "10:00-16:00",
        "half": "",
    }
    assert send(api, "/hours", body).status_code == 409
    del body["name"]
    assert send(api, "/hours/pool", body | {"half": "06:00-12:00", "seen": seen}, "PUT").status_code == 204
    late = send(api, "/hours/pool", body | {"rest": "-", "seen": seen}, "PUT")
    assert (late.status_code, "half 06:00-12:00" in late.json()["message"]) == (409, True)
    assert api.delete("/api/v1/hours/pool").status_code == 204
    assert api.delete("/api/v1/hours/pool").status_code == 404
    assert town.changes == 3


def test_wrong_hours_say_where(api: Visitor) -> None:
    answer = send(api, "/hours", {"name": "pool", "week": ["09:00-08:00"] * 7})
    assert (answer.status_code, answer.json()["where"]) == (422, "windows")
    assert "“09:00-08:00” ends before it begins" in answer.json()["message"]
    assert send(api, "/hours", {"name": "pool", "week": WEEK[:6]}).status_code == 422


def test_special_days_are_listed_added_and_removed(api: Visitor) -> None:
    days = [{"day": "2027-01-16", "kind": "shut"}, {"day": "2027-01-24", "kind": "as_weekday", "weekday": 1}]
    assert send(api, "/special-days", {"days": days}).json() == {"added": 2}
    assert send(api, "/special-days", {"days": days}).json() == {"added": 0}
    assert [(one["day"], one["kind"]) for one in get(api, "/special-days?first=2027-01-20")] == [
        ("2027-01-24", DayKind.AS_WEEKDAY)
    ]
    coming = {one["day"]: one for one in get(api, "/hours/gym-hours/days")}
    assert (coming["2027-01-16"]["windows"], coming["2027-01-17"]["windows"]) == ("-", "06:00-22:30")
    assert coming["2027-01-16"]["special"][0]["kind"] == "shut"
    assert api.delete("/api/v1/special-days/2027-01-16/shut").status_code == 204
    assert api.delete("/api/v1/special-days/2027-01-16/shut").status_code == 404


def test_calendar_file_is_imported(api: Visitor) -> None:
    text = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20280101\nEND:VEVENT\nEND:VCALENDAR"
    assert send(api, "/special-days/import", {"text": text, "kind": "rest"}).json() == {"added": 1, "left_out": 0}
    assert send(api, "/special-days/import", {"text": "x", "kind": "rest"}).status_code == 422
