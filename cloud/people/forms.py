"""Rosters in the forms that older software reads: made of the stored pages, and each written down once.

Rows differ between version 1, version 2 (which software of pages 2 and 3 reads) and version 3. What version 2 cannot
say is left out: a row of a standing that it does not know is no row there, and a PIN or a mark is not told.
"""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from sqlalchemy import Connection, or_, select, update

from cloud.people import version_1
from cloud.people.rosters import Roster, page_blob
from cloud.people.tree import index_pages
from cloud.store.chunks import chunks
from cloud.store.schema import roster_pages
from contract.roster import PAGE_VERSIONS, Page, pack_page
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
}
"""Where it is written down what a page is in a version of rows."""


def rows_of(version: int) -> int:
    """The version of rows that a device reads which reads pages of this version."""
    return 2 if version == 3 else min(version, 3)


def form_of(connection: Connection, roster: Roster, version: int) -> Form:
    """A roster for devices that read this version of pages. For all but the newest it needs a connection that may
    write."""
    names = index_pages(roster.root)
    if version == PAGE_VERSIONS[-1]:
        return Form([], names, roster.count)
    if version > 1:
        indexes = _plain_indexes(connection, names)
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
    named = roster_pages.c.hash, roster_pages.c.old_hash, roster_pages.c.plain_hash
    for some in chunks(hashes):
        query = select(*named, roster_pages.c.blob).where(or_(*(column.in_(some) for column in named)))
        for row in connection.execute(query):
            if row.hash in some:
                pages[row.hash] = row.blob
            elif row.old_hash in some:
                pages[row.old_hash], _ = version_1.row_page(row.blob)
            else:
                pages[row.plain_hash] = (
                    _plain_index(connection, row.blob) if is_index_page(row.blob) else plain(row.blob)
                )
    return pages


def plain(blob: bytes) -> bytes:
    """A page of rows in version 2."""
    page = Page(blob)
    if page.version < 3:
        return blob
    rows = (row.in_version_2() for row in page.rows())
    return pack_page(page.prefix, [row for row in rows if row is not None], version=2)


def _plain_indexes(connection: Connection, names: Sequence[bytes]) -> list[OlderPage]:
    """Index pages that name pages of rows of version 2 only."""
    known = _known(connection, 2, names)
    for name in names:
        if name not in known:
            blob = _plain_index(connection, page_blob(connection, name))
            count = sum(entry.count for entry in IndexPage(blob).entries)
            known[name] = _note(connection, 2, name, OlderPage(page_hash(blob), count))
    return [known[name] for name in names]


def _plain_index(connection: Connection, blob: bytes) -> bytes:
    index = IndexPage(blob)
    below = _in_version(connection, 2, [entry.hash for entry in index.entries])
    pairs = zip(index.entries, below, strict=True)
    return pack_index_page(index.prefix, [IndexEntry(entry.prefix, made.count, made.hash) for entry, made in pairs])


def _in_version(connection: Connection, version: int, names: Sequence[bytes]) -> list[OlderPage]:
    """Pages of rows in a version, in their order."""
    known = _known(connection, version, names)
    for name in names:
        if name not in known:
            blob = page_blob(connection, name)
            made = version_1.row_page(blob)[0] if version == 1 else plain(blob)
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
