"""The roster on the device: pages as the cloud signed them, found by the prefix of a digest.

A page is one row of one table, and which pages are in use is one row of another: adopting a manifest changes that row
in one transaction, so a power cut leaves the old roster or the new one. The manifest names the pages in the order of
their prefixes; beside it lie the prefixes themselves, packed, so that a device is ready without reading a page.

Which thread does what: ``find`` runs on the loop, on a connection of its own. Everything that writes runs in an
executor of one, on the other connection, in slices of about a millisecond: a thread that works longer keeps the loop
from the interpreter, and somebody waits at the door.
"""

import sqlite3
from array import array
from bisect import bisect_right
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from msgspec import Struct

from contract import codec
from contract.codec import Malformed
from contract.decide import Grant
from contract.messages import Manifest
from contract.roster import Page, Prefix, Site, check_whole, prefix_of
from contract.sealing import page_hash
from edge import files

SCHEMA = 1
SLICE_WEIGHT = 40
"""Pages to read, or to drop, in one slice: one of about 100 rows takes some 20 µs."""
CHECK_WEIGHT = 14
"""To check all rows of a page as well costs so many times more."""

_FIND = "SELECT blob FROM pages WHERE hash = ?"
_HAS = "SELECT 1 FROM pages WHERE hash = ?"
_PUT = "INSERT OR REPLACE INTO pages (hash, blob) VALUES (?, ?)"
_IN_USE = "SELECT manifest, prefixes FROM roster"
_ADOPT = "UPDATE roster SET manifest = ?, prefixes = ?"
_NAMES = "SELECT hash FROM pages"
_DROP = "DELETE FROM pages WHERE hash = ?"


class RosterError(Exception):
    """The roster's file cannot be opened; the text names it and says why."""


class RosterDamaged(Exception):
    """A page in use is missing, or not the page that was signed. It is fetched again; until then who is on it must
    wait."""


class Unfit(Exception):
    """A manifest was signed, but what it names is no roster; nothing was changed."""


class Adopted(Struct, frozen=True):
    """The roster in use: its manifest, the first digest bits of every page, and what the rows share. ``checked`` marks
    the pages that were read and found to be what was signed since this start: to do so every time costs 5 µs."""

    manifest: Manifest
    prefixes: "array[int]"
    site: Site
    checked: bytearray


class RosterStore:
    """The pages of one device. Raises ``RosterError`` if the file cannot be opened.

    A damaged file is renamed to ``set_aside`` and the store begins empty: the cloud sends the roster again.
    """

    def __init__(self, path: Path) -> None:
        self.set_aside: Path | None = None
        self.damaged: set[bytes] = set()
        """Pages in use that ``find`` could not use."""
        self.on_damage: Callable[[], object] = lambda: None
        """Called by ``find``, on the loop, when there is such a page."""
        self._path = path
        self._in_use: Adopted | None = None
        try:
            self._open_or_begin_anew()
        except sqlite3.Error as error:
            raise RosterError(f"roster {path} cannot be opened: {error}") from None

    @property
    def number(self) -> int:
        return self._in_use.manifest.number if self._in_use else 0

    @property
    def issued_ms(self) -> int | None:
        return self._in_use.manifest.issued_ms if self._in_use else None

    @property
    def count(self) -> int:
        return self._in_use.manifest.count if self._in_use else 0

    @property
    def zone(self) -> ZoneInfo | None:
        return self._in_use.site.zone if self._in_use else None

    @property
    def manifest(self) -> Manifest | None:
        return self._in_use.manifest if self._in_use else None

    def find(self, digest: bytes) -> list[Grant]:
        """Every grant of a credential. Raises ``RosterDamaged``."""
        in_use = self._in_use
        if in_use is None or not in_use.prefixes:
            return []
        place = bisect_right(in_use.prefixes, prefix_of(digest)) - 1
        name = in_use.manifest.pages[place]
        try:
            page = Page(_read_page(self._reader, name, check=not in_use.checked[place]))
            in_use.checked[place] = True
            return [in_use.site.grant(row) for row in page.find(digest)]
        except (sqlite3.Error, Malformed, RosterDamaged) as error:
            self.damaged.add(name)
            self.on_damage()
            raise RosterDamaged(f"roster {in_use.manifest.number}: {error}") from None

    def lacks(self, hashes: Sequence[bytes]) -> list[bytes]:
        """Which of these pages are not in the store, or spoilt. For a slice of a manifest at a time."""
        return [name for name in hashes if name in self.damaged or not self._writer.execute(_HAS, (name,)).fetchone()]

    def put_pages(self, blobs: Sequence[bytes]) -> None:
        """Keep pages, found good or still to be judged by the manifest that names them. Raises ``sqlite3.Error``."""
        named = [(page_hash(blob), blob) for blob in blobs]
        with files.transaction(self._writer):
            self._writer.executemany(_PUT, named)
        self.damaged.difference_update(name for name, _ in named)

    def adopting(self, manifest: Manifest, payload: bytes) -> Iterator[None]:
        """Adopt a manifest whose pages are all there, one slice a step; ``payload`` is kept as it came.

        Checks every page and their whole. Raises ``Unfit`` with nothing changed, or ``sqlite3.Error``.
        """
        try:
            site = Site.from_blob(_read_page(self._writer, manifest.site_page))
            prefixes = yield from self._judge(manifest)
        except (Malformed, RosterDamaged) as error:
            raise Unfit(f"roster {manifest.number}: {error}") from None
        packed = array("I", (prefix.value for prefix in prefixes))
        with files.transaction(self._writer):
            self._writer.execute(_ADOPT, (payload, packed.tobytes()))
        self._in_use = Adopted(manifest, packed, site, bytearray(len(packed)))
        self.damaged.clear()
        yield
        # A revocation must survive a power cut, or the old roster would let the card in again.
        self._writer.execute("PRAGMA wal_checkpoint(PASSIVE)")
        yield
        yield from self._sweep(manifest)

    def adopt(self, manifest: Manifest, payload: bytes) -> None:
        """The same in one go, where nobody waits at a door."""
        for _ in self.adopting(manifest, payload):
            pass

    def close(self) -> None:
        self._reader.close()
        self._writer.close()

    def _judge(self, manifest: Manifest) -> Generator[None, None, list[Prefix]]:
        """Check every page that is new, and all of them together."""
        known = set(self._in_use.manifest.pages) if self._in_use else set()
        prefixes = []
        count = weight = 0
        for name in manifest.pages:
            page = Page(_read_page(self._writer, name))
            if name not in known:
                page.check()
                weight += CHECK_WEIGHT
            prefixes.append(page.prefix)
            count += page.count
            weight += 1
            if weight > SLICE_WEIGHT:
                weight = 0
                yield
        check_whole(prefixes)
        if count != manifest.count:
            raise Malformed(f"{count} rows where the manifest counts {manifest.count}")
        return prefixes

    def _sweep(self, manifest: Manifest) -> Iterator[None]:
        """Let go of the pages that no longer belong to the roster."""
        wanted = {manifest.site_page, *manifest.pages}
        strays = [name for (name,) in self._writer.execute(_NAMES) if name not in wanted]
        for start in range(0, len(strays), SLICE_WEIGHT):
            with files.transaction(self._writer):
                self._writer.executemany(_DROP, [(name,) for name in strays[start : start + SLICE_WEIGHT]])
            yield

    def _open_or_begin_anew(self) -> None:
        try:
            self._open()
        except (sqlite3.Error, Malformed, RosterDamaged) as error:
            if isinstance(error, sqlite3.Error) and not files.is_damage(error):
                raise
            self.set_aside = files.set_aside(self._path)
            self._open()

    def _open(self) -> None:
        self._writer = files.open_made(self._path, SCHEMA, _migrate)
        self._writer.execute("PRAGMA wal_autocheckpoint = 1000")
        self._reader = files.open_database(self._path)
        try:
            self._in_use = _read_in_use(self._reader)
        except BaseException:
            self.close()
            raise


def _migrate(connection: sqlite3.Connection) -> None:
    """Make the tables. Imported late: sqlite-utils takes 24 MiB and 200 ms."""
    from sqlite_utils import Database, Migrations

    migrations = Migrations("roster")

    @migrations()
    def pages_and_roster(database: Database) -> None:
        database.table("pages").create({"hash": bytes, "blob": bytes}, pk="hash", not_null={"blob"})
        database.table("roster").insert({"manifest": b"", "prefixes": b""})

    migrations.apply(Database(connection))


def _read_in_use(connection: sqlite3.Connection) -> Adopted | None:
    payload, packed = connection.execute(_IN_USE).fetchone()
    if not payload:
        return None
    manifest = codec.read(codec.detach(payload)[0], Manifest)
    prefixes = array("I")
    if len(packed) != len(manifest.pages) * prefixes.itemsize:
        raise RosterDamaged(f"{len(packed)} bytes of prefixes for {len(manifest.pages)} pages")
    prefixes.frombytes(packed)
    site = Site.from_blob(_read_page(connection, manifest.site_page))
    return Adopted(manifest, prefixes, site, bytearray(len(prefixes)))


def _read_page(connection: sqlite3.Connection, name: bytes, *, check: bool = True) -> bytes:
    """The bytes of a page, checked to be those that its name promises. Raises ``RosterDamaged``."""
    found = connection.execute(_FIND, (name,)).fetchone()
    if found is None:
        raise RosterDamaged(f"page {name.hex()} is missing")
    blob: bytes = found[0]
    if check and page_hash(blob) != name:
        raise RosterDamaged(f"page {name.hex()} is not the page that was signed")
    return blob
