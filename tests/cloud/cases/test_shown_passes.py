"""One pass at two points: a case for a picture that was sent on, and none for whoever walks."""

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.cases.shown_passes import AHEAD_S, DRAWN_FOR_MS, KEPT_S, Times
from cloud.cases.tables import shown_passes
from contract.decide import DAY_MS, Trust
from tests.cloud.support.pages import words
from tests.cloud.support.town import NOW_MS, Town

EAST, GYM = "east-gate", "gym-turnstile"
PHONE = "ab" * 16
NOW_S = NOW_MS // 1000
MOMENTS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 120_000)), max_size=6)


def shows(town: Town, point: str, *, after_ms: int = 0, kind: str = "access.allowed", **more: Any) -> None:
    """Somebody shows the pass of one moment at a point."""
    said: dict[str, Any] = {"reason": "allowed", "credential": "phone", "digest": PHONE, "shown_s": NOW_S, **more}
    town.happens(kind, device=point, at_ms=NOW_MS + after_ms, **said)


def cases(town: Town) -> str:
    with town.visit("gate") as guard:
        return words(guard.get("/cases").text)


@pytest.mark.parametrize("order", [(EAST, GYM), (GYM, EAST)])
def test_picture_is_a_case_in_any_order(town: Town, order: tuple[str, str]) -> None:
    """A device that was cut off tells of it later; what counts is when each door saw it."""
    for point in order:
        shows(town, point, after_ms=0 if point == EAST else DRAWN_FOR_MS + 1)
    assert "One pass at two points" in cases(town)
    assert order[0] in cases(town)


def test_refused_picture_is_a_case_too(town: Town) -> None:
    shows(town, EAST)
    shows(town, GYM, after_ms=45_000, kind="access.refused", reason="no_entitlement")
    assert "One pass at two points" in cases(town)


def test_screen_at_the_next_door_is_none(town: Town) -> None:
    """Whoever walks on before the telephone draws its next pass shows the same one."""
    shows(town, EAST)
    shows(town, GYM, after_ms=DRAWN_FOR_MS)
    shows(town, EAST, after_ms=50_000)
    assert "No case is open." in cases(town)


def test_next_pass_of_the_phone_is_none(town: Town) -> None:
    shows(town, EAST)
    shows(town, GYM, after_ms=60_000, shown_s=NOW_S + 55)
    assert "No case is open." in cases(town)


def test_shared_pass_of_yesterday_is_late(town: Town) -> None:
    town.now_ms += DAY_MS
    shows(town, EAST)
    shows(town, GYM, after_ms=60_000)
    assert "reported late" in cases(town)


@pytest.mark.parametrize(
    "lie",
    [
        {"shown_s": "soon"},
        {"shown_s": -1},
        {"shown_s": 1 << 62},
        {"shown_s": NOW_S - KEPT_S - 1},
        {"shown_s": NOW_S + AHEAD_S + 1},
        {"digest": "not hex"},
        {"digest": "ab"},
        {"digest": ""},
    ],
)
def test_lie_about_a_pass_is_not_kept(town: Town, lie: dict[str, Any]) -> None:
    shows(town, EAST, **lie)
    shows(town, GYM, after_ms=60_000, **lie)
    with town.store.reading() as connection:
        assert connection.execute(shown_passes.select()).all() == []
    assert "No case is open." in cases(town)


def test_unset_clock_tells_nothing_of_passes(town: Town) -> None:
    said: dict[str, Any] = {"reason": "allowed", "credential": "phone", "digest": PHONE, "shown_s": NOW_S}
    town.happens("access.allowed", device=EAST, at_ms=1_000, clock=Trust.UNSET, **said)
    with town.store.reading() as connection:
        assert connection.execute(shown_passes.select()).all() == []


def test_passes_are_forgotten_after_a_week(town: Town) -> None:
    shows(town, EAST)
    town.now_ms += 8 * DAY_MS
    shows(town, GYM, after_ms=8 * DAY_MS, shown_s=NOW_S + 8 * DAY_MS // 1000)
    with town.store.reading() as connection:
        assert [row.point for row in connection.execute(shown_passes.select())] == [GYM]


@given(MOMENTS, st.randoms(use_true_random=False))
def test_order_of_showings_does_not_matter(showings: list[tuple[str, int]], random: Random) -> None:
    """Whether two of them are a picture follows from all of them, not from who told first."""
    shuffled = list(showings)
    random.shuffle(shuffled)
    any_far = any(
        a != b and abs(first_ms - other_ms) > DRAWN_FOR_MS for a, first_ms in showings for b, other_ms in showings
    )
    seen: dict[str, Times] = {}
    found = False
    for point, at_ms in shuffled:
        found |= any(times.are_far_from(at_ms) for other, times in seen.items() if other != point)
        seen[point] = seen.get(point, Times(at_ms, at_ms)).with_one(at_ms)
    assert found is any_far
