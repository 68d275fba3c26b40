"""The next roster: the people who changed are compiled anew, and the pages of their cards made again.

A draft is made in one reading view of the database, for it may take long; only to store it needs the write lock.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from functools import partial

from msgspec import Struct, structs
from sqlalchemy import Connection, select

from cloud.devices.registry import roster_readers
from cloud.people.community import load_people, load_terms
from cloud.people.compiled import LEDGERS, OF_PERMITS, Ledger
from cloud.people.grants import Compiled, Profile, compile_people, compile_site, slow_profiles
from cloud.people.permit_rows import load_rights
from cloud.people.permits import compile_permits
from cloud.people.rosters import Roster, add_roster, confirm, page_blob
from cloud.people.site_pages import site_pages
from cloud.people.tree import Rebuilt, rebuild
from cloud.store.schema import sites
from contract.roster import Row, Undeliverable, unpack_rows
from contract.sealing import page_hash

NOBODY = Compiled(b"", None, 0)


class Draft(Struct, frozen=True):
    """A roster that is not issued yet. ``revision`` is the site's that it was made of, ``compiled`` who is not what was
    stored, of people and of permits each. ``site_pages`` are the hashes of its site pages by their version, of which
    ``new_site_pages`` are new. ``withheld`` says which versions that devices read it lacks, and why. ``slow`` are the
    profiles that slow people still need (see ``grants.slow_profiles``)."""

    revision: int
    compiled: Mapping[Ledger, Mapping[int, Compiled]]
    tree: Rebuilt
    site_pages: Mapping[int, bytes]
    new_site_pages: Mapping[int, bytes]
    withheld: Mapping[int, str]
    slow: Mapping[int, Set[Profile]] = {}

    def differs(self, issued: Roster) -> bool:
        """Whether it is another than the one that was issued: a version more of the site page makes no other."""
        others = (self.site_pages.get(version) != name for version, name in issued.site_pages.items())
        return self.tree.root != issued.root or any(others)

    def new_site_page(self, version: int) -> list[bytes]:
        """The hash of its site page in this version, where that is new."""
        return [self.site_pages[version]] if version in self.new_site_pages else []


def make_draft(
    connection: Connection,
    site: str,
    issued: Roster | None,
    now_ms: int,
    *,
    whole: bool,
    withheld: Mapping[int, str] = {},
) -> Draft:
    """What has become of the community since a roster was issued; ``whole`` to compile everybody. ``withheld`` are the
    versions that are known to be too large. Raises ``Undeliverable`` for one that no device could take."""
    columns = sites.c.revision, sites.c.terms_revision, sites.c.everybody_revision
    marks = connection.execute(select(*columns).where(sites.c.name == site)).one()
    held = issued.revision if issued and issued.revision is not None else -1
    made = _Compiling(connection, site, now_ms)
    for ledger in LEDGERS:
        if whole or marks.everybody_revision > held:
            made.compile(ledger, None)
        else:
            made.compile(ledger, sorted({*ledger.since(connection, held), *ledger.due(connection, site, now_ms)}))
    tree = rebuild(issued.root if issued else b"", made.changes, partial(page_blob, connection))
    before = issued.site_pages if issued else {}
    if whole or marks.terms_revision > held:
        names, pages, withheld = _site_pages(connection, {}, {})
    else:
        names, pages, withheld = _site_pages(connection, before, withheld)
    new = {version: page for version, page in pages.items() if names[version] != before.get(version)}
    return Draft(marks.revision, made.changed, tree, names, new, withheld, made.slow)


def store_draft(
    connection: Connection, site: str, made: Draft, issued: Roster | None, number: int, now_ms: int
) -> Roster:
    """Issue what was made, under this number; returns the roster that it is."""
    before = set(issued.site_pages.values()) if issued else set()
    count = made.tree.added + (issued.count if issued else 0)
    roster = Roster(number, now_ms, made.site_pages, made.tree.root, count, made.revision)
    _keep(connection, site, made)
    new = _by_name(made) | made.tree.new
    add_roster(connection, roster, new, made.tree.gone | (before - set(made.site_pages.values())))
    return roster


def confirm_draft(connection: Connection, site: str, made: Draft, issued: Roster, now_ms: int) -> Roster:
    """Keep the roster that was issued, as what was made does not differ from it; returns it as it is now."""
    _keep(connection, site, made)
    roster = structs.replace(issued, site_pages=made.site_pages, revision=made.revision)
    confirm(connection, roster, _by_name(made), now_ms)
    return roster


def _keep(connection: Connection, site: str, made: Draft) -> None:
    for ledger, changed in made.compiled.items():
        ledger.keep(connection, site, changed)


def _by_name(made: Draft) -> dict[bytes, bytes]:
    return {made.site_pages[version]: page for version, page in made.new_site_pages.items()}


def _site_pages(
    connection: Connection, kept: Mapping[int, bytes], withheld: Mapping[int, str]
) -> tuple[dict[int, bytes], dict[int, bytes], dict[int, str]]:
    """The hashes of all site pages by their version, the bytes of those that were made now, and why versions are
    lacking. Made are those that devices read, save the ones that are kept, and that were too large. Raises
    ``Undeliverable`` if there is none for any device."""
    read = {reader.version for reader in roster_readers(connection).values()}
    pages: dict[int, bytes] = {}
    too_large = {version: why for version, why in withheld.items() if version in read}
    if lacking := read - kept.keys() - too_large.keys():
        pages, more = site_pages(compile_site(load_terms(connection)), lacking)
        too_large |= more
    names = {**kept, **{version: page_hash(page) for version, page in pages.items()}}
    if too_large and not read & names.keys():
        raise Undeliverable("; ".join(too_large.values()))
    return names, pages, too_large


class _Compiling:
    """What is found to have changed: who is another than what was stored, the rows of every card that has others, and
    the profiles that slow people need."""

    def __init__(self, connection: Connection, site: str, now_ms: int) -> None:
        self._connection, self._site, self._now_ms = connection, site, now_ms
        self.changed: dict[Ledger, dict[int, Compiled]] = {ledger: {} for ledger in LEDGERS}
        self.slow: dict[int, set[Profile]] = {}
        self._lost: set[bytes] = set()
        self._others: dict[bytes, list[Row]] = {}

    @property
    def changes(self) -> dict[bytes, list[Row]]:
        return {digest: [] for digest in self._lost} | self._others

    def compile(self, ledger: Ledger, ids: Sequence[int] | None) -> None:
        """Compile these, or all, anew."""
        for some in ledger.in_chunks(self._connection, ids):
            before = ledger.find(self._connection, self._site, some)
            for one, after in self._compiled(ledger, some).items():
                self._compare(ledger, one, before.get(one), after)
        if ids is None:
            gone = ledger.gone(self._connection, self._site)
            for one, before_it_went in ledger.find(self._connection, self._site, gone).items():
                self._compare(ledger, one, before_it_went, NOBODY)

    def _compiled(self, ledger: Ledger, some: Sequence[int]) -> dict[int, Compiled]:
        if ledger is OF_PERMITS:
            return compile_permits(load_rights(self._connection, self._site, some), self._now_ms)
        found = load_people(self._connection, some)
        self.slow |= slow_profiles(found, self._now_ms)
        return compile_people(found, self._now_ms)

    def _compare(self, ledger: Ledger, one: int, before: Compiled | None, after: Compiled) -> None:
        """Note what is other than before: the person or permit, the rows of its cards, and the cards that have none any
        more."""
        if before == after:
            return
        self.changed[ledger][one] = after
        if before is None or before.rows != after.rows:
            then, now = _by_card(before.rows if before else b""), _by_card(after.rows)
            self._others.update((digest, rows) for digest, rows in now.items() if then.get(digest) != rows)
            self._lost.update(then.keys() - now.keys())


def _by_card(packed: bytes) -> dict[bytes, list[Row]]:
    rows: dict[bytes, list[Row]] = defaultdict(list)
    for row in unpack_rows(packed):
        rows[row.digest].append(row)
    return rows
