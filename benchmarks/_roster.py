"""A roster of invented cards, as a device holds it after its cloud has published one."""

from collections.abc import Sequence
from pathlib import Path
from random import Random
from time import time

from cloud.people.tree import index_pages, rebuild
from contract import codec
from contract.credentials import encode
from contract.decide import Tier
from contract.messages import Manifest
from contract.roster import Row
from contract.schedules import ALWAYS
from contract.sealing import DigestKey, Purpose, RosterKey, credential_digest, page_hash, statement
from contract.site_page import SitePage, pack_site
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


def fill(path: Path, digests: list[bytes], *, site: str, device: str, points: Sequence[str], key: RosterKey) -> None:
    """Make the roster store at ``path`` with a member for every digest, who may always pass the points."""
    now_ms = int(time() * 1000)
    rows = {each: [Row(each, 0, number.to_bytes(8, "big"), Tier.MEMBER)] for number, each in enumerate(digests, 1)}
    tree = rebuild(b"", rows, dict[bytes, bytes]().__getitem__)
    site_page = pack_site(SitePage("Asia/Shanghai", {"always": ALWAYS}, [dict.fromkeys(points, "always")]))
    blobs = [site_page, *tree.new.values()]
    manifest = Manifest(device, 1, now_ms, now_ms + DAY_MS, page_hash(site_page), [], len(rows), index_pages(tree.root))
    body = codec.write(manifest)
    store = RosterStore(path)
    for start in range(0, len(blobs), PUT_AT_ONCE):
        store.put_pages(blobs[start : start + PUT_AT_ONCE])
    list(store.adopting(manifest, codec.attach(body, key.sign(statement(Purpose.ROSTER, site, device, body)))))
    store.close()
