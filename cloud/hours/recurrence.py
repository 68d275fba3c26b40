"""Rules by which events of whole days repeat: the part of iCalendar's RRULE (RFC 5545) that calendars of holidays use.

A day is tried against the rule, one after the other, so there is nothing to expand: a rule that no day meets ends with
the last day that is tried.
"""

import re
from calendar import isleap, monthrange
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import NamedTuple

from msgspec import Struct

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
PARTS = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYMONTH", "BYMONTHDAY", "BYDAY", "WKST"}
MAX_INTERVAL = 1000
MAX_COUNTED_DAYS = 3660
"""How long before the days that are asked for a rule with a count may have begun."""
_ORDINAL_DAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)")


class NoRule(ValueError):
    """The text is no rule of this part of RRULE."""


class OrdinalDay(NamedTuple):
    """A weekday; with an ordinal that of a month or year, counted from its end where it is negative; 0 for each."""

    ordinal: int
    weekday: int


class RepeatRule(Struct, frozen=True):
    """A rule, its first day apart. ``count`` is None without a bound, as is ``until``."""

    frequency: str
    interval: int = 1
    count: int | None = None
    until: date | None = None
    months: tuple[int, ...] = ()
    month_days: tuple[int, ...] = ()
    days: tuple[OrdinalDay, ...] = ()
    week_start: int = 0

    def matches(self, first: date, day: date) -> bool:
        """Whether an event that began on ``first`` begins on this day too; bounds are not looked at."""
        if self.months and day.month not in self.months:
            return False
        return self._periods(first, day) % self.interval == 0 and self._is_in_period(first, day)

    def _periods(self, first: date, day: date) -> int:
        """How many days, weeks, months or years lie between them."""
        match self.frequency:
            case "DAILY":
                return (day - first).days
            case "WEEKLY":
                return (self._week(day) - self._week(first)).days // 7
            case "MONTHLY":
                return (day.year - first.year) * 12 + day.month - first.month
            case _:
                return day.year - first.year

    def _week(self, day: date) -> date:
        return day - timedelta(days=(day.weekday() - self.week_start) % 7)

    def _is_in_period(self, first: date, day: date) -> bool:
        if self.month_days and not self._is_month_day(day):
            return False
        if self.days:
            return any(self._is_day(one, day) for one in self.days)
        if self.month_days or self.frequency == "DAILY":
            return True
        if self.frequency == "WEEKLY":
            return day.weekday() == first.weekday()
        is_month = self.frequency == "MONTHLY" or bool(self.months) or day.month == first.month
        return is_month and day.day == first.day

    def _is_month_day(self, day: date) -> bool:
        from_end = day.day - monthrange(day.year, day.month)[1] - 1
        return day.day in self.month_days or from_end in self.month_days

    def _is_day(self, one: OrdinalDay, day: date) -> bool:
        if one.weekday != day.weekday():
            return False
        if not one.ordinal:
            return True
        is_of_year = self.frequency == "YEARLY" and not self.months
        place = day.timetuple().tm_yday if is_of_year else day.day
        length = (366 if isleap(day.year) else 365) if is_of_year else monthrange(day.year, day.month)[1]
        return one.ordinal in ((place - 1) // 7 + 1, -((length - place) // 7 + 1))


def repeated(rule: RepeatRule, first: date, since: date, last: date) -> Iterator[date]:
    """The days from ``since`` to ``last``, and perhaps earlier ones, on which an event begins that began on ``first``:
    a rule with a count is counted from there. Raises ``NoRule`` for one that would be counted over too many years."""
    last = last if rule.until is None else min(last, rule.until)
    tried = first if rule.count else max(first, since)
    if (since - tried).days > MAX_COUNTED_DAYS:
        raise NoRule("counted from long ago")
    many = 0
    for ahead in range((last - tried).days + 1):
        day = tried + timedelta(days=ahead)
        if rule.matches(first, day):
            many += 1
            yield day
            if many == rule.count:
                return


def read_rule(text: str) -> RepeatRule:
    """The rule of an RRULE's value. Raises ``NoRule``."""
    pairs = [part.partition("=")[::2] for part in text.upper().split(";") if part]
    parts = dict(pairs)
    if len(parts) != len(pairs) or not parts.keys() <= PARTS:
        raise NoRule(text)
    rule = RepeatRule(
        frequency=_one_of(parts.get("FREQ", ""), FREQUENCIES),
        interval=_number(parts.get("INTERVAL", "1"), 1, MAX_INTERVAL),
        count=_number(parts["COUNT"], 1, 10_000) if "COUNT" in parts else None,
        until=read_date(parts["UNTIL"][:8]) if "UNTIL" in parts else None,
        months=tuple(_number(part, 1, 12) for part in _list(parts, "BYMONTH")),
        month_days=tuple(_month_day(part) for part in _list(parts, "BYMONTHDAY")),
        days=tuple(_ordinal_day(part) for part in _list(parts, "BYDAY")),
        week_start=WEEKDAYS.index(_one_of(parts.get("WKST", "MO"), WEEKDAYS)),
    )
    has_ordinals = any(one.ordinal for one in rule.days)
    if has_ordinals and (rule.frequency in ("DAILY", "WEEKLY") or rule.month_days):
        raise NoRule(text)
    if rule.month_days and rule.frequency == "WEEKLY":
        raise NoRule(text)
    return rule


def read_date(text: str) -> date:
    """A date such as ``20270101``. Raises ``NoRule``."""
    if not re.fullmatch(r"[0-9]{8}", text):
        raise NoRule(text)
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        raise NoRule(text) from None


def _list(parts: Mapping[str, str], name: str) -> list[str]:
    return parts[name].split(",") if name in parts else []


def _one_of(text: str, words: tuple[str, ...]) -> str:
    if text not in words:
        raise NoRule(text)
    return text


def _number(text: str, least: int, most: int) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,5}", text) or not least <= int(text) <= most:
        raise NoRule(text)
    return int(text)


def _month_day(text: str) -> int:
    number = _number(text, -31, 31)
    if number == 0:
        raise NoRule(text)
    return number


def _ordinal_day(text: str) -> OrdinalDay:
    found = _ORDINAL_DAY.fullmatch(text)
    if found is None or (found[1] and not 1 <= abs(int(found[1])) <= 53):
        raise NoRule(text)
    return OrdinalDay(int(found[1] or 0), WEEKDAYS.index(found[2]))
