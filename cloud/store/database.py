"""Opens the cloud's database and brings its tables up to date."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event

BUSY_TIMEOUT_MS = 10_000
"""How long a writer waits for another: longer than any transaction of ours, shorter than a person's patience."""

MIGRATIONS = Path(__file__).parent / "migrations"


class Store:
    """The database, open. Any thread may use it; every ``with`` is one transaction."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A consistent view that hinders no writer."""
        with self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Committed at the end, or rolled back by an exception. It takes the write lock at once: a transaction that
        reads first and asks for the lock later could only fail when another wrote in between."""
        with self.engine.connect().execution_options(**{_WRITES: True}) as connection, connection.begin():
            yield connection

    def close(self) -> None:
        self.engine.dispose()


_WRITES = "hearthgate_writes"


def open_store(url: str) -> Store:
    """Open ``url`` (``sqlite:///file``), create or migrate its tables. Raises SQLAlchemy's errors."""
    store = connect(url)
    with store.writing() as connection:
        migrate(connection)
    return store


def connect(url: str) -> Store:
    """The database as it is. Its tables are those of this software: whoever cannot know that calls `open_store`."""
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return Store(engine)


def migrate(connection: Connection) -> None:
    """Bring the tables to this software's state, within the connection's transaction."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _set_up_sqlite(driver: Any, _record: object) -> None:
    # Without this the driver would begin transactions by itself, later than SQLAlchemy believes.
    driver.isolation_level = None
    driver.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    driver.execute("PRAGMA journal_mode = WAL")
    driver.execute("PRAGMA synchronous = FULL")
    driver.execute("PRAGMA foreign_keys = ON")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
