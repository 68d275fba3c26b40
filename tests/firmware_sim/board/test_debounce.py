import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.board.debounce import EdgeDetector, Edges
from firmware_sim.time.clock import now_ns, run_virtual
from tests.firmware_sim.support.story import in_virtual_time

Change = tuple[bool, int]

changes = st.tuples(st.booleans(), st.lists(st.integers(1, 40), max_size=20)).map(
    lambda drawn: [
        ((position % 2 == 0) == drawn[0], sum(drawn[1][: position + 1]) * 1_000_000)
        for position in range(len(drawn[1]))
    ]
)


def expected(stream: list[Change], edges: Edges, debounce_ns: int) -> list[Change]:
    """lg's three rules, written down a second time, over the whole stream at once."""
    seen = [change for change in stream if edges == "both" or change[0] == (edges == "rising")]
    if debounce_ns == 0:
        return seen
    never = (True, 1 << 62)
    stands = [
        (level, at_ns + debounce_ns)
        for (level, at_ns), (_, next_ns) in pairwise([*seen, never])
        if next_ns - at_ns > debounce_ns
    ]
    if edges != "both":
        return stands
    return [stood for before, stood in pairwise([None, *stands]) if stood and (not before or before[0] != stood[0])]


async def reports(stream: list[Change], edges: Edges, debounce_ns: int) -> list[Change]:
    loop = asyncio.get_running_loop()
    heard: list[Change] = []
    detector = EdgeDetector(loop, edges, debounce_ns, lambda level, at_ns: heard.append((level, at_ns)))
    for level, at_ns in stream:
        await asyncio.sleep((at_ns - now_ns(loop)) / 1e9)
        detector.feed(level, now_ns(loop))
    await asyncio.sleep(1)
    return heard


@given(changes, st.sampled_from(["both", "rising", "falling"]), st.sampled_from([0, 5_000_000, 20_000_000]))
def test_edges_are_reported_as_lgpio_reports_them(stream: list[Change], edges: Edges, debounce_ns: int) -> None:
    assert run_virtual(reports(stream, edges, debounce_ns)) == expected(stream, edges, debounce_ns)


@given(changes, st.sampled_from(["both", "falling"]))
def test_timers_that_come_late_lose_no_edge_that_stood(stream: list[Change], edges: Edges) -> None:
    """In real time a change may be seen before the timer of the edge before it, which was due, has run."""

    async def all_at_once() -> list[Change]:
        heard: list[Change] = []
        loop = asyncio.get_running_loop()
        detector = EdgeDetector(loop, edges, 20_000_000, lambda level, at_ns: heard.append((level, at_ns)))
        for level, at_ns in stream:
            detector.feed(level, at_ns)
        await asyncio.sleep(10)
        return heard

    assert run_virtual(all_at_once()) == expected(stream, edges, 20_000_000)


@in_virtual_time
async def test_twenty_milliseconds_of_debounce_delay_an_exit_button_by_twenty_milliseconds() -> None:
    bouncing = [(False, 1_000_000), (True, 3_000_000), (False, 25_000_000)]
    assert await reports(bouncing, "both", 20_000_000) == [(True, 23_000_000), (False, 45_000_000)]


@in_virtual_time
async def test_a_cancelled_detector_reports_nothing_more() -> None:
    heard: list[bool] = []
    detector = EdgeDetector(asyncio.get_running_loop(), "both", 1_000_000, lambda level, at_ns: heard.append(level))
    detector.feed(True, 0)
    detector.cancel()
    await asyncio.sleep(1)
    assert heard == []


@pytest.mark.parametrize(("edges", "levels"), [("both", [True, False]), ("rising", [True]), ("falling", [False])])
@in_virtual_time
async def test_only_the_asked_for_edges_are_reported(edges: Edges, levels: list[bool]) -> None:
    assert [level for level, _ in await reports([(True, 1000), (False, 2000)], edges, 0)] == levels
