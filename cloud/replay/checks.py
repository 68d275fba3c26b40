"""What a row of a log is weighed by: the community's rule, and the checks that need no community. Pure."""

from collections.abc import Callable, Iterable
from functools import lru_cache

from cloud.replay.holders import HolderIndex
from cloud.replay.log import LogRow
from cloud.replay.rule import Passage, Weigher
from contract.reasons import TABLE, Reason

Check = Callable[[LogRow], Reason | None]
"""Why a row is allowed or refused; None where the check has nothing to say of it."""
MAX_REMEMBERED = 100_000
"""Holders of a log that are looked up once only."""


def verdict(row: LogRow, checks: Iterable[Check]) -> Reason:
    """The first reason to refuse, else one that allows."""
    allows = Reason.ALLOWED
    for check in checks:
        reason = check(row)
        if reason is None:
            continue
        if not TABLE[reason].allows:
            return reason
        allows = reason
    return allows


def by_rule(weigher: Weigher, holders: HolderIndex) -> Check:
    """The check of a community."""
    find = lru_cache(MAX_REMEMBERED)(holders.find)
    return lambda row: weigher.reason(Passage(find(row.holder), row.point, row.direction, row.at_ms))
