"""The tree of a roster, rebuilt where it changed: always the pages that paging all rows anew makes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.people.tree import Rebuilt, index_pages, rebuild
from contract.decide import Tier
from contract.messages import MAX_INDEX_PAGES
from contract.roster import (
    MAX_PAGE_ROWS,
    MERGE_BELOW,
    SPLIT_ABOVE,
    Page,
    Prefix,
    Row,
    Undeliverable,
    check_whole,
)
from contract.roster_index import IndexPage
from contract.sealing import page_hash
from tests.contract.crowds import crowd, digest, row
from tests.contract.paging import paginate


class Tree:
    """A stored tree, and the rows that it should hold. Pages that went are forgotten at once."""

    def __init__(self) -> None:
        self.rows: dict[bytes, list[Row]] = {}
        self.root = b""
        self.stored: dict[bytes, bytes] = {}
        self.pages: list[bytes] = []
        self.indexes: list[Prefix] = []
        self.count = 0
        self.change({})

    def change(self, changes: dict[bytes, list[Row]]) -> Rebuilt:
        self.rows |= changes
        rebuilt = rebuild(self.root, changes, self.stored.__getitem__)
        self.root, self.count = rebuilt.root, self.count + rebuilt.added
        assert not rebuilt.gone & rebuilt.new.keys()
        self.stored = {name: blob for name, blob in (self.stored | rebuilt.new).items() if name not in rebuilt.gone}
        return rebuilt

    def assert_as_anew(self) -> None:
        """The pages, their hashes and the index pages are those of all rows together, and nothing else is stored."""
        rows = sorted(one for held in self.rows.values() for one in held)
        self.pages = paginate(rows, [Page(blob).prefix for blob in self.pages] or [Prefix(0, 0)])
        marks = [row(Page(blob).prefix.value.to_bytes(4, "big") + bytes(12)) for blob in self.pages]
        self.indexes = [Page(blob).prefix for blob in paginate(marks, self.indexes or [Prefix(0, 0)])]
        indexes = [IndexPage(self.stored[name]) for name in index_pages(self.root)]
        assert [index.prefix for index in indexes] == self.indexes
        check_whole(index.prefix for index in indexes)
        assert [entry.hash for index in indexes for entry in index.entries] == [page_hash(blob) for blob in self.pages]
        assert sum(index.count for index in indexes) == self.count == len(rows)
        assert len(self.stored) == len(indexes) + len(self.pages)


def windows(of: bytes, count: int) -> list[Row]:
    """Of one digest in 256 with a PIN, so that pages of version 2 and 3 stand side by side."""
    pin = b"verifier" if of[-1] == of[-2] else b""
    return [Row(of, 0, b"resident", Tier.MEMBER, valid_from_s=number, pin=pin) for number in range(count)]


steps = st.lists(
    st.tuples(
        st.sampled_from(["some", "many", "corner"]), st.integers(0, 9_999), st.integers(1, 2_500), st.integers(0, 3)
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(steps)
def test_tree_is_as_if_paged_anew(changes: list[tuple[str, int, int, int]]) -> None:
    """After any changes: few rows and thousands, in one corner or all over, given and taken away."""
    tree = Tree()
    for what, start, count, held in changes:
        numbers = range(start, start + (count if what == "many" else count % 7 + 1))
        digests = [digest(number) for number in numbers]
        if what == "corner":
            digests = [
                bytes([7, 7, 7 + start % 2]) + one[3:] for one in (digest(n) for n in range(start, start + count))
            ]
        tree.change({one: windows(one, held) for one in digests})
        tree.assert_as_anew()


def test_index_pages_split_and_join(monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to 60,000 rows in two steps, and down again until one page is left."""
    tree = Tree()
    rows = {one.digest: [one] for one in crowd(60_000)}
    for size in (30_000, 60_000):
        tree.change(dict(list(rows.items())[:size]))
        tree.assert_as_anew()
    assert len(index_pages(tree.root)) > 2
    for size in (20_000, 3_000, 100, 0):
        tree.change({digest: [] for digest in list(rows)[size:]})
        tree.assert_as_anew()
    assert (len(index_pages(tree.root)), len(tree.stored)) == (1, 2)


def test_one_change_makes_two_pages() -> None:
    tree = Tree()
    tree.change({one.digest: [one] for one in crowd(60_000)})
    rebuilt = tree.change({digest(5): windows(digest(5), 2)})
    assert (len(rebuilt.new), len(rebuilt.gone), rebuilt.added) == (2, 2, 1)
    assert sum(map(len, rebuilt.new.values())) < 16 * 1024


def test_change_back_and_forth_brings_the_same_pages() -> None:
    """What splits at one row more does not join at one row less."""
    tree = Tree()
    tree.change({one.digest: [one] for one in crowd(SPLIT_ABOVE)})
    names = set(tree.stored)
    split = tree.change({digest(9_999): windows(digest(9_999), 1)})
    assert len(split.new) == 3
    assert not names & set(tree.stored)
    tree.assert_as_anew()
    tree.change({digest(9_999): []})
    assert len(tree.stored) == 3
    tree.change({digest(number): [] for number in range(SPLIT_ABOVE - MERGE_BELOW, SPLIT_ABOVE)})
    assert len(tree.stored) == 3
    tree.assert_as_anew()


def test_tree_beyond_any_device_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    tree = Tree()
    with pytest.raises(Undeliverable, match="4097 rows on one page"):
        tree.change({digest(1): windows(digest(1), MAX_PAGE_ROWS + 1)})
    monkeypatch.setattr("cloud.people.tree.MAX_INDEX_PAGES", 1)
    with pytest.raises(Undeliverable, match="index pages, and a manifest names 1"):
        Tree().change({one.digest: [one] for one in crowd(30_000)})
    assert MAX_INDEX_PAGES * 22 * 4 // 3 < 64 * 1024
