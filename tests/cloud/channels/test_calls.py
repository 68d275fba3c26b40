"""Escalation: who is called, when again, and that nobody is called about what somebody has."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from cloud.cases.kinds import KINDS
from cloud.cases.rule import Action, Alarm, Case, CasePlace, after, opened
from cloud.channels.calls import CALL_RULES, DIGEST_MS, MOST_CALLS, is_due, is_held, whom

MINUTE_MS = 60_000
DUTY = ["gate", "office", "admin"]


def a_case(kind: str, *, late: bool = False) -> Case:
    return opened(Alarm(kind, CasePlace("east-gate", "east-gate"), "", 0, late=late), KINDS[kind], 0)


def calls(case: Case, upto_ms: int, duty: list[str]) -> list[tuple[int, list[str]]]:
    """Every call of so long, looked for each second."""
    made = []
    for now_ms in range(0, upto_ms, 1_000):
        if is_due(case, now_ms):
            made.append((now_ms, list(whom(case, duty))))
            case = structs.replace(case, rings=case.rings + 1, rung_ms=now_ms)
    return made


def test_security_calls_the_next_after_two_minutes() -> None:
    assert calls(a_case("forced"), 7 * MINUTE_MS, DUTY) == [
        (0, ["gate"]),
        (2 * MINUTE_MS, ["office"]),
        (4 * MINUTE_MS, ["admin"]),
        (6 * MINUTE_MS, ["gate"]),
    ]


def test_service_calls_the_next_after_five_minutes() -> None:
    assert calls(a_case("fault"), 6 * MINUTE_MS, DUTY) == [(0, ["gate"]), (5 * MINUTE_MS, ["office"])]


def test_life_safety_calls_everybody_each_minute() -> None:
    assert calls(a_case("emergency"), 2 * MINUTE_MS + 1_000, DUTY) == [(one * MINUTE_MS, DUTY) for one in range(3)]


@given(
    st.sampled_from(["emergency", "forced", "fault"]),
    st.lists(st.sampled_from(["a", "b", "c"]), unique=True),
    st.integers(0, 60 * MINUTE_MS),
    st.booleans(),
)
def test_calls_are_bounded_and_end_with_acceptance(kind: str, duty: list[str], taken_ms: int, late: bool) -> None:
    """Nobody is called about a late case, or once somebody has it; only life safety goes on for ever, and no two calls
    are closer than their rule says."""
    case = a_case(kind, late=late)
    made = calls(case, min(taken_ms, 60 * MINUTE_MS), duty)
    rule = CALL_RULES[case.grade]
    assert not (late and made)
    assert rule.most is None or len(made) <= MOST_CALLS
    assert all(later - earlier >= rule.every_ms for (earlier, _), (later, _) in pairwise(made))
    assert not is_due(after(case, Action.ACCEPT, "gate", taken_ms), taken_ms + 60 * MINUTE_MS)


def test_digest_holds_all_but_a_first_fire() -> None:
    assert is_held(a_case("forced"), 1_000, 1_000 + DIGEST_MS - 1)
    assert not is_held(a_case("forced"), 1_000, 1_000 + DIGEST_MS)
    assert not is_held(a_case("emergency"), 1_000, 2_000)
    assert not is_held(a_case("forced"), 99_000, 2_000), "a clock that was set back holds nothing"
