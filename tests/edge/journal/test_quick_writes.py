"""A few rows on a quick disk are inserted on the loop; on a slow one, or while the writer has work, by the writer."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar, TypeVarTuple

import pytest

from edge.journal.file import Row
from edge.journal.journal import CannotWrite, Journal
from edge.journal.recorder import IDLE_S, QUICK_ROWS, QUICK_S, RETRY_S, Recorder
from firmware_sim.disk.model import Sync
from firmware_sim.disk.recorder import DiskRecorder
from firmware_sim.time.clock import VirtualLoop
from tests.edge.support.journals import BOOT, FixedTime
from tests.firmware_sim.support.memory_disk import memory_disk

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
WRITER = Executor()


class WriterLoop(VirtualLoop):
    """Counts the jobs of the writer; each takes a tenth of a second. The time may pass within a callback, too."""

    jobs = 0

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> "asyncio.Future[T]":
        async def slowly() -> T:
            self.jobs += 1
            await asyncio.sleep(0.1)
            return func(*args)

        return self.create_task(slowly()) if executor is WRITER else super().run_in_executor(executor, func, *args)

    def pass_time(self, seconds: float) -> None:
        self._now += seconds


class Desk:
    """A recorder that has written its first row, which the writer always does."""

    def __init__(self, path: Path) -> None:
        self.loop = WriterLoop()
        self.journal = Journal(path, boot=BOOT)
        self.recorder = Recorder(self.journal, FixedTime(), self.loop, WRITER, None)
        self.record()
        self.wait(1)
        self.loop.jobs = 0

    def record(self, count: int = 1) -> None:
        for _ in range(count):
            self.recorder.record("gym", "access.allowed", {})

    def wait(self, seconds: float = 0.01) -> None:
        self.loop.run_until_complete(asyncio.sleep(seconds))

    def close(self) -> None:
        assert self.loop.run_until_complete(self.recorder.close(5.0))
        self.loop.close()


def test_quick_disk_takes_rows_on_the_loop(tmp_path: Path) -> None:
    with closing(Desk(tmp_path / "journal.db")) as desk:
        desk.record(QUICK_ROWS)
        assert desk.recorder.written == 1, "not at once: what is recorded in one turn is one transaction"
        desk.wait()
        desk.recorder.acknowledge(2)
        desk.wait()
        assert (desk.recorder.durable, desk.journal.acked, desk.loop.jobs) == (1 + QUICK_ROWS, 2, 0)


def test_many_rows_are_left_to_the_writer(tmp_path: Path) -> None:
    with closing(Desk(tmp_path / "journal.db")) as desk:
        desk.record(QUICK_ROWS + 1)
        desk.wait()
        assert (desk.recorder.written, desk.loop.jobs) == (1, 1)


def test_slow_disk_leaves_rows_to_the_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until it was quick again."""
    with closing(Desk(tmp_path / "journal.db")) as desk:
        insert, slow = desk.journal.insert, [2 * QUICK_S, 2 * QUICK_S, 0.0]

        def slowly(rows: list[Row]) -> None:
            desk.loop.pass_time(slow.pop(0) if slow else 0)
            insert(rows)

        monkeypatch.setattr(desk.journal, "insert", slowly)
        jobs = []
        for _ in range(4):
            desk.record()
            desk.wait(1)
            jobs.append(desk.loop.jobs)
        assert jobs == [0, 1, 2, 2]


def test_rows_wait_behind_what_the_writer_reads(tmp_path: Path) -> None:
    """Two threads in one connection would be one too many."""
    with closing(Desk(tmp_path / "journal.db")) as desk:
        desk.recorder.batch(0, 500, 10_000)
        desk.record()
        desk.wait()
        assert (desk.recorder.written, desk.loop.jobs) == (1, 2)
        desk.wait(1)
        assert desk.recorder.written == 2


def test_refused_rows_are_tried_again_by_the_writer(tmp_path: Path) -> None:
    """Whoever holds the file's lock has the loop wait for nothing."""
    with closing(Desk(tmp_path / "journal.db")) as desk:
        with closing(sqlite3.connect(desk.journal._path, isolation_level=None)) as stranger:
            stranger.execute("BEGIN IMMEDIATE")
            desk.record()
            desk.wait()
            assert "locked" in desk.recorder.fault
            assert desk.journal._connection.execute("PRAGMA busy_timeout").fetchone() == (0,)
        desk.wait(2 * RETRY_S)
        assert (desk.recorder.fault, desk.recorder.durable, desk.loop.jobs) == ("", 2, 1)


def test_writer_begins_a_wal_that_could_not_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> None:
        raise CannotWrite("disk I/O error")

    with closing(Desk(tmp_path / "journal.db")) as desk:
        monkeypatch.setattr(desk.journal, "begin_wal", fails)
        desk.wait(2 * IDLE_S)
        desk.loop.jobs = 0
        desk.record()
        desk.wait(1)
        assert (desk.recorder.fault, desk.recorder.durable, desk.loop.jobs) == ("", 2, 1)


def test_first_row_after_a_checkpoint_syncs_nothing() -> None:
    """SQLite syncs the first write to a WAL that was emptied, and that one has somebody wait at the door."""
    with memory_disk() as folder, DiskRecorder(folder) as disk, closing(Desk(folder / "journal.db")) as desk:
        desk.wait(2 * IDLE_S)
        written: list[Any] = []
        desk.recorder.when_written(2, lambda: written.extend(disk.operations))
        before = len(disk.operations)
        desk.record()
        desk.wait(0)
        desk.wait(0)
        assert len(written) > before
        assert not [done for done in written[before:] if isinstance(done, Sync)]
