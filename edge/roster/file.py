"""What a roster's file holds, how a page of it is read, and what can be carried over from a damaged one.

A page stands under the first 8 bytes of its hash as an integer, so that it is found in one tree without an index beside
it. What others hang on, the site page and the index pages, stands in a second table as well.
"""

import hashlib
import sqlite3
from array import array
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from contract import codec
from contract.messages import Manifest
from contract.roster import ROW_VERSIONS, WHOLE
from contract.roster_index import IndexPage
from contract.sealing import page_hash
from contract.site_page import Site
from edge.machine import files
from edge.roster.in_use import Adopted, Branch

ADOPT = "UPDATE roster SET manifest = ?, prefixes = ?, site = ?, checksum = ?"
_IN_USE = "SELECT manifest, prefixes, site, checksum FROM roster"
_READ = "SELECT blob FROM pages WHERE id = ?"
_READ_COPY = "SELECT blob FROM copies WHERE id = ?"
_READ_OLD = "SELECT blob FROM pages_by_hash WHERE hash = ?"
_SOME_OLD = "SELECT hash, blob FROM pages_by_hash LIMIT 100"
_PUT = "INSERT OR REPLACE INTO pages (id, blob) VALUES (?, ?)"
_PUT_COPY = "INSERT OR REPLACE INTO copies (id, blob) VALUES (?, ?)"


class RosterDamaged(Exception):
    """A page in use is missing, or not the page that was signed. It is fetched again; until then who is on it must
    wait."""


class StoredRoster(NamedTuple):
    """How the roster in use stands in its table. ``manifest`` is the payload as it came. ``prefixes`` are those of its
    pages where no index page says them, ``site`` is the site page in a file of before there were copies."""

    manifest: bytes
    prefixes: bytes
    site: bytes
    checksum: bytes

    @classmethod
    def of(cls, manifest: bytes, prefixes: bytes, site: bytes = b"") -> "StoredRoster":
        return cls(manifest, prefixes, site, hashlib.sha256(manifest + prefixes + site).digest())


class RosterConnections:
    """The two connections to one file: the ``writer``, and one on which the loop reads.

    The reader holds its read transaction, which spares every read the locks and a look at the file. So that it never
    sees less than was written last, nor keeps a checkpoint from the end of the WAL, it lets go while something is
    written. ``wal_suspect``: a sync may have failed under a predecessor that was killed.
    """

    def __init__(self, path: Path, *, wal_suspect: bool = True) -> None:
        self._wal, self._wal_suspect = path.with_name(f"{path.name}-wal"), wal_suspect
        self._reading = Lock()
        self.writer = files.open_made(path, "roster", pages_and_roster, kept_twice, by_number)
        try:
            self.writer.execute("PRAGMA wal_autocheckpoint = 1000")
            self.writer.text_factory = bytes  # a bit that rots may turn a blob into a text
            _move_pages(self.writer)
            self._reader = files.open_database(path)
        except sqlite3.Error:
            self.writer.close()
            raise
        self._reader.text_factory = bytes
        self._reader.execute("BEGIN")

    def read(self, name: bytes, *, check: bool) -> bytes:
        """A page in use, for the loop. Raises ``RosterDamaged`` or ``sqlite3.Error``."""
        with self._reading:
            row = self._reader.execute(_READ, (number_of(name),)).fetchone()
        blob = _blob(row, name)
        return _checked(blob, name) if check else blob

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Around all that is written.

        Where the disk failed before, put the WAL on it first: a checkpoint believes the next sync, which proves
        nothing. Raises ``sqlite3.Error``.
        """
        self._let_go()
        try:
            if self._wal_suspect:
                with self._wal.open("r+b") as wal:
                    files.write_again(wal.fileno())
                self._wal_suspect = False
            yield self.writer
        except OSError as error:
            raise sqlite3.OperationalError(f"{self._wal}: {error.strerror}") from None
        except sqlite3.Error:
            self._wal_suspect = True
            raise
        finally:
            with self._reading:
                self._reader.execute("BEGIN")

    def close(self) -> None:
        with self._reading:
            self._reader.close()
        self.writer.close()

    def _let_go(self) -> None:
        with self._reading:
            if self._reader.in_transaction:  # SQLite ends it by itself after some failed reads
                self._reader.execute("COMMIT")


def pages_and_roster(database: "files.Database") -> None:
    """The first schema."""
    database.table("pages").create({"hash": bytes, "blob": bytes}, pk="hash", not_null={"blob"})
    database.table("roster").insert({"manifest": b"", "prefixes": b""})


def kept_twice(database: "files.Database") -> None:
    """The second schema: what is in use stands in two rows, each with the site page and a checksum."""
    table, connection = database.table("roster"), database.conn
    table.add_column("site", bytes)
    table.add_column("checksum", bytes)
    ((manifest, prefixes),) = connection.execute("SELECT manifest, prefixes FROM roster").fetchall()
    site = b""
    if manifest:
        name = codec.read(codec.detach(manifest)[0], Manifest).site_page
        site = _blob(connection.execute("SELECT blob FROM pages WHERE hash = ?", (name,)).fetchone(), name)
    connection.execute("INSERT INTO roster DEFAULT VALUES")
    connection.execute(ADOPT, StoredRoster.of(manifest, prefixes, site))


def by_number(database: "files.Database") -> None:
    """The third schema: a page is found by a number, and what others hang on stands in two tables."""
    database.conn.execute("ALTER TABLE pages RENAME TO pages_by_hash")
    for table in ("pages", "copies"):
        database.table(table).create({"id": int, "blob": bytes}, pk="id", not_null={"blob"})


def _move_pages(writer: sqlite3.Connection) -> None:
    """Go on to the third schema, from wherever that ended before: in steps that are put on the disk one by one, as a
    full disk has no room for two of each page."""
    if not writer.execute("SELECT 1 FROM sqlite_master WHERE name = 'pages_by_hash'").fetchone():
        return
    while rows := writer.execute(_SOME_OLD).fetchall():
        with files.transaction(writer):
            put(writer, (row for row in rows if isinstance(row[1], bytes)))
            writer.executemany("DELETE FROM pages_by_hash WHERE hash = ?", [(name,) for name, _ in rows])
        writer.execute("PRAGMA wal_checkpoint(PASSIVE)")
    writer.execute("DROP TABLE pages_by_hash")


def number_of(name: bytes) -> int:
    """Where a page stands. Two of the ten thousand pages of a million cards would share a number in one roster of
    10^11, and then one of them would be found not to be what was signed."""
    return int.from_bytes(name[:8], "big", signed=True)


def put(writer: sqlite3.Connection, named: Iterable[tuple[bytes, bytes]]) -> None:
    """Keep pages by their names, in a transaction of the caller's."""
    for name, blob in named:
        row = number_of(name), blob
        writer.execute(_PUT, row)
        if blob[:1] not in _OF_ROWS:
            writer.execute(_PUT_COPY, row)


_OF_ROWS = {bytes([version]) for version in ROW_VERSIONS}
"""How a page of rows begins."""


def drop(writer: sqlite3.Connection, numbers: Iterable[int]) -> None:
    """Let go of pages by their numbers."""
    for number in numbers:
        writer.execute("DELETE FROM pages WHERE id = ?", (number,))
        writer.execute("DELETE FROM copies WHERE id = ?", (number,))


def has_page(connection: sqlite3.Connection, name: bytes) -> bool:
    return connection.execute("SELECT 1 FROM pages WHERE id = ?", (number_of(name),)).fetchone() is not None


def read_page(connection: sqlite3.Connection, name: bytes) -> bytes:
    """The bytes of a page, checked to be those that its name promises. Raises ``RosterDamaged``."""
    return _checked(_blob(connection.execute(_READ, (number_of(name),)).fetchone(), name), name)


def read_copy(connection: sqlite3.Connection, name: bytes) -> bytes:
    """The second copy of a page that others hang on. Raises ``RosterDamaged``."""
    return _checked(_blob(connection.execute(_READ_COPY, (number_of(name),)).fetchone(), name), name)


def _read_shared(connection: sqlite3.Connection, name: bytes) -> bytes:
    """A page that others hang on, by the first copy that is whole. Raises ``RosterDamaged`` or ``sqlite3.Error``."""
    with suppress(sqlite3.Error, RosterDamaged):
        return read_page(connection, name)
    return read_copy(connection, name)


def _blob(row: tuple[object] | None, name: bytes) -> bytes:
    if row is None or not isinstance(row[0], bytes):
        raise RosterDamaged(f"page {name.hex()} is missing")
    return row[0]


def _checked(blob: bytes, name: bytes) -> bytes:
    if page_hash(blob) != name:
        raise RosterDamaged(f"page {name.hex()} is not the page that was signed")
    return blob


def read_stored(connection: sqlite3.Connection) -> StoredRoster:
    """The first copy that is whole. Raises ``RosterDamaged``."""
    for manifest, prefixes, site, checksum in connection.execute(_IN_USE):
        if all(isinstance(part, bytes) for part in (manifest, prefixes, site)):
            stored = StoredRoster.of(manifest, prefixes, site)
            if stored.checksum == checksum:
                return stored
    raise RosterDamaged("both copies of the manifest in use are spoilt")


def adopted(connection: sqlite3.Connection) -> Adopted | None:
    """The roster in use as it is held in memory, None before the first. Raises ``Malformed`` or ``RosterDamaged``."""
    return _adopted(connection, read_stored(connection))


def _adopted(connection: sqlite3.Connection, stored: StoredRoster) -> Adopted | None:
    if not stored.manifest:
        return None
    manifest = codec.read(codec.detach(stored.manifest)[0], Manifest)
    site = Site.from_blob(stored.site or _read_shared(connection, manifest.site_page))
    if not manifest.index_pages:
        starts = array("I", stored.prefixes)
        checked = bytearray(len(starts))
        return Adopted.of(manifest, site, [Branch(WHOLE, starts, manifest.pages, array("H"), manifest.count, checked)])
    pages = (IndexPage(_read_shared(connection, name)) for name in manifest.index_pages)
    return Adopted.of(manifest, site, [Branch.of(page.prefix, page.entries) for page in pages])


def salvage(damaged: Path, into: sqlite3.Connection) -> Adopted | None:
    """Carry the roster in use over from a damaged file, with the pages that are still what was signed."""
    try:
        with closing(files.open_database(damaged)) as source, files.transaction(into):
            source.text_factory = bytes
            stored = read_stored(source)
            in_use = _adopted(source, stored)
            into.execute(ADOPT, stored)
            if in_use is not None:
                put(into, _readable(source, in_use))
            return in_use
    except (sqlite3.Error, codec.Malformed, RosterDamaged):
        return None


def _readable(source: sqlite3.Connection, in_use: Adopted) -> Iterator[tuple[bytes, bytes]]:
    for name in in_use.shared:
        with suppress(sqlite3.Error, RosterDamaged):
            yield name, _read_shared(source, name)
    for name in in_use.pages():
        with suppress(sqlite3.Error, RosterDamaged):
            yield name, read_page(source, name)
            continue
        with suppress(sqlite3.Error, RosterDamaged):  # of a file that was to become one of the third schema
            yield name, _checked(_blob(source.execute(_READ_OLD, (name,)).fetchone(), name), name)
