"""Opens the cloud's database and brings its tables up to date."""

from collections.abc import Callable, Iterator, MutableMapping
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, Dialect, Engine, create_engine, event, inspect
from sqlalchemy.pool import NullPool
from sqlalchemy.util import LRUCache

from cloud.store.prepared import driver
from cloud.store.scope import OPTION, WHOLE_SITE, Scope
from cloud.store.trial import open_trial

BUSY_TIMEOUT_MS = 10_000
"""How long a writer waits for another: longer than any transaction of ours, shorter than a person's patience."""

PAGE_BYTES, CHECKPOINT_PAGES = 4096, 4000
"""The log of changes is copied into the database when it has so many pages, 16 MiB. A page that was changed several
times until then is copied once: a tenth fewer bytes are written than with SQLite's own 1,000."""

INGEST_CACHE_KIB = 16 * 1024
"""Each batch is added to the index of its own journal: these pages of a thousand devices stay in memory."""

MOST_STATEMENTS = 500
"""So many stay compiled."""

MIGRATIONS = Path(__file__).parent / "migrations"
NEWEST = max(file.stem[1:5] for file in (MIGRATIONS / "versions").glob("v*.py"))
"""The version of the tables that this software works with."""

TOUCHED = "hearthgate_touched"
"""Whether a transaction changed what a roster depends on, in the ``info`` of its connection."""

Clock = Callable[[], int]
"""The present in UTC milliseconds."""


class SeenStore(NamedTuple):
    """The database as somebody sees it: it is only read, and only what is in the scope."""

    store: "Store"
    scope: Scope

    def reading(self) -> AbstractContextManager[Connection]:
        return self.store.reading(self.scope)


class Store:
    """The database, open. Any thread may use it; every ``with`` is one transaction."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._ingesting: Connection | None = None
        self.on_roster_change: Callable[[], object] = lambda: None
        """Called when a transaction is committed that changed what a roster depends on."""

    @contextmanager
    def reading(self, scope: Scope = WHOLE_SITE) -> Iterator[Connection]:
        """A consistent view that hinders no writer, of what is in the scope."""
        connected = self.engine.connect()
        if scope is not WHOLE_SITE:
            connected = connected.execution_options(**{OPTION: scope})
        with connected as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Committed at the end, or rolled back by an exception. It takes the write lock at once: a transaction that
        reads first and asks for the lock later could only fail when another wrote in between."""
        with self._connected() as connection, self._transaction(connection):
            yield connection

    @contextmanager
    def trying(self) -> Iterator[Connection]:
        """A consistent view in which may be written what nobody else sees, to learn what would be. It hinders no
        writer, and ends without a trace."""
        file = Path(self.engine.url.database or "")
        engine = create_engine("sqlite://", creator=lambda: open_trial(file), poolclass=NullPool)
        event.listen(engine, "begin", _begin_sqlite)
        _share_statements(engine)
        with engine.connect() as connection, connection.begin() as transaction:
            yield connection
            transaction.rollback()

    @contextmanager
    def ingesting(self) -> Iterator[Connection]:
        """As ``writing``, for the one thread that writes for every message: on a connection of its own that stays open
        and remembers more of the tables. An exception closes it."""
        if self._ingesting is None:
            self._ingesting = self._connected()
            driver(self._ingesting).execute(f"PRAGMA cache_size = -{INGEST_CACHE_KIB}")
        connection = self._ingesting
        try:
            with self._transaction(connection):
                yield connection
        except BaseException:
            self._ingesting = None
            connection.close()
            raise

    def close(self) -> None:
        if self._ingesting is not None:
            self._ingesting.close()
        self.engine.dispose()

    def _connected(self) -> Connection:
        return self.engine.connect().execution_options(**{_WRITES: True})

    @contextmanager
    def _transaction(self, connection: Connection) -> Iterator[None]:
        connection.info[TOUCHED] = False
        with connection.begin():
            yield
        if connection.info[TOUCHED]:
            self.on_roster_change()


class JoinedStore(Store):
    """The database within a transaction that is under way: what services change by it is kept or undone with the
    rest."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection.engine)
        self._connection = connection

    @contextmanager
    def reading(self, scope: Scope = WHOLE_SITE) -> Iterator[Connection]:
        yield self._connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        yield self._connection


_WRITES = "hearthgate_writes"


def open_store(url: str) -> Store:
    """Open ``url`` (``sqlite:///file``), create or migrate its tables. Raises SQLAlchemy's errors."""
    store = connect(url)
    try:
        with store.writing() as connection:
            migrate(connection)
    except BaseException:
        store.close()
        raise
    return store


def connect(url: str) -> Store:
    """The database as it is. Its tables are those of this software: whoever cannot know that calls `open_store`."""
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        _share_statements(engine)
    return Store(engine)


def _share_statements(engine: Engine) -> None:
    engine.dialect, compiled = _statements()
    engine.update_execution_options(compiled_cache=compiled)


@cache
def _statements() -> tuple[Dialect, MutableMapping[Any, Any]]:
    """What all databases of a process share: a statement is compiled at its first use, which takes ten times as long
    as to run it."""
    engine = create_engine("sqlite://")
    engine.connect().close()  # The dialect learns from its first connection what it speaks to.
    engine.dispose()
    return engine.dialect, LRUCache(MOST_STATEMENTS)


def migrate(connection: Connection) -> None:
    """Bring the tables to this software's state, within the connection's transaction."""
    if _version(connection) == [NEWEST]:
        return
    # Imported here because it takes 0.3 s, which every command of the terminal would spend.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _version(connection: Connection) -> list[str]:
    """The version of the tables, as Alembic noted it; empty for a new database."""
    if not inspect(connection).has_table("alembic_version"):
        return []
    return list(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars())


def _set_up_sqlite(made: Any, _record: object) -> None:
    # Without this the driver would begin transactions by itself, later than SQLAlchemy believes.
    made.isolation_level = None
    made.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    made.execute("PRAGMA journal_mode = WAL")
    made.execute("PRAGMA synchronous = FULL")
    made.execute("PRAGMA foreign_keys = ON")
    made.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    made.execute(f"PRAGMA journal_size_limit = {4 * CHECKPOINT_PAGES * PAGE_BYTES}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    driver(connection).execute("BEGIN IMMEDIATE" if writes else "BEGIN")
