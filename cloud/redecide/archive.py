"""The rosters of before, as devices read them: what each said of one credential."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from sqlalchemy import Connection, select

from cloud.people.forms import in_version, rows_of
from cloud.people.rosters import Roster, find_roster, page_blob
from cloud.people.tables import rosters
from cloud.redecide.rule import Held, Issue, Why
from contract.codec import Malformed
from contract.demands import NO_DEMAND
from contract.roster import Page, prefix_of
from contract.roster_index import IndexEntry, IndexPage
from contract.sealing import page_hash
from contract.site_page import Site

K = TypeVar("K")
T = TypeVar("T")

MAX_ROSTERS, MAX_SITES, MAX_INDEXES, MAX_PAGES = 64, 16, 64, 512
"""What is remembered of each between one look and the next: at most some 10 MB."""


class _Index(NamedTuple):
    """An index page with where each of its pages begins."""

    starts: Sequence[int]
    entries: Sequence[IndexEntry]

    def below(self, digest: bytes) -> bytes:
        """The hash of the page that a digest belongs to."""
        return self.entries[bisect_right(self.starts, prefix_of(digest)) - 1].hash


class Remembered:
    """Pages that were read before. A page never changes: it has its hash for a name."""

    def __init__(self) -> None:
        self.rosters: dict[int, Roster | None] = {}
        self.issues: list[Issue] = []
        """All rosters in the order of their numbers, which is that of time, save where a clock was wrong."""
        self.sites: dict[bytes, Site] = {}
        self.indexes: dict[bytes, _Index] = {}
        self.pages: dict[tuple[bytes, int], bytes] = {}


class StoredArchive:
    """The rosters in the database, in one reading view of it."""

    def __init__(self, connection: Connection, remembered: Remembered) -> None:
        self._connection, self._remembered = connection, remembered
        remembered.rosters.clear()  # a roster may have got a site page more, or have been forgotten
        known = remembered.issues[-1].number if remembered.issues else 0
        later = select(rosters.c.number, rosters.c.issued_ms).where(rosters.c.number > known)
        remembered.issues += (Issue(*row) for row in connection.execute(later.order_by(rosters.c.number)))

    def issue(self, number: int) -> Issue | None:
        roster = self._roster(number)
        return None if roster is None else Issue(roster.number, roster.issued_ms)

    def issued_by(self, at_ms: int) -> Issue | None:
        issues = self._remembered.issues
        place = bisect_right(issues, at_ms, key=_issued_ms)
        return issues[place - 1] if place else None

    def held(self, number: int, site_page: bytes, point: str, digest: bytes) -> Sequence[Held] | Why:
        roster = self._roster(number)
        if roster is None or not roster.root:
            return Why.ROSTER_GONE
        forms = {rows_of(one): name for one, name in sorted(roster.site_pages.items()) if name.startswith(site_page)}
        return self._read(roster, forms, point, digest) if forms else Why.OTHER_ROSTER

    def newest_held(self, number: int, point: str, digest: bytes) -> Held | Why:
        roster = self._roster(number)
        if roster is None or not (roster.root and roster.site_pages):
            return Why.ROSTER_GONE
        newest = max(roster.site_pages)
        held = self._read(roster, {rows_of(newest): roster.site_pages[newest]}, point, digest)
        return held if isinstance(held, Why) else held[0]

    def profiles(self, number: int, digest: bytes) -> list[int]:
        """The profiles of the rows that ``newest_held`` makes grants of, in their order; none where it has none."""
        roster = self._roster(number)
        if roster is None or not (roster.root and roster.site_pages):
            return []
        page = self._page(roster, digest, rows_of(max(roster.site_pages)))
        return [row.profile for row in Page(page).find(digest)]

    def _read(self, roster: Roster, forms: dict[int, bytes], point: str, digest: bytes) -> Sequence[Held] | Why:
        """The newest version of rows first. Without a digest nobody is looked up."""
        found = []
        try:
            for version, name in sorted(forms.items(), reverse=True):
                site = self._site(name)
                grants = site.grants(self._page(roster, digest, version), digest) if digest else []
                counted = site.zones.get(site.counted.get(point, ""))
                found.append(Held(site.zone, grants, site.demands.get(point, NO_DEMAND), counted))
        except KeyError:
            return Why.ROSTER_GONE
        except Malformed:
            return Why.UNREADABLE
        return found

    def _roster(self, number: int) -> Roster | None:
        rosters_by_number = self._remembered.rosters
        return _remember(rosters_by_number, number, MAX_ROSTERS, lambda: find_roster(self._connection, number))

    def _site(self, name: bytes) -> Site:
        return _remember(self._remembered.sites, name, MAX_SITES, lambda: Site.from_blob(self._blob(name)))

    def _page(self, roster: Roster, digest: bytes, version: int) -> bytes:
        """The page of rows that a digest belongs to, in this version of rows."""
        root = _remember(self._remembered.indexes, page_hash(roster.root), MAX_INDEXES, lambda: _index(roster.root))
        branch = root.below(digest)
        index = _remember(self._remembered.indexes, branch, MAX_INDEXES, lambda: _index(self._blob(branch)))
        name = index.below(digest)

        def read() -> bytes:
            return in_version(self._blob(name), version)

        return _remember(self._remembered.pages, (name, version), MAX_PAGES, read)

    def _blob(self, name: bytes) -> bytes:
        """Raises ``KeyError``, and ``Malformed`` for a page that is not what it is named."""
        blob = page_blob(self._connection, name)
        if page_hash(blob) != name:
            raise Malformed(f"page {name.hex()} has rotted")
        return blob


def _issued_ms(issue: Issue) -> int:
    return issue.issued_ms


def _index(blob: bytes) -> _Index:
    entries = IndexPage(blob).entries
    return _Index([entry.prefix.value for entry in entries], entries)


def _remember(known: dict[K, T], key: K, most: int, make: Callable[[], T]) -> T:
    """What is known under this key, or is made now. Where there would be too many, all are forgotten."""
    if key not in known:
        made = make()
        if len(known) >= most:
            known.clear()
        known[key] = made
    return known[key]
