"""Moments as people say them: a date and a time of the site's wall clock, or the time alone. Pure."""

import re
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from contract.decide import MINUTE_MS

MOMENT = re.compile(r"(?:(\d{4}-\d\d-\d\d)[T ])?(\d\d:\d\d)(:\d\d)?Z?")
FIRST_YEAR, LAST_YEAR = 1970, 9998
"""What can be written in milliseconds, in every zone."""


class BadMoment(ValueError):
    """No moment can be read in a text."""


class Moment(Struct, frozen=True):
    """A moment (UTC milliseconds) that lasts a second, or a minute where seconds were not said. What the wall clock
    shows twice, in the night when it is set back, lasts from the first time to the second."""

    at_ms: int
    lasts_ms: int


def read_moment(text: str, zone: ZoneInfo, now_ms: int) -> Moment:
    """``2027-01-15 03:12``, with seconds or with a ``T``; or ``03:12`` for the last time that it was so late. One that
    ends with ``Z`` is UTC. Raises ``BadMoment``."""
    read = MOMENT.fullmatch(text.strip())
    if read is None:
        raise BadMoment(text)
    day, minute, second = read.groups()
    clock = ZoneInfo("UTC") if text.strip().endswith("Z") else zone
    try:
        at = time.fromisoformat(minute + (second or ""))
        if day is not None:
            return _moment(date.fromisoformat(day), at, clock, has_seconds=second is not None)
        today = datetime.fromtimestamp(now_ms / 1000, clock).date()
        asked = _moment(today, at, clock, has_seconds=second is not None)
        if asked.at_ms <= now_ms:
            return asked
        return _moment(today - timedelta(days=1), at, clock, has_seconds=second is not None)
    except (ValueError, OverflowError):
        raise BadMoment(text) from None


def _moment(day: date, at: time, zone: ZoneInfo, *, has_seconds: bool) -> Moment:
    if not FIRST_YEAR < day.year < LAST_YEAR:
        raise BadMoment(str(day))
    local = datetime.combine(day, at, zone)
    both_ms = [int(local.replace(fold=fold).timestamp() * 1000) for fold in (0, 1)]
    lasts_ms = 999 if has_seconds else MINUTE_MS - 1
    return Moment(min(both_ms), max(both_ms) - min(both_ms) + lasts_ms)
