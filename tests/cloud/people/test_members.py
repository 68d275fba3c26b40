"""What one person may hold: no plan twice at a time, and never more than doors can be told of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.people.members import MAX_HELD, MAX_WINDOWS, Membership, Obstacle, Window, obstacle, windows
from contract.decide import DAY_MS, Standing

NOW_MS = 1_700_020_800_000


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
    assert obstacle([member(1, "yearly", 100, 200)], member(0, plan, *window)) is found
    assert obstacle([member(1, "yearly", 100, 200, Standing.SUSPENDED)], member(0, plan, *window)) is None


def test_memberships_of_a_person_are_bounded() -> None:
    new = member(0, "yearly", NOW_MS + 900, NOW_MS + 901)
    held = [member(day, "yearly", day, day + 1) for day in range(1, MAX_HELD + 1)]
    assert obstacle(held[1:], new) is None
    assert obstacle(held, new) is Obstacle.TOO_MANY


spans = st.tuples(st.integers(0, 6), st.integers(0, 6)).filter(lambda one: not one[1] or one[0] < one[1])


@given(one=spans, other=spans)
def test_windows_overlap_where_they_share_a_moment(one: tuple[int, int], other: tuple[int, int]) -> None:
    def holds(window: tuple[int, int], at: int) -> bool:
        return window[0] <= at and (not window[1] or at < window[1])

    shared = any(holds(one, at) and holds(other, at) for at in range(8))
    assert member(1, "rider", *one).overlaps(member(2, "rider", *other)) is shared


DAY_S = DAY_MS // 1000
NOW_S = NOW_MS // 1000


def told(*held: Membership, at_least: Standing = Standing.ACTIVE) -> list[tuple[int, int, Standing]]:
    """When devices are told that these hold, in days from now."""
    found, _ = windows(held, at_least, NOW_MS)
    return [((one.from_s - NOW_S) // DAY_S, (one.until_s - NOW_S) // DAY_S, one.standing) for one in found]


def days(start: int, end: int, standing: Standing = Standing.ACTIVE) -> Membership:
    return member(0, "yearly", NOW_MS + start * DAY_MS, NOW_MS + end * DAY_MS, standing)


def test_adjoining_windows_are_one() -> None:
    """Last year's, this year's and next year's membership are one row; a day between them makes two."""
    assert told(days(-9, 1), days(1, 5), days(3, 7)) == [(-9, 7, Standing.ACTIVE)]
    assert told(days(2, 5), days(-9, 1)) == [(-9, 1, Standing.ACTIVE), (2, 5, Standing.ACTIVE)]


def test_windows_of_other_standing_stay_apart() -> None:
    found = told(days(-9, 1), days(1, 5, Standing.SUSPENDED))
    assert found == [(-9, 1, Standing.ACTIVE), (1, 5, Standing.SUSPENDED)]
    assert told(days(-9, 1), days(1, 5, Standing.SUSPENDED), at_least=Standing.LOST) == [(-9, 5, Standing.LOST)]


def test_better_of_two_that_begin_together_stands() -> None:
    assert told(days(-1, 9, Standing.SUSPENDED), days(-1, 5)) == [(-1, 5, Standing.ACTIVE)]


def test_only_the_last_that_ended_is_told() -> None:
    assert told(*(days(-day, 1 - day) for day in range(1, 40, 3))) == [(-1, 0, Standing.ACTIVE)]


@given(st.lists(st.tuples(spans, st.sampled_from(Standing)), max_size=8))
def test_windows_hold_when_their_memberships_do(held: list[tuple[tuple[int, int], Standing]]) -> None:
    """At no moment is anybody let in who was not, or kept out who was; no two windows begin together."""
    of_plan = [member(0, "rider", from_s * 1000, until_s * 1000, standing) for (from_s, until_s), standing in held]
    found, left_out = windows(of_plan, Standing.ACTIVE, 0)
    assert left_out == 0
    assert len({one.from_s for one in found}) == len(found)
    for at in range(8):
        active = any(one.standing is Standing.ACTIVE and holds(one, at) for one in found)
        actives = [Window(*span, standing) for span, standing in held if standing is Standing.ACTIVE]
        assert active == any(holds(one, at) for one in actives)


def test_window_without_end_is_never_left_out() -> None:
    """As a home's, beside however many others of the same plan that begin before it."""
    home = member(0, "yearly", NOW_MS + 900 * DAY_MS, 0)
    others = [days(2 * number, 2 * number + 1) for number in range(1, MAX_WINDOWS + 1)]
    found, left_out = windows([*others, home], Standing.ACTIVE, NOW_MS)
    assert (found[-1].from_s, found[-1].until_s, left_out) == (home.from_ms // 1000, 0, 1)


def holds(window: Window, at_s: int) -> bool:
    return window.from_s <= at_s and (not window.until_s or at_s < window.until_s)


@given(running=st.integers(0, 2), to_come=st.integers(0, MAX_WINDOWS + 9))
def test_windows_beyond_the_bound_are_counted(running: int, to_come: int) -> None:
    """What runs comes first, then what begins soonest."""
    held = [days(-1 - 2 * number, 900 + 2 * number) for number in range(min(running, 1))]
    held += [days(1000 + 2 * number, 1001 + 2 * number) for number in range(to_come)]
    found, left_out = windows(held, Standing.ACTIVE, NOW_MS)
    assert len(found) + left_out == len(held)
    assert len(found) == min(len(held), MAX_WINDOWS)
    assert [one.from_s for one in found] == sorted(one.from_ms // 1000 for one in held)[: len(found)]
