"""Rosters in the forms that older software reads: made of the stored pages, and each written down once.

Rows differ between version 1, version 2 (which software of pages 2 and 3 reads), version 3 and version 4. What an older
version cannot say is left out: a row of a standing that it does not know is no row there, nor is that of a phone, and a
PIN or a mark is not told.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct
from sqlalchemy import Connection, or_, select, update

from cloud.people import version_1
from cloud.people.rosters import Roster, page_blob
from cloud.people.tables import roster_pages
from cloud.people.tree import index_pages
from cloud.store.chunks import chunks
from contract.roster import PAGE_VERSIONS, ROW_VERSIONS, Page, Row, pack_page
from contract.roster_index import IndexEntry, IndexPage, is_index_page, pack_index_page
from contract.sealing import page_hash


class Form(Struct, frozen=True):
    """What a manifest names of a roster, the site page apart: all pages of rows in version 1, else index pages."""

    pages: Sequence[bytes]
    index_pages: Sequence[bytes]
    count: int


class OlderPage(Struct, frozen=True):
    """The same page for older software: its hash and its number of rows."""

    hash: bytes
    count: int


_COLUMNS = {
    1: (roster_pages.c.old_hash, roster_pages.c.old_count),
    2: (roster_pages.c.plain_hash, roster_pages.c.plain_count),
    3: (roster_pages.c.marked_hash, roster_pages.c.marked_count),
}
"""Where it is written down what a page is in a version of rows."""
_ROWS_OF = {1: 1, 2: 2, 3: 2, 4: 3, 5: 4}
_IN_ROWS: Mapping[int, Callable[[Row], Row | None]] = {2: Row.in_version_2, 3: Row.in_version_3}


def rows_of(version: int) -> int:
    """The version of rows that a device reads which reads pages of this version."""
    return _ROWS_OF[version]


def form_of(connection: Connection, roster: Roster, version: int) -> Form:
    """A roster for devices that read this version of pages. For all but the newest it needs a connection that may
    write."""
    names = index_pages(roster.root)
    if version == PAGE_VERSIONS[-1]:
        return Form([], names, roster.count)
    if version > 1:
        indexes = _indexes_in_version(connection, rows_of(version), names)
        return Form([], [made.hash for made in indexes], sum(made.count for made in indexes))
    below = [entry.hash for name in names for entry in IndexPage(page_blob(connection, name)).entries]
    pages = _in_version(connection, 1, below)
    return Form([made.hash for made in pages], [], sum(made.count for made in pages))


def names_of(connection: Connection, names: Sequence[bytes], version: int) -> list[bytes]:
    """Under which names devices of this version know these pages, as far as they have them, once ``form_of`` has made
    what it makes."""
    if version == PAGE_VERSIONS[-1]:
        return list(names)
    known = _known(connection, rows_of(version), names)
    return [known[name].hash for name in names if name in known]


def small_roster(connection: Connection, site_page: bytes, form: Form, at_most: int) -> list[bytes]:
    """All pages of a roster in one form, the site page first; none if there are more than ``at_most``."""
    shared = [site_page, *form.index_pages]
    if len(shared) > at_most:
        return []
    indexes = find_pages(connection, form.index_pages)
    below = [entry.hash for name in form.index_pages for entry in IndexPage(indexes[name]).entries]
    names = [*shared, *form.pages, *below]
    if len(names) > at_most:
        return []
    found = find_pages(connection, names)
    return [found[name] for name in names]


def find_pages(connection: Connection, hashes: Sequence[bytes]) -> Mapping[bytes, bytes]:
    """The pages of these hashes, of any version, as far as there are such."""
    pages: dict[bytes, bytes] = {}
    named = {ROW_VERSIONS[-1]: roster_pages.c.hash} | {version: column for version, (column, _) in _COLUMNS.items()}
    query = select(*named.values(), roster_pages.c.blob)
    for some in chunks(hashes):
        for *names, blob in connection.execute(query.where(or_(*(column.in_(some) for column in named.values())))):
            for version, name in zip(named, names, strict=True):
                if name in some and name not in pages:
                    pages[name] = _form(connection, blob, version)
    return pages


def _form(connection: Connection, blob: bytes, version: int) -> bytes:
    """A stored page of either kind in a version of rows."""
    is_index = version < ROW_VERSIONS[-1] and is_index_page(blob)
    return _index_in_version(connection, version, blob) if is_index else in_version(blob, version)


def in_version(blob: bytes, version: int) -> bytes:
    """A page of rows in a version of rows; the newest is as it is stored."""
    if version == 1:
        return version_1.row_page(blob)[0]
    if version == ROW_VERSIONS[-1] or Page(blob).version <= version:
        return blob
    page, told = Page(blob), _IN_ROWS[version]
    return pack_page(page.prefix, [row for row in map(told, page.rows()) if row is not None])


def _indexes_in_version(connection: Connection, version: int, names: Sequence[bytes]) -> list[OlderPage]:
    """Index pages that name pages of rows of this version only."""
    known = _known(connection, version, names)
    for name in names:
        if name not in known:
            blob = _index_in_version(connection, version, page_blob(connection, name))
            count = sum(entry.count for entry in IndexPage(blob).entries)
            known[name] = _note(connection, version, name, OlderPage(page_hash(blob), count))
    return [known[name] for name in names]


def _index_in_version(connection: Connection, version: int, blob: bytes) -> bytes:
    index = IndexPage(blob)
    below = _in_version(connection, version, [entry.hash for entry in index.entries])
    pairs = zip(index.entries, below, strict=True)
    return pack_index_page(index.prefix, [IndexEntry(entry.prefix, made.count, made.hash) for entry, made in pairs])


def _in_version(connection: Connection, version: int, names: Sequence[bytes]) -> list[OlderPage]:
    """Pages of rows in a version, in their order."""
    known = _known(connection, version, names)
    for name in names:
        if name not in known:
            made = in_version(page_blob(connection, name), version)
            known[name] = _note(connection, version, name, OlderPage(page_hash(made), Page(made).count))
    return [known[name] for name in names]


def _known(connection: Connection, version: int, names: Iterable[bytes]) -> dict[bytes, OlderPage]:
    """What was made of these pages before."""
    column, count = _COLUMNS[version]
    known: dict[bytes, OlderPage] = {}
    for some in chunks(list(names)):
        made = roster_pages.c.hash.in_(some) & column.is_not(None)
        rows = connection.execute(select(roster_pages.c.hash, column, count).where(made))
        known.update((name, OlderPage(form, rows_in_it)) for name, form, rows_in_it in rows)
    return known


def _note(connection: Connection, version: int, name: bytes, made: OlderPage) -> OlderPage:
    column, count = _COLUMNS[version]
    values = {column.name: made.hash, count.name: made.count}
    connection.execute(update(roster_pages).where(roster_pages.c.hash == name).values(values))
    return made
