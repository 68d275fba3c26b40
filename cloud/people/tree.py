"""The tree of a roster: pages of rows below index pages, rebuilt only where something changed.

Both levels grow and shrink by one rule: what holds more than ``SPLIT_ABOVE`` is split in halves by the next bit of its
prefix, and two siblings are joined while one of them holds less than ``MERGE_BELOW`` and both together no more than
``MERGE_UP_TO``. Whether two siblings are joined depends on nothing but their sizes, so it does not matter in which
order, or how many at a time, changes are made.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar

from msgspec import Struct

from contract.messages import MAX_INDEX_PAGES
from contract.roster import (
    MAX_PAGE_ROWS,
    MAX_PREFIX_BITS,
    MERGE_BELOW,
    MERGE_UP_TO,
    SPLIT_ABOVE,
    WHOLE,
    Page,
    Prefix,
    Row,
    Undeliverable,
    pack_page,
    prefix_of,
)
from contract.roster_index import IndexEntry, IndexPage, pack_index_page
from contract.sealing import page_hash

Load = Callable[[bytes], bytes]
"""The bytes of a stored page, by its hash."""
T = TypeVar("T")


class Rebuilt(Struct, frozen=True):
    """A tree after a change. ``root`` names its index pages, ``new`` are the pages that came in by their hash, ``gone``
    the hashes of those that went; ``added`` is by how many rows there are more."""

    root: bytes
    new: dict[bytes, bytes]
    gone: frozenset[bytes]
    added: int


def index_pages(root: bytes) -> list[bytes]:
    """The hashes of the index pages of a tree, in order: what a manifest names."""
    return [entry.hash for entry in IndexPage(root).entries]


def rebuild(root: bytes, changes: Mapping[bytes, Sequence[Row]], load: Load) -> Rebuilt:
    """Put the rows of ``changes`` in the place of all rows of their digests; ``root`` is empty for the first tree.

    Raises ``Undeliverable`` for a tree that no device could take.
    """
    return _Rebuilding(load).rebuild(root, changes)


class _Node(Struct, Generic[T]):
    """A page or an index page: ``count`` is how many rows or pages it holds. What it holds is in ``items`` once it was
    read or changed; ``name`` is its hash, empty once it is another than the one that is stored."""

    prefix: Prefix
    count: int
    name: bytes
    items: list[T] | None = None


_Leaf = _Node[Row]
_Index = _Node[_Leaf]


class _Rebuilding:
    """One change on its way through the tree."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._new: dict[bytes, bytes] = {}
        self._gone: set[bytes] = set()
        self._added = 0

    def rebuild(self, root: bytes, changes: Mapping[bytes, Sequence[Row]]) -> Rebuilt:
        indexes = _nodes(root) if root else [_Index(WHOLE, 1, b"", [_Leaf(WHOLE, 0, b"", [])])]
        digests = sorted(changes)
        values = [prefix_of(digest) for digest in digests]
        for index, span in _touched(indexes, values):
            leaves = self._leaves(index)
            for leaf, narrow in _touched(leaves, values, span):
                self._change(leaf, {digest: changes[digest] for digest in digests[narrow]})
            self._replace(index, self._settled(leaves, self._rows, _value_of_row))
        settled = self._settled(indexes, self._leaves, _value_of_leaf)
        for index in settled:
            if index.items is not None:  # of two that were joined, pages that were apart may be siblings now
                self._replace(index, self._settled(index.items, self._rows, _value_of_row))
        packed = self._packed(settled)
        new = {name: blob for name, blob in self._new.items() if name not in self._gone}
        return Rebuilt(packed, new, frozenset(self._gone - self._new.keys() - {b""}), self._added)

    def _change(self, leaf: _Leaf, changes: Mapping[bytes, Sequence[Row]]) -> None:
        before = self._rows(leaf)
        kept = [row for row in before if row.digest not in changes]
        rows = sorted((row for row in (*kept, *_all_of(changes))), key=_order)
        if rows != before:
            self._added += len(rows) - len(before)
            self._replace(leaf, rows)

    def _replace(self, node: _Node[T], items: list[T]) -> None:
        self._gone.add(node.name)
        node.items, node.count, node.name = items, len(items), b""

    def _rows(self, leaf: _Leaf) -> list[Row]:
        return list(Page(self._load(leaf.name)).rows()) if leaf.items is None else leaf.items

    def _leaves(self, index: _Index) -> list[_Leaf]:
        return _nodes(self._load(index.name)) if index.items is None else index.items

    def _settled(
        self, nodes: Iterable[_Node[T]], items: Callable[[_Node[T]], list[T]], value: Callable[[T], int]
    ) -> list[_Node[T]]:
        """The nodes split and joined by the rule above; ``items`` reads what one holds, ``value`` where it belongs."""
        done: list[_Node[T]] = []
        for node in (part for one in nodes for part in self._split(one, items, value)):
            done.append(node)
            while len(done) > 1 and _should_join(done[-2], done[-1]):
                right, left = done.pop(), done.pop()
                self._gone |= {left.name, right.name}
                both = items(left) + items(right)
                done.append(_Node(left.prefix.parent(), len(both), b"", both))
        return done

    def _split(self, node: _Node[T], items: Callable[[_Node[T]], list[T]], value: Callable[[T], int]) -> list[_Node[T]]:
        if node.count <= SPLIT_ABOVE or node.prefix.bits == MAX_PREFIX_BITS:
            return [node]
        self._gone.add(node.name)
        held = items(node)
        left, right = node.prefix.halves()
        cut = bisect_left(held, right.value, key=value)
        parts = _Node(left, cut, b"", held[:cut]), _Node(right, len(held) - cut, b"", held[cut:])
        return [small for part in parts for small in self._split(part, items, value)]

    def _packed(self, indexes: Sequence[_Index]) -> bytes:
        """The root, with everything below it that has no name yet. Raises ``Undeliverable``."""
        if len(indexes) > MAX_INDEX_PAGES:
            raise Undeliverable(f"{len(indexes)} index pages, and a manifest names {MAX_INDEX_PAGES}")
        for index in indexes:
            if index.items is not None:
                for leaf in index.items:
                    if leaf.items is not None and not leaf.name:
                        leaf.name = self._stored(_page(leaf))
                index.name = self._stored(pack_index_page(index.prefix, _entries(index.items)))
        return pack_index_page(WHOLE, _entries(indexes))

    def _stored(self, blob: bytes) -> bytes:
        name = page_hash(blob)
        self._new[name] = blob
        return name


def _nodes(blob: bytes) -> list[_Node[T]]:
    return [_Node(entry.prefix, entry.count, entry.hash) for entry in IndexPage(blob).entries]


def _entries(nodes: Sequence[_Node[T]]) -> list[IndexEntry]:
    return [IndexEntry(node.prefix, node.count, node.name) for node in nodes]


def _page(leaf: _Leaf) -> bytes:
    rows = leaf.items or []
    if len(rows) > MAX_PAGE_ROWS:
        raise Undeliverable(f"{len(rows)} rows on one page, and a device takes {MAX_PAGE_ROWS}")
    return pack_page(leaf.prefix, rows)


def _touched(
    nodes: Sequence[_Node[T]], values: Sequence[int], within: slice = slice(None)
) -> Iterator[tuple[_Node[T], slice]]:
    """The nodes that any of these sorted values belongs to, each with the span of those that do."""
    start, stop, _ = within.indices(len(values))
    for node in nodes:
        first = bisect_left(values, node.prefix.value, start, stop)
        start = bisect_left(values, node.prefix.end, first, stop)
        if first < start:
            yield node, slice(first, start)


def _should_join(left: _Node[T], right: _Node[T]) -> bool:
    if left.prefix.bits != right.prefix.bits or not left.prefix.bits or left.prefix.parent() != right.prefix.parent():
        return False
    return min(left.count, right.count) < MERGE_BELOW and left.count + right.count <= MERGE_UP_TO


def _all_of(changes: Mapping[bytes, Sequence[Row]]) -> Iterator[Row]:
    return (row for rows in changes.values() for row in rows)


def _order(row: Row) -> tuple[bytes, int, int]:
    return row.place


def _value_of_row(row: Row) -> int:
    return prefix_of(row.digest)


def _value_of_leaf(leaf: _Leaf) -> int:
    return leaf.prefix.value
