"""A roster by index pages: adopted, looked up and mended where it changed, and nowhere else."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from shutil import copyfile
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.decide import Tier
from contract.roster import Page, Prefix, Row
from contract.roster_index import IndexEntry, IndexPage, pack_index_page
from contract.sealing import page_hash
from edge.roster.file import RosterDamaged, number_of
from edge.roster.store import InvalidRoster, RosterStore
from tests.edge.support.journals import meddle, spoil
from tests.edge.support.rosters import Published, digest, publish, publish_rows, row, seal
from tests.edge.support.syncing import Bench, run

FIXTURES = Path(__file__).parents[2] / "fixtures" / "rosters"


@pytest.fixture
def store(path: Path) -> Iterator[RosterStore]:
    with closing(RosterStore(path)) as store:
        yield store


def adopt(store: RosterStore, published: Published) -> None:
    store.put_pages([published.blobs[name] for name in store.lacks(list(published.blobs))])
    list(store.adopting(published.manifest, published.payload))


def holders(store: RosterStore, number: int) -> list[bytes]:
    return [grant.holder for grant in store.find(digest(number))]


def stored(store: RosterStore) -> set[int]:
    """The numbers of all pages that are in the file."""
    return {number for (number,) in store._files.writer.execute("SELECT id FROM pages UNION SELECT id FROM copies")}


def reads_of(store: RosterStore, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The names of the pages that the store reads from now on."""
    names: list[bytes] = []
    read = store._read

    def noted(name: bytes) -> bytes:
        names.append(name)
        return read(name)

    monkeypatch.setattr(store, "_read", noted)
    return names


def test_one_change_reads_only_what_is_new(store: RosterStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the other pages are read nor those that have gone looked for."""
    first, second = publish(range(5000)), publish(range(1, 5000), 2)
    adopt(store, publish(range(10), 0))
    adopt(store, first)
    new = second.blobs.keys() - first.blobs.keys()
    (index_page,) = store.new_index_pages(second.manifest)
    (page,) = new - {index_page}
    store.put_pages([second.blobs[index_page]])
    assert store.new_pages(index_page) == [page]
    store.put_pages([second.blobs[page]])
    names = reads_of(store, monkeypatch)
    steps = len(list(store.adopting(second.manifest, second.payload)))
    assert set(names) == new
    assert steps <= 5
    assert (holders(store, 0), holders(store, 1)) == ([], [row(1).holder])
    assert stored(store) == {number_of(name) for name in second.blobs}


def faults() -> Iterator[tuple[str, Published]]:
    """Signed rosters whose index pages do not say what is so."""
    whole = publish(range(2000), 2)
    names = whole.manifest.index_pages
    index = IndexPage(whole.blobs[names[0]])

    def with_entry(**changes: Any) -> Published:
        entries = [msgspec.structs.replace(index.entries[0], **changes), *index.entries[1:]]
        return with_index_page(pack_index_page(index.prefix, entries))

    def with_index_page(blob: bytes) -> Published:
        return with_manifest({page_hash(blob): blob}, index_pages=[page_hash(blob), *names[1:]])

    def with_manifest(blobs: dict[bytes, bytes], **changes: Any) -> Published:
        manifest = msgspec.structs.replace(whole.manifest, **changes)
        return Published(manifest, seal(manifest), whole.blobs | blobs)

    yield "hole", with_manifest({}, index_pages=names[1:])
    yield "overlap", with_manifest({}, index_pages=[names[0], *names])
    yield "ends at", with_manifest({}, index_pages=names[:-1])
    yield "counts", with_manifest({}, count=1999)
    yield "index pages and pages", with_manifest({}, pages=whole.pages)
    yield "index page version", with_manifest({}, index_pages=whole.pages)
    yield "not what its index page says", with_entry(count=index.entries[0].count + 1)
    yield "not what its index page says", with_entry(hash=index.entries[1].hash)
    wide = Prefix(index.prefix.value, index.prefix.bits)
    yield "not what its index page says", with_index_page(pack_index_page(wide, [entry_of(wide, index)]))


def entry_of(prefix: Prefix, index: IndexPage) -> IndexEntry:
    return IndexEntry(prefix, index.entries[0].count, index.entries[0].hash)


@pytest.mark.parametrize("held", [publish(range(10)), publish(range(2000))], ids=["few", "the same people"])
@pytest.mark.parametrize(("what", "published"), [*faults()], ids=lambda value: value if isinstance(value, str) else "")
def test_index_pages_that_make_no_roster_change_nothing(
    store: RosterStore, what: str, published: Published, held: Published
) -> None:
    adopt(store, held)
    store.put_pages(list(published.blobs.values()))
    with pytest.raises(InvalidRoster, match=what):
        list(store.adopting(published.manifest, published.payload))
    assert store.number == 1
    assert holders(store, 9) == [row(9).holder]


@pytest.mark.parametrize("table", ["pages", "copies"])
def test_one_copy_of_two_may_rot(path: Path, table: str) -> None:
    """Nobody is refused; it is found when the file is looked over, and comes again."""
    published = publish(range(2000))
    shared = {published.manifest.site_page, *published.manifest.index_pages}

    async def first(bench: Bench) -> None:
        bench.publish(published)
        await asyncio.sleep(5)

    async def story(bench: Bench) -> None:
        assert bench.store.set_aside is None
        bench.blobs |= published.blobs
        assert all(bench.knows(number) for number in range(0, 2000, 50))
        bench.sync.start()
        await asyncio.sleep(5)
        assert {name for _, names in bench.asked for name in names} == shared
        assert bench.store.damaged == set()

    run(path, first)
    for name in shared:
        meddle(path, f"UPDATE {table} SET blob = x'00' || substr(blob, 2) WHERE id = {number_of(name)}")
    run(path, story)


def test_index_pages_are_asked_for_before_pages(path: Path) -> None:
    async def story(bench: Bench) -> None:
        published = publish(range(2000))
        bench.publish(published)
        await asyncio.sleep(5)
        (_, first), (_, second) = bench.asked
        assert first == [published.manifest.site_page, *published.manifest.index_pages]
        assert second == published.pages
        assert bench.progress == [(0, len(first)), (0, len(second)), (0, 0)]
        later = publish(range(1, 2000), 2)
        bench.publish(later)
        await asyncio.sleep(5)
        assert [len(names) for _, names in bench.asked[2:]] == [1, 1]
        assert not bench.knows(0)

    run(path, story)


def test_rotten_page_is_fetched_after_next_roster(path: Path) -> None:
    """A page that did not change is not read for it, and one that is known to be spoilt stays so until it comes."""
    first, second = publish(range(2000)), publish(range(1, 2000), 2)

    async def begin(bench: Bench) -> None:
        bench.publish(first)
        await asyncio.sleep(5)

    async def story(bench: Bench) -> None:
        with pytest.raises(RosterDamaged):
            bench.store.find(digest(4))
        bench.publish(second)
        await asyncio.sleep(30)
        assert (bench.store.number, bench.store.damaged) == (2, set())
        assert bench.knows(4)

    run(path, begin)
    spoil(path, row(4).pack())
    run(path, story)


def test_windows_of_one_profile_are_all_found(store: RosterStore) -> None:
    windows = [Row(digest(5), 0, b"resident", Tier.MEMBER, valid_from_s=at, valid_until_s=at + 1) for at in (10, 20)]
    adopt(store, publish_rows(sorted([*windows, *map(row, range(300))])))
    assert [grant.valid_from_ms for grant in store.find(digest(5))][:2] == [20_000, 10_000]


def test_reader_is_never_behind_what_was_adopted(store: RosterStore) -> None:
    """It holds its read transaction from the first look-up on, and lets go of it for whatever is written."""
    for number in range(1, 5):
        adopt(store, publish(range(number, 2000 + number), number))
        assert holders(store, number - 1) == []
        assert holders(store, 1999 + number) == [row(1999 + number).holder]
        assert store._files._reader.in_transaction


def test_roster_in_use_needs_no_wal(store: RosterStore, path: Path, tmp_path: Path) -> None:
    """A reader that kept its transaction would keep the checkpoint from the end of the WAL."""
    for number in range(1, 4):
        published = publish(range(number, 2000 + number), number)
        store.put_pages([published.blobs[name] for name in store.lacks(list(published.blobs))])
        adopting = store.adopting(published.manifest, published.payload)
        while store.number < number:
            next(adopting)
            assert holders(store, 1000) == ([row(1000).holder] if store.number else [])
        next(adopting)  # the checkpoint
        copyfile(path, tmp_path / "cut.db")
        with closing(RosterStore(tmp_path / "cut.db")) as after:
            assert (after.number, after.set_aside) == (number, None)
            assert holders(after, 1999 + number) == [row(1999 + number).holder]
        list(adopting)


@pytest.mark.parametrize("earlier", ["second schema", "half moved", "first schema"])
def test_file_of_before_is_taken_over(path: Path, earlier: str) -> None:
    """Of the second schema as it was kept, of the first as it was before, and after a power cut while it moved."""
    copyfile(FIXTURES / "schema-2.db", path)
    if earlier == "first schema":
        meddle(path, "DELETE FROM roster WHERE rowid = 2")
        meddle(path, "ALTER TABLE roster DROP COLUMN site")
        meddle(path, "ALTER TABLE roster DROP COLUMN checksum")
        meddle(path, "DELETE FROM _sqlite_migrations WHERE name = 'kept_twice'")
        meddle(path, "PRAGMA user_version = 1")
    if earlier == "half moved":
        RosterStore(path).close()
        name = publish(range(300), 7, indexed=False).pages[0]
        number = number_of(name)
        meddle(path, "CREATE TABLE pages_by_hash (hash BLOB PRIMARY KEY, blob BLOB NOT NULL)")
        meddle(path, f"INSERT INTO pages_by_hash SELECT x'{name.hex()}', blob FROM pages WHERE id = {number}")
        meddle(path, f"DELETE FROM pages WHERE id = {number}")
    with closing(RosterStore(path)) as store:
        assert (store.number, store.count, store.set_aside, store.damaged) == (7, 300, None, set())
        list(store.checking())
        assert store.damaged == set()
        assert all(holders(store, number) == [row(number).holder] for number in range(300))
        adopt(store, publish(range(1, 300), 8))
        assert (holders(store, 0), holders(store, 1)) == ([], [row(1).holder])
    with closing(RosterStore(path)) as store:
        assert (store.number, holders(store, 0), holders(store, 299)) == (8, [], [row(299).holder])


def test_old_damaged_file_keeps_its_pages(path: Path) -> None:
    copyfile(FIXTURES / "schema-2.db", path)
    meddle(path, "ALTER TABLE pages RENAME TO pages_by_hash")
    with closing(RosterStore(path)) as store:
        assert (store.number, store.set_aside) == (7, path.with_name("roster.db.damaged-1"))
        assert all(holders(store, number) == [row(number).holder] for number in range(300))


EVERYBODY = 1000


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32),
    steps=st.lists(
        st.tuples(
            st.sampled_from(["few", "many", "all", "none"]),
            st.booleans(),
            st.sampled_from(["", "", "reopen", "given up", "spoilt"]),
        ),
        min_size=1,
        max_size=6,
    ),
)
def test_any_adoptions_find_what_a_dict_finds(
    tmp_path_factory: pytest.TempPathFactory, seed: int, steps: list[tuple[str, bool, str]]
) -> None:
    """With and without index pages, restarts, rosters that were given up half-way and pages that rot between them."""
    chance, path = Random(seed), tmp_path_factory.mktemp("rosters") / "roster.db"
    store, members = RosterStore(path), dict[int, bytes]()
    for number, (change, indexed, between) in enumerate(steps, 1):
        if between == "given up":
            other = publish(range(2000, 2300), number)
            store.put_pages(chance.sample(list(other.blobs.values()), 3))
        count = {"few": 2, "many": 400, "all": EVERYBODY, "none": 0}[change]
        for each in chance.sample(range(EVERYBODY), count):
            members.pop(each) if each in members else members.setdefault(each, row(each).holder)
        published = publish_rows(sorted(row(each) for each in members), number, indexed=indexed)
        adopt(store, published)
        assert {each: found for each in range(EVERYBODY) if (found := holders(store, each))} == {
            each: [holder] for each, holder in members.items()
        }
        assert stored(store) == {number_of(name) for name in published.blobs}
        if between == "reopen":
            store.close()
            store = RosterStore(path)
        if between == "spoilt" and members:
            name = next(name for name in published.pages if Page(published.blobs[name]).count)
            store._files.writer.execute("DELETE FROM pages WHERE id = ?", (number_of(name),))
            list(store.checking())
            assert store.damaged == {name}
            store.put_pages([published.blobs[name]])
    store.close()


def test_roster_adopted_again_keeps_its_pages(store: RosterStore) -> None:
    """Its checkpoint failed, so it was in use already when it was tried again: what came for it is no stray."""
    adopt(store, publish(range(10)))
    second = publish(range(2000), 2)
    store.put_pages(list(second.blobs.values()))
    given_up = store.adopting(second.manifest, second.payload)
    while store.number < 2:
        next(given_up)
    adopt(store, second)
    assert all(holders(store, number) == [row(number).holder] for number in range(2000))
    assert stored(store) == {number_of(name) for name in second.blobs}
