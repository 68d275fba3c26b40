"""Crowds of rows for the tests of rosters, and what every roster keeps to."""

from bisect import bisect_left
from hashlib import sha256

from contract.decide import Tier
from contract.roster import (
    MAX_PREFIX_BITS,
    SPLIT_ABOVE,
    Page,
    Prefix,
    Row,
    check_whole,
    prefix_of,
)

HEAD_BYTES, ROW_BYTES = 8, 36
UNKNOWN = b"\x55" * 16


def digest(number: int) -> bytes:
    """Spread evenly, as real digests are."""
    return sha256(number.to_bytes(8, "big")).digest()[:16]


def row(of: bytes, profile: int = 0) -> Row:
    return Row(of, profile, b"resident", Tier.RESIDENT)


def in_page(prefix: Prefix, number: int) -> bytes:
    """A digest that begins with the prefix."""
    rest = int.from_bytes(digest(number)[:4], "big") % (prefix.end - prefix.value)
    return (prefix.value + rest).to_bytes(4, "big") + digest(number)[4:]


def crowd(count: int, start: int = 0) -> list[Row]:
    return sorted(row(digest(number)) for number in range(start, start + count))


def crowd_within(prefix: Prefix, count: int) -> list[Row]:
    return [row(in_page(prefix, number)) for number in range(count)]


def prefixes(blobs: list[bytes]) -> list[Prefix]:
    return [Page(blob).prefix for blob in blobs]


def page_for(blobs: list[bytes], wanted: bytes) -> Page:
    """As a device looks it up: the last page whose prefix is not behind the digest."""
    pages = [Page(blob) for blob in blobs]
    starts = [page.prefix.value for page in pages]
    return pages[bisect_left(starts, prefix_of(wanted) + 1) - 1]


def assert_sound(blobs: list[bytes], rows: list[Row]) -> None:
    pages = [Page(blob) for blob in blobs]
    check_whole(page.prefix for page in pages)
    for page in pages:
        page.check()
        assert page.count <= SPLIT_ABOVE or page.prefix.bits == MAX_PREFIX_BITS
    assert [stored for page in pages for stored in page.rows()] == rows
