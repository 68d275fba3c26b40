"""Days as forms send them, as moments of the site's calendar."""

from datetime import date, datetime, time, timedelta, tzinfo

from cloud.web.rejected import Rejected
from cloud.web.sentence import N_

FIRST_DAY, LAST_DAY = date(1970, 1, 2), date(9998, 12, 30)
"""What can be written in milliseconds, in every zone."""
NO_MOMENT = N_("A time is written as 2027-01-31T18:05, by the wall clock of the site. Nothing is shown.")
NO_DAY = N_("The first and the last day are dates, such as 2027-01-31. Nothing was changed.")


def read_day(text: str) -> date:
    """The day that was typed. Raises ``Rejected``."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Rejected(NO_DAY, "first_day") from None
    if not FIRST_DAY <= day <= LAST_DAY:
        raise Rejected(NO_DAY, "first_day")
    return day


def start_of_day(text: str, zone: tzinfo) -> int:
    """Its midnight. Raises ``Rejected``."""
    return _midnight(read_day(text), zone)


def end_of_day(text: str, zone: tzinfo) -> int:
    """The midnight after it. Raises ``Rejected``."""
    return _midnight(read_day(text) + timedelta(days=1), zone)


def moment_of_day(text: str, hour: time, zone: tzinfo) -> int:
    """An hour of that day. Raises ``Rejected``."""
    return int(datetime.combine(read_day(text), hour, zone).timestamp()) * 1000


def read_moment(text: str, zone: tzinfo) -> int:
    """A time of the site's wall clock as browsers send it; 0 for none. Raises ``Rejected``."""
    if not text:
        return 0
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Rejected(NO_MOMENT, "time") from None
    if not FIRST_DAY <= moment.date() <= LAST_DAY:
        raise Rejected(NO_MOMENT, "time")
    return int((moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp() * 1000)


def window_of(first_day: str, last_day: str, zone: tzinfo) -> tuple[int, int]:
    """The window of these days, the last one included; 0 for a bound that was left empty. Raises ``Rejected``."""
    return (
        start_of_day(first_day, zone) if first_day else 0,
        end_of_day(last_day, zone) if last_day else 0,
    )


def _midnight(day: date, zone: tzinfo) -> int:
    return int(datetime.combine(day, time(), zone).timestamp() * 1000)
