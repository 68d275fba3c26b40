"""The roster on the device: pages as the cloud signed them, found by the prefix of a digest.

A page is one row of one table, and which pages are in use stands in another: adopting a manifest changes that in one
transaction, so a power cut leaves the old roster or the new one. The manifest names the pages in the order of their
prefixes; beside it lie the prefixes themselves, packed, and the site page, so that a device is ready without reading a
page. All that is kept twice, each time with its checksum: no single bit that rots costs a device its roster.

A page has its hash for a name, so a rotten one is found when it is read. It costs those on it their entry until it has
been fetched again, and nobody else. Of a file that SQLite cannot use any more, whatever can be read is carried over
into a new one.

Which thread does what: ``find`` runs on the loop, on a connection of its own. Everything that writes runs in an
executor of one, on the other connection, in slices of about a millisecond: a thread that works longer keeps the loop
from the interpreter, and somebody waits at the door.
"""

import sqlite3
from array import array
from bisect import bisect_right
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct

from contract import codec
from contract.decide import Allotment, Grant
from contract.messages import MAX_NUMBER, Manifest, Time
from contract.roster import Page, Prefix, Site, check_whole, prefix_of
from contract.sealing import page_hash
from edge.machine import files
from edge.machine.mendable import Mendable
from edge.roster.file import (
    ADOPT,
    PUT,
    Adopted,
    RosterConnections,
    RosterDamaged,
    StoredRoster,
    adopted,
    read_page,
    read_stored,
    salvage,
)

SLICE_WEIGHT = 40
"""Pages to read, or to drop, in one slice: one of about 100 rows takes some 20 µs."""
CHECK_WEIGHT = 14
"""To check all rows of a page as well costs so many times more."""

_HAS = "SELECT 1 FROM pages WHERE hash = ?"
_DROP = "DELETE FROM pages WHERE hash = ?"


class RosterError(Mendable):
    """The roster's file cannot be opened; the text names it and says why."""


class InvalidRoster(Exception):
    """A signed manifest names pages that make no roster; nothing was changed."""


class Newest(Struct, frozen=True, order=True):
    """The newest manifest ever adopted. An older one is refused, even by a store that had to begin anew."""

    number: Annotated[int, Meta(ge=0, le=MAX_NUMBER)] = 0
    issued_ms: Time = 0


class RosterStore:
    """The pages of one device. Raises ``RosterError`` if the file cannot be opened.

    A damaged file is renamed to ``set_aside``, and the store goes on with what could be read of it; the cloud sends
    the rest again.
    """

    def __init__(self, path: Path) -> None:
        self.set_aside: Path | None = None
        self.damaged: set[bytes] = set()
        """Pages in use that could not be read, or are not what was signed."""
        self.on_damage: Callable[[], object] = lambda: None
        """Called by ``find``, on the loop, when there is such a page."""
        self._path = path
        self._newest_path = path.with_suffix(".newest")
        self._in_use: Adopted | None = None
        self._wal_suspect = True  # a sync may have failed under a predecessor that was killed
        with files.errors_as(RosterError, f"roster {path} cannot be opened"):
            self._open_or_begin_anew()
        self.newest = max(_read_newest(self._newest_path), newest_of(self.manifest))

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
    def allotments(self) -> Mapping[str, Allotment]:
        """What each allotment of the site holds, by its name."""
        return self._in_use.site.allotments if self._in_use else {}

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
            page = Page(read_page(self._files.reader, name, check=not in_use.checked[place]))
            in_use.checked[place] = True
            return [in_use.site.grant(row) for row in page.find(digest)]
        except (sqlite3.Error, codec.Malformed, RosterDamaged) as error:
            self.damaged.add(name)
            self.on_damage()
            raise RosterDamaged(f"roster {in_use.manifest.number}: {error}") from None

    def checking(self) -> Iterator[None]:
        """Read every page in use, one slice a step. Those that are spoilt are in ``damaged`` then."""
        in_use = self._in_use
        for place, name in enumerate(in_use.manifest.pages if in_use else ()):
            if in_use is not self._in_use:
                return
            try:
                read_page(self._files.writer, name)
            except (sqlite3.Error, RosterDamaged):
                self.damaged.add(name)
            if (place + 1) % SLICE_WEIGHT == 0:
                yield

    def lacks(self, hashes: Sequence[bytes]) -> list[bytes]:
        """Which of these pages are not in the store, or spoilt. For a slice of a manifest at a time."""
        return [
            name for name in hashes if name in self.damaged or not self._files.writer.execute(_HAS, (name,)).fetchone()
        ]

    def put_pages(self, blobs: Sequence[bytes]) -> None:
        """Keep pages, found good or still to be judged by the manifest that names them. Raises ``sqlite3.Error``.

        Where pages were spoilt the file is looked at first: in an unsound one, to mend a page may spoil the next.
        """
        if self.damaged:
            files.check_sound(self._files.writer)
        named = [(page_hash(blob), blob) for blob in blobs]
        with self._writing(), files.transaction(self._files.writer):
            self._files.writer.executemany(PUT, named)
        self.damaged.difference_update(name for name, _ in named)

    def adopting(self, manifest: Manifest, payload: bytes) -> Iterator[None]:
        """Adopt a manifest whose pages are all there, one slice a step; ``payload`` is kept as it came.

        Checks every page and their whole. With nothing changed it raises ``InvalidRoster``, ``RosterDamaged`` for pages
        that have rotted since they came and must come again, or ``sqlite3.Error``.
        """
        try:
            site_page = self._read(manifest.site_page)
            site = Site.from_blob(site_page)
            prefixes = yield from self._judge(manifest)
        except codec.Malformed as error:
            raise InvalidRoster(f"roster {manifest.number}: {error}") from None
        packed = array("I", (prefix.value for prefix in prefixes))
        with self._writing(), files.transaction(self._files.writer):
            self._files.writer.execute(ADOPT, StoredRoster.of(payload, packed.tobytes(), site_page))
        self._in_use = Adopted(manifest, packed, site, bytearray(len(packed)))
        self.newest = max(self.newest, newest_of(manifest))
        self.damaged.clear()
        yield
        # A revocation must survive a power cut, or the old roster would let the card in again.
        with self._writing():
            self._files.writer.execute("PRAGMA wal_checkpoint(PASSIVE)")
        yield
        with suppress(OSError):  # then the number stands in the database alone, as it did until now
            files.write_checked(self._newest_path, codec.write(self.newest))
        yield
        yield from self._sweep(manifest)

    def begin_anew(self) -> None:
        """SQLite cannot use the file any more: set it aside, and go on in a new one with what can be read of it.

        Who is on a page that cannot is in ``damaged``. Raises ``sqlite3.Error``.
        """
        before = self._files
        if self.set_aside is None or self._path.exists():  # not so if it failed here before
            self.set_aside = files.set_aside(self._path)
        self._use_new(self.set_aside)
        before.close()

    def close(self) -> None:
        self._files.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Where the disk failed before, put the WAL on it first: a checkpoint believes the next sync, which proves
        nothing. Raises ``sqlite3.Error``."""
        try:
            if self._wal_suspect:
                with self._path.with_name(f"{self._path.name}-wal").open("r+b") as wal:
                    files.write_again(wal.fileno())
                self._wal_suspect = False
            yield
        except OSError as error:
            raise sqlite3.OperationalError(f"{self._path}-wal: {error.strerror}") from None
        except sqlite3.Error:
            self._wal_suspect = True
            raise

    def _read(self, name: bytes) -> bytes:
        """A page of a roster to be adopted. Raises ``RosterDamaged``; then the store lacks it."""
        try:
            return read_page(self._files.writer, name)
        except RosterDamaged:
            self._files.writer.execute(_DROP, (name,))
            raise

    def _judge(self, manifest: Manifest) -> Generator[None, None, list[Prefix]]:
        """Check every page that is new, and all of them together."""
        checked = set(self._in_use.manifest.pages) if self._in_use else set()
        prefixes = []
        count = weight = 0
        for name in manifest.pages:
            page = Page(self._read(name))
            if name not in checked:
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
            raise codec.Malformed(f"{count} rows where the manifest counts {manifest.count}")
        return prefixes

    def _sweep(self, manifest: Manifest) -> Iterator[None]:
        """Let go of the pages that no longer belong to the roster."""
        in_use = {manifest.site_page, *manifest.pages}
        writer = self._files.writer
        strays = [name for (name,) in writer.execute("SELECT hash FROM pages") if name not in in_use]
        for start in range(0, len(strays), SLICE_WEIGHT):
            with files.transaction(writer):
                writer.executemany(_DROP, [(name,) for name in strays[start : start + SLICE_WEIGHT]])
            yield

    def _open_or_begin_anew(self) -> None:
        try:
            self._open()
        except (sqlite3.Error, codec.Malformed, RosterDamaged) as error:
            if isinstance(error, sqlite3.Error) and not files.is_damage(error):
                raise
            self.set_aside = files.set_aside(self._path)
            self._use_new(self.set_aside)

    def _open(self) -> None:
        self._files = RosterConnections.open(self._path)
        try:
            self._in_use = adopted(read_stored(self._files.reader))
            self._files.reader.execute(_HAS, (b"",))  # is there a table of pages at all?
        except BaseException:
            self.close()
            raise

    def _use_new(self, damaged: Path) -> None:
        """Open a new file, with the roster and the pages that can be read of a damaged one."""
        made = RosterConnections.open(self._path)
        try:
            in_use = salvage(damaged, made.writer)
        except BaseException:
            made.close()
            raise
        self._files, self._in_use, self._wal_suspect = made, in_use, False
        self.damaged = set(self.lacks(in_use.manifest.pages)) if in_use else set()


def newest_of(manifest: Manifest | None) -> Newest:
    """What a manifest says of its own age; that of none is the oldest of all."""
    return Newest(manifest.number, manifest.issued_ms) if manifest else Newest()


def _read_newest(path: Path) -> Newest:
    """A file that cannot be read is no file: then the database alone knows."""
    with suppress(OSError, codec.Malformed):
        return codec.read(files.read_checked(path), Newest)
    return Newest()
