"""What hours are on each day: the windows of the week, and in their place those of the calendar's special days."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from msgspec import Struct, structs

from cloud.store.labels import Label
from contract.schedules import ALWAYS, MINUTES_PER_DAY, Schedule, Windows, day_before, day_number

ALWAYS_NAME = "always"
"""The hours that every site has. Ways home are open in them, so nobody changes or removes them."""
CASE_FROM_MONTH = 11
"""From November on the days of the next year should be in the calendar."""


class DayKind(StrEnum):
    """What a special day is for the hours that follow the calendar."""

    REST = "rest"
    """A day of rest: a holiday."""
    HALF = "half"
    """A day on which less is open than usual: New Year's Eve."""
    SHUT = "shut"
    """Nothing opens, and the night before it ends at 24:00."""
    AS_WEEKDAY = "as_weekday"
    """It has the hours of a weekday: a work day that was shifted to a weekend."""


class Hours(Struct, frozen=True):
    """Hours under their name. ``rest`` and ``half`` are the windows of rest days and half days; None: such a day has
    the hours of its weekday."""

    name: str
    label: Label
    week: tuple[Windows, ...]
    rest: Windows | None = None
    half: Windows | None = None

    @property
    def follows_calendar(self) -> bool:
        """Hours that are open at all times follow none, unless they say what rest days or half days are."""
        return self.week != ALWAYS.week or self.rest is not None or self.half is not None

    def windows(self, day: "SpecialDay") -> Windows:
        """What opens on a special day if it is of no other kind."""
        by_kind = {DayKind.REST: self.rest, DayKind.HALF: self.half, DayKind.SHUT: ()}
        weekday = day.day.weekday() if day.weekday is None else day.weekday - 1
        windows = by_kind.get(day.kind)
        return self.week[weekday] if windows is None else windows


HOURS = (
    Hours(ALWAYS_NAME, Label("全天", "Always"), ALWAYS.week),
    Hours("gym-hours", Label("健身房开放时间", "Gym hours"), (((6 * 60, 22 * 60 + 30),),) * 7),
)
"""Those that the standard plans name."""


MOST_AT_ONCE = 366
"""Days from a first to a last one that are said together."""


class SpecialDay(Struct, frozen=True, order=True):
    """A kind that a day is of. ``weekday`` (1 to 7, Monday first) is of ``as_weekday`` alone. ``hours`` names the hours
    that it concerns; empty for all that follow the calendar. ``label`` is what people call the day."""

    day: date
    kind: DayKind
    weekday: int | None = None
    hours: str = ""
    label: Label = Label()

    @property
    def key(self) -> tuple[date, DayKind, str]:
        """No two special days have the same."""
        return self.day, self.kind, self.hours

    def through(self, last: date) -> list["SpecialDay"]:
        """The same of every day through the last. Raises ``ValueError`` for one that comes before it, or more than a
        year later."""
        more = (last - self.day).days
        if not 0 <= more < MOST_AT_ONCE:
            raise ValueError(last)
        return [structs.replace(self, day=self.day + timedelta(days=ahead)) for ahead in range(more + 1)]


def as_weekday_still(hours: Sequence[Hours], days: Iterable[SpecialDay]) -> dict[DayKind, list[Hours]]:
    """Hours that stay as on the weekday on days of rest or half days of the calendar, for nobody has said otherwise."""
    concerned: dict[DayKind, set[str]] = defaultdict(set)
    for day in days:
        concerned[day.kind].update(one.name for one in hours if one.follows_calendar and day.hours in ("", one.name))
    silent = {
        DayKind.REST: [one for one in hours if one.rest is None and one.name in concerned[DayKind.REST]],
        DayKind.HALF: [one for one in hours if one.half is None and one.name in concerned[DayKind.HALF]],
    }
    return {kind: found for kind, found in silent.items() if found}


def resolve(hours: Hours, calendar: Iterable[SpecialDay], zone: ZoneInfo) -> Schedule:
    """The schedule that devices are sent: the week, and every day whose windows are others than its weekday's.

    Of a day that is of several kinds, what names these hours counts and not what is said of all. Their windows are
    united; if one of the kinds is ``shut``, nothing opens.
    """
    if not hours.follows_calendar:
        return Schedule(hours.week)
    windows = {}
    shut = []
    for day, kinds in _by_day(hours.name, calendar).items():
        is_shut = any(one.kind is DayKind.SHUT for one in kinds)
        windows[day] = () if is_shut else joined(window for one in _own(kinds) for window in hours.windows(one))
        if is_shut:
            shut.append(day)
    for day in shut:
        before = day_before(day, zone) if _has_day(zone, day) else None
        if before is not None:
            night = windows.get(before, hours.week[before.weekday()])
            windows[before] = tuple((start, min(end, MINUTES_PER_DAY)) for start, end in night)
    others = {day: windows[day] for day in sorted(windows) if windows[day] != hours.week[day.weekday()]}
    return Schedule(hours.week, {day_number(day): found for day, found in others.items()})


def _by_day(name: str, calendar: Iterable[SpecialDay]) -> Mapping[date, Sequence[SpecialDay]]:
    """What is said of each day to these hours."""
    days: dict[date, list[SpecialDay]] = defaultdict(list)
    for one in calendar:
        if one.hours in ("", name):
            days[one.day].append(one)
    return days


def _own(kinds: Sequence[SpecialDay]) -> Sequence[SpecialDay]:
    """Those that name the hours, or else those that are said of all."""
    return [one for one in kinds if one.hours] or kinds


def _has_day(zone: ZoneInfo, day: date) -> bool:
    """Whether the zone's calendar has the day: where the date line moved it has skipped one."""
    noon = datetime.combine(day, time(12), zone)
    return noon.astimezone(UTC).astimezone(zone).date() == day


def joined(windows: Iterable[tuple[int, int]]) -> Windows:
    """The same minutes in order, windows that adjoin or overlap as one; none is longer than 24 hours."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(windows):
        first, last = found[-1] if found else (start, start)
        if start <= last and max(last, end) <= first + MINUTES_PER_DAY:
            found[-1:] = [(first, max(last, end))]
        else:
            found.append((start, end))
    return tuple(found)


class OpenDay(Struct, frozen=True):
    """A day to come, what opens on it, and the special days that it is made of."""

    day: date
    windows: Windows
    special: Sequence[SpecialDay]


def days_to_come(
    hours: Hours, calendar: Sequence[SpecialDay], zone: ZoneInfo, first: date, many: int
) -> Iterator[OpenDay]:
    """What these hours are on each of the next days."""
    schedule = resolve(hours, calendar, zone)
    kinds = _by_day(hours.name, calendar) if hours.follows_calendar else {}
    for day in (first + timedelta(days=ahead) for ahead in range(many)):
        yield OpenDay(day, schedule.windows(day), kinds.get(day, ()))


def year_due(today: date) -> int | None:
    """The next year, once it is time to enter its special days."""
    return today.year + 1 if today.month >= CASE_FROM_MONTH else None
