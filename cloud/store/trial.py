"""A database that is only tried: whatever is written goes into copies of its tables, and no writer waits for it.

The file is opened to be read. Before a statement writes to a table for the first time, the table is copied into the
connection's own temporary schema, where SQLite looks first. It all ends with the connection. References between tables
are not checked in the copies: services check what they name, and say so.
"""

import re
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

WRITES = re.compile(
    r'\s*(?:INSERT(?: OR \w+)? INTO|REPLACE INTO|UPDATE(?: OR \w+)?|DELETE FROM) "?(\w+)', re.IGNORECASE
)
CREATES = re.compile(r"CREATE (?:(TABLE)|((?:UNIQUE )?INDEX)) ", re.IGNORECASE)
LOGS = {"audit": 1_000}
"""Tables that grow for ever and are only added to: so many of their newest rows are copied."""


class TrialCursor(sqlite3.Cursor):
    """Has a table copied before it writes to it."""

    connection: "TrialConnection"

    def execute(self, sql: str, parameters: Any = (), /) -> "TrialCursor":
        self.connection.copy_written(sql)
        super().execute(sql, parameters)
        return self

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> "TrialCursor":
        self.connection.copy_written(sql)
        super().executemany(sql, parameters)
        return self


class TrialConnection(sqlite3.Connection):
    """The driver's connection to a database that is tried."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._copied: set[str] = set()

    def cursor(self, factory: Any = TrialCursor) -> Any:
        return super().cursor(factory)

    def execute(self, sql: str, parameters: Any = (), /) -> TrialCursor:
        done: TrialCursor = self.cursor().execute(sql, parameters)
        return done

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> TrialCursor:
        done: TrialCursor = self.cursor().executemany(sql, parameters)
        return done

    def copy_written(self, sql: str) -> None:
        """Copy the table that a statement writes to, if it is the first."""
        found = WRITES.match(sql)
        if found and found[1] not in self._copied:
            self._copied.add(found[1])
            self._copy(found[1])

    def _copy(self, name: str) -> None:
        plain = self.cursor(sqlite3.Cursor)
        made = "SELECT sql FROM main.sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL ORDER BY type DESC"
        newest = f" ORDER BY rowid DESC LIMIT {LOGS[name]}" if name in LOGS else ""
        table, *indexes = (_temporary(sql) for (sql,) in plain.execute(made, (name,)).fetchall())
        plain.execute(table)
        plain.execute(f'INSERT INTO temp."{name}" SELECT * FROM main."{name}"{newest}')  # noqa: S608 - a table's name
        for index in indexes:
            plain.execute(index)


def _temporary(sql: str) -> str:
    """What makes the same table or index in the temporary schema."""
    return CREATES.sub(lambda made: f"CREATE {made[1] or made[2]} temp.", sql, count=1)


def open_trial(file: Path) -> TrialConnection:
    """A connection on which the database of a file may be changed, and stays as it is."""
    opened = sqlite3.connect(
        f"{file.absolute().as_uri()}?mode=ro", uri=True, factory=TrialConnection, check_same_thread=False
    )
    opened.isolation_level = None
    return opened
