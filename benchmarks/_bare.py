"""Bare SQLite, the peer of what stores events: the very rows that a cloud has stored, in the very table."""

import sqlite3
from contextlib import closing
from pathlib import Path

from benchmarks._machine import Spent, spending


def bare(stored: Path, path: Path, *, count: int, at_once: int) -> Spent:
    """What SQLite takes for the last ``count`` events of that database, so many in a transaction."""
    with closing(sqlite3.connect(stored)) as source:
        tables = source.execute("SELECT sql FROM sqlite_master WHERE tbl_name = 'events' AND sql > ''").fetchall()
        rows = source.execute("SELECT * FROM events ORDER BY arrival").fetchall()[-count:]
    assert len(rows) == count, f"the cloud stored {len(rows)} events of {count}"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", *(sql for (sql,) in tables)):
            connection.execute(statement)
        insert = f"INSERT INTO events VALUES ({', '.join('?' * len(rows[0]))})"
        with spending() as spent:
            for start in range(0, len(rows), at_once):
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany(insert, rows[start : start + at_once])
                connection.execute("COMMIT")
        return spent[0]
