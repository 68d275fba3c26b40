"""A roster of invented cards, as a device holds it after its cloud has published one."""

from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path
from random import Random
from time import time

from contract import codec
from contract.credentials import encode
from contract.decide import Tier
from contract.messages import Manifest
from contract.roster import SPLIT_ABOVE, WHOLE, Page, Prefix, Row, SitePage, pack_site, paginate
from contract.roster_index import IndexEntry, pack_index_page
from contract.schedules import ALWAYS
from contract.sealing import DigestKey, Purpose, RosterKey, credential_digest, page_hash, statement
from edge.roster.store import RosterStore

LENGTH = bytes([26])
CARD_NUMBERS = 1 << 24
"""Facility and number of a 26-bit card."""
PUT_AT_ONCE = 500
DAY_MS = 86_400_000


def cards(count: int, seed: int = 1) -> list[int]:
    """Different cards, each as its 24 bits of facility and number."""
    return Random(seed).sample(range(CARD_NUMBERS), count)


def frame(card: int) -> str:
    """The bits a reader sends for the card."""
    return encode("H10301", facility=card >> 16, number=card & 0xFFFF)


def digest(key: DigestKey, card: int) -> bytes:
    """What ``credential_digest(key, canonical(frame(card)))`` gives, without writing the bits out."""
    return credential_digest(key, LENGTH + card.to_bytes(3, "big"))


def index_pages(pages: Sequence[Page], prefix: Prefix = WHOLE) -> list[bytes]:
    """Index pages that name these pages, which stand in order below the prefix."""
    if len(pages) <= SPLIT_ABOVE:
        return [pack_index_page(prefix, [IndexEntry(page.prefix, page.count, page_hash(page.blob)) for page in pages])]
    left, right = prefix.halves()
    split = bisect_left(pages, right.value, key=lambda page: page.prefix.value)
    return [*index_pages(pages[:split], left), *index_pages(pages[split:], right)]


def fill(path: Path, digests: list[bytes], *, site: str, device: str, points: Sequence[str], key: RosterKey) -> None:
    """Make the roster store at ``path`` with a member for every digest, who may always pass the points."""
    now_ms = int(time() * 1000)
    rows = [Row(each, 0, number.to_bytes(8, "big"), Tier.MEMBER) for number, each in enumerate(sorted(digests), 1)]
    blobs = [
        pack_site(SitePage("Asia/Shanghai", {"always": ALWAYS}, [dict.fromkeys(points, "always")])),
        *paginate(rows),
    ]
    index = index_pages([Page(blob) for blob in blobs[1:]])
    blobs += index
    names = [page_hash(blob) for blob in index]
    manifest = Manifest(device, 1, now_ms, now_ms + DAY_MS, page_hash(blobs[0]), [], len(rows), names)
    body = codec.write(manifest)
    store = RosterStore(path)
    for start in range(0, len(blobs), PUT_AT_ONCE):
        store.put_pages(blobs[start : start + PUT_AT_ONCE])
    list(store.adopting(manifest, codec.attach(body, key.sign(statement(Purpose.ROSTER, site, device, body)))))
    store.close()
