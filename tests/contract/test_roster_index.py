"""Index pages: read again as they were written, and refused when they do not cover what they should."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.codec import Malformed
from contract.roster import MAX_PAGE_ROWS, WHOLE, Page, Prefix
from contract.roster_index import MAX_INDEX_ENTRIES, IndexEntry, IndexPage, is_index_page, pack_index_page
from tests.contract.golden import payload
from tests.contract.golden_pages import INDEX_PAGE, PAGE, PAGE_OF_WINDOWS

HEAD_BYTES, ENTRY_BYTES = 8, 19
HALF, LEFT, RIGHT = Prefix(0x80000000, 1), *Prefix(0x80000000, 1).halves()


def entry(prefix: Prefix, count: int = 1) -> IndexEntry:
    return IndexEntry(prefix, count, bytes(16))


def test_bytes_of_an_index_page_never_change() -> None:
    assert payload("index-page-1.hex") == INDEX_PAGE
    page = IndexPage(INDEX_PAGE)
    assert (page.prefix, page.count, len(page.entries)) == (HALF, 117 + 4096, 3)
    assert pack_index_page(page.prefix, page.entries) == INDEX_PAGE
    assert len(INDEX_PAGE) == HEAD_BYTES + 3 * ENTRY_BYTES


def test_index_page_is_no_page_of_rows() -> None:
    assert is_index_page(INDEX_PAGE)
    assert not any(map(is_index_page, (PAGE, PAGE_OF_WINDOWS, b"")))
    with pytest.raises(Malformed):
        Page(INDEX_PAGE)
    with pytest.raises(Malformed):
        IndexPage(PAGE)


@pytest.mark.parametrize(
    ("blob", "complaint"),
    [
        (INDEX_PAGE[:7], "of 7 bytes"),
        (INDEX_PAGE[:-1], "bytes for 3 entries"),
        (INDEX_PAGE + bytes(1), "bytes for 3 entries"),
        (bytes([1]) + INDEX_PAGE[1:], "version 1"),
        (INDEX_PAGE[:1] + bytes([33]) + INDEX_PAGE[2:], "33 bits"),
        (INDEX_PAGE[:5] + bytes([1]) + INDEX_PAGE[6:], "longer than its 1 bits"),
        (pack_index_page(HALF, []), "ends at"),
        (pack_index_page(HALF, [entry(LEFT)]), "ends at"),
        (pack_index_page(HALF, [entry(LEFT), entry(RIGHT), entry(RIGHT)]), "ends at 140000000"),
        (pack_index_page(HALF, [entry(WHOLE)]), "entry of 0 bits"),
        (pack_index_page(HALF, [*map(entry, LEFT.halves()[:1]), entry(RIGHT)]), "entry of 2 bits at a0000000"),
        (pack_index_page(HALF, [entry(HALF, MAX_PAGE_ROWS + 1)]), "4097 rows"),
        (pack_index_page(HALF, [entry(Prefix(0, 33))]), "entry of 33 bits"),
        (pack_index_page(HALF, [entry(LEFT)] * (MAX_INDEX_ENTRIES + 1)), "4097 entries"),
    ],
)
def test_fault_of_an_index_page_is_named(blob: bytes, complaint: str) -> None:
    with pytest.raises(Malformed, match=complaint):
        IndexPage(blob)


@given(st.binary(max_size=HEAD_BYTES + 3 * ENTRY_BYTES) | st.integers(0, len(INDEX_PAGE) * 8 - 1))
def test_any_bytes_are_malformed_or_cover_a_prefix(damage: bytes | int) -> None:
    if isinstance(damage, int):
        spoilt = bytearray(INDEX_PAGE)
        spoilt[damage // 8] ^= 1 << damage % 8
        damage = bytes(spoilt)
    try:
        page = IndexPage(damage)
    except Malformed:
        return
    assert pack_index_page(page.prefix, page.entries) == damage
    assert page.entries[0].prefix.value == page.prefix.value
    assert page.entries[-1].prefix.end == page.prefix.end
