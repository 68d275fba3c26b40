"""The use cases of hours and of the calendar that they follow: each change with its row in the audit."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from zoneinfo import ZoneInfo

from msgspec import structs
from sqlalchemy import Connection

from cloud.devices.registry import site_of
from cloud.hours import store
from cloud.hours.calendar_file import MAX_LABEL, CalendarFile, Imported
from cloud.hours.rule import ALWAYS_NAME, DayKind, Hours, SpecialDay, joined, resolve
from cloud.hours.views import today_of
from cloud.hours.window_text import stamp, write_week
from cloud.store.database import Clock, Store
from cloud.store.labels import Label
from cloud.web.names import clean_text
from cloud.web.operators import record
from cloud.web.rejected import Rejected
from cloud.web.sentence import N_
from contract.codec import pack
from contract.schedules import Schedule
from contract.topics import NAME

UsedBy = Callable[[Connection, str], Sequence[Label]]
"""What uses the hours of a name: plans, and whatever else is in force in hours."""

MAX_HOURS = 100
MAX_SPECIAL_DAYS = 800
"""Of a site: some sixteen years of holidays and shifted work days."""
MAX_CALENDAR_BYTES = 128 * 1024
"""Of all hours with their special days as devices are sent them: an eighth of what a message holds."""
FIRST_DAY, LAST_DAY = date(1970, 1, 2), date(9998, 12, 30)
NAMED = 10
"""Days that an entry of the audit names."""

NO_HOURS = N_("There are no such hours.")
NO_NAME = N_("The name of hours is lower-case letters, digits and hyphens, at most 40. Nothing was changed.")
TAKEN = N_("There are hours of this name already. Nothing was changed.")
TOO_MANY_HOURS = N_("A site has at most 100 hours. Nothing was changed.")
ALWAYS_STAYS = N_("The ways home are open in these hours: they stay as they are. Nothing was changed.")
NOT_A_WEEK = N_("A week has seven days, and each window lasts at most 24 hours. Nothing was changed.")
IN_USE = N_("These hours are used by %(names)s. Give those other hours first. Nothing was changed.")
CHANGED = N_("Somebody else has changed these hours: they are now %(now)s. Look at them, then save again.")
NO_DAY = N_("A special day is a date such as 2027-01-31. Nothing was changed.")
TOO_LONG = N_("The last day comes before the first day, or more than a year after it. Nothing was changed.")
NO_WEEKDAY = N_("Say as which weekday a shifted day is; no other kind of day has one. Nothing was changed.")
NO_CALENDAR = N_("These hours are open at all times and follow no calendar. Nothing was changed.")
NO_SUCH_DAY = N_("There is no such special day. Nothing was changed.")
NOT_OVER = N_("Only the special days of a year that is over are removed together. Nothing was changed.")
TOO_MANY_DAYS = N_(
    "The calendar would have %(count)s special days, and a site has at most 800: "
    "remove those of past years first. Nothing was changed."
)
TOO_LARGE = N_(
    "Hours and special days would be too large for the devices: remove special days of past years first. "
    "Nothing was changed."
)


class HoursEdit:
    """Changes of hours and special days within one transaction of the caller's, which ends with ``finish``. What is
    rejected must end it.

    ``used_by`` says what uses the hours of a name.
    """

    def __init__(self, connection: Connection, by: str, now_ms: int, used_by: UsedBy) -> None:
        self._connection, self._by, self._now_ms, self._used_by = connection, by, now_ms, used_by
        self._site = site_of(connection)

    def add(self, hours: Hours) -> None:
        """Raises ``Rejected``."""
        if not re.fullmatch(NAME, hours.name):
            raise Rejected(NO_NAME, "name")
        there = store.list_hours(self._connection)
        if hours.name in {one.name for one in there}:
            raise Rejected(TAKEN, "name", 409)
        if len(there) >= MAX_HOURS:
            raise Rejected(TOO_MANY_HOURS, "name")
        checked = _checked(hours)
        store.add_hours(self._connection, checked)
        self._record("hours.added", hours.name, week=write_week(checked))

    def change(self, hours: Hours, seen: str = "") -> None:
        """Put the hours in the place of those of their name. ``seen`` is the stamp of those that somebody looked at
        before. Raises ``Rejected``."""
        before = self._find(hours.name)
        checked = _checked(hours)
        if checked == before:
            return
        if hours.name == ALWAYS_NAME:
            raise Rejected(ALWAYS_STAYS, "name")
        if seen and seen != stamp(before):
            raise Rejected(CHANGED, "week", 409, now=write_week(before))
        store.change_hours(self._connection, checked)
        self._record("hours.changed", hours.name, week=write_week(checked))

    def remove(self, name: str) -> None:
        """Raises ``Rejected``, also while something uses them."""
        self._find(name)
        if name == ALWAYS_NAME:
            raise Rejected(ALWAYS_STAYS, "name")
        if names := self._used_by(self._connection, name):
            raise Rejected(IN_USE, "name", 409, names=names)
        store.remove_hours(self._connection, self._site.name, name)
        self._record("hours.removed", name)

    def add_days(self, days: Sequence[SpecialDay]) -> int:
        """Add special days, each in the place of one of the same day, kind and hours; returns how many were not there
        as they are now. Raises ``Rejected``."""
        names = {one.name: one for one in store.list_hours(self._connection)}
        there = {one.key: one for one in self._days_about(days)}
        wanted = {one.key: _checked_day(one, names.get(one.hours)) for one in days}
        new = [one for key, one in wanted.items() if there.get(key) != one]
        if new:
            store.put_special_days(self._connection, self._site.name, new)
            self._record("calendar.added", _kinds_of(new), days=_written(new))
        return len(new)

    def remove_days(self, days: Sequence[SpecialDay]) -> None:
        """Raises ``Rejected`` if one of them is not there."""
        there = {one.key for one in self._days_about(days)}
        if not days or not {one.key for one in days} <= there:
            raise Rejected(NO_SUCH_DAY, "day", 404)
        store.remove_special_days(self._connection, self._site.name, days)
        self._record("calendar.removed", _kinds_of(days), days=_written(days))

    def remove_year(self, year: int) -> None:
        """Remove the special days of a year that is over. Raises ``Rejected``."""
        if not FIRST_DAY.year <= year < today_of(self._site, self._now_ms).year:
            raise Rejected(NOT_OVER, "year")
        of_year = date(year, 1, 1), date(year, 12, 31)
        self.remove_days(store.list_special_days(self._connection, self._site.name, *of_year))

    def _days_about(self, days: Sequence[SpecialDay]) -> list[SpecialDay]:
        """The special days there are from the first of these days through the last."""
        dates = [one.day for one in days] or [FIRST_DAY]
        return store.list_special_days(self._connection, self._site.name, min(dates), max(dates))

    def _find(self, name: str) -> Hours:
        found = store.find_hours(self._connection, name)
        if found is None:
            raise Rejected(NO_HOURS, "name", 404)
        return found

    def finish(self) -> None:
        """Check what all changes together have come to. Raises ``Rejected``."""
        calendar = store.list_special_days(self._connection, self._site.name)
        check_calendar(store.list_hours(self._connection), calendar, ZoneInfo(self._site.zone))

    def _record(self, action: str, subject: str, **detail: str) -> None:
        record(self._connection, self._now_ms, self._by, action, subject, **detail)


def days_through(first: SpecialDay, last: date) -> list[SpecialDay]:
    """The same of every day through the last. Raises ``Rejected``."""
    try:
        return first.through(last)
    except ValueError:
        raise Rejected(TOO_LONG, "last") from None


def check_calendar(hours: Iterable[Hours], calendar: Sequence[SpecialDay], zone: ZoneInfo) -> None:
    """Raises ``Rejected`` for what devices cannot be sent."""
    if len(calendar) > MAX_SPECIAL_DAYS:
        raise Rejected(TOO_MANY_DAYS, "day", count=len(calendar))
    if sum(len(pack(resolve(one, calendar, zone))) for one in hours) > MAX_CALENDAR_BYTES:
        raise Rejected(TOO_LARGE, "day")


class HoursService:
    """The service that changes hours and the calendar, each change in one transaction. Any thread may use it; ``by`` is
    the operator's name. What is rejected leaves no trace."""

    def __init__(self, store: Store, clock: Clock, used_by: UsedBy) -> None:
        self._store, self._clock, self._used_by = store, clock, used_by

    def add(self, by: str, hours: Hours) -> None:
        """Raises ``Rejected``."""
        with self._edit(by) as edit:
            edit.add(hours)

    def change(self, by: str, hours: Hours, seen: str = "") -> None:
        """See ``HoursEdit.change``. Raises ``Rejected``."""
        with self._edit(by) as edit:
            edit.change(hours, seen)

    def remove(self, by: str, name: str) -> None:
        """Raises ``Rejected``, also while something uses them."""
        with self._edit(by) as edit:
            edit.remove(name)

    def add_days(self, by: str, days: Sequence[SpecialDay]) -> int:
        """See ``HoursEdit.add_days``. Raises ``Rejected``."""
        with self._edit(by) as edit:
            return edit.add_days(days)

    def remove_days(self, by: str, days: Sequence[SpecialDay]) -> None:
        """Raises ``Rejected`` if one of them is not there."""
        with self._edit(by) as edit:
            edit.remove_days(days)

    def remove_year(self, by: str, year: int) -> None:
        """Remove the special days of a year that is over. Raises ``Rejected``."""
        with self._edit(by) as edit:
            edit.remove_year(year)

    def import_file(self, by: str, file: CalendarFile) -> Imported:
        """Add the days of a file. Raises ``Rejected``; for events that cannot be read unless they are left out."""
        with self._store.reading() as connection:
            today = today_of(site_of(connection), self._clock())
        days, left_out = file.special_days(today)
        with self._edit(by) as edit:
            return Imported(days[0].day, edit.add_days(days), left_out)

    @contextmanager
    def _edit(self, by: str) -> Iterator[HoursEdit]:
        with self._store.writing() as connection:
            edit = HoursEdit(connection, by, self._clock(), self._used_by)
            yield edit
            edit.finish()


def _checked(hours: Hours) -> Hours:
    """The hours in the one form in which they are stored. Raises ``Rejected``, or ``ValueError`` for no name."""
    zh, en = clean_text(hours.label.zh, MAX_LABEL), clean_text(hours.label.en, MAX_LABEL)
    label = Label(zh or en or hours.name, en or zh or hours.name)
    try:
        for windows in (hours.rest or (), hours.half or ()):
            Schedule((windows,) * 7)
        week = Schedule(hours.week).week
    except ValueError:
        raise Rejected(NOT_A_WEEK, "week") from None
    rest = None if hours.rest is None else joined(hours.rest)
    half = None if hours.half is None else joined(hours.half)
    return Hours(hours.name, label, tuple(map(joined, week)), rest, half)


def _checked_day(day: SpecialDay, hours: Hours | None) -> SpecialDay:
    """``hours`` are those that it names. Raises ``Rejected``."""
    if not FIRST_DAY <= day.day <= LAST_DAY:
        raise Rejected(NO_DAY, "day")
    is_shifted = day.kind is DayKind.AS_WEEKDAY
    if is_shifted != (day.weekday is not None) or not 1 <= (day.weekday or 1) <= 7:
        raise Rejected(NO_WEEKDAY, "weekday")
    if day.hours and hours is None:
        raise Rejected(NO_HOURS, "hours", 404)
    if hours is not None and not hours.follows_calendar:
        raise Rejected(NO_CALENDAR, "hours")
    return structs.replace(day, label=label_of_day(day.label))


def label_of_day(label: Label) -> Label:
    """What a day is called, if it has a name, in the form in which it is stored. Raises ``UnclearName``."""
    return Label(clean_text(label.zh, MAX_LABEL), clean_text(label.en, MAX_LABEL)).named("")


def _kinds_of(days: Sequence[SpecialDay]) -> str:
    """For the audit."""
    return ", ".join(sorted({day.kind.value for day in days}))


def _written(days: Sequence[SpecialDay]) -> str:
    """For the audit."""
    named = [f"{one.day}{f' {one.hours}' if one.hours else ''}" for one in sorted(days)[:NAMED]]
    return ", ".join([*named, f"+{len(days) - NAMED}"] if len(days) > NAMED else named)
