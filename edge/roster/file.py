"""What a roster's file holds, how a page of it is read, and what can be carried over from a damaged one."""

import hashlib
import sqlite3
from array import array
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from contract import codec
from contract.messages import Manifest
from contract.roster import Site
from contract.sealing import page_hash
from edge.machine import files

PUT = "INSERT OR REPLACE INTO pages (hash, blob) VALUES (?, ?)"
ADOPT = "UPDATE roster SET manifest = ?, prefixes = ?, site = ?, checksum = ?"
_IN_USE = "SELECT manifest, prefixes, site, checksum FROM roster"


class RosterDamaged(Exception):
    """A page in use is missing, or not the page that was signed. It is fetched again; until then who is on it must
    wait."""


class Adopted(Struct, frozen=True):
    """The roster in use: its manifest, the first digest bits of every page, and what the rows share. ``checked`` marks
    the pages that were read and found to be what was signed since this start: to do so every time costs 5 µs."""

    manifest: Manifest
    prefixes: "array[int]"
    site: Site
    checked: bytearray


class StoredRoster(NamedTuple):
    """How the roster in use stands in its table. ``manifest`` is the payload as it came, ``site`` its site page."""

    manifest: bytes
    prefixes: bytes
    site: bytes
    checksum: bytes

    @classmethod
    def of(cls, manifest: bytes, prefixes: bytes, site: bytes) -> "StoredRoster":
        return cls(manifest, prefixes, site, hashlib.sha256(manifest + prefixes + site).digest())


class RosterConnections(NamedTuple):
    """The two connections to one file."""

    writer: sqlite3.Connection
    reader: sqlite3.Connection

    @classmethod
    def open(cls, path: Path) -> "RosterConnections":
        writer = files.open_made(path, "roster", pages_and_roster, kept_twice)
        try:
            writer.execute("PRAGMA wal_autocheckpoint = 1000")
            reader = files.open_database(path)
        except sqlite3.Error:
            writer.close()
            raise
        writer.text_factory = reader.text_factory = bytes  # a bit that rots may turn a blob into a text
        return cls(writer, reader)

    def close(self) -> None:
        self.reader.close()
        self.writer.close()


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
    site = _page_of(connection, codec.read(codec.detach(manifest)[0], Manifest).site_page) if manifest else b""
    connection.execute("INSERT INTO roster DEFAULT VALUES")
    connection.execute(ADOPT, StoredRoster.of(manifest, prefixes, site))


def read_stored(connection: sqlite3.Connection) -> StoredRoster:
    """The first copy that is whole. Raises ``RosterDamaged``."""
    for manifest, prefixes, site, checksum in connection.execute(_IN_USE):
        if all(isinstance(part, bytes) for part in (manifest, prefixes, site)):
            stored = StoredRoster.of(manifest, prefixes, site)
            if stored.checksum == checksum:
                return stored
    raise RosterDamaged("both copies of the manifest in use are spoilt")


def adopted(stored: StoredRoster) -> Adopted | None:
    """The roster in use as it is held in memory, None before the first. Raises ``Malformed``."""
    if not stored.manifest:
        return None
    manifest = codec.read(codec.detach(stored.manifest)[0], Manifest)
    prefixes = array("I", stored.prefixes)
    return Adopted(manifest, prefixes, Site.from_blob(stored.site), bytearray(len(prefixes)))


def salvage(damaged: Path, into: sqlite3.Connection) -> Adopted | None:
    """Carry the roster in use over from a damaged file, with the pages that are still what was signed."""
    try:
        with closing(files.open_database(damaged)) as source, files.transaction(into):
            source.text_factory = bytes
            stored = read_stored(source)
            in_use = adopted(stored)
            into.execute(ADOPT, stored)
            if in_use is not None:
                into.executemany(PUT, _readable(source, in_use.manifest))
            return in_use
    except (sqlite3.Error, codec.Malformed, RosterDamaged):
        return None


def _readable(source: sqlite3.Connection, manifest: Manifest) -> Iterator[tuple[bytes, bytes]]:
    for name in (manifest.site_page, *manifest.pages):
        with suppress(sqlite3.Error, RosterDamaged):
            yield name, read_page(source, name)


def read_page(connection: sqlite3.Connection, name: bytes, *, check: bool = True) -> bytes:
    """The bytes of a page, checked to be those that its name promises. Raises ``RosterDamaged``."""
    blob = _page_of(connection, name)
    if check and page_hash(blob) != name:
        raise RosterDamaged(f"page {name.hex()} is not the page that was signed")
    return blob


def _page_of(connection: sqlite3.Connection, name: bytes) -> bytes:
    row = connection.execute("SELECT blob FROM pages WHERE hash = ?", (name,)).fetchone()
    if row is None or not isinstance(row[0], bytes):
        raise RosterDamaged(f"page {name.hex()} is missing")
    return row[0]
