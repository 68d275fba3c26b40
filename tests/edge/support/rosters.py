"""Rosters for tests: invented holders, their pages, and a manifest under a seal."""

from typing import TypedDict, Unpack

from msgspec import Struct

from contract import codec
from contract.decide import Tier
from contract.messages import Manifest
from contract.roster import WHOLE, Page, Prefix, Row
from contract.roster_index import IndexEntry, IndexPage, pack_index_page
from contract.schedules import ALWAYS
from contract.sealing import Purpose, RosterKey, page_hash, statement
from contract.site_page import SitePage, pack_site
from tests.contract.paging import paginate

SITE = "estate"
DEVICE = "gym-01"
NOW_MS = 1_800_000_000_000
DAY_MS = 86_400_000
PAGES_OF_AN_INDEX = 4
ROSTER_KEY = RosterKey.from_bytes(bytes(range(32)))


def digest(number: int) -> bytes:
    """Sixteen bytes spread as an HMAC would spread them."""
    return page_hash(number.to_bytes(4, "big"))


def row(number: int, profile: int = 0) -> Row:
    return Row(digest(number), profile, number.to_bytes(8, "big"), Tier.MEMBER)


class Published(Struct, frozen=True):
    """What the cloud publishes: a manifest, the payload that carries it, and the blobs below it by their hash."""

    manifest: Manifest
    payload: bytes
    blobs: dict[bytes, bytes]

    @property
    def pages(self) -> list[bytes]:
        """The names of its pages of rows, in order."""
        index = [IndexPage(self.blobs[name]) for name in self.manifest.index_pages]
        return self.manifest.pages or [entry.hash for page in index for entry in page.entries]


def index_pages(pages: list[bytes], prefix: Prefix = WHOLE) -> list[bytes]:
    """Index pages of a few pages each, which stand in order below the prefix."""
    if len(pages) <= PAGES_OF_AN_INDEX:
        entries = [IndexEntry(page.prefix, page.count, page_hash(page.blob)) for page in map(Page, pages)]
        return [pack_index_page(prefix, entries)]
    left, right = prefix.halves()
    split = sum(Page(blob).prefix.value < right.value for blob in pages)
    return [*index_pages(pages[:split], left), *index_pages(pages[split:], right)]


class RosterOptions(TypedDict, total=False):
    """What a published roster may have otherwise than usual."""

    issued_ms: int
    device: str
    zone: str
    count: int | None
    key: RosterKey
    indexed: bool


def publish(numbers: range, number: int = 1, **options: Unpack[RosterOptions]) -> Published:
    """A roster as it is sent to who reads index pages, or as it was before there were any."""
    return publish_rows(sorted(row(each) for each in numbers), number, **options)


def publish_rows(
    rows: list[Row],
    number: int = 1,
    *,
    issued_ms: int = NOW_MS,
    device: str = DEVICE,
    zone: str = "Asia/Shanghai",
    count: int | None = None,
    key: RosterKey = ROSTER_KEY,
    indexed: bool = True,
) -> Published:
    pages = paginate(rows)
    site = pack_site(SitePage(zone, {"always": ALWAYS}, [{"gym": "always"}]))
    index = index_pages(pages) if indexed else []
    names = [] if indexed else [page_hash(blob) for blob in pages]
    held = len(rows) if count is None else count
    hashes = [page_hash(blob) for blob in index]
    manifest = Manifest(device, number, issued_ms, issued_ms + DAY_MS, page_hash(site), names, held, hashes)
    return Published(manifest, seal(manifest, key), {page_hash(blob): blob for blob in (site, *index, *pages)})


def seal(manifest: Manifest, key: RosterKey = ROSTER_KEY) -> bytes:
    body = codec.write(manifest)
    return codec.attach(body, key.sign(statement(Purpose.ROSTER, SITE, DEVICE, body)))


GOOD = publish(range(10), 5)
"""A roster of ten, number 5."""
