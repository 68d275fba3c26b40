"""An uplink with its journal, a cloud and a link that loses what it is told to, in virtual time."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from random import Random
from typing import TypeVar, TypeVarTuple

from contract import codec
from contract.events import decode_event
from contract.messages import EventBatch
from edge.journal.journal import Journal
from edge.journal.recorder import Recorder
from edge.link.uplink import Uplink
from firmware_sim.time.clock import VirtualLoop
from tests.edge.support.clouds import (
    SYNC_KEY,
    Disagreement,
    HandLink,
    Ingest,
    channel_over,
)
from tests.edge.support.journals import BOOT, FixedTime, meddle

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Disk(Executor):
    """A disk whose flushes take their time."""

    flush_s = 0.0


class DiskLoop(VirtualLoop):
    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> "asyncio.Future[T]":
        async def slowly() -> T:
            if isinstance(executor, Disk):
                await asyncio.sleep(executor.flush_s)
            return func(*args)

        return self.create_task(slowly())


class AckTime:
    def __init__(self) -> None:
        self.seen: list[int] = []
        self.round_trips_ms: list[int] = []

    def saw_acknowledged(self, cloud_ms: int, round_trip_ms: int) -> bool:
        self.seen.append(cloud_ms)
        self.round_trips_ms.append(round_trip_ms)
        return True


class World:
    """A device with a real journal, a cloud, and a link that a test carries by hand.

    ``expected`` are the numbers of the events that must reach the cloud, in order: all but those a power cut took.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "journal.db"
        self.loop = DiskLoop()
        self.disk = Disk()
        self.link = HandLink()
        self.ingest = Ingest()
        self.going_down: list[bytes] = []
        self.time = AckTime()
        self.expected: list[tuple[int, int]] = []
        self.recorded = 0
        self.start()

    def start(self) -> None:
        self.journal = Journal(self.path, boot=BOOT, max_rows=10_000)
        self.on_disk = self.journal.last_seq
        for name in ("flush", "checkpoint"):
            setattr(self.journal, name, partial(self._noting, getattr(self.journal, name)))
        self.recorder = Recorder(self.journal, FixedTime(), self.loop, None, self.disk)
        self.uplink = Uplink(
            channel_over(self.link),
            self.recorder,
            self.time.saw_acknowledged,
            sync_key=SYNC_KEY,
            loop=self.loop,
            random=Random(1),
        )
        self.link.on_up = lambda connection: self.uplink.went_up()
        self.link.on_down = self.uplink.went_down

    def _noting(self, sync: Callable[[], int]) -> int:
        self.on_disk = max(self.on_disk, sync())
        return self.on_disk

    def record(self, count: int = 1) -> None:
        for _ in range(count):
            self.recorded += 1
            seq = self.recorder.record("gym", "access.allowed", {"n": self.recorded})
            assert seq is not None
            self.expected.append((seq, self.recorded))

    def wait(self, seconds: float = 0.01) -> None:
        self.loop.run_until_complete(asyncio.sleep(seconds))

    def restart(self) -> None:
        """The agent dies, and is started again: what was written is still there."""
        self._stop(self.recorder.written)

    def lose_power(self) -> None:
        """What was not on the disk is gone."""
        self._stop(self.on_disk)

    def _stop(self, surviving: int) -> None:
        acked = min(self.journal.acked, surviving)
        self.link.cut()
        self.uplink.close()
        self.loop.run_until_complete(self.recorder.close(0.0))
        meddle(self.path, f"DELETE FROM rows WHERE seq > {surviving}")
        meddle(self.path, f"UPDATE meta SET clean = 0, acked = {acked}")
        self.expected = [(seq, number) for seq, number in self.expected if seq <= surviving]
        self.start()

    def carry_up(self, index: int = 0, *, leave: bool = False) -> None:
        """One message reaches the cloud, and its answer is on the way."""
        message = self.link.going_up[index] if leave else self.link.going_up.pop(index)
        self.going_down.append(self.ingest.take(message))

    def carry_down(self, index: int = 0, *, leave: bool = False) -> None:
        self.uplink.acknowledged(self.going_down[index] if leave else self.going_down.pop(index), False)

    def carry_all(self) -> None:
        """Both ways, until nothing moves any more."""
        self.wait()
        while self.link.going_up or self.going_down:
            while self.link.going_up:
                self.carry_up()
            while self.going_down:
                self.carry_down()
            self.wait()

    def batches(self) -> list[EventBatch]:
        """What is on the way up."""
        return [codec.unpack(message.payload, EventBatch) for message in self.link.going_up]

    def spans(self) -> list[tuple[int, int]]:
        return [(batch.first, batch.last) for batch in self.batches()]

    def check(self) -> None:
        """Raises ``Disagreement`` unless all that the cloud has stands in the journal, in order, each event once."""
        in_journal = {row.seq: row.stored for row in self.journal.tail(100_000)}
        for (_, seq), stored in self.ingest.rows.items():
            if in_journal.get(seq) != stored:
                raise Disagreement(f"row {seq} is in the cloud, and not in the journal")
        stored_numbers = [decode_event(stored).data["n"] for _, stored in sorted(self.ingest.rows.items())]
        if stored_numbers != [number for _, number in self.expected][: len(stored_numbers)]:
            raise Disagreement(f"the cloud has events {stored_numbers}")

    def check_all_arrived(self) -> None:
        self.check()
        if len(self.ingest.rows) != len(self.expected):
            raise Disagreement(f"{len(self.expected)} events were kept, {len(self.ingest.rows)} are in the cloud")

    def close(self) -> None:
        self.uplink.close()
        self.loop.run_until_complete(self.recorder.close(1.0))
        self.loop.close()
