import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from contract.device_events import DeviceEvents
from contract.events import GAP, MAX_EVENT_BYTES, decode_event
from edge.journal.journal import Journal, JournalView
from edge.journal.recorder import IDLE_S, MAX_INSERT_ROWS, MAX_WAL_ROWS, RETRY_S, Recorder
from firmware_sim.time.clock import run_virtual
from tests.edge.support.journals import BOOT, FixedTime


class Bench:
    """A recorder on a real journal, in virtual time unless executors are given."""

    def __init__(self, path: Path, *, max_rows: int = 1000, max_pending: int = 2000, threads: int = 0) -> None:
        self.path = path
        self.clock = FixedTime()
        self.journal = Journal(path, boot=BOOT, max_rows=max_rows)
        self.loop = asyncio.get_running_loop()
        self.executors = [ThreadPoolExecutor(1) for _ in range(threads)]
        writer, flusher = self.executors or (None, None)
        self.recorder = Recorder(self.journal, self.clock, self.loop, writer, flusher, max_pending=max_pending)
        self.heard: list[str] = []

    def note(self, what: str) -> Callable[[], None]:
        return lambda: self.heard.append(what)

    def fill_the_disk(self) -> None:
        self.journal._connection.execute("PRAGMA max_page_count = 1")

    def make_room(self) -> None:
        self.journal._connection.execute("PRAGMA max_page_count = 1000000")

    async def close(self) -> None:
        await self.recorder.close(5.0)
        for executor in self.executors:
            executor.shutdown()

    def events(self) -> list[tuple[int, str, dict[str, Any]]]:
        """What is in the file."""
        with JournalView(self.path) as view:
            assert view.verify().broken == ""
            stored = [decode_event(row.stored) for row in view.tail(100_000)]
        return [(event.seq, event.kind, event.data) for event in stored]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def test_an_event_has_its_number_at_once_and_its_row_is_written_then_durable(path: Path) -> None:
    async def story() -> None:
        bench = Bench(path)
        assert [bench.recorder.record("gym", "access.allowed", {"n": n}) for n in (1, 2)] == [1, 2]
        bench.recorder.when_durable(2, bench.note("durable"))
        bench.recorder.when_written(2, bench.note("written"))
        assert (bench.recorder.written, bench.recorder.durable, bench.heard) == (0, 0, [])
        await asyncio.sleep(1)
        assert (bench.recorder.written, bench.recorder.durable) == (2, 2)
        assert bench.heard == ["written", "durable"]
        await bench.close()
        assert bench.events() == [(1, "access.allowed", {"n": 1}), (2, "access.allowed", {"n": 2})]

    run_virtual(story())


def test_who_asks_late_is_called_back_too_but_never_at_once(path: Path) -> None:
    async def story() -> None:
        bench = Bench(path)
        bench.recorder.record("gym", "access.allowed", {})
        await asyncio.sleep(1)
        bench.recorder.when_durable(1, bench.note("durable"))
        assert bench.heard == []
        await asyncio.sleep(0)
        assert bench.heard == ["durable"]
        await bench.close()

    run_virtual(story())


def test_a_callback_that_fails_holds_up_nobody_else(path: Path) -> None:
    async def story() -> None:
        bench = Bench(path)
        faults: list[BaseException] = []
        bench.loop.set_exception_handler(lambda _loop, context: faults.append(context["exception"]))
        bench.recorder.record("gym", "access.allowed", {})
        bench.recorder.when_written(1, lambda: 1 / 0)
        bench.recorder.when_written(1, bench.note("written"))
        await asyncio.sleep(1)
        assert bench.heard == ["written"]
        assert [type(fault) for fault in faults] == [ZeroDivisionError]
        await bench.close()

    run_virtual(story())


def test_with_real_threads_order_holds_and_all_becomes_durable(path: Path) -> None:
    async def story() -> None:
        bench = Bench(path, max_rows=10_000, threads=2)
        for n in range(3 * MAX_INSERT_ROWS):
            bench.recorder.record("gym", "access.allowed", {"n": n})
            if n % 100 == 0:
                await asyncio.sleep(0)
        assert await bench.recorder.close(10.0)
        assert bench.recorder.durable == 3 * MAX_INSERT_ROWS
        for executor in bench.executors:
            executor.shutdown()
        assert [data["n"] for _, _, data in bench.events()] == list(range(3 * MAX_INSERT_ROWS))

    asyncio.run(story())


def test_while_the_disk_is_full_rows_wait_in_order_and_are_tried_again(path: Path) -> None:
    async def story() -> None:
        bench = Bench(path)
        bench.fill_the_disk()
        for n in range(300):
            bench.recorder.record("gym", "access.allowed", {"n": n})
        await asyncio.sleep(10 * RETRY_S)
        assert bench.recorder.written < 300
        assert "full" in bench.recorder.fault
        bench.make_room()
        await asyncio.sleep(2 * RETRY_S)
        assert (bench.recorder.durable, bench.recorder.fault, bench.recorder.unlogged) == (300, "", 0)
        await bench.close()
        assert [data["n"] for _, _, data in bench.events()] == list(range(300))

    run_virtual(story())


def test_what_found_no_room_in_memory_is_counted_and_owned_up_to_without_a_hole(path: Path) -> None:
    async def story() -> None:
        bench = Bench(path, max_pending=300)
        bench.fill_the_disk()
        first_ms = bench.clock.at_ms
        taken = [bench.recorder.record("gym", "access.allowed", {"n": n}) for n in range(300)]
        assert None not in taken
        assert bench.recorder.record("gym", "access.allowed", {}) is None
        bench.clock.at_ms += 5000
        assert bench.recorder.record("gym", "access.allowed", {}) is None
        assert bench.recorder.unlogged == 2
        bench.make_room()
        await asyncio.sleep(2 * RETRY_S)
        assert bench.recorder.record("gym", "access.allowed", {"n": 300}) == 302
        await bench.close()
        rows = bench.events()
        assert rows[300] == (
            301,
            DeviceEvents.unlogged.kind,
            {"count": 2, "first_ms": first_ms, "last_ms": first_ms + 5000},
        )
        assert [seq for seq, _, _ in rows] == list(range(1, 303))

    run_virtual(story())


def test_a_full_journal_takes_the_newest_event_and_gives_up_the_oldest_of_the_lowest_grade(path: Path) -> None:
    async def story() -> None:
        bench = Bench(path, max_rows=10)
        kinds = ["access.allowed", "device.started"] * 6
        taken = [bench.recorder.record("gym", kind, {}) for kind in kinds]
        assert taken == list(range(1, 13))
        assert bench.recorder.filled == 1.2
        bench.recorder.when_written(12, bench.note("written"))
        await asyncio.sleep(1)
        assert bench.heard == ["written"]
        await bench.close()
        rows = bench.events()
        assert [(seq, data["first"]) for seq, kind, data in rows if kind == GAP] == [(2, 2), (4, 4)]
        assert [kind for seq, kind, _ in rows if seq > 4] == kinds[4:]

    run_virtual(story())


@pytest.mark.parametrize("threads", [0, 2])
def test_what_is_recorded_during_a_fork_goes_on_behind_what_was_carried(path: Path, threads: int) -> None:
    async def story() -> None:
        bench = Bench(path, threads=threads)
        known, forked = bench.recorder.journal_id, asyncio.Event()
        bench.recorder.on_forked = forked.set
        for number in range(1, 6):
            bench.recorder.record("gym", "access.allowed", {"n": number})
        settled = asyncio.Event()
        bench.recorder.when_durable(5, settled.set)
        await settled.wait()
        bench.recorder.acknowledge(3)
        bench.recorder.record("gym", "access.allowed", {"n": 6})
        bench.recorder.fork(2)
        bench.recorder.fork(1)
        late = bench.recorder.record("gym", "access.allowed", {"n": 7})
        assert late == 7
        durable = asyncio.Event()
        bench.recorder.when_durable(late, bench.note("durable"))
        bench.recorder.when_durable(late, durable.set)
        await forked.wait()
        bench.recorder.record("gym", "access.allowed", {"n": 8})
        await durable.wait()
        assert (bench.recorder.journal_id, bench.recorder.acked) == (bench.journal.id, 0)
        assert bench.recorder.last_seq == 7
        await bench.close()
        rows = bench.events()
        assert [seq for seq, _, _ in rows] == list(range(1, 8))
        assert [data["n"] for _, kind, data in rows if kind != DeviceEvents.forked.kind] == [3, 4, 5, 6, 7, 8]
        ((where, said),) = [(seq, data) for seq, kind, data in rows if kind == DeviceEvents.forked.kind]
        assert said == {"journal": known, "upto": 2, "carried": where - 1}

    (asyncio.run if threads else run_virtual)(story())


def test_a_fork_that_the_disk_refuses_is_said_and_the_journal_goes_on(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    async def story() -> None:
        bench = Bench(path)
        bench.recorder.record("gym", "access.allowed", {})
        await asyncio.sleep(1)
        with monkeypatch.context() as patch:
            patch.setattr("edge.journal.file._make_ready", full)
            bench.recorder.fork(0)
            await asyncio.sleep(0.1)
        assert "No space left" in bench.recorder.fault
        bench.recorder.record("gym", "access.allowed", {})
        await asyncio.sleep(RETRY_S + 1)
        assert (bench.recorder.fault, bench.recorder.durable) == ("", 2)
        await bench.close()

    run_virtual(story())


def test_a_fork_is_finished_as_soon_as_its_new_file_opens(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> None:
        raise OSError(5, "Input/output error")

    async def story() -> None:
        bench = Bench(path)
        for number in range(3):
            bench.recorder.record("gym", "access.allowed", {"n": number})
        await asyncio.sleep(1)
        with monkeypatch.context() as patch:
            patch.setattr("edge.machine.files.set_aside", failing)
            bench.recorder.fork(1)
            await asyncio.sleep(3 * RETRY_S)
            assert "cannot be opened" in bench.recorder.fault
            late = bench.recorder.record("gym", "access.allowed", {"n": 3})
            assert late == 4
            bench.recorder.when_durable(late, bench.note("durable"))
        await asyncio.sleep(IDLE_S)
        assert (bench.heard, bench.recorder.fault) == (["durable"], "")
        assert bench.recorder.seq_of(late) == bench.recorder.durable == 4
        await bench.close()
        assert [data["n"] for _, kind, data in bench.events() if kind != DeviceEvents.forked.kind] == [1, 2, 3]

    run_virtual(story())


def test_an_older_acknowledgement_changes_nothing(path: Path) -> None:
    async def story() -> None:
        bench = Bench(path)
        for _ in range(5):
            bench.recorder.record("gym", "access.allowed", {})
        await asyncio.sleep(1)
        bench.recorder.acknowledge(4)
        bench.recorder.acknowledge(2)
        await bench.close()
        assert bench.recorder.acked == bench.journal.acked == 4

    run_virtual(story())


def test_an_event_larger_than_the_contract_is_our_fault_and_leaves_no_gap(path: Path) -> None:
    async def story() -> None:
        bench = Bench(path)
        with pytest.raises(ValueError, match="more than"):
            bench.recorder.record("gym", "access.allowed", {"x": "x" * MAX_EVENT_BYTES})
        assert bench.recorder.record("gym", "access.allowed", {}) == 1
        await bench.close()
        assert len(bench.events()) == 1

    run_virtual(story())


def test_only_durable_rows_are_handed_out(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        bench = Bench(path, threads=2)
        disk_is_done = threading.Event()
        real = os.fdatasync

        def slow(descriptor: int) -> None:
            disk_is_done.wait(10)
            real(descriptor)

        monkeypatch.setattr(os, "fdatasync", slow)
        written, durable = asyncio.Event(), asyncio.Event()
        seq = bench.recorder.record("gym", "access.allowed", {})
        assert seq == 1
        bench.recorder.when_written(seq, written.set)
        bench.recorder.when_durable(seq, durable.set)
        await written.wait()
        assert await bench.recorder.batch(0, 500, 10_000) is None
        disk_is_done.set()
        await durable.wait()
        batch = await bench.recorder.batch(0, 500, 10_000)
        assert batch is not None
        assert batch.last == 1
        await bench.close()

    asyncio.run(story())


def test_after_a_failed_sync_only_the_table_file_is_believed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        bench = Bench(path)
        real = os.fdatasync
        fails = [True]

        def fdatasync(descriptor: int) -> None:
            if fails:
                fails.pop()
                raise OSError(5, "Input/output error")
            real(descriptor)

        checkpoints: list[int | None] = []
        checkpoint = bench.journal.checkpoint

        def counted() -> int | None:
            checkpoints.append(checkpoint())
            return checkpoints[-1]

        monkeypatch.setattr(bench.journal, "checkpoint", counted)
        monkeypatch.setattr(os, "fdatasync", fdatasync)
        bench.recorder.record("gym", "access.allowed", {})
        bench.recorder.when_durable(1, bench.note("durable"))
        await asyncio.sleep(1)
        assert checkpoints == [1]
        assert bench.heard == ["durable"]
        assert bench.recorder.fault == ""
        await bench.close()

    run_virtual(story())


def test_the_wal_is_moved_in_a_quiet_moment_or_when_it_has_grown(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        bench = Bench(path, max_rows=100_000)
        moved: list[float] = []
        checkpoint = bench.journal.checkpoint

        def noted() -> int | None:
            moved.append(bench.loop.time())
            return checkpoint()

        monkeypatch.setattr(bench.journal, "checkpoint", noted)
        bench.recorder.record("gym", "access.allowed", {})
        await asyncio.sleep(IDLE_S / 2)
        bench.recorder.record("gym", "access.allowed", {})
        await asyncio.sleep(2 * IDLE_S)
        assert moved == [pytest.approx(1.5 * IDLE_S)]
        for _ in range(MAX_WAL_ROWS + 1):
            bench.recorder.record("gym", "access.allowed", {})
            await asyncio.sleep(0.001)
        assert len(moved) == 2
        await bench.close()

    run_virtual(story())
