from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from contract.sealing import page_hash
from edge.roster.file import RosterDamaged
from edge.roster.store import InvalidRoster, Newest, RosterError, RosterStore
from tests.contract.paging import paginate
from tests.edge.support.journals import meddle, spoil
from tests.edge.support.rosters import NOW_MS, Published, digest, publish, row, seal


@pytest.fixture
def store(path: Path) -> Iterator[RosterStore]:
    store = RosterStore(path)
    yield store
    store.close()


def adopt(store: RosterStore, published: Published) -> None:
    store.put_pages([published.blobs[name] for name in store.lacks(list(published.blobs))])
    list(store.adopting(published.manifest, published.payload))


@contextmanager
def reopened(path: Path, published: Published, *harm: str) -> Iterator[RosterStore]:
    """A store that had adopted a roster, closed, and opened again after these statements were done to its file."""
    before = RosterStore(path)
    adopt(before, published)
    before.close()
    for statement in harm:
        meddle(path, statement)
    with closing(RosterStore(path)) as store:
        yield store


def holders(store: RosterStore, number: int) -> list[bytes]:
    return [grant.holder for grant in store.find(digest(number))]


def test_before_the_first_roster_nobody_is_known(store: RosterStore) -> None:
    assert (store.number, store.issued_ms, store.zone, store.count) == (0, None, None, 0)
    assert store.find(digest(1)) == []


def test_a_credential_is_found_by_its_digest_with_what_it_is_granted(store: RosterStore) -> None:
    adopt(store, publish(range(1000)))
    (grant,) = store.find(digest(421))
    assert grant.holder == (421).to_bytes(8, "big")
    assert list(grant.points) == ["gym"]
    assert store.find(digest(1000)) == []
    assert str(store.zone) == "Asia/Shanghai"


def test_an_empty_roster_knows_nobody(store: RosterStore) -> None:
    adopt(store, publish(range(0)))
    assert store.number == 1
    assert store.find(digest(1)) == []


def test_a_roster_survives_closing_and_opening(path: Path) -> None:
    published = publish(range(300), 7)
    first = RosterStore(path)
    adopt(first, published)
    first.close()
    second = RosterStore(path)
    assert (second.number, second.count, second.manifest) == (7, 300, published.manifest)
    assert holders(second, 5) == [row(5).holder]
    second.close()


def test_a_change_needs_only_the_pages_that_differ_and_lets_the_others_go(store: RosterStore) -> None:
    first, second = publish(range(1000)), publish(range(1, 1000), 2)
    adopt(store, first)
    missing = store.lacks([*second.pages, second.manifest.site_page])
    assert missing == [name for name in second.pages if name not in first.blobs]
    assert 1 <= len(missing) <= 2
    adopt(store, second)
    assert store.find(digest(0)) == []
    assert holders(store, 1) == [row(1).holder]
    assert set(store.lacks(list(first.blobs))) == set(first.blobs) - set(second.blobs)


@pytest.mark.parametrize("missing", ["site", "page"])
def test_a_manifest_whose_pages_are_not_all_there_changes_nothing(store: RosterStore, missing: str) -> None:
    adopt(store, publish(range(10)))
    second = publish(range(1000), 2, zone="UTC")
    left_out = second.manifest.site_page if missing == "site" else second.pages[3]
    store.put_pages([blob for name, blob in second.blobs.items() if name != left_out])
    with pytest.raises(RosterDamaged, match="missing"):
        list(store.adopting(second.manifest, second.payload))
    assert store.number == 1
    assert holders(store, 9) == [row(9).holder]


def unfit() -> Iterator[tuple[str, Published]]:
    """Signed manifests that name no roster."""
    whole = publish(range(1000), 2, indexed=False)
    pages = whole.pages
    changes: dict[str, dict[str, Any]] = {
        "hole": {"pages": pages[1:]},
        "overlap": {"pages": [pages[0], *pages]},
        "ends at": {"pages": pages[:-1]},
        "counts": {"count": 999},
        "SitePage": {"site_page": pages[0]},
        "page version": {"pages": [whole.manifest.site_page]},
    }
    for what, change in changes.items():
        manifest = msgspec.structs.replace(whole.manifest, **change)
        yield what, Published(manifest, seal(manifest), whole.blobs)
    unsorted = [row(2), row(1)] if digest(1) < digest(2) else [row(1), row(2)]
    (blob,) = paginate(unsorted)
    manifest = msgspec.structs.replace(whole.manifest, pages=[page_hash(blob)], count=2)
    yield "not in order", Published(manifest, seal(manifest), {**whole.blobs, page_hash(blob): blob})


@pytest.mark.parametrize(("what", "published"), [*unfit()], ids=lambda value: value if isinstance(value, str) else "")
def test_pages_that_are_no_roster_are_not_adopted(store: RosterStore, what: str, published: Published) -> None:
    adopt(store, publish(range(10)))
    store.put_pages(list(published.blobs.values()))
    with pytest.raises(InvalidRoster, match=what):
        list(store.adopting(published.manifest, published.payload))
    assert store.number == 1
    assert holders(store, 9) == [row(9).holder]


def test_whoever_is_looked_up_while_a_roster_is_adopted_is_found_in_the_old_or_the_new(store: RosterStore) -> None:
    adopt(store, publish(range(2000)))
    second = publish(range(1000, 3000), 2)
    store.put_pages(list(second.blobs.values()))
    numbers = []
    for _ in store.adopting(second.manifest, second.payload):
        numbers.append(store.number)
        assert holders(store, 1500) == [row(1500).holder]
        assert holders(store, 500) == ([row(500).holder] if store.number == 1 else [])
    assert {1, 2} == set(numbers)


def test_an_adoption_given_up_half_way_changes_nothing(path: Path) -> None:
    first = RosterStore(path)
    adopt(first, publish(range(10)))
    second = publish(range(1000), 2)
    first.put_pages(list(second.blobs.values()))
    next(first.adopting(second.manifest, second.payload))
    first.close()
    again = RosterStore(path)
    assert again.number == 1
    assert again.lacks(second.pages) == []
    again.close()


def test_a_page_that_rotted_is_not_weighed_but_wanted_again(path: Path) -> None:
    published = publish(range(100))
    store = RosterStore(path)
    adopt(store, published)
    store.close()
    spoil(path, row(42).pack())
    store = RosterStore(path)
    with pytest.raises(RosterDamaged, match="not the page that was signed"):
        store.find(digest(42))
    (name,) = published.pages
    assert store.damaged == {name}
    assert store.lacks([name]) == [name]
    store.put_pages([published.blobs[name]])
    assert holders(store, 42) == [row(42).holder]
    assert store.damaged == set()
    store.close()


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE roster SET prefixes = x'00'",
        "UPDATE roster SET manifest = x'7b7d0a'",
        "UPDATE roster SET site = NULL",
        "DELETE FROM roster",
        "DROP TABLE roster",
    ],
)
def test_a_store_that_does_not_know_its_roster_is_set_aside_and_begins_empty(path: Path, harm: str) -> None:
    with reopened(path, publish(range(100)), harm) as store:
        assert store.set_aside == path.with_name("roster.db.damaged-1")
        assert store.number == 0
        adopt(store, publish(range(100)))
        assert holders(store, 42) == [row(42).holder]


@pytest.mark.parametrize("column", ["manifest", "prefixes", "site", "checksum"])
@pytest.mark.parametrize("blob", ["CAST({} AS BLOB)", "{}", "7", "NULL"])
@pytest.mark.parametrize("copy", [1, 2])
def test_one_copy_of_what_is_in_use_may_rot(path: Path, column: str, copy: int, blob: str) -> None:
    spoilt = f"x'00' || substr({column}, 2)"
    harm = f"UPDATE roster SET {column} = {blob.format(spoilt)} WHERE rowid = {copy}"
    with reopened(path, publish(range(100)), harm) as store:
        assert (store.set_aside, store.number) == (None, 1)
        assert holders(store, 42) == [row(42).holder]


def test_every_page_that_rotted_is_found_before_somebody_needs_it(path: Path) -> None:
    published = publish(range(2000))
    store = RosterStore(path)
    adopt(store, published)
    store.close()
    spoil(path, row(42).pack())
    store = RosterStore(path)
    for _ in store.checking():
        pass
    (name,) = store.damaged
    assert row(42).pack() in published.blobs[name]
    assert holders(store, 43) == [row(43).holder]
    store.close()


def test_a_store_without_its_table_of_pages_keeps_its_roster_and_wants_them_all(path: Path) -> None:
    published = publish(range(300))
    with reopened(path, published, "DROP TABLE pages") as store:
        assert store.set_aside == path.with_name("roster.db.damaged-1")
        assert (store.number, store.damaged) == (1, set(published.pages))
        store.put_pages([published.blobs[name] for name in published.pages])
        assert holders(store, 42) == [row(42).holder]


def test_what_can_be_read_of_a_damaged_file_serves_on_in_a_new_one(path: Path) -> None:
    published = publish(range(2000))
    store = RosterStore(path)
    adopt(store, published)
    store.close()
    content = bytearray(path.read_bytes())
    leaf = content.rindex(row(42).pack()) // 4096 * 4096
    content[leaf : leaf + 8] = b"\xff" * 8
    path.write_bytes(content)
    store = RosterStore(path)
    with pytest.raises(RosterDamaged):
        store.find(digest(42))
    store.begin_anew()
    assert store.set_aside is not None
    assert store.number == 1
    lost = store.damaged
    assert 1 <= len(lost) < len(published.pages) / 2
    served = {each for each in range(2000) if all(row(each).pack() not in published.blobs[name] for name in lost)}
    assert all(holders(store, each) == [row(each).holder] for each in served)
    store.put_pages([published.blobs[name] for name in lost])
    assert holders(store, 42) == [row(42).holder]
    store.close()


@pytest.mark.parametrize("harm", ["DELETE FROM roster", "garbage"])
def test_a_store_that_begins_anew_still_knows_which_roster_was_the_newest(path: Path, harm: str) -> None:
    store = RosterStore(path)
    adopt(store, publish(range(10), 7))
    store.close()
    if harm == "garbage":
        path.write_bytes(harm.encode() * 1000)
    else:
        meddle(path, harm)
    store = RosterStore(path)
    assert store.number == 0
    assert store.newest == Newest(7, NOW_MS)
    store.close()


@pytest.mark.parametrize("content", [None, b"", b"[]", b"\xff", b'{"number":"x"}', b'{"number":3,"issued_ms":1}'])
def test_the_number_in_the_database_counts_where_its_own_file_is_spoilt(path: Path, content: bytes | None) -> None:
    store = RosterStore(path)
    adopt(store, publish(range(10), 7))
    store.close()
    kept = path.with_suffix(".newest")
    if content is None:
        kept.unlink()
    else:
        kept.write_bytes(content)
    store = RosterStore(path)
    assert store.newest == Newest(7, NOW_MS)
    store.close()


def test_a_file_that_is_no_database_is_set_aside(path: Path) -> None:
    path.write_bytes(b"garbage" * 5000)
    store = RosterStore(path)
    assert store.set_aside is not None
    assert store.number == 0
    store.close()


def test_a_folder_that_is_not_there_is_no_damage(tmp_path: Path) -> None:
    with pytest.raises(RosterError, match=r"roster .* cannot be opened: unable to open"):
        RosterStore(tmp_path / "nowhere" / "roster.db")
