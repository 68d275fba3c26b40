"""Days of iCalendar files: what is read, what is left out by its name, and what is no such file."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.hours.ical import MAX_EVENTS, LeftOut, NoCalendar, Unreadable, read_calendar

FIRST, LAST = date(2027, 1, 1), date(2028, 12, 31)


def calendar(*events: str) -> str:
    """A file with these events, each given by its lines."""
    body = [line for event in events for line in ("BEGIN:VEVENT", *event.split("\n"), "END:VEVENT")]
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", *body, "END:VCALENDAR", ""])


def days(*events: str) -> list[str]:
    found = read_calendar(calendar(*events), FIRST, LAST)
    assert found.left_out == []
    return [f"{one.day:%m-%d}" if one.day.year == 2027 else str(one.day) for one in found.days]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ("DTSTART;VALUE=DATE:20270101", ["01-01"]),
        ("DTSTART:20270101", ["01-01"]),
        ("DTSTART;VALUE=DATE:20270206\nDTEND;VALUE=DATE:20270209", ["02-06", "02-07", "02-08"]),
        ("DTSTART;VALUE=DATE:20270206\nDTEND;VALUE=DATE:20270206", ["02-06"]),
        ("DTSTART;VALUE=DATE:20270501\nDURATION:P3D", ["05-01", "05-02", "05-03"]),
        ("DTSTART;VALUE=DATE:20261230\nDTEND;VALUE=DATE:20270103", ["01-01", "01-02"]),
        ("DTSTART;VALUE=DATE:20270101\nRRULE:FREQ=YEARLY", ["01-01", "2028-01-01"]),
        ("DTSTART;VALUE=DATE:20240229\nRRULE:FREQ=YEARLY", ["2028-02-29"]),
        ("DTSTART;VALUE=DATE:19700101\nRRULE:FREQ=YEARLY;UNTIL=20270601", ["01-01"]),
        ("DTSTART;VALUE=DATE:20231230\nDTEND;VALUE=DATE:20240103\nRRULE:FREQ=YEARLY;COUNT=4", ["01-01", "01-02"]),
        ("DTSTART;VALUE=DATE:20270104\nRRULE:FREQ=WEEKLY;COUNT=3\nEXDATE;VALUE=DATE:20270111", ["01-04", "01-18"]),
        ("DTSTART;VALUE=DATE:20270131\nRRULE:FREQ=MONTHLY;BYMONTHDAY=-1;UNTIL=20270401", ["01-31", "02-28", "03-31"]),
        ("DTSTART;VALUE=DATE:20270101\nRDATE;VALUE=DATE:20270301,20270401", ["01-01", "03-01", "04-01"]),
        ("DTSTART;VALUE=DATE:20270101\nSTATUS:CANCELLED", []),
        ("DTSTART;VALUE=DATE:20200101", []),
        ('DTSTART;X-A="b;c:d","e";VALUE=DATE:20270101\nATTENDEE;CN="a:b":mailto:x@y.example', ["01-01"]),
    ],
)
def test_whole_day_events_become_days(event: str, expected: list[str]) -> None:
    assert days(event) == expected


PUBLISHED = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//a publisher//holidays//ZH
X-WR-CALNAME:节假日
BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:DAYLIGHT
DTSTART:19810329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
END:VTIMEZONE
BEGIN:VEVENT
UID:1@publisher.example
DTSTAMP:20261201T000000Z
DTSTART;VALUE=DATE:20270206
DTEND;VALUE=DATE:20270213
SUMMARY;LANGUAGE=zh:春节 休
DESCRIPTION:第一行\\n第二行: 值\\; 值
TRANSP:TRANSPARENT
X-APPLE-UNIVERSAL-ID:1
BEGIN:VALARM
TRIGGER:-P1D
ACTION:DISPLAY
DESCRIPTION:提醒
END:VALARM
END:VEVENT
END:VCALENDAR
"""


def test_published_calendar_is_read() -> None:
    """Time zones, alarms and what publishers add stand beside the days and are no days."""
    found = read_calendar(PUBLISHED, FIRST, LAST)
    assert [(f"{one.day:%m-%d}", one.name) for one in found.days] == [
        (f"02-{number:02}", "春节 休") for number in range(6, 13)
    ]
    assert found.left_out == []


def test_event_moved_to_another_day() -> None:
    """An event of its own stands for one day of a repeated one."""
    weekly = "UID:a\nDTSTART;VALUE=DATE:20270104\nRRULE:FREQ=WEEKLY;COUNT=3"
    moved = "UID:a\nRECURRENCE-ID;VALUE=DATE:20270111\nDTSTART;VALUE=DATE:20270112"
    assert days(weekly, moved) == ["01-04", "01-12", "01-18"]
    assert days(weekly, f"{moved}\nSTATUS:CANCELLED") == ["01-04", "01-18"]


@pytest.mark.parametrize(
    ("event", "why"),
    [
        ("DTSTART:20270101T090000", Unreadable.TIMED),
        ("DTSTART;TZID=Europe/Berlin:20270101T000000\nDTEND;TZID=Europe/Berlin:20270102T000000", Unreadable.TIMED),
        ("DTSTART;VALUE=DATE:20270101\nDURATION:PT2H", Unreadable.TIMED),
        ("DTSTART;VALUE=DATE:20270101\nEXDATE:20270101T000000Z", Unreadable.TIMED),
        ("DTSTART;VALUE=DATE:20270101\nRDATE;VALUE=PERIOD:20270101T000000Z/PT1H", Unreadable.TIMED),
        ("DTSTART;VALUE=DATE:20270101\nRRULE:FREQ=SECONDLY", Unreadable.RULE),
        ("DTSTART;VALUE=DATE:20270101\nRRULE:FREQ=YEARLY;BYSETPOS=1", Unreadable.RULE),
        ("DTSTART;VALUE=DATE:20270101\nRRULE:FREQ=YEARLY;INTERVAL=0", Unreadable.RULE),
        ("DTSTART;VALUE=DATE:19900101\nRRULE:FREQ=YEARLY;COUNT=100", Unreadable.RULE),
        ("DTSTART;VALUE=DATE:20270101\nRRULE:FREQ=WEEKLY;BYDAY=1MO", Unreadable.RULE),
        ("DTSTART;VALUE=DATE:20270101\nRRULE:FREQ=YEARLY\nRRULE:FREQ=WEEKLY", Unreadable.RULE),
        ("DTSTART;VALUE=DATE:20270101\nEXRULE:FREQ=YEARLY", Unreadable.RULE),
        ("DTSTART;VALUE=DATE:20270101\nRRULE:FREQ=WEEKLY;BYDAY=MO", Unreadable.FIRST_DAY),
        ("DTSTART;VALUE=DATE:20270230", Unreadable.DATES),
        ("DTSTART;VALUE=DATE:20270105\nDTEND;VALUE=DATE:20270101", Unreadable.DATES),
        ("DTSTART;VALUE=DATE:20270101\nDTSTART;VALUE=DATE:20270102", Unreadable.DATES),
        ("DTSTART;VALUE=DATE:00010101", Unreadable.DATES),
        ("LOCATION:nowhere", Unreadable.DATES),
        ("DTSTART;VALUE=DATE:20270101\nDTEND;VALUE=DATE:20290101", Unreadable.LONG),
    ],
)
def test_events_of_other_forms_are_named(event: str, why: Unreadable) -> None:
    found = read_calendar(calendar(f"SUMMARY:Sports day\n{event}", "DTSTART;VALUE=DATE:20270101"), FIRST, LAST)
    assert found.left_out == [LeftOut("Sports day", why)]
    assert [one.day for one in found.days] == [date(2027, 1, 1)]


def test_names_lose_what_cannot_be_seen() -> None:
    """Lines are broken where they are long; commas are escaped; signs that turn the text around are dropped."""
    alarm = "BEGIN:VALARM\nSUMMARY:no\nEND:VALARM"
    text = calendar(f"SUMMARY:春节\\, 第一天\\n\u202e 放\n 假\nDTSTART;VALUE=DATE:20270206\n{alarm}")
    (found,) = read_calendar("\ufeff" + text, FIRST, LAST).days
    assert found.name == "春节, 第一天 放假"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("<html>", 1),
        ("BEGIN:VEVENT\nEND:VEVENT", 1),
        ("BEGIN:VCALENDAR", 2),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR", 3),
        ("BEGIN:VCALENDAR\nno colon\nEND:VCALENDAR", 2),
        ("BEGIN:VCALENDAR\nEND:VCALENDAR\nSUMMARY:after it", 3),
        ("BEGIN:VCALENDAR\nBEGIN:VCALENDAR", 2),
        ("END:VCALENDAR", 1),
        (calendar(*["SUMMARY:x"] * (MAX_EVENTS + 1)), 3 * MAX_EVENTS + 5),
    ],
)
def test_what_is_no_calendar_is_refused(text: str, line: int) -> None:
    with pytest.raises(NoCalendar, match=f"line {line} "):
        read_calendar(text, FIRST, LAST)


PARTS = ("BEGIN:VEVENT", "END:VEVENT", "RRULE:FREQ=DAILY", "DTSTART:20270101", "\n", ";", ":", ",", "x", "9")


@given(st.lists(st.sampled_from(PARTS)))
def test_any_text_is_read_or_refused(parts: list[str]) -> None:
    try:
        read_calendar("BEGIN:VCALENDAR\n" + "\n".join(parts) + "\nEND:VCALENDAR", FIRST, LAST)
    except NoCalendar:
        return
