"""What a device must still know after a restart, and is no event: commands it has begun, documents it was told, what
its points keep, and what their sessions have used.

One SQLite file. A commit is on the disk when it returns, because what follows it moves a lock: a command is written
here before it is carried out, so that it is carried out once. All of this blocks; the loop hands it to an executor of
one, and reads once, at the start.
"""

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import wraps
from pathlib import Path
from typing import Concatenate, NamedTuple, ParamSpec, TypeVar

import msgspec

from contract.schedules import MINUTES_PER_DAY
from edge.machine import files
from edge.machine.mendable import Mendable
from edge.memory.loans import FOREVER, Loan
from edge.memory.spent import KEPT_DAYS, LOST, NOBODY, UNDATED, Spent

P = ParamSpec("P")
R = TypeVar("R")

MAX_COMMANDS = 1_000
COMMANDS_LAST_MS = 7 * 24 * 3_600_000
"""How many commands are remembered, and for how long. Older ones are refused by their time of issue."""

_COMMANDS = "SELECT id, op, started_ms, issued_ms, result FROM commands ORDER BY rowid"
_BEGIN = "INSERT INTO commands (id, op, started_ms, issued_ms) VALUES (?, ?, ?, ?)"
_SURPLUS = "SELECT rowid, CAST(issued_ms AS INTEGER) FROM commands ORDER BY rowid DESC LIMIT -1 OFFSET ?"
_EXPIRED = "SELECT rowid, CAST(issued_ms AS INTEGER) FROM commands WHERE started_ms < ?"
_STORE = "INSERT INTO kept (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
_POINTS = "SELECT point, document, boot, mono_ms, at_ms FROM points"
_STORE_POINT = "INSERT OR REPLACE INTO points (point, document, boot, mono_ms, at_ms) VALUES (?, ?, ?, ?, ?)"
_SPENT = "SELECT session, unit, holder, allotment, minute, amount FROM uses"
_SPEND = "INSERT OR REPLACE INTO uses (session, unit, holder, allotment, minute, amount) VALUES (?, ?, ?, ?, ?, ?)"
_DATE = "UPDATE uses SET minute = :minute WHERE minute = :undated OR minute >= :too_late"
_FORGET_USES = "DELETE FROM uses WHERE minute <> ? AND minute < ?"
_LOANS = "SELECT holder, allotment, unit, period, last_day, number, allowance, closed, known, folded FROM loans"
_STORE_LOAN = (
    "INSERT OR REPLACE INTO loans "
    "(holder, allotment, unit, period, last_day, number, allowance, closed, known, folded) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_FORGET_LOANS = "DELETE FROM loans WHERE last_day <> ? AND last_day < ?"

FORGOTTEN = "commands.forgotten_ms"


class MemoryUnusable(Mendable):
    """The file cannot be opened or takes nothing; the text names it and says why."""


class StoredCommand(NamedTuple):
    """A command that was begun. ``result`` is what was answered, None if the device stopped before it was clear."""

    id: str
    op: str
    started_ms: int
    issued_ms: int
    result: bytes | None


class StoredPoint(NamedTuple):
    """What a point keeps, and when that was by the clocks of its device; ``at_ms`` is None if the clock was unset."""

    point: str
    document: bytes
    boot: str
    mono_ms: int
    at_ms: int | None

    def age_ms(self, boot: str, mono_ms: int, at_ms: int | None) -> int | None:
        """How long ago that was, seen from another moment by the same clocks; None if nobody knows."""
        if boot == self.boot:
            return max(0, mono_ms - self.mono_ms)
        return None if at_ms is None or self.at_ms is None else max(0, at_ms - self.at_ms)


def _errors_as_unusable(act: Callable[Concatenate["Memory", P], R]) -> Callable[Concatenate["Memory", P], R]:
    """Something that a memory does: what SQLite raises in it is told as ``MemoryUnusable``."""

    @wraps(act)
    def act_or_raise(memory: "Memory", /, *args: P.args, **kwargs: P.kwargs) -> R:
        with files.errors_as(MemoryUnusable, memory.path):
            return act(memory, *args, **kwargs)

    return act_or_raise


class Memory:
    """The memory of one device. A damaged file is renamed to ``set_aside`` and begun anew. Raises ``MemoryUnusable``,
    or ``InUse`` if another agent has it."""

    def __init__(self, path: Path) -> None:
        self.set_aside: Path | None = None
        self.path = path
        with files.errors_as(MemoryUnusable, f"{path} cannot be opened"), ExitStack() as failed:
            self._hold = files.FileLock(path)
            failed.callback(self._hold.release)
            self._connection = self._opened()
            failed.pop_all()

    @_errors_as_unusable
    def commands(self) -> list[StoredCommand]:
        """All that are remembered, the oldest first."""
        return _rows(self._connection, _COMMANDS, StoredCommand)

    @_errors_as_unusable
    def begin(self, command: StoredCommand) -> int:
        """Remember that this command is about to be carried out; returns the newest time of issue (UTC ms) of those
        that were forgotten to make room, now or ever. Raises ``MemoryUnusable``."""
        with files.transaction(self._connection):
            self._connection.execute(_BEGIN, command[:4])
            forgotten = {
                *self._connection.execute(_SURPLUS, (MAX_COMMANDS,)),
                *self._connection.execute(_EXPIRED, (command.started_ms - COMMANDS_LAST_MS,)),
            }
            newest_ms: int = max([_forgotten_ms(self._connection), *(issued_ms for _, issued_ms in forgotten)])
            self._connection.executemany("DELETE FROM commands WHERE rowid = ?", [(row,) for row, _ in forgotten])
            if forgotten:
                self._keep_forgotten(newest_ms)
            return newest_ms

    @_errors_as_unusable
    def forget_until(self, issued_ms: int) -> None:
        """Every command issued no later than this counts as carried out and forgotten. Raises ``MemoryUnusable``."""
        with files.transaction(self._connection):
            self._keep_forgotten(max(issued_ms, _forgotten_ms(self._connection)))

    @_errors_as_unusable
    def finish(self, command: str, result: bytes) -> None:
        """Remember how a command ended. Raises ``MemoryUnusable``."""
        self._connection.execute("UPDATE commands SET result = ? WHERE id = ?", (result, command))

    @_errors_as_unusable
    def forgotten_ms(self) -> int:
        """A command issued no later than this may have been carried out and forgotten; 0 if none was."""
        return _forgotten_ms(self._connection)

    @_errors_as_unusable
    def document(self, name: str) -> bytes | None:
        """The document that was last stored under that name."""
        return _document(self._connection, name)

    @_errors_as_unusable
    def store_document(self, name: str, value: bytes) -> None:
        """Store a small document over restarts and power cuts. Raises ``MemoryUnusable``."""
        self._connection.execute(_STORE, (name, value))

    @_errors_as_unusable
    def points(self) -> dict[str, StoredPoint]:
        """What each point has stored."""
        return {stored.point: stored for stored in _rows(self._connection, _POINTS, StoredPoint)}

    @_errors_as_unusable
    def store_point(self, stored: StoredPoint, spent: Iterable[Spent] = ()) -> None:
        """Store a point's document, an empty one not at all, and with it what its session has used: both or neither.
        Raises ``MemoryUnusable``."""
        with files.transaction(self._connection):
            if stored.document:
                self._connection.execute(_STORE_POINT, stored)
            else:
                self._connection.execute("DELETE FROM points WHERE point = ?", (stored.point,))
            self._connection.executemany(_SPEND, spent)

    @_errors_as_unusable
    def spent(self) -> list[Spent]:
        """What every session has used that is remembered."""
        return _rows(self._connection, _SPENT, Spent)

    @_errors_as_unusable
    def date_spent(self, minute: int) -> None:
        """What was undated counts in this minute from now on, and so does what lies in a future that the clock was set
        back from. Raises ``MemoryUnusable``."""
        too_late = (minute // MINUTES_PER_DAY + 2) * MINUTES_PER_DAY
        self._connection.execute(_DATE, {"minute": minute, "undated": UNDATED, "too_late": too_late})

    @_errors_as_unusable
    def loans(self) -> list[Loan]:
        """What was lent this device."""
        return _rows(self._connection, _LOANS, Loan)

    @_errors_as_unusable
    def store_loan(self, loan: Loan, spent: Iterable[Spent]) -> None:
        """Store what is lent, and with it the use that it rests on: both or neither. Raises ``MemoryUnusable``."""
        with files.transaction(self._connection):
            self._connection.execute(_STORE_LOAN, loan)
            self._connection.executemany(_SPEND, spent)

    @_errors_as_unusable
    def fold(self, loans: Iterable[Loan], oldest_day: int) -> None:
        """Store the loans that count the uses of before that day, and forget those uses, and loans that have ended.
        Raises ``MemoryUnusable``."""
        with files.transaction(self._connection):
            self._connection.executemany(_STORE_LOAN, loans)
            self._connection.execute(_FORGET_USES, (UNDATED, oldest_day * MINUTES_PER_DAY))
            self._connection.execute(_FORGET_LOANS, (FOREVER, oldest_day + KEPT_DAYS - 1))

    def close(self) -> None:
        self._connection.close()
        self._hold.release()

    def _keep_forgotten(self, newest_ms: int) -> None:
        self._connection.execute(_STORE, (FORGOTTEN, str(newest_ms).encode()))

    def _opened(self) -> sqlite3.Connection:
        try:
            return _open(self.path)
        except sqlite3.Error as error:
            if not files.is_damage(error):
                raise
        self.set_aside = files.set_aside(self.path)
        connection = _open(self.path)
        connection.execute(_SPEND, Spent(LOST, "minutes", NOBODY, "", UNDATED, 0))
        return connection


def _open(path: Path) -> sqlite3.Connection:
    connection = files.open_made(path, "memory", commands_and_kept, points_and_spent, uses_and_loans)
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_autocheckpoint = 100")
        files.check_sound(connection)
        for query, kind in ((_COMMANDS, StoredCommand), (_POINTS, StoredPoint), (_SPENT, Spent), (_LOANS, Loan)):
            _rows(connection, query, kind)
        _forgotten_ms(connection)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _rows(connection: sqlite3.Connection, query: str, kind: type[R]) -> list[R]:
    """Raises ``Unsound`` if a bit that rots has made a number of a text, or the like."""
    try:
        return [msgspec.convert(row, kind) for row in connection.execute(query)]
    except msgspec.ValidationError as wrong:
        raise files.Unsound(f"a {kind.__name__} cannot be read: {wrong}") from None


def _forgotten_ms(connection: sqlite3.Connection) -> int:
    """Raises ``Unsound`` like ``_rows``."""
    try:
        return int(_document(connection, FORGOTTEN) or 0)
    except ValueError:
        raise files.Unsound("the time of the newest forgotten command cannot be read") from None


def _document(connection: sqlite3.Connection, name: str) -> bytes | None:
    row = connection.execute("SELECT CAST(value AS BLOB) FROM kept WHERE name = ?", (name,)).fetchone()
    return None if row is None else row[0]


def commands_and_kept(database: "files.Database") -> None:
    """The first schema."""
    columns = {"id": str, "op": str, "started_ms": int, "issued_ms": int, "result": bytes}
    database.table("commands").create(columns, pk="id", not_null={"op", "started_ms", "issued_ms"})
    database.table("kept").create({"name": str, "value": bytes}, pk="name", not_null={"value"})


def points_and_spent(database: "files.Database") -> None:
    """The second schema: what each point keeps, and what its sessions have used."""
    when = {"boot": str, "mono_ms": int, "at_ms": int}
    must = {"document", "boot", "mono_ms"}
    database.table("points").create({"point": str, "document": bytes, **when}, pk="point", not_null=must)
    spent = {"session": str, "day": int, "holder": str, "allotment": str, "ms": int, "mwh": int}
    database.table("spent").create(spent, pk="session", not_null=set(spent) - {"session"})


def uses_and_loans(database: "files.Database") -> None:
    """The third schema: each unit that a session has used in a row of its own, and what is lent of each quantity."""
    spent = {"session": str, "unit": str, "holder": str, "allotment": str, "minute": int, "amount": int}
    database.table("uses").create(spent, pk=("session", "unit"), not_null=set(spent) - {"session", "unit"})
    database.execute(
        "INSERT INTO uses (session, unit, holder, allotment, minute, amount) "
        "SELECT session, 'minutes', holder, allotment, day * 1440, ms FROM spent "
        "UNION ALL SELECT session, 'wh', holder, allotment, day * 1440, mwh FROM spent"
    )
    database.table("spent").drop()
    numbers = {"period", "last_day", "number", "allowance", "closed", "known", "folded"}
    loans = {name: int if name in numbers else str for name in Loan._fields}
    database.table("loans").create(loans, pk=Loan._fields[:4], not_null=set(loans) - set(Loan._fields[:4]))
