"""The next roster: the people who changed are compiled anew, and the pages of their cards made again.

A draft is made in one reading view of the database, for it may take long; only to store it needs the write lock.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from functools import partial

from msgspec import Struct
from sqlalchemy import Connection, select

from cloud.people import version_1
from cloud.people.community import load_people, load_terms
from cloud.people.compiled import (
    find_compiled,
    in_chunks,
    keep_compiled,
    people_due,
    people_gone,
    people_since,
)
from cloud.people.grants import Compiled, Profile, compile_people, compile_site, slow_profiles
from cloud.people.rosters import Roster, add_roster, page_blob
from cloud.people.site_pages import site_pages
from cloud.people.tree import Rebuilt, rebuild
from cloud.store.schema import sites
from contract.roster import PAGE_VERSIONS, Row, unpack_rows
from contract.roster_index import is_index_page
from contract.sealing import page_hash

NOBODY = Compiled(b"", None, 0)


class Draft(Struct, frozen=True):
    """A roster that is not issued yet. ``revision`` is the site's that it was made of, ``compiled`` who is not what was
    stored, ``site_pages`` are the bytes of the site pages that are new in it, by their version. ``slow`` are
    the profiles that slow people still need (see ``grants.slow_profiles``)."""

    revision: int
    compiled: Mapping[int, Compiled]
    tree: Rebuilt
    site_pages: Mapping[int, bytes]
    slow: Mapping[int, Set[Profile]] = {}

    def differs(self, issued: Roster) -> bool:
        """Whether it is another than the one that was issued."""
        return bool(self.site_pages) or self.tree.root != issued.root

    def new_pages(self, version: int) -> list[bytes]:
        """The pages that a device needs which has the roster before."""
        pages = list(self.tree.new.values())
        if version == 1:
            pages = [version_1.row_page(page)[0] for page in pages if not is_index_page(page)]
        return [*(page for of, page in self.site_pages.items() if of == version), *pages]


def make_draft(connection: Connection, site: str, issued: Roster | None, now_ms: int, *, whole: bool) -> Draft:
    """What has become of the community since a roster was issued; ``whole`` to compile everybody. Raises
    ``Undeliverable``."""
    columns = sites.c.revision, sites.c.terms_revision, sites.c.everybody_revision
    marks = connection.execute(select(*columns).where(sites.c.name == site)).one()
    held = issued.revision if issued and issued.revision is not None else -1
    if whole or marks.everybody_revision > held:
        compiled, changes, slow = _compile(connection, site, None, now_ms)
    else:
        ids = sorted({*people_since(connection, held), *people_due(connection, site, now_ms)})
        compiled, changes, slow = _compile(connection, site, ids, now_ms)
    tree = rebuild(issued.root if issued else b"", changes, partial(page_blob, connection))
    lacks_version = issued is None or issued.site_pages.keys() != set(PAGE_VERSIONS)
    made = _site_pages(connection, issued) if whole or lacks_version or marks.terms_revision > held else {}
    return Draft(marks.revision, compiled, tree, made, slow)


def store_draft(
    connection: Connection, site: str, made: Draft, issued: Roster | None, number: int, now_ms: int
) -> Roster:
    """Issue what was made, under this number; returns the roster that it is."""
    names = {version: page_hash(page) for version, page in made.site_pages.items()}
    before = dict(issued.site_pages) if issued else {}
    after = before | names
    count = made.tree.added + (issued.count if issued else 0)
    roster = Roster(number, now_ms, after, made.tree.root, count, made.revision)
    new = {names[version]: page for version, page in made.site_pages.items()} | made.tree.new
    keep_compiled(connection, site, made.compiled)
    add_roster(connection, roster, new, made.tree.gone | (set(before.values()) - set(after.values())))
    return roster


def _site_pages(connection: Connection, issued: Roster | None) -> dict[int, bytes]:
    """Those that are not as they were. Raises ``Undeliverable``."""
    made = site_pages(compile_site(load_terms(connection)))
    before = issued.site_pages if issued else {}
    return {version: blob for version, blob in made.items() if page_hash(blob) != before.get(version)}


def _compile(
    connection: Connection, site: str, ids: Sequence[int] | None, now_ms: int
) -> tuple[dict[int, Compiled], dict[bytes, list[Row]], dict[int, set[Profile]]]:
    """Who of these people, or of all, is another than what was stored; the rows of every card that has others; and the
    profiles that slow people need."""
    changed: dict[int, Compiled] = {}
    lost: set[bytes] = set()
    changes: dict[bytes, list[Row]] = {}
    slow: dict[int, set[Profile]] = {}
    for some in in_chunks(connection, ids):
        before, found = find_compiled(connection, site, some), load_people(connection, some)
        slow |= slow_profiles(found, now_ms)
        for person, after in compile_people(found, now_ms).items():
            _compare(person, before.get(person), after, changed, changes, lost)
    if ids is None:
        for person, before_it_went in find_compiled(connection, site, people_gone(connection, site)).items():
            _compare(person, before_it_went, NOBODY, changed, changes, lost)
    return changed, {digest: [] for digest in lost} | changes, slow


def _compare(
    person: int,
    before: Compiled | None,
    after: Compiled,
    changed: dict[int, Compiled],
    changes: dict[bytes, list[Row]],
    lost: set[bytes],
) -> None:
    """Note what is other than before: the person, the rows of cards, and the cards that have none any more."""
    if before == after:
        return
    changed[person] = after
    if before is None or before.rows != after.rows:
        then, now = _by_card(before.rows if before else b""), _by_card(after.rows)
        changes.update((digest, rows) for digest, rows in now.items() if then.get(digest) != rows)
        lost.update(then.keys() - now.keys())


def _by_card(packed: bytes) -> dict[bytes, list[Row]]:
    rows: dict[bytes, list[Row]] = defaultdict(list)
    for row in unpack_rows(packed):
        rows[row.digest].append(row)
    return rows
