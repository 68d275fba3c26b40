"""What a device must still know after a restart, and is no event: commands it has begun, and documents it was told.

One SQLite file. A commit is on the disk when it returns, because what follows it moves a lock: a command is written
here before it is carried out, so that it is carried out once. All of this blocks; the loop hands it to an executor of
one, and reads once, at the start.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from edge import files

SCHEMA = 1
MAX_COMMANDS = 1_000
COMMANDS_LAST_MS = 7 * 24 * 3_600_000
"""How many commands are remembered, and for how long. Older ones are refused by their time of issue."""

_COMMANDS = "SELECT id, op, started_ms, issued_ms, result FROM commands ORDER BY rowid"
_BEGIN = "INSERT INTO commands (id, op, started_ms, issued_ms) VALUES (?, ?, ?, ?)"
_FINISH = "UPDATE commands SET result = ? WHERE id = ?"
_SURPLUS = "SELECT rowid, CAST(issued_ms AS INTEGER) FROM commands ORDER BY rowid DESC LIMIT -1 OFFSET ?"
_EXPIRED = "SELECT rowid, CAST(issued_ms AS INTEGER) FROM commands WHERE started_ms < ?"
_FORGET = "DELETE FROM commands WHERE rowid = ?"
_KEPT = "SELECT CAST(value AS BLOB) FROM kept WHERE name = ?"
_KEEP = "INSERT INTO kept (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"

FORGOTTEN = "commands.forgotten_ms"


class MemoryUnusable(Exception):
    """The file cannot be opened or takes nothing; the text names it and says why."""


class Begun(NamedTuple):
    """A command that was begun. ``result`` is what was answered, None if the device stopped before it was clear."""

    id: str
    op: str
    started_ms: int
    issued_ms: int
    result: bytes | None


class Memory:
    """The memory of one device. A damaged file is renamed to ``set_aside`` and begun anew. Raises ``MemoryUnusable``,
    or ``InUse`` if another agent has it."""

    def __init__(self, path: Path) -> None:
        self.set_aside: Path | None = None
        self._path = path
        try:
            self._hold = files.Hold(path)
        except OSError as error:
            raise MemoryUnusable(f"{path} cannot be opened: {error}") from None
        try:
            self._connection = self._opened()
        except (sqlite3.Error, OSError) as error:
            self._hold.release()
            raise MemoryUnusable(f"{path} cannot be opened: {error}") from None

    def commands(self) -> list[Begun]:
        """All that are remembered, the oldest first."""
        with self._telling():
            return _commands(self._connection)

    def begin(self, command: Begun) -> int:
        """Remember that this command is about to be carried out; returns the newest time of issue (UTC ms) of those
        that were forgotten to make room, now or ever. Raises ``MemoryUnusable``."""
        with self._telling(), files.transaction(self._connection):
            self._connection.execute(_BEGIN, command[:4])
            forgotten = {
                *self._connection.execute(_SURPLUS, (MAX_COMMANDS,)),
                *self._connection.execute(_EXPIRED, (command.started_ms - COMMANDS_LAST_MS,)),
            }
            newest_ms = _forgotten_ms(self._connection)
            for row, issued_ms in forgotten:
                self._connection.execute(_FORGET, (row,))
                newest_ms = max(newest_ms, issued_ms)
            if forgotten:
                self._connection.execute(_KEEP, (FORGOTTEN, str(newest_ms).encode()))
            return newest_ms

    def finish(self, command: str, result: bytes) -> None:
        """Remember how a command ended. Raises ``MemoryUnusable``."""
        with self._telling():
            self._connection.execute(_FINISH, (result, command))

    def forgotten_ms(self) -> int:
        """A command issued no later than this may have been carried out and forgotten; 0 if none was."""
        with self._telling():
            return _forgotten_ms(self._connection)

    def kept(self, name: str) -> bytes | None:
        """What was last kept under that name."""
        with self._telling():
            return _kept(self._connection, name)

    def keep(self, name: str, value: bytes) -> None:
        """Keep a small document over restarts and power cuts. Raises ``MemoryUnusable``."""
        with self._telling():
            self._connection.execute(_KEEP, (name, value))

    def close(self) -> None:
        self._connection.close()
        self._hold.release()

    def _opened(self) -> sqlite3.Connection:
        try:
            return _open(self._path)
        except sqlite3.Error as error:
            if not files.is_damage(error):
                raise
        self.set_aside = files.set_aside(self._path)
        return _open(self._path)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise MemoryUnusable(f"{self._path}: {error}") from None


def _open(path: Path) -> sqlite3.Connection:
    connection = files.open_made(path, SCHEMA, _migrate)
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_autocheckpoint = 100")
        files.check_sound(connection)
        _commands(connection)
        _forgotten_ms(connection)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _commands(connection: sqlite3.Connection) -> list[Begun]:
    """Raises ``Unsound`` if a bit that rots has made a number of a text, or the like."""
    try:
        return msgspec.convert(connection.execute(_COMMANDS).fetchall(), list[Begun])
    except msgspec.ValidationError as wrong:
        raise files.Unsound(f"a command cannot be read: {wrong}") from None


def _forgotten_ms(connection: sqlite3.Connection) -> int:
    """Raises ``Unsound`` like ``_commands``."""
    try:
        return int(_kept(connection, FORGOTTEN) or 0)
    except ValueError:
        raise files.Unsound("the time of the newest forgotten command cannot be read") from None


def _kept(connection: sqlite3.Connection, name: str) -> bytes | None:
    row = connection.execute(_KEPT, (name,)).fetchone()
    return None if row is None else row[0]


def _migrate(connection: sqlite3.Connection) -> None:
    """Make the tables. Imported late: sqlite-utils takes 24 MiB and 200 ms."""
    from sqlite_utils import Database, Migrations

    migrations = Migrations("memory")

    @migrations()
    def commands_and_kept(database: Database) -> None:
        columns = {"id": str, "op": str, "started_ms": int, "issued_ms": int, "result": bytes}
        database.table("commands").create(columns, pk="id", not_null={"op", "started_ms", "issued_ms"})
        database.table("kept").create({"name": str, "value": bytes}, pk="name", not_null={"value"})

    migrations.apply(Database(connection))
