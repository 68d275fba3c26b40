"""Hours and the calendar in the console: nothing but forms that work without a script."""

import re
from datetime import date

from cloud.hours.rule import DayKind, SpecialDay
from cloud.hours.store import find_hours, list_special_days
from cloud.hours.window_text import write_week
from cloud.sample import SITE
from cloud.store.labels import Label
from tests.cloud.support.pages import words
from tests.cloud.support.town import Town, Visitor

WEEK = {f"day{number}": "08:00-12:00, 14:00-21:00" for number in range(1, 6)} | {"day6": "18:00-02:00", "day7": "-"}


def special_days(town: Town) -> list[SpecialDay]:
    with town.store.reading() as connection:
        return list_special_days(connection, SITE.name)


def next_days(visitor: Visitor, hours: str) -> dict[str, str]:
    """What the page says of the days to come, by the day."""
    rows = re.findall(r"<tr>(.*?)</tr>", visitor.get(f"/hours/{hours}").text, re.DOTALL)
    shown = [words(row).split(" ", 2) for row in rows[1:]]
    return {day: rest for day, _, rest in shown}


def test_hours_are_made_changed_and_removed(town: Town) -> None:
    with town.visit("office") as clerk:
        typed = WEEK | {"name": "pool", "label_zh": "泳池", "label_en": "Pool", "rest": "10:00-16:00"}
        assert clerk.submit("/hours", "/hours", **typed).headers["location"] == "/hours?done=added"
        page = words(clerk.get("/hours?done=added").text)
        assert "The hours are added." in page
        assert "18:00-02:00" in page
        typed["day7"] = "09:00-12:00"
        seen = re.findall(r'name="seen" value="(\w+)"', clerk.get("/hours/pool").text)[0]
        changed = clerk.submit("/hours/pool", "/hours/pool", **typed, seen=seen)
        assert changed.headers["location"] == "/hours/pool?done=changed"
        with town.store.reading() as connection:
            found = find_hours(connection, "pool")
        assert found is not None
        expected = "1-5 08:00-12:00, 14:00-21:00; 6 18:00-02:00; 7 09:00-12:00; rest 10:00-16:00"
        assert write_week(found) == expected
        late = clerk.submit("/hours/pool", "/hours/pool", **typed | {"rest": "-"}, seen=seen)
        assert (late.status_code, expected in words(late.text)) == (422, True)
        assert clerk.submit("/hours/pool/remove", "/hours/pool").headers["location"] == "/hours?done=removed"
        assert "Added hours" in clerk.get("/audit").text
        assert clerk.get("/hours/pool").status_code == 404


def test_hours_of_a_duty_stay(town: Town) -> None:
    """Plans and duties are named alike, each as screens call it."""
    with town.visit("admin") as admin:
        admin.submit("/hours", "/hours", **WEEK, name="pool")
        duty = {"name": "night", "label_en": "Night watch", "hours": "pool", "operators": "gate"}
        assert admin.submit("/duties/duties", "/duties", **duty).status_code == 303
        answer = admin.submit("/hours/pool/remove", "/hours/pool")
        assert (answer.status_code, "used by Night watch." in words(answer.text)) == (422, True)
        admin.submit("/duties/duties/night/remove", "/duties")
        assert admin.submit("/hours/pool/remove", "/hours/pool").status_code == 303


def test_window_that_ends_early_is_named(town: Town) -> None:
    """What was typed stands in the form again, and nothing was changed."""
    with town.visit("office") as clerk:
        answer = clerk.submit("/hours", "/hours", **WEEK | {"name": "pool", "day3": "09:00-08:00"})
        assert answer.status_code == 422
        assert "“09:00-08:00” ends before it begins" in words(answer.text)
        assert 'name="day3" value="09:00-08:00"' in answer.text
        assert clerk.get("/hours/pool").status_code == 404
    with town.visit("office", language="zh") as clerk:
        answer = clerk.submit("/hours", "/hours", **WEEK | {"name": "pool", "day3": "09:00-08:00"})
        assert "“09:00-08:00”结束早于开始" in words(answer.text)


def test_next_days_show_what_the_calendar_does(town: Town) -> None:
    """From Friday, 15 January 2027."""
    with town.visit("office") as clerk:
        typed = {"first": "2027-01-16", "last": "2027-01-17", "kind": "shut", "label_zh": "水管", "label_en": "Pipes"}
        added = clerk.submit("/calendar", "/calendar", **typed)
        assert added.headers["location"] == "/calendar?done=added&year=2027"
        shifted = {"first": "2027-01-23", "kind": "as_weekday", "weekday": "1", "of": "gym-hours"}
        assert clerk.submit("/calendar", "/calendar", **shifted).status_code == 303
        days = next_days(clerk, "gym-hours")
        assert len(days) == 14
        assert days["2027-01-15"] == "06:00-22:30"
        assert days["2027-01-16"] == "nothing opens Shut Pipes"
        assert days["2027-01-23"] == "06:00-22:30 As another weekday (shifted) · Mon"
        assert next_days(clerk, "always")["2027-01-16"] == "00:00-24:00"


def test_half_day_names_hours_that_ignore_it(town: Town) -> None:
    """New Year's Eve is entered, and as long as no hours say what a half day is nothing closes earlier."""
    silent = "Half day: these hours stay as on the weekday until you say what they are then: Gym hours"
    with town.visit("office") as clerk:
        assert silent not in words(clerk.get("/calendar").text)
        clerk.submit("/calendar", "/calendar", first="2027-12-31", kind="half")
        assert silent in words(clerk.get("/calendar").text)
        assert silent not in words(clerk.get("/calendar?year=2028").text)
        week = {f"day{number}": "06:00-22:30" for number in range(1, 8)}
        assert clerk.submit("/hours/gym-hours", "/hours/gym-hours", **week, half="06:00-16:00").status_code == 303
        assert silent not in words(clerk.get("/calendar").text)


def test_special_days_are_filtered_and_removed(town: Town) -> None:
    with town.visit("office") as clerk:
        for typed in (
            {"first": "2027-05-01", "kind": "rest"},
            {"first": "2027-12-31", "kind": "half", "of": "gym-hours"},
            {"first": "2028-02-29", "kind": "shut"},
        ):
            clerk.submit("/calendar", "/calendar", **typed)
        for query, shown in (
            ("", ["2027-05-01", "2027-12-31"]),
            ("?year=2027&kind=half", ["2027-12-31"]),
            ("?year=2027&hours=gym-hours", ["2027-12-31"]),
            ("?year=2028", ["2028-02-29"]),
            ("?year=2026", []),
        ):
            assert re.findall(r'name="day" value="([^"]+)"', clerk.get(f"/calendar{query}").text) == shown
        typed = {"day": "2027-12-31", "kind": "half", "of": "gym-hours"}
        assert clerk.submit("/calendar/remove", "/calendar", **typed).status_code == 303
        assert clerk.submit("/calendar/remove", "/calendar", **typed).status_code == 422
        assert [one.day.year for one in special_days(town)] == [2027, 2028]
        assert clerk.submit("/calendar/remove-year", "/calendar", year="2027").status_code == 422


def test_wrong_days_change_nothing(town: Town) -> None:
    with town.visit("office") as clerk:
        for typed in (
            {"first": "2027-02-30", "kind": "rest"},
            {"first": "2027-05-03", "last": "2027-05-01", "kind": "rest"},
            {"first": "2027-05-01", "last": "2029-05-01", "kind": "rest"},
            {"first": "2027-05-01", "kind": "as_weekday"},
            {"first": "2027-05-01", "kind": "holiday"},
            {"first": "2027-05-01", "kind": "rest", "of": "always"},
        ):
            answer = clerk.submit("/calendar", "/calendar", **typed)
            assert (answer.status_code, "Nothing was changed" in answer.text) == (422, True)
    assert special_days(town) == []


FILE = (
    "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:元旦\r\nDTSTART;VALUE=DATE:20280101\r\nEND:VEVENT\r\n"
    "BEGIN:VEVENT\r\nSUMMARY:Run\r\nDTSTART:20280102T090000\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


def test_calendar_file_is_uploaded_or_pasted(town: Town) -> None:
    with town.visit("office") as clerk:
        fields = {"csrf": clerk.token("/calendar"), "kind": "rest"}
        file = {"file": ("holidays.ics", ("\ufeff" + FILE).encode(), "text/calendar")}
        refused = clerk.post("/calendar/import", data=fields, files=file)
        assert (refused.status_code, "“Run” (it has a time of day" in words(refused.text)) == (422, True)
        assert special_days(town) == []
        done = clerk.post("/calendar/import", data=fields | {"leave_out": "1"}, files=file)
        assert done.headers["location"] == "/calendar?done=added&year=2028"
        assert special_days(town) == [SpecialDay(date(2028, 1, 1), DayKind.REST, label=Label("元旦", "元旦"))]
        pasted = {"kind": "half", "only": "元旦", "text": FILE}
        assert clerk.submit("/calendar/import", "/calendar", **pasted).status_code == 303
        assert [one.kind for one in special_days(town)] == [DayKind.HALF, DayKind.REST]
        long = FILE.replace("SUMMARY:元旦", "DESCRIPTION:" + "x" * 400_000 + "\r\nSUMMARY:元旦")
        file = {"file": ("long.ics", long.encode(), "text/calendar")}
        assert clerk.post("/calendar/import", data=fields | {"leave_out": "1"}, files=file).status_code == 303
        for bad in (b"", "元旦".encode("gbk"), b"<html>"):
            answer = clerk.post("/calendar/import", data=fields, files={"file": ("x.ics", bad, "text/calendar")})
            assert (answer.status_code, "Nothing was changed" in answer.text) == (422, True)


def test_next_year_is_asked_for_from_november(town: Town) -> None:
    with town.visit("gate") as guard:
        assert "are not in the calendar yet" not in guard.get("/hours").text
    town.now_ms = 1_825_200_000_000  # 2 November 2027
    with town.visit("gate") as guard:
        for page in ("/", "/hours", "/calendar"):
            shown = words(guard.get(page).text)
            assert "The special days of 2028 are not in the calendar yet" in shown
            assert "Enter them" not in shown, "a guard cannot"
    with town.visit("office") as clerk:
        clerk.submit("/calendar", "/calendar", first="2028-01-01", kind="rest")
        for page in ("/", "/hours"):
            assert "are not in the calendar yet" not in clerk.get(page).text


def test_guard_sees_hours_and_changes_none(town: Town) -> None:
    with town.visit("gate") as guard:
        for page in ("/hours", "/hours/gym-hours", "/calendar"):
            answer = guard.get(page)
            assert (answer.status_code, 'method="post"' in answer.text) == (200, False)
        assert guard.submit("/hours", "/account", name="pool").status_code == 403
        assert guard.submit("/calendar", "/account", first="2027-05-01", kind="shut").status_code == 403
