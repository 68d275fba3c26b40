"""The journal of a busy device on a slow disk, the power cut at every point of it, and what the next start must find.

What is judged is the shipped code from the recorder down: its flusher, its checkpoints, and how a file is opened.
"""

import asyncio
from asyncio import AbstractEventLoop, Future
from bisect import bisect_right
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from random import Random
from typing import NamedTuple, TypeVar, TypeVarTuple

from msgspec import Struct, field, structs

from contract.decide import Trust
from contract.events import decode_event, encode_event
from edge.journal.journal import Batch, Journal, JournalError
from edge.journal.recorder import IDLE_S, Recorder
from firmware_sim.disk.model import HONEST, PowerCut
from firmware_sim.disk.recorder import DiskRecorder, write_folder
from firmware_sim.time.clock import VirtualLoop, run_virtual

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

JOURNAL = "journal.db"
FLUSH_MEDIAN_S = 0.008
FLUSH_SIGMA = 0.9
"""A slow memory card: one flush in a hundred takes 65 ms."""
KEPT_ROWS = 60
"""So few that acknowledged rows are let go within a short life."""
ALL_ROWS = 100_000
BATCH_EVENTS, BATCH_BYTES = 50, 64 * 1024
BOOT, NEXT_BOOT = "b0070001", "b0070002"
FLUSHER = Executor()
"""Stands for the flusher's thread; it is never given work, for in virtual time there is none."""


class SlowDiskLoop(VirtualLoop):
    """Virtual time in which a flush takes a while, and the bytes are on the disk only at its end."""

    def __init__(self, disk: DiskRecorder, random: Random) -> None:
        super().__init__()
        self._disk, self._random = disk, random

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> Future[T]:
        if executor is FLUSHER:
            return self.create_task(self._slowly(partial(func, *args)))
        return super().run_in_executor(executor, func, *args)

    async def _slowly(self, flush: Callable[[], T]) -> T:
        with self._disk.syncs_take_time() as syncs:
            result = flush()
        await asyncio.sleep(FLUSH_MEDIAN_S * self._random.lognormvariate(0, FLUSH_SIGMA))
        self._disk.operations += syncs
        return result


class Promise(NamedTuple):
    """After so many operations on the disk, this was so of all rows up to ``seq``."""

    done: int
    seq: int


class JournalLife(Struct):
    """What a journal was given, and what was said of it meanwhile. ``rows`` are all that ever reached its file."""

    id: str
    rows: dict[int, bytes] = field(default_factory=dict)
    recorded: list[Promise] = field(default_factory=list)
    durable: list[Promise] = field(default_factory=list)
    sent: list[Promise] = field(default_factory=list)
    acked: list[Promise] = field(default_factory=list)
    unlogged: int = 0

    def events(self) -> set[bytes]:
        """The events without their numbers."""
        return {_unnumbered(stored) for stored in self.rows.values()}


class Finding(Struct):
    """What a start made of an image. ``lost`` counts the rows that were recorded, and are gone."""

    complaints: list[str] = field(default_factory=list)
    lost: int = 0
    set_aside: bool = False


class _Time:
    """What the rows say of their time."""

    boot = BOOT
    trust = Trust.SYNCED

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop

    def now_ms(self) -> int:
        return 1_800_000_000_000 + self.mono_ms()

    def mono_ms(self) -> int:
        return round(self._loop.time() * 1000)


class Gate:
    """A way that many people take at once, its recorder, and an uplink whose cloud is now and then out of reach."""

    def __init__(self, disk: DiskRecorder, journal: Journal, random: Random) -> None:
        self._disk, self._random, self._loop = disk, random, asyncio.get_running_loop()
        self.recorder = Recorder(journal, _Time(self._loop), self._loop, None, FLUSHER)
        self.recorder.on_durable = self._durable
        self.life = JournalLife(journal.id)
        self._sent = 0
        self._reading = False

    async def rush(self, people: int) -> None:
        """So many come through. Now and then there is a quiet moment, in which the journal is moved to its file."""
        for number in range(people):
            self._record("access.allowed", number)
            self._loop.call_later(0.4, self._record, "portal.passed", number)
            quiet = number % 20 == 19
            await asyncio.sleep(2 * IDLE_S if quiet else self._random.expovariate(1 / 0.5))

    def _record(self, kind: str, number: int) -> None:
        self.recorder.record("gym", kind, {"n": number})
        self.life.recorded.append(self._promise(self.recorder.last_seq))

    def _durable(self) -> None:
        self.life.durable.append(self._promise(self.recorder.durable))
        if not self._reading and self.recorder.durable > self._sent:
            batch = self.recorder.recent_batch(self._sent, BATCH_EVENTS, BATCH_BYTES)
            if batch is not None:
                self._send(batch)
                return
            self._reading = True
            self.recorder.batch(self._sent, BATCH_EVENTS, BATCH_BYTES).add_done_callback(self._have_read)

    def _have_read(self, read: "Future[Batch | None]") -> None:
        self._reading = False
        self._send(None if read.exception() else read.result())

    def _send(self, batch: Batch | None) -> None:
        if batch is not None:
            self._sent = batch.last
            self.life.rows.update(enumerate(batch.events, batch.first))
            self.life.sent.append(self._promise(batch.last))
            self._loop.call_later(self._random.choice([0.002, 0.02, 5.0]), self._acknowledge, batch.last)

    def _acknowledge(self, upto: int) -> None:
        self.recorder.acknowledge(upto)
        self.life.acked.append(self._promise(upto))

    def _promise(self, seq: int) -> Promise:
        return Promise(len(self._disk.operations), seq)


def live(disk: DiskRecorder, people: int, seed: str, *, make: Callable[..., Journal] = Journal) -> JournalLife:
    """The life of a journal in the folder of ``disk``, which ends with a power cut."""
    random = Random(seed)

    async def story() -> JournalLife:
        journal = make(disk.folder / JOURNAL, boot=BOOT, max_rows=KEPT_ROWS)
        gate = Gate(disk, journal, random)
        await gate.rush(people)
        await asyncio.sleep(60)
        gate.life.unlogged = gate.recorder.unlogged
        gate.life.rows |= {row.seq: row.stored for row in journal.tail(ALL_ROWS)}
        journal.close()
        return gate.life

    with asyncio.Runner(loop_factory=lambda: SlowDiskLoop(disk, random)) as runner:
        return runner.run(story())


def judge(power_cut: PowerCut, life: JournalLife, folder: Path) -> Finding:
    """Start from an image, and hold what is found against what was promised."""
    write_folder(power_cut.image, folder)
    finding = Finding()
    try:
        journal = Journal(folder / JOURNAL, boot=NEXT_BOOT)
    except JournalError as error:
        return Finding([f"the journal does not open: {error}"])
    finding.set_aside = journal.found.recovered is not None
    try:
        rows = {row.seq: row.stored for row in journal.tail(ALL_ROWS)}
        finding.lost = max(0, _upto(life.recorded, power_cut.done) - journal.last_seq)
        check = _honest if power_cut.cut in HONEST else _broken
        finding.complaints += check(power_cut, life, journal, rows)
        if finding.set_aside and not (folder / f"{JOURNAL}.damaged-1").exists():
            finding.complaints.append("the damaged file is not kept")
        finding.complaints += run_virtual(_goes_on(journal))
    except JournalError as error:
        finding.complaints.append(f"the journal was opened and is damaged: {error}")
        journal.close()
    return finding


def _honest(power_cut: PowerCut, life: JournalLife, journal: Journal, rows: dict[int, bytes]) -> Iterator[str]:
    """The disk kept its word: nothing may be lost that was called durable."""
    durable, sent, acked = (_upto(said, power_cut.done) for said in (life.durable, life.sent, life.acked))
    if journal.found.recovered is not None:
        yield f"a good file was taken for damaged: {journal.found.recovered.why}"
        return
    if durable and journal.id != life.id:
        yield f"a new journal was begun although {durable} rows were durable"
    if journal.last_seq < durable:
        yield f"rows {journal.last_seq + 1} to {durable} were durable and are lost"
    if journal.last_seq < sent:
        yield f"rows up to {sent} were sent and {journal.last_seq} is the last"
    if journal.base_seq > acked:
        yield f"rows up to {journal.base_seq} were let go and only {acked} were acknowledged"
    if any(life.rows.get(seq) != stored for seq, stored in rows.items()):
        yield "there are rows that nobody recorded"


def _broken(_power_cut: PowerCut, life: JournalLife, journal: Journal, rows: dict[int, bytes]) -> Iterator[str]:
    """The disk broke its word: rows may be gone, but none may be made up."""
    if journal.found.recovered is None:
        if any(life.rows.get(seq) != stored for seq, stored in rows.items()):
            yield "there are rows that nobody recorded"
        return
    if not {_unnumbered(stored) for stored in rows.values()} <= life.events():
        yield "there are carried rows that nobody recorded"


async def _goes_on(journal: Journal) -> list[str]:
    """Events so large that the file must grow, or use what it thinks is free; then the journal is closed."""
    loop = asyncio.get_running_loop()
    recorder = Recorder(journal, _Time(loop), loop, None, None)
    for _ in range(3):
        recorder.record("", "device.started", {"software": "x" * 1500})
    durable = await recorder.close(1.0)
    return [] if durable else [f"the journal cannot go on: {recorder.fault}"]


def _upto(promises: list[Promise], done: int) -> int:
    """The most that had been said when so many operations were done."""
    place = bisect_right(promises, done, key=lambda promise: promise.done)
    return max((promise.seq for promise in promises[:place]), default=0)


def _unnumbered(stored: bytes) -> bytes:
    return encode_event(structs.replace(decode_event(stored), seq=0))
