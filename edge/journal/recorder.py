"""The loop's side of the journal: an event gets its number and its link at once, then goes to the disk by itself.

``record`` never waits for a disk. While that is quick, a few rows are inserted in the loop's next turn; otherwise the
writer's executor inserts what has come together, one job at a time. The flusher's makes it durable. Both report back on
the loop, where alone the state of a recorder changes.
"""

from asyncio import AbstractEventLoop, Future, Handle, TimerHandle, wait
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from itertools import islice
from typing import Any, Protocol, TypeVar, TypeVarTuple

from contract.device_events import DeviceEvents
from contract.events import Event, chain, encode_event
from edge.journal.file import Row, numbered_anew, rank_of
from edge.journal.journal import Batch, CannotWrite, Journal, JournalError
from edge.journal.mark import Mark
from edge.journal.missed import MissedEvents
from edge.journal.recent import RecentRows
from edge.machine.clock import WallClock

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

MAX_PENDING = 2000
"""Rows kept in memory while the disk takes none: at most 4 MiB."""
MAX_INSERT_ROWS = 500
QUICK_ROWS, QUICK_S = 16, 0.001
"""As many rows are inserted on the loop, where the insert before took no longer: a hop to a thread and back takes as
long, and far longer on a busy machine."""
RETRY_S = 1.0
IDLE_S = 5.0
"""After this long without an event the WAL is moved into the table file."""
MAX_WAL_ROWS = 1000
"""Rows after which the WAL is moved even without a quiet moment: about 8 MiB of WAL."""


class EventClock(WallClock, Protocol):
    """What an event says of its time."""

    boot: str

    def mono_ms(self) -> int: ...


class Recorder:
    """Numbers events, chains them and has them written. Belongs to the loop.

    ``written``, ``durable`` and ``acked`` are the highest seq that got so far. ``fault`` is the disk's last complaint,
    empty when well.

    A fork gives rows new numbers. What ``record`` returns keeps its meaning all the same: until the first fork it is
    the event's seq, and ``_moved`` says by how much it is ahead of that from then on. ``seq_of`` tells the seq.
    """

    def __init__(
        self,
        journal: Journal,
        clock: EventClock,
        loop: AbstractEventLoop,
        writer: Executor | None,
        flusher: Executor | None,
        *,
        max_pending: int = MAX_PENDING,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._loop = loop
        self._writer = writer
        self._flusher = flusher
        self._max_pending = max_pending
        self.journal_id = journal.id
        self.last_seq = journal.last_seq
        self._waiting_since_ms = clock.mono_ms()
        self.acked = journal.acked
        self.fault = ""
        self.on_durable: Callable[[], object] = lambda: None
        """Called on the loop whenever more has become durable, so that the uplink sends it."""
        self.on_forked: Callable[[], object] = lambda: None
        """Called on the loop when another journal has taken the place of the one before."""
        self.is_persisting: Callable[[], bool] = lambda: False
        """Whether a point's document is being stored: its rows are not far ahead of it then, should the process die."""
        self._tip = journal.tip
        self._pending: deque[Row] = deque()
        self._recent = RecentRows(journal.tip)
        self._written = Mark(journal.last_seq, loop)
        self._durable = Mark(journal.last_seq, loop)
        self._missed = MissedEvents()
        self._writing = self._flushing = self._ack_waits = self._wal_suspect = self._closed = False
        self._is_quick = False
        self._writer_jobs = 0
        """What the writer's executor has not done yet, reads and checkpoints among it."""
        self._next_work: Handle | None = None
        self._moved = self._wal_rows = 0
        self._fork_behind: int | None = None
        self._retry: TimerHandle | None = None
        self._idle: TimerHandle | None = None

    @property
    def written(self) -> int:
        return self._written.seq - self._moved

    @property
    def durable(self) -> int:
        return self._durable.seq - self._moved

    @property
    def unlogged(self) -> int:
        """How many events were refused since the start because the disk took none."""
        return self._missed.total

    @property
    def pending(self) -> int:
        """Rows that are only in memory."""
        return len(self._pending)

    @property
    def waiting_ms(self) -> int:
        """How long some event or other has been waiting for its acknowledgement; 0 if none is."""
        return 0 if self.acked == self.last_seq else self._clock.mono_ms() - self._waiting_since_ms

    @property
    def filled(self) -> float:
        """How much of the journal waits for the cloud: beyond 1 rows are given up for newer ones."""
        return (self.last_seq - self.acked) / self._journal.max_rows

    def record(self, point: str, kind: str, data: dict[str, Any]) -> int | None:
        """Append an event; returns its number, or None if the disk takes none and it was counted as unlogged instead.

        Raises ``ValueError`` for an event larger than the contract allows.
        """
        self._record_missed_events()
        if not self._has_room():
            self._missed.note(self._clock.now_ms())
            return None
        return self._append(point, kind, data) + self._moved

    def seq_of(self, number: int) -> int:
        """The row, in the journal of today, of an event that ``record`` gave this number."""
        return number - self._moved

    def when_written(self, seq: int, callback: Callable[[], object]) -> None:
        """Call back, once and never at once, when the row is in the file: it survives the death of this process."""
        self._written.when(seq, callback)

    def when_durable(self, seq: int, callback: Callable[[], object]) -> None:
        """Call back, once and never at once, when the row is on the disk: it survives a power cut."""
        self._durable.when(seq, callback)

    def batch(
        self, after_seq: int, max_events: int, max_bytes: int, *, upto: int | None = None
    ) -> "Future[Batch | None]":
        """Durable rows behind ``after_seq``, read by the writer: up to ``upto``, unless that is within a gap. The
        future may fail with ``JournalError``."""
        durable = self.durable
        read = partial(self._journal.batch, after_seq, max_events=max_events, max_bytes=max_bytes)
        if upto is None or upto >= durable:
            return self._on_writer(partial(read, upto=durable))
        return self._on_writer(lambda: read(upto=upto) or read(upto=durable))

    def recent_batch(self, after_seq: int, max_events: int, max_bytes: int, *, upto: int | None = None) -> Batch | None:
        """The same from memory, at once; None if it must be read."""
        durable = self.durable
        return self._recent.batch(after_seq, durable if upto is None else min(upto, durable), max_events, max_bytes)

    def acknowledge(self, upto: int) -> None:
        """The cloud holds all rows up to ``upto``. Lower numbers than before are ignored."""
        if upto > self.acked:
            self.acked = upto
            self._recent.acknowledge(upto)
            self._ack_waits = True
            self._record_missed_events()
            self._work_soon()

    def fork(self, upto: int) -> None:
        """The cloud has another past behind row ``upto``: what is here behind it goes on in a journal of its own."""
        if self._fork_behind is None:
            self._fork_behind = upto
            self._work()

    async def close(self, limit_s: float) -> bool:
        """Close the journal once everything recorded is durable, or after ``limit_s``; returns whether it is."""
        settled: Future[None] = self._loop.create_future()
        self.when_durable(self.last_seq + self._moved, partial(settled.set_result, None))
        done, _ = await wait([settled], timeout=limit_s)
        self._closed = True
        for timer in (self._idle, self._retry):
            if timer is not None:
                timer.cancel()
        await self._loop.run_in_executor(self._flusher, int)  # a flush under way still needs the file
        await self._loop.run_in_executor(self._writer, self._journal.close)
        return bool(done)

    def _has_room(self) -> bool:
        return len(self._pending) < self._max_pending

    def _event(self, point: str, kind: str, data: dict[str, Any]) -> Event:
        clock = self._clock
        return Event(self.last_seq + 1, clock.now_ms(), clock.mono_ms(), clock.boot, clock.trust, point, kind, data)

    def _append(self, point: str, kind: str, data: dict[str, Any]) -> int:
        if self.acked == self.last_seq:
            self._waiting_since_ms = self._clock.mono_ms()
        seq = self.last_seq + 1
        stored = encode_event(self._event(point, kind, data))
        self._tip = chain(self._tip, stored)
        self.last_seq = seq
        row = Row(seq, stored, self._tip, rank_of(kind))
        self._pending.append(row)
        if self.filled > 1:  # any row may be given up now, and a gap is sent in its place
            self._recent = RecentRows(self._tip)
        else:
            self._recent.add(row)
        self._work_soon()
        return seq

    def _record_missed_events(self) -> None:
        """Events were refused and there is room again: record how many, before anything else."""
        if self._missed and self._has_room():
            self._append("", *self._missed.take().row)

    def _work_soon(self) -> None:
        """In a turn of its own: what is recorded in one turn is written at once."""
        if self._retry is None and self._next_work is None:
            self._next_work = self._loop.call_soon(self._work)

    def _on_writer(self, act: Callable[[*Ts], T], *arguments: *Ts) -> "Future[T]":
        self._writer_jobs += 1
        job = self._loop.run_in_executor(self._writer, act, *arguments)
        job.add_done_callback(self._have_done)
        return job

    def _have_done(self, _job: "Future[T]") -> None:
        self._writer_jobs -= 1

    def _work(self) -> None:
        """Write what waits, or give it to the writer as its next job, unless it has one."""
        self._retry = self._next_work = None
        rows = list(islice(self._pending, MAX_INSERT_ROWS))
        if self._closed or self._writing or not (rows or self._ack_waits or self._fork_behind is not None):
            return
        if self._fork_behind is not None:
            self._begin_fork(self._fork_behind)
            return
        self._ack_waits = False
        is_idle = not (self._writer_jobs or self.is_persisting())
        if self._is_quick and is_idle and len(rows) <= QUICK_ROWS:
            self._settle(rows, partial(self._write, rows, self.acked))
        else:
            self._writing = True
            self._on_writer(self._write, rows, self.acked).add_done_callback(partial(self._have_written, rows))

    def _begin_fork(self, upto: int) -> None:
        """Only when nobody flushes: numbers and files change under whoever does."""
        if self._flushing:
            return
        self._writing = True
        forked = self._event("", DeviceEvents.forked.kind, {})
        self._on_writer(self._journal.fork, upto, forked).add_done_callback(self._have_forked)

    def _have_forked(self, job: "Future[None]") -> None:
        """What was recorded in the meantime goes on behind what was carried over."""
        self._writing = False
        try:
            job.result()
        except CannotWrite as error:  # nothing was changed: the cloud will say again if it still wants the fork
            self._fork_behind = None
            self._try_again(error)
            self._flush()
            return
        except JournalError as error:  # the old journal is left, and the new one cannot be opened yet
            self._try_again(error)
            return
        self._fork_behind, self.fault = None, ""
        journal = self._journal
        self._moved = self._written.seq - journal.last_seq
        self._pending = deque(numbered_anew(self._pending, 0, journal.last_seq, journal.tip))
        newest = self._pending[-1] if self._pending else None
        self.last_seq, self._tip = (newest.seq, newest.link) if newest else (journal.last_seq, journal.tip)
        self.journal_id, self.acked, self._ack_waits = journal.id, 0, False
        self._wal_suspect = self._is_quick = False
        self._recent = RecentRows(self._tip)
        self.on_forked()
        self._advance_durable(journal.last_seq)
        self._work()

    def _write(self, rows: list[Row], acked: int) -> None:
        """On the writer's thread, or on the loop while that is idle."""
        began_s, self._is_quick = self._loop.time(), False
        if acked > self._journal.acked:
            self._journal.acknowledge(acked)
        if rows:
            self._journal.insert(rows)
        self._is_quick = self._loop.time() - began_s <= QUICK_S

    def _have_written(self, rows: list[Row], job: "Future[None]") -> None:
        self._writing = False
        self._settle(rows, job.result)

    def _settle(self, rows: list[Row], result: Callable[[], None]) -> None:
        try:
            result()
        except JournalError as error:
            self._try_again(error)
        else:
            self._wrote(rows)

    def _wrote(self, rows: list[Row]) -> None:
        for _ in rows:
            self._pending.popleft()
        if rows:
            self._wal_rows += len(rows)
            self._written.advance(rows[-1].seq + self._moved)
            self._loop.call_soon(self._flush)  # whoever waits for the row comes before a thread that wakes up
        if not self._wal_suspect:
            self.fault = ""
        self._record_missed_events()
        self._work()

    def _try_again(self, error: JournalError) -> None:
        self.fault = str(error)
        self._retry = self._loop.call_later(RETRY_S, self._work)

    def _flush(self) -> None:
        """Give the flusher its next job, unless it has one or the WAL is not to be trusted."""
        is_forking = self._fork_behind is not None  # which makes all that it carries durable
        if self._closed or self._flushing or self._wal_suspect or is_forking or self.durable >= self.written:
            return
        self._flushing = True
        self._loop.run_in_executor(self._flusher, self._journal.flush).add_done_callback(self._flushed)

    def _flushed(self, job: "Future[int]") -> None:
        self._flushing = False
        if self._fork_behind is not None:
            self._work()
        try:
            durable = job.result()
        except OSError as error:
            # The kernel may have dropped the pages it failed to write, so a later sync of the WAL proves nothing.
            self.fault = f"the journal cannot be made durable: {error.strerror}"
            self._wal_suspect = True
            self._checkpoint()
            return
        self._advance_durable(durable)
        self._flush()
        self._rest()

    def _advance_durable(self, seq: int) -> None:
        self._durable.advance(seq + self._moved)
        self.on_durable()

    def _rest(self) -> None:
        """Move the WAL into the table file in the next quiet moment, or now if it has grown long."""
        if self._idle is not None:
            self._idle.cancel()
        if self._closed:
            return
        wait_s = IDLE_S if self._wal_rows < MAX_WAL_ROWS else 0.0
        self._idle = self._loop.call_later(wait_s, self._checkpoint)

    def _checkpoint(self) -> None:
        self._idle = None
        self._wal_rows = 0
        self._on_writer(self._move_wal).add_done_callback(self._checkpointed)

    def _move_wal(self) -> int | None:
        """On the writer's thread."""
        durable = self._journal.checkpoint()
        if durable is not None:
            try:
                self._journal.begin_wal()
            except CannotWrite:
                self._is_quick = False  # the next write will do it, or say why not
        return durable

    def _checkpointed(self, job: "Future[int | None]") -> None:
        try:
            durable = job.result()
        except JournalError as error:
            self.fault = str(error)
            self._wal_suspect = True
            durable = None
        if durable is not None:
            self._wal_suspect = False
            if self._retry is None:
                self.fault = ""
            self._advance_durable(durable)
            self._flush()
        elif self._wal_suspect and not self._closed:
            self._idle = self._loop.call_later(RETRY_S, self._checkpoint)
