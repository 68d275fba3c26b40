"""Phones and passes for the tests of passes: what is signed, when, by whom."""

from msgspec.structs import replace

from contract.carried_passes import CarriedPass, issue_carried
from contract.cose import PassKey, key_id_of, write_cbor
from contract.decide import Tier, Trust
from contract.passes import Moment, ShortPass
from tests.contract.situations import NOW_MS

NOW_S = NOW_MS // 1000
SITE, POINTS = "willow-court", ("east-gate", "unit-3", "floor-3-7")
CLOUD, BEFORE, STRANGE = (PassKey.from_bytes(bytes([number]) * 32) for number in (1, 2, 3))
PHONE, OTHER_PHONE = (PassKey.from_bytes(bytes([number]) * 32) for number in (4, 5))
"""A phone signs as the cloud does: ES256."""
PASS_KEYS = (CLOUD.public(), BEFORE.public())
NOW = Moment(NOW_MS, 0, Trust.SYNCED)
CARRIED = CarriedPass(
    id=b"pass-id1",
    site=SITE,
    holder=b"riderno2",
    tier=Tier.RIDER,
    key=PHONE.public(),
    points=POINTS,
    from_s=NOW_S,
    until_s=NOW_S + 7_200,
)
MESSAGE = issue_carried(CARRIED, CLOUD)


def shown(phone: PassKey = PHONE, at_s: int = NOW_S) -> ShortPass:
    """A short pass of a phone."""
    signature = phone.sign(write_cbor({6: at_s})).signature
    return ShortPass(key_id_of(phone.public()), at_s, signature)


def off_by_a_bit(signature: bytes) -> bytes:
    return signature[:40] + bytes([signature[40] ^ 1]) + signature[41:]


def at(shift_s: float, error_ms: int | None = 0, trust: Trust = Trust.SYNCED) -> Moment:
    """So many seconds from now."""
    return replace(NOW, now_ms=NOW_MS + int(shift_s * 1000), error_ms=error_ms, trust=trust)
