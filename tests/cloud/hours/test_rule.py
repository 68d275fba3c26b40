"""What hours are on special days: golden cases, and a second reading of the rule minute by minute."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.hours.rule import DayKind, Hours, SpecialDay, days_to_come, joined, resolve, year_due
from cloud.hours.window_text import read_windows, write_windows
from cloud.store.labels import Label
from contract.schedules import ALWAYS, MINUTES_PER_DAY, Windows, is_open

SHANGHAI, BERLIN, APIA = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin"), ZoneInfo("Pacific/Apia")
REST, HALF, SHUT, AS_WEEKDAY = DayKind


def of_text(weekdays: str, saturday: str, sunday: str, rest: str | None = None, half: str | None = None) -> Hours:
    week = (*(read_windows(weekdays),) * 5, read_windows(saturday), read_windows(sunday))
    special = (None if text is None else read_windows(text) for text in (rest, half))
    return Hours("gym", Label("健身房", "Gym"), week, *special)


GYM = of_text("06:00-22:30", "08:00-22:00", "-", rest="10:00-18:00", half="06:00-12:00")
BAR = of_text("18:00-02:00", "18:00-04:00", "-")
NIGHTS = of_text("22:00-06:00", "22:00-06:00", "22:00-06:00")


def day(text: str, kind: DayKind, weekday: int | None = None, hours: str = "") -> SpecialDay:
    return SpecialDay(date.fromisoformat(text), kind, weekday, hours)


GOLDEN: Sequence[tuple[str, Hours, Sequence[SpecialDay], str, Sequence[str]]] = (
    ("no calendar", GYM, (), "2026-12-31", ["06:00-22:30", "06:00-22:30"]),
    ("a day of rest", GYM, (day("2027-01-01", REST),), "2026-12-31", ["06:00-22:30", "10:00-18:00", "08:00-22:00"]),
    ("New Year's half day", GYM, (day("2026-12-31", HALF),), "2026-12-30", ["06:00-22:30", "06:00-12:00"]),
    ("a shifted work day", GYM, (day("2027-02-20", AS_WEEKDAY, 3),), "2027-02-20", ["06:00-22:30", "-"]),
    ("a Sunday as Saturday", BAR, (day("2027-02-21", AS_WEEKDAY, 6),), "2027-02-21", ["18:00-04:00"]),
    ("29 February", GYM, (day("2028-02-29", SHUT),), "2028-02-28", ["06:00-22:30", "-", "06:00-22:30"]),
    ("rest without windows of its own", BAR, (day("2027-01-01", REST),), "2027-01-01", ["18:00-02:00"]),
    ("half without windows of its own", BAR, (day("2027-01-01", HALF),), "2027-01-01", ["18:00-02:00"]),
    ("a night into a day of rest", BAR, (day("2026-05-01", REST),), "2026-04-30", ["18:00-02:00"]),
    ("shut cuts the night before", BAR, (day("2026-05-01", SHUT),), "2026-04-30", ["18:00-24:00", "-", "18:00-04:00"]),
    (
        "shut cuts the night of a shifted day",
        BAR,
        (day("2026-05-03", SHUT), day("2026-05-02", AS_WEEKDAY, 1)),
        "2026-05-02",
        ["18:00-24:00", "-"],
    ),
    ("shut after shut", BAR, (day("2026-05-01", SHUT), day("2026-05-02", SHUT)), "2026-05-01", ["-", "-"]),
    ("shut wins over rest", GYM, (day("2026-05-01", REST), day("2026-05-01", SHUT)), "2026-05-01", ["-"]),
    (
        "rest and half are joined",
        GYM,
        (day("2026-05-01", REST), day("2026-05-01", HALF)),
        "2026-05-01",
        ["06:00-18:00"],
    ),
    ("for other hours", GYM, (day("2026-05-01", SHUT, hours="pool"),), "2026-05-01", ["06:00-22:30"]),
    (
        "for these hours instead of for all",
        GYM,
        (day("2026-05-01", REST), day("2026-05-01", HALF, hours="gym")),
        "2026-05-01",
        ["06:00-12:00"],
    ),
    (
        "shut for all wins over these hours",
        GYM,
        (day("2026-05-01", SHUT), day("2026-05-01", HALF, hours="gym")),
        "2026-05-01",
        ["-"],
    ),
    (
        "shut for these hours wins over all",
        GYM,
        (day("2026-05-01", REST), day("2026-05-01", SHUT, hours="gym")),
        "2026-05-01",
        ["-"],
    ),
)


@pytest.mark.parametrize(("name", "hours", "calendar", "first", "expected"), GOLDEN, ids=[case[0] for case in GOLDEN])
def test_days_are_as_their_kinds_say(
    name: str, hours: Hours, calendar: Sequence[SpecialDay], first: str, expected: list[str]
) -> None:
    shown = days_to_come(hours, calendar, SHANGHAI, date.fromisoformat(first), len(expected))
    assert [write_windows(one.windows) for one in shown] == expected


def opened(hours: Hours, calendar: Sequence[SpecialDay], zone: ZoneInfo, clocks: Sequence[str]) -> list[bool]:
    schedule = resolve(hours, calendar, zone)
    return [
        is_open(schedule, zone, int(datetime.fromisoformat(clock).replace(tzinfo=zone).timestamp() * 1000))
        for clock in clocks
    ]


def test_twenty_four_hundred_ends_its_own_day() -> None:
    """A window until 24:00 is no night: a day that is shut has nothing to cut."""
    hours = of_text("18:00-24:00", "-", "-")
    assert resolve(hours, [day("2026-05-05", SHUT)], SHANGHAI).days == {20_578: ()}
    clocks = ["2026-05-04T23:59", "2026-05-05T00:00", "2026-05-05T18:00", "2026-05-06T18:00"]
    assert opened(hours, [day("2026-05-05", SHUT)], SHANGHAI, clocks) == [True, False, False, True]


def test_shut_day_on_the_night_without_an_hour() -> None:
    """Berlin, Sunday 29 March 2026: 02:00 to 03:00 is skipped. Saturday night ends at 24:00, Sunday's goes on."""
    clocks = ["2026-03-28T23:59", "2026-03-29T00:00", "2026-03-29T03:30", "2026-03-29T22:00", "2026-03-30T22:00"]
    assert opened(NIGHTS, [day("2026-03-29", SHUT)], BERLIN, clocks) == [True, False, False, False, True]
    rested = of_text("-", "-", "22:00-06:00", rest="02:30-03:30")
    clocks = ["2026-03-29T01:59", "2026-03-29T03:00", "2026-03-29T03:29", "2026-03-29T03:30"]
    assert opened(rested, [day("2026-03-29", REST)], BERLIN, clocks) == [False, True, True, False]


def test_special_day_with_an_hour_twice() -> None:
    """Berlin, Sunday 25 October 2026: 02:00 to 03:00 comes twice, and counts twice."""
    rested = of_text("-", "-", "-", rest="01:00-02:30")
    schedule = resolve(rested, [day("2026-10-25", REST)], BERLIN)
    minutes = range(int(datetime(2026, 10, 24, 22, tzinfo=UTC).timestamp() * 1000), 1_792_972_800_000, 60_000)
    assert sum(is_open(schedule, BERLIN, now_ms) for now_ms in minutes) == 90 + 30


def test_night_before_shut_day_over_date_line() -> None:
    """Samoa skipped 30 December 2011. The night that ran on from the 29th into the 31st ends at 24:00 of the 29th if
    the 31st is shut; that the 30th is shut means nothing."""
    clocks = ["2011-12-29T23:59", "2011-12-31T00:00", "2011-12-31T22:00"]
    assert opened(NIGHTS, [day("2011-12-31", SHUT)], APIA, clocks) == [True, False, False]
    assert opened(NIGHTS, [day("2011-12-30", SHUT)], APIA, clocks) == [True, True, True]
    assert resolve(NIGHTS, [day("2011-12-30", SHUT)], APIA).windows(date(2011, 12, 28)) == NIGHTS.week[0]


def test_always_follows_no_calendar() -> None:
    """Whatever is shut: ways home stay open, and devices know them by these hours."""
    always = Hours("any-name", Label("", ""), ALWAYS.week)
    calendar = [day("2026-05-01", SHUT), day("2026-05-01", REST, hours="any-name")]
    assert resolve(always, calendar, SHANGHAI) == ALWAYS
    assert [one.special for one in days_to_come(always, calendar, SHANGHAI, date(2026, 5, 1), 1)] == [()]
    rests = Hours("hub", Label("", ""), ALWAYS.week, rest=())
    assert resolve(rests, calendar[:1], SHANGHAI).windows(date(2026, 5, 1)) == ()


def test_day_like_its_weekday_is_not_sent() -> None:
    calendar = [day("2026-05-01", REST), day("2026-05-02", AS_WEEKDAY, 6), day("2026-05-03", SHUT)]
    assert resolve(BAR, calendar, SHANGHAI).days == {20_575: ((1080, 1440),)}


@pytest.mark.parametrize(("today", "expected"), [("2026-10-31", None), ("2026-11-01", 2027), ("2026-12-31", 2027)])
def test_next_year_is_due_from_november(today: str, expected: int | None) -> None:
    assert year_due(date.fromisoformat(today)) == expected


any_windows = st.lists(
    st.integers(0, MINUTES_PER_DAY - 1).flatmap(
        lambda start: st.tuples(st.just(start), st.integers(start + 1, start + MINUTES_PER_DAY))
    ),
    max_size=2,
).map(tuple)
any_hours = st.builds(
    Hours,
    st.just("gym"),
    st.just(Label("", "")),
    st.lists(any_windows, min_size=7, max_size=7).map(tuple),
    st.none() | any_windows,
    st.none() | any_windows,
)
ZONES = {
    "Europe/Berlin": (date(2026, 3, 28), date(2026, 10, 24)),
    "Asia/Shanghai": (date(2028, 2, 28),),
    "Pacific/Apia": (date(2011, 12, 29),),
    "America/St_Johns": (date(2010, 11, 6),),
    "America/Sao_Paulo": (date(2018, 2, 17), date(2017, 10, 14)),
}


@st.composite
def calendars(draw: st.DrawFn, first: date) -> list[SpecialDay]:
    """A few special days round a day on which something happens to the clock."""
    kinds = st.tuples(
        st.integers(-1, 3), st.sampled_from(list(DayKind)), st.integers(1, 7), st.sampled_from(("", "gym", "pool"))
    )
    return [
        SpecialDay(first + timedelta(days=ahead), kind, weekday if kind is AS_WEEKDAY else None, name)
        for ahead, kind, weekday, name in draw(st.lists(kinds, max_size=5))
    ]


def naive(hours: Hours, calendar: Sequence[SpecialDay], zone: ZoneInfo, at: datetime) -> bool:
    """The rule as it is told: which day is it, which day was the one before, and what are they."""

    def windows(of: date) -> Windows:
        kinds = [one for one in calendar if one.day == of and one.hours in ("", "gym")]
        if is_shut(of):
            return ()
        kinds = [one for one in kinds if one.hours == "gym"] or kinds
        if not kinds:
            return hours.week[of.weekday()]
        found: list[tuple[int, int]] = []
        for one in kinds:
            if one.kind is REST and hours.rest is not None:
                found += hours.rest
            elif one.kind is HALF and hours.half is not None:
                found += hours.half
            elif one.kind is AS_WEEKDAY:
                found += hours.week[(one.weekday or 0) - 1]
            else:
                found += hours.week[of.weekday()]
        return tuple(found)

    def is_shut(of: date) -> bool:
        return any(one.kind is SHUT for one in calendar if one.day == of and one.hours in ("", "gym"))

    if not hours.follows_calendar:
        return True
    local = at.astimezone(zone)
    minute, today = local.hour * 60 + local.minute, local.date()
    earlier = ((at - timedelta(minutes=30 * steps)).astimezone(zone).date() for steps in range(100))
    before = next(one for one in earlier if one < today)
    if any(start <= minute < end for start, end in windows(today)):
        return True
    return not is_shut(today) and any(minute + MINUTES_PER_DAY < end for _, end in windows(before))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_rule_agrees_with_a_naive_reading(data: st.DataObject) -> None:
    """Minute by minute over days on which clocks jump, days are skipped, and February has 29."""
    name = data.draw(st.sampled_from(sorted(ZONES)))
    zone, first = ZoneInfo(name), data.draw(st.sampled_from(ZONES[name]))
    hours, calendar = data.draw(any_hours), data.draw(calendars(first))
    schedule = resolve(hours, calendar, zone)
    start = datetime(first.year, first.month, first.day, tzinfo=zone).astimezone(UTC)
    step = data.draw(st.integers(1, 13))
    for minute in range(data.draw(st.integers(0, 12)), 3 * MINUTES_PER_DAY, step):
        at = start + timedelta(minutes=minute)
        expected = naive(hours, calendar, zone, at)
        assert is_open(schedule, zone, int(at.timestamp() * 1000)) is expected, (at.astimezone(zone), schedule)


@given(any_windows)
def test_joined_windows_are_the_same_minutes(windows: Windows) -> None:
    def minutes(of: Windows) -> set[int]:
        return {minute for start, end in of for minute in range(start, end)}

    assert minutes(joined(windows)) == minutes(windows)
    assert all(end - start <= MINUTES_PER_DAY for start, end in joined(windows))
