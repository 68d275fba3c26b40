"""Who is called about a case, and when again: by its grade, until somebody has accepted it. Pure."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from cloud.cases.rule import Case, CaseState, Grade

DIGEST_MS = 60_000
"""A channel that was told something less than this ago is told the rest together; life safety does not wait."""
MOST_CALLS = 12
"""Calls about a case that is no matter of life safety. It stays on the page of cases."""


class CallRule(Struct, frozen=True):
    """Whether ``everybody`` on duty is called at once, or one after the other; and after how long again, or the next.
    ``most`` calls are made, without a bound where it is None."""

    everybody: bool
    every_ms: int
    most: int | None = MOST_CALLS


CALL_RULES: Mapping[Grade, CallRule] = {
    Grade.LIFE_SAFETY: CallRule(everybody=True, every_ms=60_000, most=None),
    Grade.SECURITY: CallRule(everybody=False, every_ms=120_000),
    Grade.SERVICE: CallRule(everybody=False, every_ms=300_000),
}


def is_due(case: Case, now_ms: int) -> bool:
    """Whether somebody is to be called about it now."""
    rule = CALL_RULES[case.grade]
    waits = case.rung_ms is not None and now_ms < case.rung_ms + rule.every_ms
    is_over = rule.most is not None and case.rings >= rule.most
    return case.state is CaseState.REPORTED and not case.late and not waits and not is_over


def whom(case: Case, on_duty: Sequence[str]) -> Sequence[str]:
    """Those who are called this time: everybody on duty, or the next of them, and after the last the first again."""
    if CALL_RULES[case.grade].everybody or not on_duty:
        return on_duty
    return [on_duty[case.rings % len(on_duty)]]


def is_held(case: Case, told_ms: int | None, now_ms: int) -> bool:
    """Whether a call by a channel waits for the next digest."""
    is_first_of_life = case.grade is Grade.LIFE_SAFETY and not case.rings
    return not is_first_of_life and told_ms is not None and told_ms <= now_ms < told_ms + DIGEST_MS
