from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from contract.codec import pack, unpack
from contract.schedules import ALWAYS, MINUTES_PER_DAY, Schedule, day_number, is_open

SHANGHAI, BERLIN, NEW_YORK = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
MON, TUE, WED, THU, FRI, SAT, SUN = range(7)
EVERY_DAY = range(7)

Window = tuple[int, int]


def hours(first: str, last: str) -> Window:
    return minutes(first), minutes(last)


def minutes(clock: str) -> int:
    hour, minute = clock.split(":")
    return int(hour) * 60 + int(minute)


def weekly(days: range | tuple[int, ...], *windows: Window) -> Schedule:
    return Schedule(tuple(windows if day in days else () for day in range(7)))


def utc_ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def local_ms(text: str, zone: ZoneInfo, *, fold: int = 0) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp() * 1000)


def open_at(schedule: Schedule, zone: ZoneInfo, text: str, *, fold: int = 0) -> bool:
    return is_open(schedule, zone, local_ms(text, zone, fold=fold))


def test_a_window_opens_at_its_start_and_is_shut_at_its_end() -> None:
    morning = weekly(EVERY_DAY, hours("06:00", "09:30"))
    start, end = local_ms("2026-05-04T06:00", SHANGHAI), local_ms("2026-05-04T09:30", SHANGHAI)
    around = (start - 1, start, end - 1, end)
    assert [is_open(morning, SHANGHAI, now_ms) for now_ms in around] == [False, True, True, False]


def test_the_hours_are_those_of_the_site_and_not_of_utc() -> None:
    morning = weekly((MON,), hours("06:00", "09:30"))
    monday_six_in_shanghai = utc_ms("2026-05-03T22:00")
    assert is_open(morning, SHANGHAI, monday_six_in_shanghai)
    assert not is_open(morning, NEW_YORK, monday_six_in_shanghai)


@pytest.mark.parametrize(
    ("day", "clock", "expected"),
    [
        (10, "05:59", False),
        (10, "06:00", True),
        (10, "17:59", True),
        (10, "18:00", False),
        (11, "12:00", False),
        (12, "12:00", False),
        (13, "06:00", True),
    ],
)
def test_weekdays_from_six_to_eighteen(day: int, clock: str, expected: bool) -> None:
    """The first worked example of ONVIF's schedule specification; 10 June 2016 is a Friday."""
    weekdays = weekly((MON, TUE, WED, THU, FRI), hours("06:00", "18:00"))
    assert open_at(weekdays, BERLIN, f"2016-06-{day}T{clock}") is expected


def test_two_windows_of_a_day_leave_the_pause_between_them_shut() -> None:
    meals = weekly(EVERY_DAY, hours("11:00", "13:00"), hours("17:00", "19:00"))
    seen = [open_at(meals, SHANGHAI, f"2026-05-04T{clock}") for clock in ("10:59", "11:00", "13:00", "17:00", "19:00")]
    assert seen == [False, True, False, True, False]


def test_twenty_four_hundred_is_the_end_of_its_own_day() -> None:
    monday = weekly((MON,), hours("00:00", "24:00"))
    assert not open_at(monday, SHANGHAI, "2026-05-03T23:59")
    assert open_at(monday, SHANGHAI, "2026-05-04T00:00")
    assert open_at(monday, SHANGHAI, "2026-05-04T23:59:59.999")
    assert not open_at(monday, SHANGHAI, "2026-05-05T00:00")


def test_a_window_over_midnight_belongs_to_the_weekday_on_which_it_opened() -> None:
    friday_night = weekly((FRI,), hours("22:00", "30:00"))
    assert not open_at(friday_night, SHANGHAI, "2026-05-08T01:00"), "the small hours of Friday are Thursday's night"
    assert open_at(friday_night, SHANGHAI, "2026-05-08T22:00")
    assert open_at(friday_night, SHANGHAI, "2026-05-09T05:59")
    assert not open_at(friday_night, SHANGHAI, "2026-05-09T06:00")
    assert not open_at(friday_night, SHANGHAI, "2026-05-09T22:00")


def test_sunday_night_runs_into_monday() -> None:
    sunday_night = weekly((SUN,), hours("22:00", "26:00"))
    assert open_at(sunday_night, SHANGHAI, "2026-05-04T01:59")
    assert not open_at(sunday_night, SHANGHAI, "2026-05-04T02:00")


def test_a_window_of_twenty_four_hours_may_begin_at_any_minute() -> None:
    guard = weekly((MON,), hours("08:00", "32:00"))
    seen = [open_at(guard, SHANGHAI, f"2026-05-{when}") for when in ("04T07:59", "04T08:00", "05T07:59", "05T08:00")]
    assert seen == [False, True, True, False]


@pytest.mark.parametrize(
    ("zone", "before", "after"),
    [(BERLIN, "2026-03-29T00:59:59", "2026-03-29T01:00:00"), (NEW_YORK, "2026-03-08T06:59:59", "2026-03-08T07:00:00")],
)
def test_where_an_hour_is_skipped_a_window_begun_within_it_opens_at_its_end(
    zone: ZoneInfo, before: str, after: str
) -> None:
    from_half_past_two = weekly((SUN,), hours("02:30", "06:00"))
    assert not is_open(from_half_past_two, zone, utc_ms(before))
    assert is_open(from_half_past_two, zone, utc_ms(after)), "the clock goes from 01:59 to 03:00"


def test_a_window_wholly_within_a_skipped_hour_does_not_open_that_day() -> None:
    within = weekly(EVERY_DAY, hours("02:00", "03:00"))
    skipped_night = range(utc_ms("2026-03-28T23:00"), utc_ms("2026-03-29T21:00"), 60_000)
    assert not any(is_open(within, BERLIN, now_ms) for now_ms in skipped_night)


def test_a_night_over_the_skipped_hour_is_one_hour_shorter() -> None:
    saturday_night = weekly((SAT,), hours("22:00", "28:00"))
    a_day = range(utc_ms("2026-03-28T12:00"), utc_ms("2026-03-29T12:00"), 60_000)
    assert sum(is_open(saturday_night, BERLIN, now_ms) for now_ms in a_day) == 5 * 60


@pytest.mark.parametrize(("zone", "day"), [(BERLIN, "2026-10-25"), (NEW_YORK, "2026-11-01")])
def test_a_repeated_hour_counts_both_times(zone: ZoneInfo, day: str) -> None:
    clock = "02:15" if zone is BERLIN else "01:15"
    around = weekly((SUN,), hours("01:00", "02:30"))
    assert open_at(around, zone, f"{day}T{clock}", fold=0)
    assert open_at(around, zone, f"{day}T{clock}", fold=1)
    assert local_ms(f"{day}T{clock}", zone, fold=1) - local_ms(f"{day}T{clock}", zone, fold=0) == 3_600_000


def test_a_night_that_ends_in_the_repeated_hour_opens_its_end_twice() -> None:
    saturday_night = weekly((SAT,), hours("22:00", "26:30"))
    shown = [("01:59", 0), ("02:29", 0), ("02:30", 0), ("02:29", 1), ("02:30", 1)]
    seen = [open_at(saturday_night, BERLIN, f"2026-10-25T{clock}", fold=fold) for clock, fold in shown]
    assert seen == [True, True, False, True, False]


APIA, TORONTO = ZoneInfo("Pacific/Apia"), ZoneInfo("America/Toronto")


@pytest.mark.parametrize(
    ("day", "clock", "expected"),
    [
        (THU, "2011-12-29T23:59", True),
        (THU, "2011-12-31T00:00", True),
        (THU, "2011-12-31T01:59", True),
        (THU, "2011-12-31T02:00", False),
        (FRI, "2011-12-29T23:59", False),
        (FRI, "2011-12-31T00:00", False),
        (SAT, "2011-12-31T22:00", True),
        (SAT, "2012-01-01T01:59", True),
    ],
)
def test_a_night_runs_on_over_a_skipped_day(day: int, clock: str, expected: bool) -> None:
    """Samoa had no Friday, 30 December 2011: its windows never opened, and Thursday's night ended on Saturday."""
    assert open_at(weekly((day,), hours("22:00", "26:00")), APIA, clock) is expected


def test_a_skipped_midnight_still_ends_a_day() -> None:
    """In 1919 Toronto's clocks went from 23:30 on Sunday, 30 March, to 00:30 on Monday."""
    seen = [open_at(weekly((day,), hours("22:00", "26:00")), TORONTO, "1919-03-31T00:45") for day in (SAT, SUN, MON)]
    assert seen == [False, True, False]


def test_always_is_every_minute_of_both_changing_days() -> None:
    for first in ("2026-03-28T00:00", "2026-10-24T00:00"):
        two_days = range(utc_ms(first), utc_ms(first) + 3 * 24 * 3_600_000, 60_000)
        assert all(is_open(ALWAYS, BERLIN, now_ms) for now_ms in two_days)


def test_an_empty_week_is_never_open() -> None:
    assert not is_open(weekly(()), SHANGHAI, local_ms("2026-05-04T12:00", SHANGHAI))


windows = st.integers(0, MINUTES_PER_DAY - 1).flatmap(
    lambda start: st.tuples(st.just(start), st.integers(start + 1, start + MINUTES_PER_DAY))
)
weeks = st.lists(st.lists(windows, max_size=3).map(tuple), min_size=7, max_size=7).map(tuple)
MONDAY_MS = local_ms("2026-05-04T00:00", SHANGHAI)
MINUTES_PER_WEEK = 7 * MINUTES_PER_DAY


@given(weeks, st.integers(0, MINUTES_PER_WEEK * 60_000 - 1))
def test_where_the_clock_never_jumps_the_week_is_a_circle_of_minutes(
    week: tuple[tuple[Window, ...], ...], since_monday_ms: int
) -> None:
    open_minutes = {
        (day * MINUTES_PER_DAY + minute) % MINUTES_PER_WEEK
        for day, windows_of_day in enumerate(week)
        for start, end in windows_of_day
        for minute in range(start, end)
    }
    opened = is_open(Schedule(week), SHANGHAI, MONDAY_MS + since_monday_ms)
    assert opened is (since_monday_ms // 60_000 in open_minutes)


@given(weeks, st.integers(utc_ms("1995-01-01"), utc_ms("2037-01-01")), st.sampled_from([BERLIN, NEW_YORK]))
def test_only_what_the_clock_on_the_wall_shows_matters(
    week: tuple[tuple[Window, ...], ...], now_ms: int, zone: ZoneInfo
) -> None:
    wall = datetime.fromtimestamp(now_ms // 1000, zone).replace(tzinfo=None).isoformat()
    assert is_open(Schedule(week), zone, now_ms) is open_at(Schedule(week), SHANGHAI, wall)


CHANGES = [
    (APIA, utc_ms("2011-12-30T10:00")),
    (ZoneInfo("Pacific/Kwajalein"), utc_ms("1993-08-21T12:00")),
    (TORONTO, utc_ms("1919-03-31T04:30")),
    (ZoneInfo("Asia/Beirut"), utc_ms("2025-03-29T22:00")),
    (ZoneInfo("America/Sao_Paulo"), utc_ms("2018-02-18T02:00")),
    (ZoneInfo("America/St_Johns"), utc_ms("2010-11-07T02:31")),
    (BERLIN, utc_ms("2026-03-29T01:00")),
]
"""Zones, and moments at which their clocks jumped: over a day, over midnight, back behind it, elsewhere."""


def day_before(zone: ZoneInfo, now_ms: int) -> int:
    """The weekday that was shown last before today, walked back to by half hours."""
    now = datetime.fromtimestamp(now_ms // 1000, UTC)
    today = now.astimezone(zone).date()
    walk = ((now - timedelta(minutes=30 * steps)).astimezone(zone).date() for steps in range(60))
    return next(day for day in walk if day < today).weekday()


@given(st.sampled_from(CHANGES), st.integers(-3 * 24 * 60, 3 * 24 * 60))
def test_a_night_began_on_the_last_day_shown(change: tuple[ZoneInfo, int], minutes_off: int) -> None:
    zone, jump_ms = change
    now_ms = jump_ms + minutes_off * 60_000
    local = datetime.fromtimestamp(now_ms // 1000, zone)
    assume((local.hour, local.minute) != (23, 59))
    opened = [day for day in EVERY_DAY if is_open(weekly((day,), hours("23:59", "47:59")), zone, now_ms)]
    assert opened == [day_before(zone, now_ms)]


@given(weeks, st.integers(), st.sampled_from([SHANGHAI, BERLIN, NEW_YORK]))
def test_any_time_has_an_answer(week: tuple[tuple[Window, ...], ...], now_ms: int, zone: ZoneInfo) -> None:
    assert is_open(Schedule(week), zone, now_ms) in (True, False)


@pytest.mark.parametrize("now_ms", [-(10**18), 10**18, 10**400, utc_ms("9999-12-31T23:59"), utc_ms("0001-01-01")])
@pytest.mark.parametrize("zone", [SHANGHAI, NEW_YORK])
def test_beyond_the_calendar_an_answer_is_still_given(zone: ZoneInfo, now_ms: int) -> None:
    assert is_open(ALWAYS, zone, now_ms) in (True, False)
    assert not is_open(ALWAYS, zone, 10**18)


MORNINGS = weekly((MON, TUE, WED, THU, FRI), hours("06:00", "12:00"), hours("22:00", "26:00"))


def with_days(**days: tuple[Window, ...]) -> Schedule:
    """The weekday mornings and nights of May 2026, and other windows on days of it."""
    return Schedule(MORNINGS.week, {day_number(date(2026, 5, int(day[1:]))): found for day, found in days.items()})


def test_special_day_takes_the_place_of_its_weekday() -> None:
    schedule = with_days(d6=(hours("08:00", "09:00"),), d7=(), d9=(hours("10:00", "11:00"),))
    seen = {day: open_at(schedule, SHANGHAI, f"2026-05-{day:02}T08:30") for day in (5, 6, 7, 8, 9)}
    assert seen == {5: True, 6: True, 7: False, 8: True, 9: False}
    assert open_at(schedule, SHANGHAI, "2026-05-09T10:00")
    assert not open_at(schedule, SHANGHAI, "2026-05-06T11:00")


def test_night_belongs_to_the_day_it_began() -> None:
    """Into a special day runs the night of the day before it; its own night runs into the day after it."""
    schedule = with_days(d6=(hours("23:00", "25:00"),), d8=())
    clocks = ("06T00:30", "06T01:59", "06T22:30", "06T23:00", "07T00:59", "07T01:00", "08T01:59", "09T00:00")
    seen = [open_at(schedule, SHANGHAI, f"2026-05-{clock}") for clock in clocks]
    assert seen == [True, True, False, True, True, False, True, False]


def test_special_night_over_a_skipped_day() -> None:
    """Samoa had no 30 December 2011: special windows of that day never open, and the 29th runs on into the 31st."""
    days = {date(2011, 12, 29): (hours("22:00", "26:00"),), date(2011, 12, 30): (hours("22:00", "26:00"),)}
    schedule = Schedule(((),) * 7, {day_number(day): windows for day, windows in days.items()})
    seen = [open_at(schedule, APIA, clock) for clock in ("2011-12-31T01:59", "2011-12-31T02:00", "2011-12-31T23:00")]
    assert seen == [True, False, False]


@pytest.mark.parametrize("day", [date(1970, 1, 1), date(2028, 2, 29), date(2100, 3, 1), date(1969, 12, 31)])
def test_days_are_counted_from_1970(day: date) -> None:
    schedule = Schedule(((),) * 7, {(day - date(1970, 1, 1)).days: ((0, MINUTES_PER_DAY),)})
    noon_ms = local_ms(f"{day}T12:00", BERLIN)
    assert [is_open(schedule, BERLIN, noon_ms + days * 86_400_000) for days in (-1, 0, 1)] == [False, True, False]


def test_schedule_without_special_days_keeps_its_bytes() -> None:
    """Devices that know none read the same as ever, and ``ALWAYS`` is itself again after the journey."""
    assert pack(Schedule(MORNINGS.week, {})) == msgspec.msgpack.encode({"week": MORNINGS.week})
    assert unpack(pack(ALWAYS), Schedule) == ALWAYS
    assert unpack(pack(with_days(d6=())), Schedule) == with_days(d6=())


def test_window_of_a_special_day_is_checked() -> None:
    with pytest.raises(ValueError, match="window 1440-1500"):
        with_days(d6=((1440, 1500),))


@pytest.mark.parametrize(
    ("window", "complaint"),
    [
        ((-1, 60), "window -1-60"),
        ((1440, 1500), "window 1440-1500"),
        ((600, 600), "window 600-600"),
        ((600, 540), "window 600-540"),
        ((600, 2041), "window 600-2041"),
    ],
)
def test_a_window_that_cannot_be_is_refused(window: Window, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        weekly((WED,), window)


@pytest.mark.parametrize("days", [0, 6, 8])
def test_a_week_has_seven_days(days: int) -> None:
    with pytest.raises(ValueError, match=f"7 days, not {days}"):
        Schedule(((),) * days)
