"""Carried passes: what the cloud says of somebody whom no roster knows, and how a door believes it."""

import re
from collections.abc import Callable, Container, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from contract.codec import Malformed
from contract.cose import PassKey, Signed, is_point, is_signed_by, key_id_of, read_cbor, read_signed, write_cbor
from contract.decide import DAY_MS, Grant, Tier, Trust
from contract.demands import Assurance
from contract.pass_verdicts import PassVerdict
from contract.passes import Moment, ShortPass, has_signed, is_ahead, is_stale, pack_short, pack_shown, pass_text
from contract.schedules import ALWAYS
from contract.topics import NAME

MAX_POINTS, MAX_USES = 16, 1_000
MAX_WINDOW_S = DAY_MS // 1000
EARLY_S = 60
"""A pass that was made just now holds at a door whose clock is so much behind."""
CARRIERS = (Tier.RIDER, Tier.GUEST)

_SITE, _UNTIL, _FROM, _ID, _KEY, _GRANTED = 3, 4, 5, 7, 8, -65537
"""Claims of a CWT: audience, expiration, not before, id, confirmation (RFC 8747); and one of our own."""
_NAME = re.compile(NAME)


class CarriedPass(Struct, frozen=True):
    """What the cloud says of somebody whom no roster knows. ``key`` is that of their phone (33 bytes), ``points`` are
    open to them from ``from_s`` until ``until_s`` (UTC seconds, half-open), so many times as ``uses`` says (0 for any
    number). ``id`` and ``holder`` have 8 bytes."""

    id: bytes
    site: str
    holder: bytes
    tier: Tier
    key: bytes
    points: tuple[str, ...]
    from_s: int
    until_s: int
    uses: int = 0

    @property
    def from_ms(self) -> int:
        """When it begins at a door."""
        return max(0, self.from_s - EARLY_S) * 1000

    def grant(self) -> Grant:
        """What a row of a roster would grant."""
        return Grant(
            self.holder,
            self.tier,
            dict.fromkeys(self.points, ALWAYS),
            valid_from_ms=self.from_ms,
            valid_until_ms=self.until_s * 1000,
            assurance=Assurance.SIGNED,
            key=self.key,
            carried=True,
        )


def issue_carried(carried: CarriedPass, key: PassKey) -> bytes:
    """The message that a phone carries. Raises ``ValueError`` for a pass that no door would take, or no screen show."""
    if carried.tier not in CARRIERS:
        raise ValueError(f"a {carried.tier} carries no pass")
    if _read_claims(_claims(carried)) != carried or not is_point(carried.key):
        raise ValueError("the key of the phone is no point of P-256")
    if carried.until_s - carried.from_s > MAX_WINDOW_S:
        raise ValueError(f"a pass holds for {MAX_WINDOW_S} s at most")
    message = key.sign(_claims(carried)).pack()
    pass_text(pack_shown(message, pack_short(carried.id, carried.until_s, bytes(64))))
    return message


def _claims(carried: CarriedPass) -> bytes:
    """The payload of a carried pass."""
    point = {1: 2, -1: 1, -2: carried.key[1:], -3: carried.key[:1] == b"\x03"}
    return write_cbor(
        {
            _SITE: carried.site,
            _UNTIL: carried.until_s,
            _FROM: carried.from_s,
            _ID: carried.id,
            _KEY: {1: point},
            _GRANTED: [carried.holder, carried.tier.value, list(carried.points), carried.uses],
        }
    )


def _read_claims(payload: bytes) -> CarriedPass:
    match read_cbor(payload):
        case {
            3: str() as site,
            4: int() as until_s,
            5: int() as from_s,
            7: bytes() as id_,
            8: {1: {-2: bytes() as x, -3: bool() as is_odd}},
            -65537: [bytes() as holder, ("rider" | "guest") as tier, list() as points, int() as uses],
        }:
            key = (b"\x03" if is_odd else b"\x02") + x
            named = id_, site, holder, Tier(tier), key, tuple(points)
            carried = CarriedPass(*named, int(from_s), int(until_s), int(uses))
        case _:
            raise Malformed("a carried pass without all of its claims")
    names = (site, *points)
    lengths = len(id_), len(holder), len(x)
    is_within = 0 <= from_s < until_s < 1 << 32 and 0 <= uses <= MAX_USES and 0 < len(points) <= MAX_POINTS
    if (
        lengths != (8, 8, 32)
        or not is_within
        or not all(isinstance(name, str) and _NAME.fullmatch(name) for name in names)
    ):
        raise Malformed("a carried pass with a claim that is out of range")
    if _claims(carried) != payload:
        raise Malformed("a carried pass of another form")
    return carried


def believe_carried(message: bytes, pass_keys: Sequence[bytes], site: str) -> tuple[PassVerdict, CarriedPass | None]:
    """What the cloud's message says, if a door of this site believes it that has these keys of the cloud's passes (33
    bytes each). Neither time nor the phone has a part in it: what is believed once may be kept, as long as the keys are
    the same."""
    try:
        signed = read_signed(message)
        carried = _read_claims(signed.payload)
    except Malformed:
        return PassVerdict.MALFORMED, None
    issuer = next((key for key in pass_keys if key_id_of(key) == signed.key_id), None)
    heard = Heard(carried, signed, issuer, site)
    faults = (verdict for verdict, fails in CHECKS_OF_MESSAGE.items() if fails(heard))
    verdict = next(faults, PassVerdict.OK)
    return verdict, carried if verdict is PassVerdict.OK else None


def verify_carried(
    carried: CarriedPass, proof: ShortPass, moment: Moment, revoked: Container[bytes] = ()
) -> PassVerdict:
    """What a pass that is believed is worth at this moment, with the short pass that was shown beside it. ``revoked``
    are the ids of those that were withdrawn. What it opens is for the rule to say, see ``CarriedPass.grant``."""
    shown = Shown(carried, proof, moment, revoked)
    return next((verdict for verdict, fails in CHECKS_OF_CARRIED.items() if fails(shown)), PassVerdict.OK)


class Heard(NamedTuple):
    """A message of the cloud as a door hears it. ``issuer`` is the key that it names, None if the door has no such."""

    carried: CarriedPass
    signed: Signed
    issuer: bytes | None
    site: str


class Shown(NamedTuple):
    """A pass that is believed, and all that it is checked by."""

    carried: CarriedPass
    proof: ShortPass
    moment: Moment
    revoked: Container[bytes]


def _is_of_another_phone(shown: Shown) -> bool:
    key = shown.carried.key
    return shown.proof.key_id != key_id_of(key) or not has_signed(shown.proof, key)


CHECKS_OF_MESSAGE: Mapping[PassVerdict, Callable[[Heard], bool]] = {
    PassVerdict.WRONG_KEY: lambda heard: heard.issuer is None,
    PassVerdict.BAD_SIGNATURE: lambda heard: (
        not is_signed_by(heard.issuer or b"", heard.signed.stated, heard.signed.signature)
    ),
    PassVerdict.WRONG_SITE: lambda heard: heard.carried.site != heard.site,
    PassVerdict.TOO_LONG: lambda heard: heard.carried.until_s - heard.carried.from_s > MAX_WINDOW_S,
}
"""The faults of a message, in the order in which they are looked for."""

CHECKS_OF_CARRIED: Mapping[PassVerdict, Callable[[Shown], bool]] = {
    PassVerdict.CLOCK_UNSET: lambda shown: shown.moment.trust is Trust.UNSET,
    PassVerdict.NOT_YET: lambda shown: shown.moment.now_ms < shown.carried.from_ms,
    PassVerdict.EXPIRED: lambda shown: shown.moment.now_ms >= shown.carried.until_s * 1000,
    PassVerdict.REVOKED: lambda shown: shown.carried.id in shown.revoked,
    PassVerdict.BAD_PROOF: _is_of_another_phone,
    PassVerdict.STALE: lambda shown: is_stale(shown.proof, shown.moment),
    PassVerdict.AHEAD: lambda shown: is_ahead(shown.proof, shown.moment),
}
"""The faults of what a phone shows, in the order in which they are looked for."""
