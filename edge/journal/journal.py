"""The journal: every event of a device, in order, in one append-only table that is also the outbox.

Which thread does what: the writer's thread (an executor of one) uses the connection, for inserts, reads and
checkpoints alike; while that has nothing to do, the loop may insert by itself. The flusher's thread never touches
SQLite: it notes the last row that was committed and syncs the WAL file, which makes that row and all before it durable.
In virtual time all three are one thread.
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path
from typing import Self

import msgspec
from msgspec import Struct, structs

from contract.events import CHAIN_START, Event, decode_event, encode_event, gap_event, read_gap
from edge.journal import file
from edge.journal.file import GAP_RANK, ChainVerdict, Recovery, Row
from edge.journal.overflow import KeptRows
from edge.machine import files
from edge.machine.mendable import Mendable

MAX_ROWS = 100_000
"""About 20 MB on disk, and some months of one busy door. The file never grows beyond what these rows and as many gaps
need: places that become free are used again. The oldest acknowledged rows go first, and only when a newer one needs the
place: a cloud that was restored from its backup gets them again."""
TRIM_ROWS = 500
"""Acknowledged rows that go at once, at most a tenth of all: not every new row shall cost another."""
MAX_SURPLUS_ROWS = 1000
"""Rows that one transaction gives up at most: twice as many as it ever adds."""

_RANKS = f"SELECT seq, {file.RANK} FROM rows ORDER BY seq"  # noqa: S608, of our own words


class JournalError(Mendable):
    """Something is wrong with the journal's file; the text names it and the cure."""


class JournalInUse(JournalError):
    """Another process has this journal open."""


class CannotWrite(JournalError):
    """The disk is full or failing. Nothing was changed; the rows may be tried again."""


class JournalDamaged(JournalError):
    """A row is missing or is not the row its link speaks of."""


class Batch(Struct, frozen=True):
    """Rows ``first`` to ``last`` in their stored bytes, between the links ``prev`` and ``tip``. ``gaps`` are those of
    the events that stand for rows that are gone."""

    first: int
    last: int
    prev: bytes
    tip: bytes
    events: list[bytes]
    gaps: list[bytes]


class JournalState(Struct, frozen=True):
    """In what state the file was when it was opened. ``unclean``: the last run did not close it; ``power_cut``: nor did
    the machine go on running since. ``last_seq`` is the last row that survived."""

    last_seq: int
    unclean: bool
    power_cut: bool
    recovered: Recovery | None


class JournalView:
    """A look at a journal, also while another process writes it. Raises ``JournalError`` whenever it cannot be read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._reading(), ExitStack() as failed:
            self._connection = failed.enter_context(closing(files.open_database(path, read_only=True)))
            self._load()
            failed.pop_all()

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, msgspec.ValidationError) as error:
            raise JournalError(f"journal {self._path} cannot be read: {error}") from None

    def _load(self) -> file.Meta:
        meta = file.read_meta(self._connection)
        self.id, self.acked = meta.id, meta.acked
        self.base_seq, self._base_link = meta.base_seq, meta.base_link
        newest = next(file.read_rows(self._connection, file.LATEST, 1), None)
        self.last_seq = newest.seq if newest else meta.base_seq
        self.tip = newest.link if newest else meta.base_link
        return meta

    def batch(self, after_seq: int, upto: int, max_events: int, max_bytes: int) -> Batch | None:
        """The rows behind ``after_seq``, up to ``upto``, that fit, at least one; None if there is none.

        Where rows behind ``after_seq`` were let go, it begins with a gap from the first row of all; it begins earlier
        than asked if ``after_seq`` is within a gap. Raises ``JournalDamaged`` if a row is not the one that was written.
        """
        with self._reading():
            return self._batch(after_seq, upto, max_events, max_bytes)

    def _batch(self, after_seq: int, upto: int, max_events: int, max_bytes: int) -> Batch | None:
        before, prev = self._place(after_seq)
        last, tip = before, prev
        events: list[bytes] = []
        gaps: list[bytes] = []
        size = 0
        if after_seq < self.base_seq:
            events, gaps, before, prev = [self._let_go], [self._let_go], 0, CHAIN_START
            size = len(self._let_go)
        rows = file.read_rows(self._connection, file.BETWEEN, last, upto, max_events - len(events))
        for row in file.fitting(rows, max_bytes, size):
            if not file.follows(row, last, tip):
                raise JournalDamaged(f"journal row {row.seq} does not follow row {last}")
            last, tip = row.seq, row.link
            events.append(row.stored)
            if row.rank == GAP_RANK:
                gaps.append(row.stored)
        return Batch(before + 1, last, prev, tip, events, gaps) if events else None

    @property
    def _let_go(self) -> bytes:
        """What stands for all rows up to the base. It tells the time of the first row that is left."""
        first = next(file.read_rows(self._connection, file.AFTER, self.base_seq), None)
        if first is None:
            raise JournalDamaged(f"journal row {self.base_seq + 1} is missing")
        event = structs.replace(decode_event(first.stored), seq=self.base_seq)
        return encode_event(gap_event(event, 1, self._base_link, "let_go"))

    def tail(self, count: int) -> list[Row]:
        """The last rows, oldest first."""
        with self._reading():
            return list(file.read_rows(self._connection, file.LATEST, count))[::-1]

    def verify(self) -> ChainVerdict:
        """Walk the whole chain."""
        with self._reading():
            return file.walk(self._connection, self.base_seq, self._base_link)

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _place(self, seq: int) -> tuple[int, bytes]:
        """The last row at or before ``seq``, or the base, and its link. Before ``seq`` it is only within a gap."""
        if seq <= self.base_seq:
            return self.base_seq, self._base_link
        row = next(file.read_rows(self._connection, file.UPTO, seq), None)
        return (row.seq, row.link) if row else (self.base_seq, self._base_link)


class Journal(JournalView):
    """The one writer of a journal file, made if it is not there. Of events it keeps ``max_rows``.

    ``boot`` names this run of the machine. A damaged file is replaced by a new journal that carries the rows not known
    to be acknowledged; ``found`` says so. Raises ``JournalInUse``, and ``JournalError`` if the file cannot be opened.
    """

    def __init__(self, path: Path, *, boot: str, max_rows: int = MAX_ROWS) -> None:
        self.max_rows = max_rows
        self._kept: KeptRows
        self._path = path
        self._boot = boot
        self._run_begun = self._is_forking = False
        self._wal_suspect = False
        self._wal = -1
        with files.errors_as(JournalError, f"journal {path} cannot be opened"), ExitStack() as failed:
            try:
                self._hold = files.FileLock(path)
            except files.InUse as error:
                raise JournalInUse(f"journal {error}") from None
            failed.callback(self._hold.release)
            self._open()
            failed.pop_all()

    def insert(self, rows: Sequence[Row]) -> None:
        """Append rows that follow the last one, all or none. Writer's thread, or the loop while that is idle. Raises
        ``CannotWrite``, and waits for nobody's lock."""
        with self._writing(), files.transaction(self._connection):
            if not self._run_begun:
                self._connection.execute("UPDATE meta SET clean = 0, boot = ?, recovered = ''", (self._boot,))
            self._connection.executemany(file.INSERT, [structs.astuple(row) for row in rows])
            kept = self._kept.after([row.rank for row in rows])
            base = self._trim(kept)
            self._overflow(kept)
        self._run_begun = True
        self._kept = kept
        self.base_seq, self._base_link = base
        self.tip = rows[-1].link
        self.last_seq = rows[-1].seq

    def flush(self) -> int:
        """Make what was written durable; returns the last durable seq. Flusher's thread. Raises ``OSError``."""
        seq = self.last_seq
        try:
            os.fdatasync(self._wal)
        except OSError:
            self._wal_suspect = True
            raise
        return seq

    def acknowledge(self, upto: int) -> None:
        """Remember that the cloud holds all rows up to ``upto``. As ``insert``."""
        with self._writing():
            self._connection.execute("UPDATE meta SET acked = ?", (upto,))
        self.acked = upto

    def checkpoint(self) -> int | None:
        """Move the WAL into the table file and sync that: returns the last durable seq, or None if rows are left over.

        Writer's thread, when idle: it syncs. Raises ``CannotWrite``.
        """
        try:
            if self._wal_suspect:
                files.write_again(self._wal)
                self._wal_suspect = False
            busy, in_wal, moved = self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except (sqlite3.Error, OSError) as error:
            self._wal_suspect = True
            raise CannotWrite(f"journal {self._path}: {error}") from None
        return self.last_seq if not busy and in_wal == moved else None

    def begin_wal(self) -> None:
        """Write to the WAL that a checkpoint has emptied: SQLite syncs the first write to it, which is to be none that
        somebody waits for. Writer's thread. Raises ``CannotWrite``."""
        with self._writing():  # a value that is what it was is written all the same, other than in a row
            (version,) = self._connection.execute("PRAGMA user_version").fetchone()
            self._connection.execute(f"PRAGMA user_version = {version}")

    def fork(self, upto: int, forked: Event) -> None:
        """Go on in a new journal: it carries the rows behind ``upto`` under new numbers, and ``forked`` behind them.

        The old file is left beside it. Writer's thread, while nobody flushes. Raises ``CannotWrite``, or a plain
        ``JournalError`` if the new journal is made and cannot be opened: call again, for until then there is none.
        """
        if not self._is_forking:
            with self._writing():
                file.fork(self._connection, self._path, upto, forked)
            self._is_forking = True
            self._close_files()
        with files.errors_as(JournalError, f"journal {self._path} cannot be opened"):
            self._open()
        self._is_forking = False

    def close(self) -> None:
        """Close the file and mark it as closed. Writer's thread."""
        try:
            self._connection.execute("UPDATE meta SET clean = 1")
            self.checkpoint()
        except (sqlite3.Error, CannotWrite):
            pass  # a disk that takes nothing more: the next start finds an unclean end, which is the truth
        finally:
            self._close_files()
            self._hold.release()

    def _writing(self) -> AbstractContextManager[None]:
        return files.errors_as(CannotWrite, f"journal {self._path}")

    def _close_files(self) -> None:
        self._connection.close()
        wal, self._wal = self._wal, -1  # its number may soon be that of somebody else's file
        if wal >= 0:
            os.close(wal)

    def _open(self) -> None:
        file.finish_exchange(self._path)
        try:
            verdict = self._connect()
        except (sqlite3.DatabaseError, msgspec.DecodeError) as error:
            if isinstance(error, sqlite3.Error) and not files.is_damage(error):
                raise
            verdict = ChainVerdict(0, 0, CHAIN_START, str(error))
        if verdict.broken:
            file.recover(self._path, verdict.broken)
            self._connect()
        try:
            self._wal = self._synced_wal()
        except OSError:
            self._connection.close()
            raise
        self._wal_suspect = False

    def _synced_wal(self) -> int:
        """The open WAL. Rows of an earlier process may be in it and neither on the disk nor on their way to it: a sync
        of theirs may have failed. After a clean end it is empty."""
        files.sync_folder(self._path.parent)
        wal = os.open(f"{self._path}-wal", os.O_RDWR | os.O_CLOEXEC)
        try:
            files.write_again(wal)
        except OSError:
            os.close(wal)
            raise
        return wal

    def _connect(self) -> ChainVerdict:
        """Open the file and judge its rows; a file whose chain is broken is closed again."""
        self._connection = file.open_made(self._path)
        try:
            self._connection.execute("PRAGMA busy_timeout = 0")
            meta = self._load()
            recovered = msgspec.json.decode(meta.recovered, type=Recovery) if meta.recovered else None
            power_cut = not meta.clean and meta.boot != self._boot
            self.found = JournalState(self.last_seq, not meta.clean, power_cut, recovered)
            verdict = self._judge()
        except BaseException:
            self._connection.close()
            raise
        if verdict.broken:
            self._connection.close()
        else:
            self._kept = KeptRows.read(self.base_seq, self.last_seq, self._connection.execute(_RANKS))
        return verdict

    def _judge(self) -> ChainVerdict:
        """Whether the file may be gone on with: damage in a place that no row lies in would let no more rows in."""
        verdict = self.verify()
        if not verdict.broken and verdict.last < self.acked:
            return structs.replace(verdict, broken=f"row {self.acked} was acknowledged and is missing")
        if not verdict.broken:
            files.check_sound(self._connection)
        return verdict

    def _trim(self, kept: KeptRows) -> tuple[int, bytes]:
        """Let the oldest acknowledged rows go once there are too many; returns the new base of the chain."""
        base = self.base_seq, self._base_link
        surplus = self._surplus(kept)
        if surplus <= 0:
            return base
        lot = max(surplus, min(TRIM_ROWS, self.max_rows // 10))
        # The first row may be a gap that ends farther than that.
        (first,) = self._connection.execute("SELECT min(seq) FROM rows").fetchone()
        cut, link = self._place(min(self.acked, max(self.base_seq + lot, first)))
        if cut <= self.base_seq:
            return base
        self._connection.execute("DELETE FROM rows WHERE seq <= ?", (cut,))
        self._connection.execute("UPDATE meta SET base_seq = ?, base_link = ?", (cut, link))
        kept.trim(cut)
        return cut, link

    def _overflow(self, kept: KeptRows) -> None:
        """Give up rows that nobody acknowledged: only when no acknowledged one is left, and a gap says which."""
        surplus = self._surplus(kept)
        if surplus <= 0 or self._place(self.acked)[0] > kept.base:
            return
        for span in kept.give_up(surplus, self.acked):
            (last,) = file.read_rows(self._connection, file.ONE, span.last)
            before = next(file.read_rows(self._connection, file.ONE, span.first - 1), None)
            joined = read_gap(before.stored) if before else None
            first = joined.first if joined else span.first
            gap = encode_event(gap_event(decode_event(last.stored), first, last.link, "full"))
            self._connection.execute("DELETE FROM rows WHERE seq BETWEEN ? AND ?", (first, span.last))
            self._connection.execute(file.INSERT, (span.last, gap, last.link, GAP_RANK))

    def _surplus(self, kept: KeptRows) -> int:
        return min(kept.count - self.max_rows, MAX_SURPLUS_ROWS)
