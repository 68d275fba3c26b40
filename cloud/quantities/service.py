"""The use cases of quantities: a device says how it stands, and is told with others what they may give."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from cloud.devices.quarantine import Refused
from cloud.devices.registry import site_of
from cloud.quantities.rule import after_usage, is_used_up, to_tell, word
from cloud.quantities.store import (
    forget_before,
    given_by_plans,
    given_of,
    givers,
    is_holder,
    lendable,
    load_shares,
    lost_among,
    save_shares,
)
from contract.messages import Lend, Usage
from contract.quantities import ENDLESS, Period, first_day, local_minute, period_at
from contract.schedules import MINUTES_PER_DAY

KEPT_DAYS, AHEAD_DAYS = 40, 1
"""How old a period may be of which a device still says something, and how far its clock may be ahead."""
Told = Sequence[tuple[str, Lend]]
"""What devices are to be told, each by its name."""


def state_usage(connection: Connection, device: str, usage: Usage, now_ms: int) -> Told:
    """Take what a device says of a quantity; returns what it and others are told once that is committed. Nothing where
    there is no such person, or no plan gives that any more. Raises ``Refused`` for a period that cannot be."""
    site, key = site_of(connection), usage.key
    found = given_of(given_by_plans(connection), key)
    if found is None or not is_holder(connection, site.name, usage.holder):
        return ()
    given, quantity = found
    today = (local_minute(ZoneInfo(site.zone), now_ms) or 0) // MINUTES_PER_DAY
    _check_period(quantity.per, key.period, today)
    before = load_shares(connection, site.name, key)
    if not before:
        oldest = period_at(quantity.per, max(1, today - KEPT_DAYS) * MINUTES_PER_DAY)
        forget_before(connection, site.name, key, oldest)
    amount = lendable(connection, site.name, given, quantity)
    lost = lost_among(connection, site.name, list(before))
    after = after_usage(amount, before, device, usage, now_ms, lost)
    changed = [one for name, one in after.items() if before.get(name) != one]
    save_shares(connection, site.name, key, changed, now_ms)
    told = set(to_tell(before, after, device))
    if is_used_up(amount, after) is not is_used_up(amount, before):
        told |= {*after, *givers(connection, site.name, given)}
    return [(name, word(key, amount, after, name)) for name in sorted(told)]


def _check_period(per: Period, period: int, today: int) -> None:
    """Raises ``Refused``."""
    try:
        day = first_day(per, period)
    except (ValueError, OverflowError):
        raise Refused("bad_request", f"there is no {per} {period}") from None
    if day is None and period != ENDLESS:
        raise Refused("bad_request", f"{per} has one period, not {period}")
    if day is not None and not today - KEPT_DAYS <= day <= today + AHEAD_DAYS:
        raise Refused("bad_request", f"{per} {period} begins on day {day}, and today is {today}")
