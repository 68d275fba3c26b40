"""The states of a case: every way through them, and what a second guard is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.cases.kinds import KINDS
from cloud.cases.rule import STEPS, Action, Alarm, Case, CasePlace, CaseState, after, again, opened, recovered
from cloud.web.rejected import Rejected

FORCED = Alarm("forced", CasePlace("east-gate", "east-gate", "estate"), "", 1_000)


def a_case(kind: str = "forced") -> Case:
    return opened(FORCED, KINDS[kind], 2_000)


def test_second_guard_is_told_who_has_it() -> None:
    taken = after(a_case(), Action.ACCEPT, "gate", 3_000, note="on my way")
    assert (taken.state, taken.assignee, taken.note) == (CaseState.ACCEPTED, "gate", "on my way")
    with pytest.raises(Rejected, match="gate has this case already"):
        after(taken, Action.ACCEPT, "office", 4_000)


def test_late_case_rings_with_the_first_news() -> None:
    """What was recorded during an outage is listed and silent; what happens now at the same door is not."""
    late = opened(Alarm("forced", FORCED.place, "", 1_000, late=True), KINDS["forced"], 90_000)
    news = again(late, FORCED, 100_000)
    assert late.late and not news.late
    assert (news.count, news.noted_ms, news.reported_ms) == (2, 100_000, 1_000)
    assert not again(news, Alarm("forced", FORCED.place, "", 1_000, late=True), 110_000).late


@given(st.lists(st.sampled_from([*Action, "again", "over"]), max_size=12), st.sampled_from(["forced", "held"]))
def test_case_keeps_its_clocks_in_order(steps: list[str], kind: str) -> None:
    """Whatever is done in whatever order: a step that the table does not have changes nothing, nothing follows the end,
    who has accepted first stays, and no clock runs backwards."""
    case, now_ms = a_case(kind), 2_000
    for step in steps:
        before, now_ms = case, now_ms + 1_000
        if case.state is CaseState.SOLVED:
            break
        if step == "again":
            case = again(case, FORCED, now_ms)
        elif step == "over":
            case = recovered(case, now_ms, now_ms, closes=KINDS[kind].closes)
        elif (case.state, Action(step)) in STEPS:
            case = after(case, Action(step), f"at {now_ms}", now_ms)
        else:
            with pytest.raises(Rejected):
                after(case, Action(step), "somebody", now_ms)
        assert before.accepted_ms in (None, case.accepted_ms)
        assert before.accepted_by in ("", case.accepted_by)
        assert case.count >= before.count
        clocks = [one for one in (case.noted_ms, case.accepted_ms, case.solved_ms) if one is not None]
        assert clocks == sorted(clocks)
    if case.state is CaseState.SOLVED:
        for action in Action:
            with pytest.raises(Rejected, match="is over"):
                after(case, action, "somebody", now_ms)
