"""Rows in memory: what the file would give, or nothing."""

import asyncio
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.journal.journal import Journal
from edge.journal.recent import MAX_ROWS, RecentRows
from edge.journal.recorder import Recorder
from firmware_sim.time.clock import run_virtual
from tests.edge.support.journals import BOOT, KINDS, FixedTime, rows_after
from tests.firmware_sim.support.memory_disk import memory_disk

LIMITS = (500, 100_000), (3, 100_000), (500, 300), (500, 1)
"""Events and bytes of a batch."""


async def compare(recorder: Recorder, journal: Journal) -> int:
    """Ask memory and file for the same batches; returns how many of them memory had."""
    found = 0
    for after in range(max(0, recorder.last_seq - 20), recorder.last_seq + 1):
        for count, size in LIMITS:
            recent = recorder.recent_batch(after, count, size)
            if recent is not None:
                assert recent == journal.batch(after, recorder.durable, count, size)
                found += 1
    return found


async def live(path: Path, steps: list[tuple[str, int]]) -> None:
    recorder = Recorder(Journal(path, boot=BOOT, max_rows=10), FixedTime(), asyncio.get_running_loop(), None, None)
    journal = recorder._journal
    for step, number in steps:
        if step == "ack":
            recorder.acknowledge(min(recorder.durable, recorder.acked + number))
        elif step == "fork":
            recorder.fork(max(0, recorder.durable - number))
        else:
            for _ in range(number):
                recorder.record("gym", KINDS[step], {})
        await asyncio.sleep(0.01)
        await compare(recorder, journal)
    await recorder.close(1.0)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["w", "a", "v", "ack", "ack", "fork"]), st.integers(1, 8)), max_size=20))
def test_rows_in_memory_are_those_of_the_file(steps: list[tuple[str, int]]) -> None:
    """Also of a journal that is full, gives rows up, lets acknowledged ones go, and goes on in another."""
    with memory_disk() as folder:
        run_virtual(live(folder / "journal.db", steps))


def test_recorder_has_its_newest_rows_at_hand(tmp_path: Path) -> None:
    async def story() -> None:
        journal = Journal(tmp_path / "journal.db", boot=BOOT)
        recorder = Recorder(journal, FixedTime(), asyncio.get_running_loop(), None, None)
        for _ in range(5):
            recorder.record("gym", "access.allowed", {})
        assert recorder.recent_batch(0, 500, 10_000) is None, "nothing is durable yet"
        await asyncio.sleep(0.01)
        assert await compare(recorder, journal) == 5 * len(LIMITS)
        bounded = recorder.recent_batch(0, 500, 10_000, upto=3)
        assert bounded is not None
        assert bounded.last == 3
        recorder.acknowledge(3)
        assert recorder.recent_batch(2, 500, 10_000) is None
        assert recorder.recent_batch(3, 500, 10_000) is not None
        await recorder.close(1.0)

    run_virtual(story())


def test_memory_for_rows_is_bounded() -> None:
    rows = rows_after(0, bytes(32), MAX_ROWS + 2)
    recent = RecentRows(bytes(32))
    for row in rows:
        recent.add(row)
    assert recent.batch(1, len(rows), 500, 100_000) is None
    batch = recent.batch(2, len(rows), 500, 100_000)
    assert batch is not None
    assert (batch.first, batch.last, batch.prev) == (3, MAX_ROWS + 2, rows[1].link)
