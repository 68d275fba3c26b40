"""What pages and calls show of hours and of the calendar."""

from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

from msgspec import Struct
from sqlalchemy import Connection

from cloud.devices.registry import Site
from cloud.hours.rule import Hours, SpecialDay, days_to_come, year_due
from cloud.hours.store import list_special_days
from cloud.hours.window_text import write_windows
from contract.schedules import wall_clock

DAYS_SHOWN = 14


class DayText(Struct, frozen=True):
    """A day to come with its windows as text, and the special days that it is made of."""

    day: date
    windows: str
    special: Sequence[SpecialDay]


def next_days(connection: Connection, site: Site, hours: Hours, now_ms: int) -> list[DayText]:
    """What the hours are from today on."""
    calendar, today = list_special_days(connection, site.name), today_of(site, now_ms)
    coming = days_to_come(hours, calendar, ZoneInfo(site.zone), today, DAYS_SHOWN)
    return [DayText(one.day, write_windows(one.windows), one.special) for one in coming]


def today_of(site: Site, now_ms: int) -> date:
    """The day of the site's calendar."""
    local = wall_clock(ZoneInfo(site.zone), now_ms)
    return date(1970, 1, 1) if local is None else local.date()


def missing_year(connection: Connection, site: Site, now_ms: int) -> int | None:
    """The next year, while it is time to enter its special days and there is none yet."""
    year = year_due(today_of(site, now_ms))
    if year is None or list_special_days(connection, site.name, date(year, 1, 1), date(year, 12, 31)):
        return None
    return year
