"""Who was inside when it began: the newest passage of each decides, and whoever leaves later stays on the list."""

from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.emergencies.rule import Inside, Movement, Pass, inside, most_inside
from contract.occupancy import CAME_IN, UNSEEN, Moved

ANNA, BEN, CARL = (bytes([number]) * 8 for number in (1, 2, 3))
BEGAN_MS = 100


def went(holder: bytes, direction: Literal["in", "out"], at_ms: int) -> Pass:
    return Pass(holder, direction, at_ms)


def test_the_newest_passage_before_it_began_decides() -> None:
    passes = [
        went(ANNA, "in", 10),
        went(BEN, "in", 20),
        went(BEN, "out", 30),
        went(CARL, "in", 5),
        went(CARL, "in", 40),
    ]
    assert inside(passes, BEGAN_MS) == [Inside(ANNA, 10), Inside(CARL, 40)]


def test_who_leaves_after_it_began_is_on_the_list_as_gone_and_comes_last() -> None:
    passes = [went(ANNA, "in", 10), went(BEN, "in", 20), went(ANNA, "out", 110)]
    assert inside(passes, BEGAN_MS) == [Inside(BEN, 20), Inside(ANNA, 10, 110)]


def test_who_goes_in_after_it_began_has_to_be_accounted_for_too() -> None:
    passes = [went(ANNA, "in", 10), went(ANNA, "out", 110), went(ANNA, "in", 120), went(BEN, "in", 130)]
    assert inside(passes, BEGAN_MS) == [Inside(ANNA, 120), Inside(BEN, 130)]


def test_news_that_comes_late_is_put_in_its_place() -> None:
    assert inside([went(ANNA, "out", 30), went(ANNA, "in", 10)], BEGAN_MS) == []
    assert inside([went(ANNA, "out", 30)], BEGAN_MS) == []


@settings(max_examples=100)
@given(
    st.lists(
        st.builds(Pass, st.sampled_from([ANNA, BEN, CARL]), st.sampled_from(["in", "out"]), st.integers(0, 200)),
        unique_by=lambda one: (one.holder, one.at_ms),
    )
)
def test_nobody_is_on_the_list_twice_or_without_having_gone_in(passes: list[Pass]) -> None:
    found = inside(passes, BEGAN_MS)
    assert len({one.holder for one in found}) == len(found)
    for one in found:
        assert Pass(one.holder, "in", one.in_ms) in passes
        assert one.out_ms is None or Pass(one.holder, "out", one.out_ms) in passes
        assert one.out_ms is None or one.out_ms >= BEGAN_MS


def moves(*several: Moved) -> list[Movement]:
    return [Movement(moved, at_ms) for at_ms, moved in enumerate(several)]


def test_unnamed_exits_bound_the_list() -> None:
    """Three came in, two went out by the free arm: at most one of the three is inside."""
    out, perhaps_out = Moved(-1, names_doubt=1), Moved(-1, 1, 1)
    assert most_inside(moves(CAME_IN, CAME_IN, CAME_IN, out, out)) == 1
    assert most_inside(reversed(moves(out, out, CAME_IN))) == 1, "who left before was not among them"
    assert most_inside(moves(CAME_IN, CAME_IN, perhaps_out)) == 2, "the door was opened, and nobody knows who left"
    assert most_inside(moves(UNSEEN, CAME_IN)) > 1_000
