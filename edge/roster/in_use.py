"""The roster in use as a device holds it in memory: which page a credential lies on, and what its pages share."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from contract.messages import Manifest
from contract.roster import Prefix, prefix_of
from contract.roster_index import IndexEntry
from contract.site_page import Site

Lie = tuple[int, int, int]
"""Where a page begins and ends, and how many rows it has."""


class Branch(Struct, frozen=True):
    """The pages below one prefix: those that an index page names, or all pages of a roster that has no index pages.

    ``starts`` are the first digest bits of each page, ``names`` their hashes. ``counts`` are the rows of each; there
    are none where nobody wrote them down. ``checked`` marks the pages that were read and found to be what was signed
    since this start: to do so every time costs 5 µs.
    """

    prefix: Prefix
    starts: "array[int]"
    names: Sequence[bytes]
    counts: "array[int]"
    count: int
    checked: bytearray

    @classmethod
    def of(cls, prefix: Prefix, entries: Sequence[IndexEntry]) -> "Branch":
        starts = array("I", (entry.prefix.value for entry in entries))
        counts = array("H", (entry.count for entry in entries))
        names = [entry.hash for entry in entries]
        return cls(prefix, starts, names, counts, sum(counts), bytearray(len(entries)))

    def lies(self) -> Iterator[tuple[bytes, Lie]]:
        """Each page by its name, as far as all of that is known."""
        ends = (*self.starts[1:], self.prefix.end)
        return zip(self.names, zip(self.starts, ends, self.counts, strict=False), strict=False)


class Adopted(Struct, frozen=True):
    """The roster in use: its manifest, what its rows share, and its branches in the order of their prefixes."""

    manifest: Manifest
    site: Site
    starts: "array[int]"
    branches: Sequence[Branch]

    @classmethod
    def of(cls, manifest: Manifest, site: Site, branches: Sequence[Branch]) -> "Adopted":
        return cls(manifest, site, array("I", (branch.prefix.value for branch in branches)), branches)

    @property
    def shared(self) -> list[bytes]:
        """The names of the pages that others hang on: the site page and the index pages."""
        return [self.manifest.site_page, *self.manifest.index_pages]

    def place(self, digest: bytes) -> tuple[Branch, int]:
        """The branch of a credential, and where in it its page is."""
        bits = prefix_of(digest)
        branch = self.branches[bisect_right(self.starts, bits) - 1]
        return branch, bisect_right(branch.starts, bits) - 1

    def below(self, prefix: Prefix) -> dict[bytes, Lie]:
        """The pages of all branches that share a digest with the prefix, each by its name."""
        first = max(0, bisect_right(self.starts, prefix.value) - 1)
        last = bisect_left(self.starts, prefix.end)
        return dict(pair for branch in self.branches[first:last] for pair in branch.lies())

    def without(self, other: "Adopted") -> set[bytes]:
        """The names of the shared pages, and of the pages in branches that the other roster has not got."""
        others = {id(branch) for branch in other.branches}
        own = (branch.names for branch in self.branches if id(branch) not in others)
        return set(self.shared).union(*own)

    def pages(self) -> Iterable[bytes]:
        """The names of all pages of rows."""
        return (name for branch in self.branches for name in branch.names)
