"""Statements that run for every message: written with the tables as any other, and run by SQLite's own driver."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from sqlite3 import Connection as DriverConnection
from typing import Any, cast

from sqlalchemy import Connection, Delete, Insert, Select, Update
from sqlalchemy.dialects import sqlite

_DIALECT = sqlite.dialect()


class Prepared:
    """A statement that is compiled once, takes its values as a plain tuple and gives plain tuples: what SQLAlchemy does
    in between takes ten times as long as SQLite. For columns whose values the driver stores as they are."""

    def __init__(self, statement: Delete | Insert | Select[Any] | Update, *values: str) -> None:
        """``values`` are the names of the values that the statement takes. Raises ``ValueError`` unless it takes them
        in this order."""
        compiled = statement.compile(dialect=_DIALECT, column_keys=values or None)
        self.sql = str(compiled)
        if tuple(compiled.positiontup or ()) != values:
            raise ValueError(f"{self.sql} takes {compiled.positiontup}, not {values}")

    def first(self, connection: Connection, *values: object) -> tuple[Any, ...] | None:
        """The first row, None if there is none."""
        return cast("tuple[Any, ...] | None", driver(connection).execute(self.sql, values).fetchone())

    def added(self, connection: Connection, *values: object) -> int:
        """The number of the row that an ``insert`` returns."""
        return int(driver(connection).execute(self.sql, values).fetchone()[0])

    def all(self, connection: Connection, *values: object) -> list[tuple[Any, ...]]:
        """All rows; the statement has a limit."""
        return driver(connection).execute(self.sql, values).fetchall()

    def run_many(self, connection: Connection, rows: Sequence[tuple[object, ...]]) -> None:
        """Once for each row of values."""
        if rows:
            driver(connection).executemany(self.sql, rows)


@contextmanager
def undone_alone(connection: Connection) -> Iterator[None]:
    """A part of a transaction that is undone alone where it raises. Where nothing was written nothing is undone: SQLite
    reads its whole schema again after that, if a table was made in the transaction."""
    plain = driver(connection)
    plain.execute("SAVEPOINT part")
    written = plain.total_changes
    try:
        yield
    except BaseException:
        if plain.total_changes != written:
            plain.execute("ROLLBACK TO part")
        raise
    finally:
        plain.execute("RELEASE part")


def driver(connection: Connection) -> DriverConnection:
    """The driver's own connection, in the transaction that this one is in."""
    return cast(DriverConnection, connection.connection.driver_connection)
