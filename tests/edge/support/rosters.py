"""Rosters for tests: invented holders, their pages, and a manifest under a seal."""

from msgspec import Struct

from contract import codec
from contract.decide import Tier
from contract.messages import Manifest
from contract.roster import Row, SitePage, pack_site, paginate
from contract.schedules import ALWAYS
from contract.sealing import Purpose, RosterKey, page_hash, statement

SITE = "estate"
DEVICE = "gym-01"
NOW_MS = 1_800_000_000_000
DAY_MS = 86_400_000
ROSTER_KEY = RosterKey.from_bytes(bytes(range(32)))


def digest(number: int) -> bytes:
    """Sixteen bytes spread as an HMAC would spread them."""
    return page_hash(number.to_bytes(4, "big"))


def row(number: int, profile: int = 0) -> Row:
    return Row(digest(number), profile, number.to_bytes(8, "big"), Tier.MEMBER)


class Published(Struct, frozen=True):
    """What the cloud publishes: a manifest, the payload that carries it, and the blobs it names by their hash."""

    manifest: Manifest
    payload: bytes
    blobs: dict[bytes, bytes]


def publish(
    numbers: range,
    number: int = 1,
    *,
    issued_ms: int = NOW_MS,
    device: str = DEVICE,
    zone: str = "Asia/Shanghai",
    count: int | None = None,
    key: RosterKey = ROSTER_KEY,
) -> Published:
    pages = paginate(sorted(row(each) for each in numbers))
    site = pack_site(SitePage(zone, {"always": ALWAYS}, [{"gym": "always"}]))
    names = [page_hash(blob) for blob in pages]
    held = len(numbers) if count is None else count
    manifest = Manifest(device, number, issued_ms, issued_ms + DAY_MS, page_hash(site), names, held)
    return Published(manifest, seal(manifest, key), {page_hash(blob): blob for blob in (site, *pages)})


def seal(manifest: Manifest, key: RosterKey = ROSTER_KEY) -> bytes:
    body = codec.write(manifest)
    return codec.attach(body, key.sign(statement(Purpose.ROSTER, SITE, DEVICE, body)))


GOOD = publish(range(10), 5)
"""A roster of ten, number 5."""
