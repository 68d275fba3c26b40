"""One roster, in the form that each device reads: what version 2 cannot say is left out, and all else is the same."""

from collections.abc import Mapping, Sequence
from functools import partial

import pytest
from msgspec.structs import replace
from sqlalchemy import func, select

from cloud.people.forms import Form, find_pages, form_of, names_of, rows_of, small_roster
from cloud.people.rosters import Roster, add_roster, page_blob
from cloud.people.tables import roster_pages
from cloud.people.tree import Rebuilt, rebuild
from cloud.store.database import Store
from contract.decide import Standing, Tier
from contract.demands import Assurance
from contract.roster import Page, Row, check_whole
from contract.roster_index import IndexPage
from contract.sealing import page_hash
from tests.contract.crowds import digest, row

PLAIN = {digest(number): [row(digest(number))] for number in range(500)}
GUARD = Row(digest(7), 1, b"guard001", Tier.STAFF, override=True, pin=b"verifier", assurance=Assurance.SIGNED)
PHONE = Row(digest(9), 1, b"memberno", Tier.MEMBER, assurance=Assurance.SIGNED, key=bytes([2] * 33))
FAMILY = Row(digest(10), 1, b"familyno", Tier.MEMBER, family=True)
BARRED = Row(digest(8), 1, b"memberno", Tier.MEMBER, Standing.BARRED)


class Rosters:
    """The rosters of a store, and the newest of them in each form."""

    def __init__(self, store: Store) -> None:
        self.store, self.newest = store, Roster(0, 0, {}, b"", 0, None)

    def change(self, rows: Mapping[bytes, Sequence[Row]]) -> Rebuilt:
        with self.store.writing() as connection:
            before = self.newest
            made = rebuild(before.root, rows, partial(page_blob, connection))
            count = before.count + made.added
            self.newest = Roster(before.number + 1, 0, {5: page_hash(b"site")}, made.root, count, None)
            add_roster(connection, self.newest, made.new, made.gone)
        return made

    def form(self, version: int) -> Form:
        with self.store.writing() as connection:
            return form_of(connection, self.newest, version)

    def rows(self, version: int) -> list[Row]:
        """As a device fetches them, page by page, by their names."""
        form = self.form(version)
        with self.store.reading() as connection:
            indexes = [IndexPage(find_pages(connection, [name])[name]) for name in form.index_pages]
            names = [*form.pages, *(entry.hash for index in indexes for entry in index.entries)]
            blobs = [find_pages(connection, [name])[name] for name in names]
        assert [page_hash(blob) for blob in blobs] == names
        pages = [Page(blob) for blob in blobs]
        check_whole(page.prefix for page in pages)
        assert [entry.count for index in indexes for entry in index.entries] in ([], [page.count for page in pages])
        for page in pages:
            page.check()
            assert page.version <= rows_of(version)
        found = [one for page in pages for one in page.rows()]
        assert len(found) == form.count
        return found


@pytest.fixture
def rosters(store: Store) -> Rosters:
    made = Rosters(store)
    made.change(PLAIN)
    return made


def test_versions_share_pages_where_nothing_is_new(rosters: Rosters) -> None:
    newest = rosters.form(5)
    assert newest == rosters.form(4) == rosters.form(3) == rosters.form(2)
    assert rosters.rows(1) == rosters.rows(5)


@pytest.mark.parametrize("version", [1, 2, 3])
def test_older_form_has_no_marks_nor_standings(rosters: Rosters, version: int) -> None:
    rosters.change({GUARD.digest: [GUARD], BARRED.digest: [BARRED]})
    told, older = rosters.rows(5), rosters.rows(version)
    assert (GUARD in told, BARRED in told) == (True, True)
    assert BARRED.digest not in {one.digest for one in older}
    (guard,) = (one for one in older if one.digest == GUARD.digest)
    assert (guard.pin, guard.override, guard.assurance, guard.tier) == (b"", False, Assurance.CARD, Tier.STAFF)
    assert len(older) == len(told) - 1


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_an_older_form_has_no_phone(rosters: Rosters, version: int) -> None:
    """A family is told of as everybody, and who has marks keeps them in version 4."""
    rosters.change({one.digest: [one] for one in (PHONE, FAMILY, GUARD)})
    told, older = rosters.rows(5), rosters.rows(version)
    assert {PHONE, FAMILY, GUARD} <= set(told)
    assert len(older) == len(told) - 1
    assert PHONE.digest not in {one.digest for one in older}
    assert replace(FAMILY, family=False) in older or version == 1
    assert (GUARD in older) == (version == 4)


def test_one_mark_makes_two_pages_a_form(rosters: Rosters) -> None:
    rosters.form(2)
    made = rosters.change({GUARD.digest: [GUARD]})
    form = rosters.form(2)
    with rosters.store.reading() as connection:
        new = names_of(connection, list(made.new), 2)
        found = find_pages(connection, new)
        assert [page_hash(found[name]) for name in new] == new
    assert len(new) == len(made.new) == 2
    assert set(new).isdisjoint(made.new)
    assert set(form.index_pages) & set(new)


def test_a_form_is_made_once(rosters: Rosters) -> None:
    rosters.change({GUARD.digest: [GUARD]})
    form = rosters.form(2)
    with rosters.store.writing() as connection:
        made = select(func.count()).where(roster_pages.c.plain_hash.is_not(None))
        assert (
            connection.execute(made).scalar_one()
            == connection.execute(
                select(func.count()).select_from(roster_pages).where(roster_pages.c.gone.is_(None))
            ).scalar_one()
        )
        connection.exec_driver_sql("UPDATE roster_pages SET blob = X'00'")
    assert rosters.form(2) == form


def test_small_roster_is_whole_in_each_form(store: Store) -> None:
    rosters = Rosters(store)
    rosters.change({GUARD.digest: [GUARD], digest(1): [row(digest(1))]})
    with store.writing() as connection:
        add_roster(connection, replace(rosters.newest, number=2), {page_hash(b"site"): b"site"})
        for version, pages in ((4, 3), (2, 3), (1, 2)):
            form = form_of(connection, rosters.newest, version)
            sent = small_roster(connection, page_hash(b"site"), form, pages)
            assert (sent[0], len(sent)) == (b"site", pages)
            assert small_roster(connection, page_hash(b"site"), form, pages - 1) == []
