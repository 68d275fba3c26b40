"""Index pages: what stands between the manifest of a roster and its pages, so that a change costs what it touches.

A manifest names index pages, in the order of their prefixes, and each of them names the pages below its own prefix.
When one row changes, one page, one index page and the manifest are new: some 10 KB, at a million cards too. An index
page is stored, asked for (``Want``) and sent (``dn/page``) as any page; like every page, it is believed by its hash.

Its bytes: 129 for the kind and version, the bits of its prefix (1 byte), the prefix (4), the number of its entries (2);
then for each page below it, in order, the bits of that page's prefix (1), the number of its rows (2) and its hash (16).
The prefixes themselves need not be written: each begins where the one before it ends.
"""

import struct
from collections.abc import Sequence

from msgspec import Struct

from contract.codec import Malformed
from contract.roster import MAX_PAGE_ROWS, MAX_PREFIX_BITS, Prefix

INDEX_VERSION = 0x81
"""The first byte of an index page. A page of rows has its version there, which is below 0x80."""
MAX_INDEX_ENTRIES = 4096
"""An index page that a device accepts; the cloud splits one above 192 entries and joins two below 48."""

_HEAD = struct.Struct(">BBIH")
_ENTRY = struct.Struct(">BH16s")


class IndexEntry(Struct, frozen=True):
    """A page as its index page names it: where it lies, how many rows it has, and its hash."""

    prefix: Prefix
    count: int
    hash: bytes


class IndexPage:
    """An index page, read and checked whole: its entries cover every digest of its prefix exactly once.

    That the index pages of a manifest cover every digest is ``check_whole`` of their prefixes; that a page is what its
    entry says (hash, prefix, count of rows) is checked when the page is read.
    """

    def __init__(self, blob: bytes) -> None:
        """Raises ``Malformed``."""
        if len(blob) < _HEAD.size:
            raise Malformed(f"index page of {len(blob)} bytes")
        version, bits, value, entries = _HEAD.unpack_from(blob)
        if version != INDEX_VERSION or bits > MAX_PREFIX_BITS or entries > MAX_INDEX_ENTRIES:
            raise Malformed(f"index page version {version}, prefix of {bits} bits, {entries} entries")
        if len(blob) != _HEAD.size + entries * _ENTRY.size:
            raise Malformed(f"index page of {len(blob)} bytes for {entries} entries")
        if value << bits & 0xFFFFFFFF:
            raise Malformed(f"index page prefix {value:08x} is longer than its {bits} bits")
        self.prefix = Prefix(value, bits)
        self.entries = _entries(self.prefix, blob)

    @property
    def count(self) -> int:
        """The number of rows in all pages below it."""
        return sum(entry.count for entry in self.entries)


def is_index_page(blob: bytes) -> bool:
    """Whether a page that came names pages, and holds no rows."""
    return blob[:1] == bytes([INDEX_VERSION])


def _entries(prefix: Prefix, blob: bytes) -> list[IndexEntry]:
    """Raises ``Malformed``."""
    entries, reached = [], prefix.value
    for bits, count, name in _ENTRY.iter_unpack(memoryview(blob)[_HEAD.size :]):
        if not prefix.bits <= bits <= MAX_PREFIX_BITS or reached << bits & 0xFFFFFFFF or count > MAX_PAGE_ROWS:
            raise Malformed(f"index page entry of {bits} bits at {reached:08x} with {count} rows")
        entry = IndexEntry(Prefix(reached, bits), count, name)
        entries.append(entry)
        reached = entry.prefix.end
    if reached != prefix.end:
        raise Malformed(f"index page ends at {reached:08x}, not at {prefix.end:08x}")
    return entries


def pack_index_page(prefix: Prefix, entries: Sequence[IndexEntry]) -> bytes:
    """The bytes of an index page; the entries cover the prefix, in order."""
    head = _HEAD.pack(INDEX_VERSION, prefix.bits, prefix.value, len(entries))
    return head + b"".join(_ENTRY.pack(entry.prefix.bits, entry.count, entry.hash) for entry in entries)
