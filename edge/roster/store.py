"""The roster on the device: pages as the cloud signed them, found by the prefix of a digest.

A page is one row of one table, and which pages are in use stands in another: adopting a manifest changes that in one
transaction, so a power cut leaves the old roster or the new one. The manifest names index pages, which name the pages
in the order of their prefixes, so that a device is ready without reading a page, and a change costs what it touches:
what lies below an index page that did not change is not looked at. The manifest is kept twice with its checksum, the
site page and the index pages as well: no single bit that rots costs a device its roster.

A page has its hash for a name, so a rotten one is found when it is read. It costs those on it their entry until it has
been fetched again, and nobody else. Of a file that SQLite cannot use any more, whatever can be read is carried over
into a new one.

Which thread does what: ``find`` runs on the loop, on a connection of its own. Everything that writes runs in an
executor of one, on the other connection, in slices of about a millisecond: a thread that works longer keeps the loop
from the interpreter, and somebody waits at the door.
"""

import sqlite3
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct

from contract import codec
from contract.decide import Grant
from contract.demands import Demand
from contract.messages import MAX_NUMBER, Manifest, Time
from contract.quantities import Allotment
from contract.roster import WHOLE, Page, Prefix, check_whole
from contract.roster_index import IndexEntry, IndexPage
from contract.sealing import page_hash
from contract.site_page import Site
from contract.zone_rules import PageZone
from edge.machine import files
from edge.machine.mendable import Mendable
from edge.roster.file import (
    ADOPT,
    RosterConnections,
    RosterDamaged,
    StoredRoster,
    adopted,
    drop,
    has_page,
    number_of,
    put,
    read_copy,
    read_page,
    salvage,
)
from edge.roster.in_use import Adopted, Branch

SLICE_WEIGHT = 40
"""Pages to read, or to drop, in one slice: one of about 100 rows takes some 20 µs."""
CHECK_WEIGHT = 14
"""To check all rows of a page as well costs so many times more."""
MAX_STRAYS = 2_000
"""Pages that came since the last roster, by name. Of more than that all in the file are looked through instead."""


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
        self._strays: set[bytes] | None = None
        """Pages that came since the last roster, or went with it; None while nobody knows which are in the file."""
        with files.errors_as(RosterError, f"roster {path} cannot be opened"):
            self._open_or_begin_anew()
        self.newest = max(_read_newest(self._newest_path), newest_of(self.manifest))

    @property
    def number(self) -> int:
        return self._in_use.manifest.number if self._in_use else 0

    @property
    def site_page(self) -> bytes:
        return self._in_use.manifest.site_page if self._in_use else b""

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

    def counted(self, point: str) -> tuple[str, PageZone] | None:
        """The zone that counts and that a point leads into, by name, and its rule."""
        site = self._in_use.site if self._in_use else None
        zone = site.counted.get(point) if site else None
        return None if site is None or zone is None else (zone, site.zones[zone])

    @property
    def pass_keys(self) -> Sequence[bytes]:
        """The public keys of the cloud that sign carried passes, the newest first."""
        return self._in_use.site.pass_keys if self._in_use else ()

    @property
    def revoked(self) -> Set[bytes]:
        """The ids of the carried passes that were withdrawn before their end."""
        return self._in_use.site.revoked if self._in_use else frozenset()

    @property
    def demands(self) -> Mapping[str, Demand]:
        """What points ask of who enters, besides a grant, by point."""
        return self._in_use.site.demands if self._in_use else {}

    @property
    def manifest(self) -> Manifest | None:
        return self._in_use.manifest if self._in_use else None

    def find(self, digest: bytes) -> list[Grant]:
        """Every grant of a credential. Raises ``RosterDamaged``."""
        in_use = self._in_use
        if in_use is None:
            return []
        branch, place = in_use.place(digest)
        name = branch.names[place]
        try:
            page = self._files.read(name, check=not branch.checked[place])
            branch.checked[place] = True
            return in_use.site.grants(page, digest)
        except (sqlite3.Error, codec.Malformed, RosterDamaged) as error:
            self.damaged.add(name)
            self.on_damage()
            raise RosterDamaged(f"roster {in_use.manifest.number}: {error}") from None

    def checking(self) -> Iterator[None]:
        """Read every page in use, one slice a step. Those that are spoilt are in ``damaged`` then."""
        in_use = self._in_use
        if in_use is None:
            return
        pages = ((name, read_page) for name in chain(in_use.shared, in_use.pages()))
        copies = ((name, read_copy) for name in in_use.shared)
        for place, (name, read) in enumerate(chain(copies, pages), 1):
            if in_use is not self._in_use:
                return
            try:
                read(self._files.writer, name)
            except (sqlite3.Error, RosterDamaged):
                self.damaged.add(name)
            if place % SLICE_WEIGHT == 0:
                yield

    def lacks(self, hashes: Sequence[bytes]) -> list[bytes]:
        """Which of these pages are not in the store, or spoilt. For a slice of a manifest at a time."""
        shared = set(self._in_use.shared) if self._in_use else set[bytes]()
        return [name for name in hashes if name in self.damaged or not (name in shared or self._has(name))]

    def new_index_pages(self, manifest: Manifest) -> list[bytes]:
        """The index pages of a manifest that are not in use."""
        in_use = set(self._in_use.manifest.index_pages) if self._in_use else set[bytes]()
        return [name for name in manifest.index_pages if name not in in_use]

    def new_pages(self, index_page: bytes) -> list[bytes]:
        """The pages below a new index page, which is in the store, that are not in use. Raises ``InvalidRoster`` or
        ``RosterDamaged``."""
        try:
            index = IndexPage(self._read(index_page))
        except codec.Malformed as error:
            raise InvalidRoster(f"index page {index_page.hex()}: {error}") from None
        in_use = self._in_use.below(index.prefix) if self._in_use else {}
        return [entry.hash for entry in index.entries if entry.hash not in in_use]

    def put_pages(self, blobs: Sequence[bytes]) -> None:
        """Keep pages, found good or still to be judged by the manifest that names them. Raises ``sqlite3.Error``.

        Where pages were spoilt the file is looked at first: in an unsound one, to mend a page may spoil the next.
        """
        if self.damaged:
            files.check_sound(self._files.writer)
        named = [(page_hash(blob), blob) for blob in blobs]
        with self._files.writing() as writer, files.transaction(writer):
            put(writer, named)
        names = {name for name, _ in named}
        if self._strays is not None:
            self._strays = self._strays | names if len(self._strays) < MAX_STRAYS else None
        self.damaged -= names

    def adopting(self, manifest: Manifest, payload: bytes) -> Iterator[None]:
        """Adopt a manifest whose pages are all there, one slice a step; ``payload`` is kept as it came.

        Checks every page that is new, and that all of them cover every digest once. With nothing changed it raises
        ``InvalidRoster``, ``RosterDamaged`` for pages that have rotted since they came and must come again, or
        ``sqlite3.Error``.
        """
        try:
            site = self._site(manifest)
            branches = yield from self._judge(manifest)
        except codec.Malformed as error:
            raise InvalidRoster(f"roster {manifest.number}: {error}") from None
        prefixes = b"" if manifest.index_pages else branches[0].starts.tobytes()
        with self._files.writing() as writer, files.transaction(writer):
            writer.execute(ADOPT, StoredRoster.of(payload, prefixes))
        before, self._in_use = self._in_use, Adopted.of(manifest, site, branches)
        if before is not None and self._strays is not None:
            self._strays |= before.without(self._in_use)
        self.newest = max(self.newest, newest_of(manifest))
        if self.damaged:
            self.damaged.intersection_update(chain(self._in_use.shared, self._in_use.pages()))
        yield
        # A revocation must survive a power cut, or the old roster would let the card in again.
        with self._files.writing() as writer:
            writer.execute("PRAGMA wal_checkpoint(PASSIVE)")
        yield
        with suppress(OSError):  # then the number stands in the database alone, as it did until now
            files.write_checked(self._newest_path, codec.write(self.newest))
        yield
        yield from self._sweep(self._in_use)

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

    def _has(self, name: bytes) -> bool:
        return has_page(self._files.writer, name)

    def _read(self, name: bytes) -> bytes:
        """A page of a roster to be adopted. Raises ``RosterDamaged``; then the store lacks it."""
        try:
            return read_page(self._files.writer, name)
        except RosterDamaged:
            with self._files.writing() as writer:
                drop(writer, [number_of(name)])
            raise

    def _site(self, manifest: Manifest) -> Site:
        if self._in_use is not None and self._in_use.manifest.site_page == manifest.site_page:
            return self._in_use.site
        return Site.from_blob(self._read(manifest.site_page))

    def _judge(self, manifest: Manifest) -> Generator[None, None, list[Branch]]:
        """Check what is new, and all of it together. Raises ``Malformed``."""
        if manifest.index_pages and manifest.pages:
            raise codec.Malformed("it names index pages and pages")
        kept = dict(zip(self._in_use.manifest.index_pages, self._in_use.branches, strict=False)) if self._in_use else {}
        branches = []
        for name in manifest.index_pages:
            branch = kept.get(name)
            if branch is None:
                index = IndexPage(self._read(name))
                branch = yield from self._judge_branch(index.prefix, index.entries)
            branches.append(branch)
        if not manifest.index_pages:
            entries = yield from self._entries(manifest.pages)
            branches = [(yield from self._judge_branch(WHOLE, entries))]
        check_whole(branch.prefix for branch in branches)
        count = sum(branch.count for branch in branches)
        if count != manifest.count:
            raise codec.Malformed(f"{count} rows where the manifest counts {manifest.count}")
        return branches

    def _entries(self, names: Sequence[bytes]) -> Generator[None, None, list[IndexEntry]]:
        """What an index page would say of these pages."""
        entries = []
        for place, name in enumerate(names, 1):
            page = Page(self._read(name))
            entries.append(IndexEntry(page.prefix, page.count, name))
            if place % SLICE_WEIGHT == 0:
                yield
        check_whole(entry.prefix for entry in entries)
        return entries

    def _judge_branch(self, prefix: Prefix, entries: Sequence[IndexEntry]) -> Generator[None, None, Branch]:
        """Check each page below a prefix that is not in use as it is named here."""
        in_use = self._in_use.below(prefix) if self._in_use else {}
        weight = CHECK_WEIGHT
        for entry in entries:
            if in_use.get(entry.hash) != (entry.prefix.value, entry.prefix.end, entry.count):
                page = Page(self._read(entry.hash))
                page.check()
                if (page.prefix, page.count) != (entry.prefix, entry.count):
                    raise codec.Malformed(f"page {entry.hash.hex()} is not what its index page says")
                weight += CHECK_WEIGHT
            if weight > SLICE_WEIGHT:
                weight = 0
                yield
        return Branch.of(prefix, entries)

    def _sweep(self, now: Adopted) -> Iterator[None]:
        """Let go of the pages that no longer belong to the roster: all that are in the file, or where it is known what
        came and went, those."""
        used = chain(now.shared, now.pages())
        if self._strays is None:
            stored = self._files.writer.execute("SELECT id FROM pages UNION SELECT id FROM copies")
            numbers = {number for (number,) in stored}.difference(map(number_of, used))
        else:
            numbers = set(map(number_of, self._strays.difference(used)))
        gone = iter(numbers)
        while some := list(islice(gone, SLICE_WEIGHT)):
            with self._files.writing() as writer, files.transaction(writer):
                drop(writer, some)
            yield
        self._strays = set()

    def _open_or_begin_anew(self) -> None:
        try:
            self._open()
        except (sqlite3.Error, codec.Malformed, RosterDamaged) as error:
            if isinstance(error, sqlite3.Error) and not files.is_damage(error):
                raise
            self.set_aside = files.set_aside(self._path)
            self._use_new(self.set_aside)

    def _open(self) -> None:
        self._files = RosterConnections(self._path)
        try:
            self._in_use = adopted(self._files.writer)
            self._has(b"")  # is there a table of pages at all?
        except BaseException:
            self.close()
            raise

    def _use_new(self, damaged: Path) -> None:
        """Open a new file, with the roster and the pages that can be read of a damaged one."""
        made = RosterConnections(self._path, wal_suspect=False)
        try:
            in_use = salvage(damaged, made.writer)
        except BaseException:
            made.close()
            raise
        self._files, self._in_use, self._strays = made, in_use, None
        names = chain(in_use.shared, in_use.pages()) if in_use else ()
        self.damaged = {name for name in names if not self._has(name)}


def newest_of(manifest: Manifest | None) -> Newest:
    """What a manifest says of its own age; that of none is the oldest of all."""
    return Newest(manifest.number, manifest.issued_ms) if manifest else Newest()


def _read_newest(path: Path) -> Newest:
    """A file that cannot be read is no file: then the database alone knows."""
    with suppress(OSError, codec.Malformed):
        return codec.read(files.read_checked(path), Newest)
    return Newest()
