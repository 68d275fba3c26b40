"""Quantities: how much of something a holder may use in a period, and how much of that one device may give.

A quantity is lent, not split. What the cloud lends a device is its *allowance*: as much as may be used there in the
period, in all. The allowances of all devices together are never more than the quantity. A device that cannot ask gives
the *floor* beyond its allowance, once in a period. So what all devices give is at most the amount and a floor for each
that was cut off, however the network was divided. What is money has no floor.

Amounts are counted in parts of a unit (``PARTS``), whole numbers throughout.
"""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal, NamedTuple
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct

from contract.schedules import MINUTES_PER_DAY, wall_clock

Unit = Literal["minutes", "wh", "ml", "washes", "meals", "visits", "items"]
Period = Literal["day", "mealtime", "month", "once", "term", "concurrent"]

PARTS: Mapping[Unit, int] = {"minutes": 60_000, "wh": 1_000, "ml": 1, "washes": 1, "meals": 1, "visits": 1, "items": 1}
"""How many parts a unit has: milliseconds of a minute, milliwatt-hours of a watt-hour."""
MEALTIMES = (0, 10 * 60, 16 * 60)
"""The minutes of a day at which a mealtime begins: breakfast, lunch, dinner."""
ENDLESS = 1
"""The only period of a quantity that does not begin anew: once, of one term, and as many at the same time."""
MAX_AMOUNT = 1_000_000
"""Far above what a holder could use in a period."""
MAX_PARTS = 1 << 48

Amount = Annotated[int, Meta(ge=0, le=MAX_AMOUNT)]


class Quantity(Struct, frozen=True):
    """So much of a unit in every period. ``floor`` is what a device gives that cannot ask. What is ``money`` has none:
    it is never given twice. Of a ``concurrent`` quantity that much is in use at the same time: each session takes one
    when it begins, and gives it back when it ends."""

    amount: Amount
    unit: Unit
    per: Period = "day"
    floor: Amount = 0
    money: bool = False

    def __post_init__(self) -> None:
        if self.floor > self.amount:
            raise ValueError(f"a floor of {self.floor} {self.unit} is more than the amount, {self.amount}")
        if self.money and self.floor:
            raise ValueError("what is money has no floor: it would be given twice")

    @property
    def parts(self) -> int:
        """The amount in parts."""
        return self.amount * PARTS[self.unit]

    @property
    def is_concurrent(self) -> bool:
        return self.per == "concurrent"

    @property
    def floor_parts(self) -> int:
        return self.floor * PARTS[self.unit]


class Allotment(Struct, frozen=True):
    """What a holder may use at all points that it is ``name``d for. Nothing is left as soon as one of its quantities is
    used up. One with a quantity for a term is another in every term, and its name says in which (``of_term``)."""

    name: str
    quantities: tuple[Quantity, ...]

    def of_term(self, from_s: int) -> "Allotment":
        """The allotment of the term that began then (UTC seconds), where that makes a difference."""
        has_terms = any(quantity.per == "term" for quantity in self.quantities)
        return Allotment(f"{self.name}@{from_s}", self.quantities) if has_terms else self


def name_in_roster(allotment: str) -> str:
    """What the roster calls an allotment, whatever the term."""
    return allotment.partition("@")[0]


class Account(Struct, frozen=True):
    """What a device knows of one quantity of a holder: what was ``used`` there in the period, or is in use at this
    moment, and its ``allowance``, in parts. ``closed``: the cloud has said that no other device has anything left, and
    then there is no floor."""

    used: int = 0
    allowance: int = 0
    closed: bool = False

    def limit(self, quantity: Quantity) -> int:
        """How much may be used on this device in the period, in all."""
        floor = 0 if self.closed else quantity.floor_parts
        return min(self.allowance + floor, quantity.parts)


UNUSED = Account()
Accounts = Mapping[Unit, Account]
"""Those of one allotment, by unit."""


def is_spent(allotment: Allotment, accounts: Accounts) -> bool:
    """Whether a device has nothing left to give of an allotment."""
    return bool(_spent(allotment, accounts))


def is_to_end(allotment: Allotment, accounts: Accounts) -> bool:
    """Whether a session that runs has nothing left. How many run at the same time ends none that has begun."""
    return any(not quantity.is_concurrent for quantity, _ in _spent(allotment, accounts))


def is_used_up(allotment: Allotment, accounts: Accounts) -> bool:
    """Whether nothing is left of it at any device either, as far as this one knows."""
    return any(account.closed or account.used >= whole.parts for whole, account in _spent(allotment, accounts))


def _spent(allotment: Allotment, accounts: Accounts) -> list[tuple[Quantity, Account]]:
    """The quantities of which this device gives no more."""
    pairs = [(quantity, accounts.get(quantity.unit, UNUSED)) for quantity in allotment.quantities]
    return [(quantity, account) for quantity, account in pairs if account.used >= account.limit(quantity)]


class UseKey(NamedTuple):
    """What is accounted for by itself: one quantity of a holder (hex) in one period."""

    holder: str
    allotment: str
    unit: Unit
    period: int


def local_minute(zone: ZoneInfo, now_ms: int) -> int | None:
    """The minutes that the site's wall clock has gone since the beginning of the year 1; None before all calendars."""
    local = wall_clock(zone, now_ms)
    return None if local is None else local.toordinal() * MINUTES_PER_DAY + local.hour * 60 + local.minute


def period_at(per: Period, minute: int) -> int:
    """The number of the period that such a minute lies in. Periods of one kind are numbered in their order."""
    day, minute_of_day = divmod(minute, MINUTES_PER_DAY)
    match per:
        case "day":
            return day
        case "mealtime":
            return day * len(MEALTIMES) + sum(begin <= minute_of_day for begin in MEALTIMES) - 1
        case "month":
            of = date.fromordinal(day)
            return of.year * 12 + of.month
        case _:
            return ENDLESS


def first_day(per: Period, period: int) -> int | None:
    """The day (counted from the year 1) on which a period begins; None for one that no calendar begins. Raises
    ``ValueError`` or ``OverflowError`` for one that no calendar has."""
    match per:
        case "day":
            return period
        case "mealtime":
            return period // len(MEALTIMES)
        case "month":
            return date((period - 1) // 12, (period - 1) % 12 + 1, 1).toordinal()
        case _:
            return None
