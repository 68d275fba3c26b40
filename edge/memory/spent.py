"""A row of the ledger: what one session used of one unit, and the period that it counts in. Pure."""

from typing import NamedTuple

from contract.quantities import ENDLESS, Period, Unit, first_day, period_at
from contract.schedules import MINUTES_PER_DAY
from edge.memory.loans import FOREVER

UNDATED = 0
"""The minute of a session that began while nobody knew the time."""
LOST = ""
"""The session that stands for all that a damaged file held."""
NOBODY = ""
"""Its holder."""
KEPT_DAYS = 3
"""Today, yesterday, where the sessions over midnight began, and the day before: a zone may skip one between."""
KEPT_MONTH_DAYS = 31 + KEPT_DAYS


class Spent(NamedTuple):
    """A row of the ledger: what a session used of one unit, in all; of a concurrent quantity, what it has in use.
    ``minute`` is when it began by the site's wall clock, counted from the year 1."""

    session: str
    unit: Unit
    holder: str
    allotment: str
    minute: int
    amount: int

    @property
    def day(self) -> int:
        return self.minute // MINUTES_PER_DAY


def period_of(per: Period, minute: int) -> int:
    """The period of a row; none has the number 0, which is that of an undated one."""
    if minute == UNDATED:
        return ENDLESS if per in ("once", "term", "concurrent") else 0
    return period_at(per, minute)


def last_day_of(per: Period, period: int) -> int:
    """The day after which nobody asks for a loan of that period any more."""
    begin = first_day(per, period)
    return FOREVER if begin is None else begin + (KEPT_MONTH_DAYS if per == "month" else KEPT_DAYS)


def is_adrift(row: Spent, today: int) -> bool:
    """Whether a row's minute is none to go by. Tomorrow's is: midnight may come twice when a clock is corrected."""
    return row.minute == UNDATED or row.day > today + 1
