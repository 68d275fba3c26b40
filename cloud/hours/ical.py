"""Days of an iCalendar file (RFC 5545): its events of whole days, repeated ones among them.

It reads what calendars of holidays and shifted work days hold. An event of any other form is named and left out, never
guessed at; a file of any other form is refused.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

from cloud.hours.recurrence import NoRule, read_date, read_rule, repeated
from contract.phrases import Phrase

MAX_EVENTS = 1_000
MAX_DAYS = 5_000
"""Of all events, as far as they are asked for."""
MAX_EVENT_DAYS = 60
"""Of one event, as long as the longest school holidays."""
FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(9998, 12, 31)
_VALUE = r'(?:"[^"]*"|[^";:,]*)'
_PARAMETER = rf";[A-Za-z0-9-]+={_VALUE}(?:,{_VALUE})*"
_LINE = re.compile(rf"([A-Za-z0-9-]+)((?:{_PARAMETER})*):(.*)", re.DOTALL)
_DURATION = re.compile(r"\+?P(?:(\d{1,3})W|(\d{1,3})D)")
_ESCAPED = re.compile(r"\\(.)")


class Unreadable(StrEnum):
    """Why an event is left out."""

    TIMED = "timed"
    RULE = "rule"
    FIRST_DAY = "first_day"
    DATES = "dates"
    LONG = "long"


WHY: Mapping[Unreadable, Phrase] = {
    Unreadable.TIMED: Phrase("有具体时刻，不是全天", "it has a time of day and is not of whole days"),
    Unreadable.RULE: Phrase("重复规则无法读取", "it repeats by a rule that cannot be read"),
    Unreadable.FIRST_DAY: Phrase("首日不符合它自己的重复规则", "its first day is not one of its own rule"),
    Unreadable.DATES: Phrase("日期无效", "its dates are not valid"),
    Unreadable.LONG: Phrase(f"超过 {MAX_EVENT_DAYS} 天", f"it lasts more than {MAX_EVENT_DAYS} days"),
}


class NoCalendar(ValueError):
    """The text is no iCalendar file; it says in which line that shows."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line} is none of an iCalendar file")
        self.line = line


class TooManyDays(ValueError):
    """A calendar has more days than any site could have."""


class NamedDay(NamedTuple):
    """A day of an event, and what the event is called."""

    day: date
    name: str


class LeftOut(NamedTuple):
    """An event that could not be read."""

    name: str
    why: Unreadable


class CalendarDays(Struct, frozen=True):
    """The days of a calendar in order, and the events that are not among them."""

    days: Sequence[NamedDay]
    left_out: Sequence[LeftOut]


def read_calendar(text: str, first: date, last: date) -> CalendarDays:
    """The days from ``first`` through ``last`` on which a calendar has an event. Raises ``NoCalendar`` or
    ``TooManyDays``."""
    events = list(_events(text))
    moved = _moved(events)
    days: set[NamedDay] = set()
    left_out = []
    for event in events:
        if event.text("STATUS").upper() == "CANCELLED":
            continue
        try:
            found = _days_of(event, moved.get(event.text("UID"), frozenset()), first, last)
        except _Unread as wrong:
            left_out.append(LeftOut(event.name, wrong.why))
            continue
        days.update(NamedDay(day, event.name) for day in found if first <= day <= last)
        if len(days) > MAX_DAYS:
            raise TooManyDays(f"more than {MAX_DAYS} days")
    return CalendarDays(sorted(days), left_out)


class _Unread(Exception):
    def __init__(self, why: Unreadable) -> None:
        super().__init__(why)
        self.why = why


class _Property(NamedTuple):
    """A line of a calendar. Its parameters are looked at for the one that says of which type the value is."""

    parameters: str
    value: str

    def dates(self) -> list[date]:
        """Raises ``_Unread``."""
        if "T" in self.value.upper() or "VALUE=PERIOD" in self.parameters.upper():
            raise _Unread(Unreadable.TIMED)
        try:
            found = [read_date(text) for text in self.value.split(",")]
        except NoRule:
            raise _Unread(Unreadable.DATES) from None
        if not all(FIRST_DAY <= day <= LAST_DAY for day in found):
            raise _Unread(Unreadable.DATES)
        return found


class _Event(Struct, frozen=True):
    """The lines of a VEVENT by their name, those of what stands inside it aside."""

    lines: Mapping[str, Sequence[_Property]]

    def text(self, name: str) -> str:
        return self.lines[name][0].value if name in self.lines else ""

    @property
    def name(self) -> str:
        """What the event is called, without signs that cannot be seen."""
        plain = _ESCAPED.sub(lambda found: " " if found[1] in "nN" else found[1], self.text("SUMMARY"))
        return " ".join("".join(sign if sign.isprintable() else " " for sign in plain).split())

    def dates(self, name: str) -> set[date]:
        """All dates of the lines of this name. Raises ``_Unread``."""
        return {day for line in self.lines.get(name, ()) for day in line.dates()}

    def date(self, name: str) -> date:
        """The one date of this name. Raises ``_Unread``."""
        found = self.dates(name)
        if len(found) != 1:
            raise _Unread(Unreadable.DATES)
        return found.pop()


def _events(text: str) -> Iterator[_Event]:
    """Every event of a calendar, read to its end. Raises ``NoCalendar``."""
    inside: list[str] = []
    lines: dict[str, list[_Property]] = {}
    events = 0
    number = 0
    for number, line in _unfolded(text):
        found = _LINE.fullmatch(line)
        if found is None:
            raise NoCalendar(number)
        name, value = found[1].upper(), found[3].strip()
        if name == "BEGIN":
            if (value.upper() == "VCALENDAR") != (not inside):
                raise NoCalendar(number)
            inside.append(value.upper())
            lines = {} if inside[-1] == "VEVENT" else lines
        elif not inside or (name == "END" and inside.pop() != value.upper()):
            raise NoCalendar(number)
        elif name == "END" and value.upper() == "VEVENT":
            events += 1
            if events > MAX_EVENTS:
                raise NoCalendar(number)
            yield _Event(lines)
        elif inside and inside[-1] == "VEVENT":
            lines.setdefault(name, []).append(_Property(found[2], value))
    if inside or not number:
        raise NoCalendar(number + 1)


def _unfolded(text: str) -> Iterator[tuple[int, str]]:
    """The lines with their numbers; one that was broken begins its next part with a space."""
    begun: tuple[int, str] | None = None
    for number, line in enumerate(text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n"), 1):
        if line[:1] in (" ", "\t") and begun is not None:
            begun = begun[0], begun[1] + line[1:]
            continue
        if begun is not None:
            yield begun
        begun = (number, line) if line.strip() else None
    if begun is not None:
        yield begun


def _moved(events: Sequence[_Event]) -> Mapping[str, frozenset[date]]:
    """By the id of a repeated event the days of it that events of their own stand for."""
    moved: dict[str, frozenset[date]] = defaultdict(frozenset)
    for event in events:
        if "RECURRENCE-ID" in event.lines:
            try:
                moved[event.text("UID")] |= event.dates("RECURRENCE-ID")
            except _Unread:
                continue  # the event itself is left out for it
    return moved


def _days_of(event: _Event, moved: frozenset[date], since: date, last: date) -> Iterator[date]:
    """The days of an event from ``since`` to ``last``, and perhaps others. Raises ``_Unread``."""
    first = event.date("DTSTART")
    length = _length(event, first)
    if "EXRULE" in event.lines or len(event.lines.get("RRULE", ())) > 1:
        raise _Unread(Unreadable.RULE)
    starts = {first} | event.dates("RDATE")
    if "RECURRENCE-ID" in event.lines:
        event.date("RECURRENCE-ID")
        moved = frozenset()
    elif "RRULE" in event.lines:
        starts |= _repeated(event, first, since - timedelta(days=length), last)
    starts -= event.dates("EXDATE") | moved
    return (start + timedelta(days=ahead) for start in starts for ahead in range(length))


def _repeated(event: _Event, first: date, since: date, last: date) -> set[date]:
    try:
        rule = read_rule(event.text("RRULE"))
        if not rule.matches(first, first):
            raise _Unread(Unreadable.FIRST_DAY)
        return set(repeated(rule, first, since, last))
    except NoRule:
        raise _Unread(Unreadable.RULE) from None


def _length(event: _Event, first: date) -> int:
    """Of how many days it is. The day of its end is not one of them. Raises ``_Unread``."""
    days = 1
    if "DTEND" in event.lines:
        days = max(1, (event.date("DTEND") - first).days) if event.date("DTEND") >= first else 0
    elif "DURATION" in event.lines:
        found = _DURATION.fullmatch(event.text("DURATION").upper())
        if found is None:
            raise _Unread(Unreadable.TIMED)
        days = int(found[1]) * 7 if found[1] else int(found[2])
    if days < 1:
        raise _Unread(Unreadable.DATES)
    if days > MAX_EVENT_DAYS:
        raise _Unread(Unreadable.LONG)
    return days
