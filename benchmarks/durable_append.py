"""One event made durable by the shipped `Recorder`, beside what the disk and SQLite ask for the same bytes.

Turn by turn: an event through recorder, writer and flusher until it is known to be durable; a plain append of as many
bytes as that added to the journal's WAL, with `fdatasync`; a bare SQLite insert of the same row, in WAL mode with
`synchronous = FULL`. Then bursts, in which one flush serves many events.
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from time import perf_counter_ns

from benchmarks._machine import describe, work_folder
from benchmarks._report import SPREAD, Spread, finish, show, spread
from benchmarks._senders import DATA
from edge.journal.journal import Journal
from edge.journal.recorder import Recorder
from edge.machine.clock import DeviceClock

APPENDS = 3_000
WARM_UP = 100
BURSTS, BURST = 20, 500
LAST_FLUSHES_S = 5.0
KIND = "access.allowed"
BADGE = {**DATA, "holder": "0011223344556677"}
"""What an allowed badge says."""


def open_bare(path: Path) -> sqlite3.Connection:
    bare = sqlite3.connect(path, isolation_level=None)
    bare.execute("PRAGMA journal_mode = WAL")
    bare.execute("PRAGMA synchronous = FULL")
    bare.execute("CREATE TABLE rows (seq INTEGER PRIMARY KEY, stored BLOB NOT NULL, link BLOB NOT NULL)")
    return bare


class Device:
    """A journal and its recorder as the agent runs them: one loop, one thread that writes, one that flushes."""

    def __init__(self, folder: Path, writer: ThreadPoolExecutor, flusher: ThreadPoolExecutor) -> None:
        clock, loop = DeviceClock(folder / "clock.json"), asyncio.get_running_loop()
        self.journal = Journal(folder / "journal.db", boot=clock.boot)
        self.recorder = Recorder(self.journal, clock, loop, writer, flusher)
        self._wal = folder / "journal.db-wal"

    async def append(self, count: int = 1) -> float:
        """Record so many events at once; the milliseconds until the last one is durable."""
        durable = asyncio.Event()
        began = perf_counter_ns()
        for _ in range(count):
            seq = self.recorder.record("gym-turnstile", KIND, BADGE)
        assert seq is not None
        self.recorder.when_durable(seq, durable.set)
        await durable.wait()
        return (perf_counter_ns() - began) / 1e6

    async def added_bytes(self) -> int:
        """What one event adds to the WAL: as many bytes as the disk's own append must write."""
        before = self._wal.stat().st_size
        await self.append()
        return self._wal.stat().st_size - before


def timed(act: Callable[[], object]) -> float:
    began = perf_counter_ns()
    act()
    return (perf_counter_ns() - began) / 1e6


async def measure(folder: Path) -> tuple[dict[str, Spread], int, int, list[float]]:
    with ThreadPoolExecutor(1) as writer, ThreadPoolExecutor(1) as flusher:
        device = Device(folder, writer, flusher)
        bare = open_bare(folder / "bare.db")
        plain = os.open(folder / "plain", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        await device.append()
        size = await device.added_bytes()
        (row,) = device.journal.tail(1)
        block = os.urandom(size)

        def append_plain() -> None:
            os.write(plain, block)
            os.fdatasync(plain)

        def insert_bare() -> None:
            bare.execute("INSERT INTO rows (stored, link) VALUES (?, ?)", (row.stored, row.link))

        took: dict[str, list[float]] = {"recorder": [], "write + fdatasync": [], "bare SQLite, WAL FULL": []}
        for number in range(WARM_UP + APPENDS):
            found = await device.append(), timed(append_plain), timed(insert_bare)
            if number >= WARM_UP:
                for samples, one in zip(took.values(), found, strict=True):
                    samples.append(one)
        bursts = [await device.append(BURST) for _ in range(BURSTS)]
        await device.recorder.close(LAST_FLUSHES_S)
        bare.close()
        os.close(plain)
        return {name: spread(samples) for name, samples in took.items()}, size, len(row.stored), bursts


def main() -> None:
    with work_folder() as name:
        folder = Path(name)
        found, size, event_bytes, bursts = asyncio.run(measure(folder))
        machine = describe(folder)
    disk, ours = found["write + fdatasync"], found["recorder"]
    burst_ms = median(bursts)
    show(
        f"One event of {event_bytes} bytes ({size} in the WAL) until it is durable, ms",
        ("way", *SPREAD, "p50 to the disk's"),
        [[name, *one.row(3), f"{one.p50 / disk.p50:.2f} ×"] for name, one in found.items()],
    )
    show(
        "Bursts",
        ("events at once", "durable after, ms (median)", "events/s"),
        [[str(BURST), f"{burst_ms:.1f}", f"{BURST / burst_ms * 1000:,.0f}"]],
    )
    finish(
        "durable_append",
        {
            "ms": {name: one.figures() for name, one in found.items()},
            "p50_to_disk": round(ours.p50 / disk.p50, 2),
            "wal_bytes": size,
            "p99_to_disk": round(ours.p99 / disk.p99, 2),
            "burst_events_per_s": round(BURST / burst_ms * 1000),
        },
        machine,
    )


if __name__ == "__main__":
    main()
