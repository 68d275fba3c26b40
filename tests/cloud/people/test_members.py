"""What one person may hold: no plan twice at a time, and never more than doors can be told of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.people.members import MAX_HELD, MAX_OF_A_PLAN, Membership, Obstacle, obstacle, within_bounds
from contract.decide import DAY_MS, Standing

NOW_MS = 1_700_020_800_000
ENDED = NOW_MS - DAY_MS


def member(number: int, plan: str, from_ms: int, until_ms: int, standing: Standing = Standing.ACTIVE) -> Membership:
    return Membership(number, 1, plan, False, from_ms, until_ms, standing)


@pytest.mark.parametrize(
    ("plan", "window", "found"),
    [
        ("yearly", (100, 200), Obstacle.SAME_PLAN),
        ("yearly", (0, 0), Obstacle.SAME_PLAN),
        ("yearly", (0, 101), Obstacle.SAME_PLAN),
        ("yearly", (199, 0), Obstacle.SAME_PLAN),
        ("yearly", (200, 300), None),
        ("yearly", (0, 100), None),
        ("rider", (100, 200), None),
    ],
)
def test_same_plan_is_given_once_at_a_time(plan: str, window: tuple[int, int], found: Obstacle | None) -> None:
    """Windows are half-open, so the year that follows begins where this one ends."""
    assert obstacle([member(1, "yearly", 100, 200)], member(0, plan, *window), 0) is found
    assert obstacle([member(1, "yearly", 100, 200, Standing.SUSPENDED)], member(0, plan, *window), 0) is None


def test_memberships_of_a_person_are_bounded() -> None:
    to_come = [member(day, "yearly", NOW_MS + day, NOW_MS + day + 1) for day in range(1, MAX_OF_A_PLAN + 1)]
    new = member(0, "yearly", NOW_MS + 900, NOW_MS + 901)
    assert obstacle(to_come[1:], new, NOW_MS) is None
    assert obstacle(to_come, new, NOW_MS) is Obstacle.TOO_MANY
    ended = [member(day, "yearly", day, day + 1) for day in range(1, MAX_HELD + 1)]
    assert obstacle(ended[1:], new, NOW_MS) is None
    assert obstacle(ended, new, NOW_MS) is Obstacle.TOO_MANY


windows = st.tuples(st.integers(0, 6), st.integers(0, 6)).filter(lambda one: not one[1] or one[0] < one[1])


@given(one=windows, other=windows)
def test_windows_overlap_where_they_share_a_moment(one: tuple[int, int], other: tuple[int, int]) -> None:
    def holds(window: tuple[int, int], at: int) -> bool:
        return window[0] <= at and (not window[1] or at < window[1])

    shared = any(holds(one, at) and holds(other, at) for at in range(8))
    assert member(1, "rider", *one).overlaps(member(2, "rider", *other)) is shared


@given(ends=st.lists(st.integers(-3, 9), max_size=30))
def test_what_is_left_out_is_counted(ends: list[int]) -> None:
    held = [member(number, "rider", 0, NOW_MS + end * DAY_MS) for number, end in enumerate(ends)]
    kept, left_out = within_bounds(held, NOW_MS)
    assert len(kept) + left_out == len(ends)
    assert len(kept) == min(len(ends), MAX_OF_A_PLAN)
    running = sum(end > 0 for end in ends)
    assert sum(not one.has_ended(NOW_MS) for one in kept) == min(running, MAX_OF_A_PLAN)
