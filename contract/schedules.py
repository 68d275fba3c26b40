"""Hours in the wall-clock time of the site: those of a week, and those of special days."""

from collections.abc import Mapping
from datetime import MAXYEAR, date, datetime, time, timedelta
from itertools import chain
from zoneinfo import ZoneInfo

from msgspec import Struct

MINUTES_PER_DAY = 24 * 60
MINUTE_MS = 60_000
LOOK_AHEAD_DAYS = 366
EPOCH_DAY = date(1970, 1, 1).toordinal()
Windows = tuple[tuple[int, int], ...]
"""Half-open minutes ``(start, end)`` of one day. An end past 24:00 (1440) runs on into the next day."""


class Schedule(Struct, frozen=True, omit_defaults=True):
    """Seven days of windows, Monday first, and the windows of special days in the place of their weekday's.

    A window past 24:00 belongs to the day on which it opened. Where the zone skips an hour a window in the gap begins
    at its end; a repeated hour counts both times. A day that the zone skips (the date line moved) opens nothing: the
    night before it runs on into the day after it.

    ``days`` counts from 1970-01-01 of the site's calendar. The cloud has resolved what kind of day each is; a device
    knows no kinds.
    """

    week: tuple[Windows, ...]
    days: Mapping[int, Windows] = {}

    def __post_init__(self) -> None:
        if len(self.week) != 7:
            raise ValueError(f"a week has 7 days, not {len(self.week)}")
        for start, end in chain.from_iterable((*self.week, *self.days.values())):
            if not (0 <= start < MINUTES_PER_DAY and start < end <= start + MINUTES_PER_DAY):
                raise ValueError(f"window {start}-{end}: it starts within the day and lasts at most 24 hours")

    def windows(self, day: date) -> Windows:
        """What opens on this day."""
        special = self.days.get(day_number(day)) if self.days else None
        return self.week[day.weekday()] if special is None else special


ALWAYS = Schedule(week=(((0, MINUTES_PER_DAY),),) * 7)
"""It has no special days and never gets any: what is open at all hours is a way home (``decide.is_home``)."""


def day_number(day: date) -> int:
    """How many days after 1970-01-01."""
    return day.toordinal() - EPOCH_DAY


def wall_clock(zone: ZoneInfo, now_ms: int) -> datetime | None:
    """The time of day in a zone at ``now_ms`` (UTC milliseconds); None at a time beyond all calendars."""
    try:
        return datetime.fromtimestamp(now_ms // 1000, zone)
    except (OverflowError, ValueError, OSError):
        return None


def is_open(schedule: Schedule, zone: ZoneInfo, now_ms: int) -> bool:
    """Whether the schedule is open at ``now_ms`` (UTC milliseconds). At a time beyond all calendars none is."""
    local = wall_clock(zone, now_ms)
    if local is None:
        return False
    minute, today = local.hour * 60 + local.minute, local.date()
    for start, end in schedule.windows(today):
        if start <= minute < end:
            return True
    before = _day_before_now(today, minute, zone, now_ms)
    return before is not None and any(minute + MINUTES_PER_DAY < end for _, end in schedule.windows(before))


def _day_before_now(today: date, minute: int, zone: ZoneInfo, now_ms: int) -> date | None:
    """``day_before`` in a tenth of its time: almost always the clock went on without a change since midnight."""
    evening = wall_clock(zone, now_ms - (minute + 1) * MINUTE_MS)
    if evening is not None and (today - evening.date()).days == 1:
        return evening.date()
    return day_before(today, zone)


def day_before(day: date, zone: ZoneInfo) -> date | None:
    """The last day that the zone had before this one. Midnight may lie in a gap or come twice: the earlier of what it
    can mean counts. None before all calendars."""
    midnight = datetime.combine(day, time(), zone)
    begin_s = min(midnight.replace(fold=fold).timestamp() for fold in (0, 1))
    before = wall_clock(zone, (int(begin_s) - 1) * 1000)
    return None if before is None else before.date()


def next_opening(schedule: Schedule, zone: ZoneInfo, now_ms: int) -> int | None:
    """When a schedule that is shut opens (UTC milliseconds, a whole minute); None if it stays shut for a year."""
    local = wall_clock(zone, now_ms)
    if local is None or local.year + 2 > MAXYEAR:
        return None
    for ahead in range(LOOK_AHEAD_DAYS):
        day = local.date() + timedelta(days=ahead)
        begins = (datetime.combine(day, time(*divmod(start, 60)), zone) for start, _ in schedule.windows(day))
        opens = [_opens_ms(schedule, zone, begin.replace(fold=fold)) for begin in begins for fold in (0, 1)]
        if later := [at_ms for at_ms in opens if at_ms > now_ms and is_open(schedule, zone, at_ms)]:
            return min(later)
    return None


def _opens_ms(schedule: Schedule, zone: ZoneInfo, begin: datetime) -> int:
    """When a window opens that begins at this time of the wall clock: if that lies in a gap, at the end of the gap."""
    at_ms = int(begin.timestamp()) * 1000
    if wall_clock(zone, at_ms) != begin:
        while is_open(schedule, zone, at_ms - MINUTE_MS):
            at_ms -= MINUTE_MS
    return at_ms
