"""A roster and clocks to decide with, and the cards of two neighbours."""

from asyncio import AbstractEventLoop
from zoneinfo import ZoneInfo

from contract.credentials import canonical, encode
from contract.decide import Grant, Tier, Trust
from contract.demands import Demand
from contract.quantities import Allotment
from contract.schedules import ALWAYS
from contract.sealing import DigestKey, credential_digest
from contract.zone_rules import PageZone
from edge.roster.file import RosterDamaged
from tests.edge.support.portals import ANNA, BEN

NOW_MS = 1_800_000_000_000
KEY = DigestKey(b"k" * 32)
ANNAS, BENS, STRANGERS = (encode("H10301", facility=21, number=number) for number in (15890, 15891, 999))


def digest(bits: str) -> bytes:
    card = canonical(bits)
    assert card is not None
    return credential_digest(KEY, card)


class Cards:
    """The roster: Anna's and Ben's cards open every point. It fails for as long as it is ``broken``, and cannot look
    anybody up while it is ``damaged``."""

    def __init__(self, *points: str) -> None:
        self.number, self.site_page = 7, bytes(range(16))
        self.issued_ms: int | None = NOW_MS
        self.zone: ZoneInfo | None = ZoneInfo("Asia/Shanghai")
        self.allotments: dict[str, Allotment] = {}
        self.demands: dict[str, Demand] = {}
        self.pass_keys: list[bytes] = []
        self.revoked: set[bytes] = set()
        self.zones: dict[str, tuple[str, PageZone]] = {}
        self.broken = self.damaged = False
        everywhere = dict.fromkeys(points, ALWAYS)
        self.grants = {digest(bits): Grant(who, Tier.MEMBER, everywhere) for bits, who in ((ANNAS, ANNA), (BENS, BEN))}

    def counted(self, point: str) -> tuple[str, PageZone] | None:
        return self.zones.get(point)

    def find(self, digest: bytes) -> list[Grant]:
        if self.broken:
            raise RuntimeError("the roster is broken")
        if self.damaged:
            raise RosterDamaged("page 1f is not the page that was signed")
        return [self.grants[digest]] if digest in self.grants else []


class LoopClock:
    """Clocks that follow a loop's time."""

    boot = "b7"
    trust = Trust.SYNCED
    floor_ms = last_contact_ms = NOW_MS
    error_ms = 120

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop

    def now_ms(self) -> int:
        return NOW_MS + self.mono_ms()

    def mono_ms(self) -> int:
        return round(self._loop.time() * 1000)
