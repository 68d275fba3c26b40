"""Weekly hours in the wall-clock time of the site."""

from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec import Struct

MINUTES_PER_DAY = 24 * 60


class Schedule(Struct, frozen=True):
    """Seven days of windows, Monday first; each window is half-open minutes ``(start, end)`` of that local day.

    An end past 24:00 (1440) runs on into the next day and belongs to the weekday on which it opened.
    Where the zone skips an hour a window in the gap begins at its end; a repeated hour counts both times.
    A day that the zone skips (the date line moved) opens nothing: the night before it runs on into the day after it.
    """

    week: tuple[tuple[tuple[int, int], ...], ...]

    def __post_init__(self) -> None:
        if len(self.week) != 7:
            raise ValueError(f"a week has 7 days, not {len(self.week)}")
        for start, end in (window for day in self.week for window in day):
            if not (0 <= start < MINUTES_PER_DAY and start < end <= start + MINUTES_PER_DAY):
                raise ValueError(f"window {start}-{end}: it starts within the day and lasts at most 24 hours")


ALWAYS = Schedule(week=(((0, MINUTES_PER_DAY),),) * 7)


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
    minute = local.hour * 60 + local.minute
    if any(start <= minute < end for start, end in schedule.week[local.weekday()]):
        return True
    day_before = schedule.week[_weekday_before(local, zone)]
    return any(minute + MINUTES_PER_DAY < end for _, end in day_before)


def _weekday_before(local: datetime, zone: ZoneInfo) -> int:
    """The weekday of the last day that the zone had before this one. Midnight may lie in a gap or come twice: the
    earlier of what it can mean counts."""
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    begin_s = min(midnight.replace(fold=fold).timestamp() for fold in (0, 1))
    before = wall_clock(zone, (int(begin_s) - 1) * 1000)
    return (local.weekday() - 1) % 7 if before is None else before.weekday()
