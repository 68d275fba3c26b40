"""Windows as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.hours.rule import Hours, joined
from cloud.hours.window_text import (
    MAX_WINDOWS,
    HoursText,
    read_hours,
    read_windows,
    write_hours,
    write_week,
    write_windows,
)
from cloud.store.labels import Label
from cloud.web.rejected import Rejected
from contract.schedules import MINUTES_PER_DAY, Windows
from tests.cloud.hours.test_rule import any_hours, any_windows


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("-", ()),
        ("关闭", ()),
        ("Closed", ()),
        ("06:00-22:30", ((360, 1350),)),
        ("6:00 - 22:30", ((360, 1350),)),
        ("06:00-22:30, 23:00-02:00", ((360, 1350), (1380, 1560))),
        ("００：００－２４：００", ((0, 1440),)),
        ("06:00–12:00；13:30~22:30", ((360, 720), (810, 1350))),
        ("06:00至12:00、13:30至22:30", ((360, 720), (810, 1350))),
        ("00:00-24:00", ((0, 1440),)),
        ("22:00-26:00", ((1320, 1560),)),
        ("22:00-00:00", ((1320, 1440),)),
        ("12:00-12:00", None),
        ("12:00-36:00", ((720, 2160),)),
        ("06:00-12:00, 12:00-24:00", ((360, 1440),)),
        ("20:00-21:00, 06:00-07:00", ((360, 420), (1200, 1260))),
    ],
)
def test_windows_are_read(text: str, expected: Windows | None) -> None:
    if expected is None:
        with pytest.raises(Rejected, match="empty or longer"):
            read_windows(text)
    else:
        assert read_windows(text) == expected


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("22:30-06:00x", "no window of hours"),
        ("09:00-08:00", r"“09:00-08:00” ends before it begins.*09:00-32:00"),
        ("06:00-05:00", "ends before it begins"),
        ("20:00-13:00", "ends before it begins"),
        ("08:00-08:00", "empty or longer than 24 hours"),
        ("08:00-33:00", "empty or longer than 24 hours"),
        ("24:00-25:00", "no window of hours"),
        ("23:00-49:00", "no window of hours"),
        ("08:60-09:00", "no window of hours"),
        ("8-9", "no window of hours"),
        ("06:00", "no window of hours"),
        (", ".join(["06:00-07:00"] * (MAX_WINDOWS + 1)), "at most 12 windows"),
    ],
)
def test_windows_that_cannot_be_are_named(text: str, complaint: str) -> None:
    with pytest.raises(Rejected, match=complaint):
        read_windows(text)


@given(any_windows)
def test_written_windows_read_the_same(windows: Windows) -> None:
    assert read_windows(write_windows(joined(windows))) == joined(windows)


@given(any_hours)
def test_written_hours_read_the_same(hours: Hours) -> None:
    rest, half = (None if windows is None else joined(windows) for windows in (hours.rest, hours.half))
    plain = Hours(hours.name, hours.label, tuple(map(joined, hours.week)), rest, half)
    assert read_hours(write_hours(plain)) == plain


@given(st.text(max_size=30))
def test_any_text_is_read_or_rejected(text: str) -> None:
    try:
        windows = read_windows(text)
    except Rejected:
        return
    assert all(0 <= start < MINUTES_PER_DAY and start < end <= start + MINUTES_PER_DAY for start, end in windows)


def test_week_is_written_in_one_line() -> None:
    text = HoursText("gym", Label("", ""), ["06:00-22:00"] * 5 + ["08:00-20:00", "-"], rest="-")
    assert write_week(read_hours(text)) == "1-5 06:00-22:00; 6 08:00-20:00; 7 -; rest -"
