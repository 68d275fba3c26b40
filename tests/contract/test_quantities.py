"""What a quantity is, what one device may give of it, and where its periods begin."""

from datetime import date
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.quantities import (
    ENDLESS,
    PARTS,
    Account,
    Allotment,
    Period,
    Quantity,
    Unit,
    first_day,
    is_spent,
    is_used_up,
    local_minute,
    name_in_roster,
    period_at,
)
from contract.schedules import MINUTES_PER_DAY

NOON = date(2027, 1, 15).toordinal() * MINUTES_PER_DAY + 12 * 60
CALENDARS: tuple[Period, ...] = ("day", "mealtime", "month")

quantities = st.builds(
    lambda amount, floor, unit: Quantity(amount, unit, floor=min(amount, floor)),
    st.integers(0, 1000),
    st.integers(0, 1000),
    st.sampled_from(sorted(PARTS)),
)
accounts = st.builds(Account, st.integers(0, 10**8), st.integers(-(10**8), 10**8), st.booleans())


def test_money_has_no_floor() -> None:
    with pytest.raises(ValueError, match="given twice"):
        Quantity(10, "meals", floor=1, money=True)
    with pytest.raises(msgspec.ValidationError, match="given twice"):
        msgspec.json.decode(b'{"amount": 10, "unit": "meals", "floor": 1, "money": true}', type=Quantity)


def test_floor_is_no_more_than_amount() -> None:
    with pytest.raises(ValueError, match="a floor of 3 meals is more than the amount, 2"):
        Quantity(2, "meals", floor=3)


@given(quantities, accounts)
def test_device_gives_allowance_floor_and_no_more(quantity: Quantity, account: Account) -> None:
    limit = account.limit(quantity)
    assert limit <= quantity.parts
    assert limit <= account.allowance + (0 if account.closed else quantity.floor_parts)


@given(quantities, accounts)
def test_used_up_is_spent_and_never_otherwise(quantity: Quantity, account: Account) -> None:
    allotment, known = Allotment("plan-class", (quantity,)), {quantity.unit: account}
    assert is_spent(allotment, known) == (account.used >= account.limit(quantity))
    assert is_spent(allotment, known) or not is_used_up(allotment, known)


def test_first_used_up_quantity_ends_all() -> None:
    both = Allotment("plan-class", (Quantity(2, "meals"), Quantity(5, "items")))
    all_used: dict[Unit, Account] = {"meals": Account(1, 2), "items": Account(5, 5)}
    one_left: dict[Unit, Account] = {"meals": Account(1, 2), "items": Account(4, 5)}
    assert is_spent(both, all_used)
    assert not is_spent(both, one_left)


@pytest.mark.parametrize(("hour", "meal"), [(0, 0), (9, 0), (10, 1), (15, 1), (16, 2), (23, 2)])
def test_mealtime_lies_between_its_hours(hour: int, meal: int) -> None:
    day = NOON // MINUTES_PER_DAY
    assert period_at("mealtime", day * MINUTES_PER_DAY + hour * 60) == day * 3 + meal


@pytest.mark.parametrize("per", CALENDARS)
@given(minute=st.integers(NOON, NOON + 400 * MINUTES_PER_DAY), later=st.integers(0, 100 * MINUTES_PER_DAY))
def test_periods_are_numbered_in_their_order(per: Period, minute: int, later: int) -> None:
    period = period_at(per, minute)
    begin = first_day(per, period)
    assert period <= period_at(per, minute + later)
    assert begin is not None
    assert begin <= minute // MINUTES_PER_DAY
    assert period_at(per, begin * MINUTES_PER_DAY) in range(period - 2, period + 1)


def test_december_and_january_are_neighbours() -> None:
    december, january = (date(*day).toordinal() * MINUTES_PER_DAY for day in ((2026, 12, 31), (2027, 1, 1)))
    assert period_at("month", january) == period_at("month", december) + 1
    assert first_day("month", period_at("month", december)) == date(2026, 12, 1).toordinal()


@pytest.mark.parametrize("per", ["once", "term", "concurrent"])
def test_some_quantities_have_one_period(per: Period) -> None:
    assert period_at(per, NOON) == ENDLESS
    assert first_day(per, ENDLESS) is None


def test_minutes_are_those_of_the_wall_clock() -> None:
    assert local_minute(ZoneInfo("Asia/Shanghai"), 1_799_985_600_000) == NOON
    assert local_minute(ZoneInfo("UTC"), 1_799_985_600_000) == NOON - 8 * 60


def test_allotment_of_a_term_is_named_by_it() -> None:
    yearly = Allotment("yearly-pool", (Quantity(10, "visits", "term"),))
    assert yearly.of_term(1_777_852_800).name == "yearly-pool@1777852800"
    assert name_in_roster(yearly.of_term(1_777_852_800).name) == "yearly-pool"
    daily = Allotment("yearly-pool", (Quantity(1, "visits"),))
    assert daily.of_term(1_777_852_800) is daily
