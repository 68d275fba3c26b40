"""Moments as people say them."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from cloud.explain.moments import BadMoment, read_moment

BERLIN, SHANGHAI = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Shanghai")
NOW_MS = 1_800_000_000_000
"""2027-01-15, 16:00 in Shanghai."""
MINUTE_MS = 60_000


def at(text: str, zone: ZoneInfo) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


@pytest.mark.parametrize(
    ("text", "meant", "lasts_ms"),
    [
        ("2027-01-15T03:12", "2027-01-15T03:12", MINUTE_MS - 1),
        ("2027-01-15 03:12", "2027-01-15T03:12", MINUTE_MS - 1),
        (" 2027-01-15T03:12:40 ", "2027-01-15T03:12:40", 999),
        ("03:12", "2027-01-15T03:12", MINUTE_MS - 1),
        ("23:59", "2027-01-14T23:59", MINUTE_MS - 1),
        ("2024-02-29 12:00", "2024-02-29T12:00", MINUTE_MS - 1),
    ],
)
def test_moment_is_read_on_the_wall_clock(text: str, meant: str, lasts_ms: int) -> None:
    moment = read_moment(text, SHANGHAI, NOW_MS)
    assert (moment.at_ms, moment.lasts_ms) == (at(meant, SHANGHAI), lasts_ms)


def test_moment_in_utc_ends_with_z() -> None:
    assert read_moment("2027-01-15T03:12Z", SHANGHAI, NOW_MS).at_ms == at("2027-01-15T03:12", ZoneInfo("UTC"))


def test_hour_that_comes_twice_lasts_twice() -> None:
    """In the night when the clocks are set back, half past two was there twice: nobody can say which is meant."""
    moment = read_moment("2026-10-25 02:30", BERLIN, NOW_MS)
    assert moment.at_ms == at("2026-10-25T00:30", ZoneInfo("UTC"))
    assert moment.lasts_ms == 60 * MINUTE_MS + MINUTE_MS - 1


@pytest.mark.parametrize(
    "text", ["", "yesterday", "25:00", "2027-02-29 10:00", "2027-01-15", "0001-01-01 00:00", "9999-12-31 23:59", "3:12"]
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(BadMoment):
        read_moment(text, SHANGHAI, NOW_MS)
