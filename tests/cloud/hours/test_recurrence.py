"""Repeated events: our days are those of calendar libraries of PyPI, for any rule that we read."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from dateutil.rrule import rruleset, rrulestr
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from cloud.hours.ical import read_calendar
from cloud.hours.recurrence import WEEKDAYS, NoRule, read_rule

FIRST, LAST = date(2027, 1, 1), date(2029, 12, 31)

ordinals = st.integers(1, 5) | st.integers(-5, -1)
plain_days = st.lists(st.sampled_from(WEEKDAYS), min_size=1, max_size=3, unique=True).map(",".join)
ordinal_days = st.lists(
    st.builds(lambda ordinal, day: f"{ordinal}{day}", ordinals, st.sampled_from(WEEKDAYS)), min_size=1, max_size=2
).map(",".join)
month_days = st.lists(st.integers(1, 31) | st.integers(-31, -1), min_size=1, max_size=3, unique=True)
months = st.lists(st.integers(1, 12), min_size=1, max_size=3, unique=True)


@st.composite
def rules(draw: st.DrawFn) -> str:
    frequency = draw(st.sampled_from(("DAILY", "WEEKLY", "MONTHLY", "YEARLY")))
    parts = {"FREQ": frequency, "INTERVAL": str(draw(st.integers(1, 4)))}
    if draw(st.booleans()):
        parts["BYMONTH"] = ",".join(map(str, draw(months)))
    by = draw(st.sampled_from(("", "day", "ordinal", "month_day", "both")))
    if by in ("day", "both"):
        parts["BYDAY"] = draw(plain_days)
    if by == "ordinal" and frequency in ("MONTHLY", "YEARLY"):
        parts["BYDAY"] = draw(ordinal_days)
    if by in ("month_day", "both") and frequency != "WEEKLY":
        parts["BYMONTHDAY"] = ",".join(map(str, draw(month_days)))
    if draw(st.booleans()):
        parts["WKST"] = draw(st.sampled_from(WEEKDAYS))
    bound = draw(st.sampled_from(("", "COUNT", "UNTIL")))
    if bound == "COUNT":
        parts["COUNT"] = str(draw(st.integers(1, 30)))
    if bound == "UNTIL":
        parts["UNTIL"] = f"{draw(st.dates(FIRST, LAST)):%Y%m%d}"
    return ";".join(f"{name}={value}" for name, value in parts.items())


def by_library(text: str) -> set[date]:
    """The days as ``icalendar`` reads the file and ``dateutil`` repeats its event."""
    days: set[date] = set()
    for event in Calendar.from_ical(text).walk("VEVENT"):
        first = event["DTSTART"].dt
        starts = rruleset()
        starts.rrule(rrulestr(event["RRULE"].to_ical().decode(), dtstart=midnight(first)))
        for day in listed(event, "RDATE"):
            starts.rdate(midnight(day))
        for day in listed(event, "EXDATE"):
            starts.exdate(midnight(day))
        length = (event["DTEND"].dt - first).days
        for start in starts.between(midnight(FIRST) - timedelta(days=length), midnight(LAST), inc=True):
            days |= {start.date() + timedelta(days=ahead) for ahead in range(length)}
    return {day for day in days if FIRST <= day <= LAST}


def listed(event: Any, name: str) -> Iterator[date]:
    found = event.get(name, [])
    for line in found if isinstance(found, list) else [found]:
        yield from (one.dt for one in line.dts)


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001 - dateutil repeats dates without a zone


def file(*lines: str) -> str:
    head = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//tests//", "BEGIN:VEVENT", "UID:1", "DTSTAMP:20270101T000000Z"]
    return "\r\n".join([*head, *lines, "END:VEVENT", "END:VCALENDAR", ""])


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_repeated_days_are_those_of_a_library(data: st.DataObject) -> None:
    """Events of one to three days, with days left out and added; the first day is one of the rule's own."""
    text = data.draw(rules())
    rule = read_rule(text)
    earliest = data.draw(st.dates(date(2024, 1, 1), date(2027, 12, 31)))
    first = next((day for day in (earliest + timedelta(ahead) for ahead in range(800)) if rule.matches(day, day)), None)
    assume(first is not None)
    assert first is not None
    assume(rule.until is None or rule.until >= first)
    end = first + timedelta(days=data.draw(st.integers(1, 3)))
    lines = [f"DTSTART;VALUE=DATE:{first:%Y%m%d}", f"DTEND;VALUE=DATE:{end:%Y%m%d}", f"RRULE:{text}"]
    for name in ("EXDATE", "RDATE"):
        days = data.draw(st.lists(st.dates(FIRST, LAST) | st.just(first), max_size=2, unique=True))
        lines += [f"{name};VALUE=DATE:{day:%Y%m%d}" for day in days]
    found = read_calendar(file(*lines), FIRST, LAST)
    assert found.left_out == []
    assert {one.day for one in found.days} == by_library(file(*lines))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "FREQ=HOURLY",
        "FREQ=YEARLY;FREQ=DAILY",
        "FREQ=YEARLY;COUNT=0",
        "FREQ=YEARLY;COUNT=x",
        "FREQ=YEARLY;UNTIL=2027",
        "FREQ=YEARLY;UNTIL=20270230",
        "FREQ=YEARLY;BYMONTH=13",
        "FREQ=YEARLY;BYMONTHDAY=0",
        "FREQ=YEARLY;BYDAY=0MO",
        "FREQ=YEARLY;BYDAY=54MO",
        "FREQ=YEARLY;BYDAY=MON",
        "FREQ=YEARLY;BYDAY=1MO;BYMONTHDAY=1",
        "FREQ=YEARLY;BYWEEKNO=1",
        "FREQ=YEARLY;BYYEARDAY=1",
        "FREQ=WEEKLY;BYMONTHDAY=1",
        "FREQ=DAILY;INTERVAL=1001",
        "FREQ=DAILY;WKST=XX",
    ],
)
def test_rules_of_other_forms_are_refused(text: str) -> None:
    with pytest.raises(NoRule):
        read_rule(text)


def test_rule_that_no_day_meets_ends() -> None:
    lines = ["DTSTART;VALUE=DATE:20270131", "RRULE:FREQ=DAILY;BYMONTH=1;BYMONTHDAY=31;COUNT=10000"]
    found = read_calendar(file(*lines), FIRST, LAST)
    assert [one.day for one in found.days] == [date(year, 1, 31) for year in (2027, 2028, 2029)]
