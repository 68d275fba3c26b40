"""A permit's states, what passages change of it, and what cannot be drawn up."""

from datetime import datetime
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from cloud.people.permits import GATES_STAY_MS
from cloud.permits.kinds import KINDS, PermitKind
from cloud.permits.rule import (
    OPEN_STATES,
    STATES,
    Passing,
    Permit,
    PermitRefusal,
    PermitState,
    Turn,
    after_passage,
    code_digits,
    refusal_of,
    usual_end,
)
from contract.decide import DAY_MS, HOUR_MS, MINUTE_MS

NOW_MS = 1_800_000_000_000
GUEST = Permit(kind=PermitKind.GUEST, flat="2-502", from_ms=NOW_MS, until_ms=NOW_MS + 8 * HOUR_MS)
BERLIN, SHANGHAI = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Shanghai")
maybe = st.none() | st.integers(NOW_MS - DAY_MS, NOW_MS + DAY_MS)


@pytest.mark.parametrize(
    ("changes", "after_ms", "state"),
    [
        ({"early_ms": HOUR_MS}, -2 * HOUR_MS, PermitState.DRAWN),
        ({"early_ms": HOUR_MS}, -HOUR_MS, PermitState.VALID),
        ({}, 8 * HOUR_MS - 1, PermitState.VALID),
        ({}, 8 * HOUR_MS, PermitState.OVER),
        ({"late_ms": HOUR_MS}, 8 * HOUR_MS, PermitState.VALID),
        ({"in_ms": NOW_MS + 1}, HOUR_MS, PermitState.INSIDE),
        ({"in_ms": NOW_MS + 1, "out_ms": NOW_MS + 2}, HOUR_MS, PermitState.LEFT),
        ({"in_ms": NOW_MS + 3, "out_ms": NOW_MS + 2}, HOUR_MS, PermitState.INSIDE),
        ({"in_ms": NOW_MS + 1}, 8 * HOUR_MS, PermitState.OVERSTAYED),
        ({"in_ms": NOW_MS + 1, "out_ms": NOW_MS + 9 * HOUR_MS}, 9 * HOUR_MS, PermitState.OVER),
        ({"in_ms": NOW_MS + 1, "ended_ms": NOW_MS + 2}, HOUR_MS, PermitState.OVERSTAYED),
        ({"ended_ms": NOW_MS + 2}, HOUR_MS, PermitState.ENDED),
        ({"clock_ms": HOUR_MS, "used_ms": NOW_MS}, HOUR_MS, PermitState.OVER),
        ({"clock_ms": HOUR_MS}, HOUR_MS, PermitState.VALID),
    ],
)
def test_state_follows_from_what_happened(changes: dict[str, int], after_ms: int, state: PermitState) -> None:
    assert structs.replace(GUEST, **changes).state(NOW_MS + after_ms) is state


def test_every_state_has_its_turns() -> None:
    assert STATES.keys() == set(PermitState)
    assert {after for turns in STATES.values() for after in turns.values()} | {PermitState.DRAWN} == set(PermitState)


@given(maybe, maybe, maybe, maybe, st.sampled_from([0, HOUR_MS]), st.integers(NOW_MS - DAY_MS, NOW_MS + 2 * DAY_MS))
def test_permit_counts_only_in_open_states(
    in_ms: int | None, out_ms: int | None, ended_ms: int | None, used_ms: int | None, clock_ms: int, now_ms: int
) -> None:
    """In whatever order passages are told, a permit that does not count is in no state in which it would."""
    permit = structs.replace(GUEST, in_ms=in_ms, out_ms=out_ms, ended_ms=ended_ms, used_ms=used_ms, clock_ms=clock_ms)
    from_ms, until_ms = permit.window
    is_open = permit.state(now_ms) in OPEN_STATES
    if until_ms > from_ms and (ended_ms is None or ended_ms <= now_ms):
        assert is_open == permit.counts_at(now_ms)
    assert permit.window[1] <= GUEST.until_ms


@given(
    st.lists(st.tuples(st.integers(0, DAY_MS), st.sampled_from(["in", "out"]), st.booleans()), max_size=8),
    st.integers(0, 3),
)
def test_passages_never_lengthen_a_permit(passed: list[tuple[int, str, bool]], uses: int) -> None:
    permit, counted = structs.replace(GUEST, uses=uses, clock_ms=2 * HOUR_MS), 0
    for at, direction, at_gate in passed:
        before = permit
        passage = Passing(NOW_MS + at, direction, at_gate, counted)
        permit = structs.replace(permit, **after_passage(permit, passage))
        counted += at_gate and direction == "in"
        assert permit.window[1] <= before.window[1]
        assert (permit.gates_until_ms is not None) == bool(uses and counted >= uses)


def test_gate_stays_open_after_the_last_use() -> None:
    permit = structs.replace(GUEST, uses=2)
    assert "gates_until_ms" not in after_passage(permit, Passing(NOW_MS, "in", True))
    changes = after_passage(permit, Passing(NOW_MS, "in", True, uses=1))
    assert changes == {"in_ms": NOW_MS, "used_ms": NOW_MS, "gates_until_ms": NOW_MS + GATES_STAY_MS}


def test_inner_door_uses_nothing_and_leads_nowhere_out() -> None:
    permit = structs.replace(GUEST, uses=1)
    assert after_passage(permit, Passing(NOW_MS, "in", False)) == {"in_ms": NOW_MS}
    assert after_passage(permit, Passing(NOW_MS, "out", False)) == {}


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"until_ms": NOW_MS}, PermitRefusal.ENDS_EARLY),
        ({"until_ms": NOW_MS - 1, "from_ms": NOW_MS - 2}, PermitRefusal.IS_PAST),
        ({"until_ms": NOW_MS + 8 * DAY_MS}, PermitRefusal.TOO_LONG),
        ({"from_ms": NOW_MS + 400 * DAY_MS, "until_ms": NOW_MS + 401 * DAY_MS}, PermitRefusal.TOO_FAR),
        ({"headcount": 0}, PermitRefusal.NOBODY),
        ({"headcount": 21}, PermitRefusal.TOO_MANY),
        ({"flat": ""}, PermitRefusal.NO_FLAT),
        ({"kind": PermitKind.VAN}, PermitRefusal.NO_PLATE),
        ({"kind": PermitKind.GOODS}, PermitRefusal.NO_GOODS),
    ],
)
def test_wrong_permit_is_refused(changes: dict[str, object], refusal: PermitRefusal) -> None:
    assert refusal_of(structs.replace(GUEST, **changes), (), NOW_MS) is refusal
    assert refusal_of(GUEST, ("code", "token", "plate", "card"), NOW_MS) is None


def test_goods_slip_owns_no_credential() -> None:
    slip = structs.replace(GUEST, kind=PermitKind.GOODS, goods="a sofa")
    assert refusal_of(slip, (), NOW_MS) is None
    assert refusal_of(slip, ("code",), NOW_MS) is PermitRefusal.NOT_ITS_OWN


def test_guesses_of_a_day_succeed_once_in_hundred() -> None:
    guesses = 74
    for live in (0, 99, 100, 999, 1_000, 9_999):
        digits = code_digits(live)
        assert digits is not None and digits in range(6, 9)
        assert guesses * (live + 1) <= 10**digits / 100
    assert code_digits(10_000) is None


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        (datetime(2027, 3, 28, tzinfo=BERLIN), BERLIN, 23),
        (datetime(2027, 10, 31, tzinfo=BERLIN), BERLIN, 25),
        (datetime(2028, 2, 29, tzinfo=SHANGHAI), SHANGHAI, 24),
        (datetime(2028, 2, 28, 23, 59, tzinfo=SHANGHAI), SHANGHAI, 1 / 60),
    ],
)
def test_guest_stays_until_midnight(day: datetime, zone: ZoneInfo, hours: float) -> None:
    """Of a day that has 23 or 25 hours, and of the 29 February."""
    from_ms = int(day.timestamp()) * 1000
    until_ms = usual_end(KINDS[PermitKind.GUEST], from_ms, zone)
    assert until_ms - from_ms == hours * HOUR_MS
    day_permit = structs.replace(GUEST, kind=PermitKind.WALK_IN, from_ms=from_ms, until_ms=until_ms)
    assert refusal_of(day_permit, (), from_ms) is None


def test_kinds_are_rows_that_can_be_drawn() -> None:
    assert KINDS.keys() == set(PermitKind)
    for rule, turn in product(KINDS.values(), Turn):
        assert rule.usual_ms <= rule.most_ms and rule.most_people >= 1 and turn
        assert rule.late_ms <= HOUR_MS and rule.early_ms <= HOUR_MS and rule.clock_ms % MINUTE_MS == 0
