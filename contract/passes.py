"""Signed passes: what a phone shows to a door, and how a door that has never heard of it finds out what it is worth.

A *short* pass is the phone's own: the id of its key and the moment, signed. The door knows the key from its roster. A
*carried* pass (a CWT, RFC 8392) is signed by the cloud and says all that a roster would: who, where, when, and the key
of the phone (RFC 8747). It is shown together with a short pass of that phone, so that a copy of it opens nothing.

On a screen both are ``HG1`` and base32 in capitals, which no keyboard layout changes.
"""

import re
from base64 import b32encode
from collections.abc import Callable, Mapping

from msgspec import Struct

from contract.codec import Malformed
from contract.cose import (
    Signed,
    byte_string,
    is_signed_by,
    key_id_of,
    read_cbor,
    read_signed,
    to_be_signed,
)
from contract.credentials import TOKEN_MARK, read_token
from contract.decide import Trust
from contract.pass_verdicts import PassVerdict

PASS_MARK = "HG1"  # noqa: S105 - how a pass begins
MAX_TEXT = 700
"""Characters of a pass. A reader a hand's breadth from a phone reads a QR code of so many."""
OLDEST_MS, NEWEST_MS = 60_000, 15_000
"""How old a short pass may be, and how far a phone's clock may be ahead."""
MOST_ERROR_MS = 120_000
"""A door's clock may be off by more, but gives a pass no more time for it."""
_AT, _AT_BYTES = b"\xa1\x06\x1a", 4
"""A map with the claim of a CWT (RFC 8392) that says when it was made, up to its number; and how long that is."""


class Moment(Struct, frozen=True):
    """The door's clock: UTC milliseconds, by how many they may be off (None: nobody knows), and how far to believe
    it."""

    now_ms: int
    error_ms: int | None
    trust: Trust


class ShortPass(Struct, frozen=True):
    """A phone signed that it is here at this moment (UTC seconds)."""

    key_id: bytes
    at_s: int
    signature: bytes


class CarriedProof(Struct, frozen=True):
    """What is shown of a carried pass: the message that the cloud signed, and a short pass of the phone."""

    message: bytes
    proof: ShortPass


class Token(Struct, frozen=True):
    """A printed token of 16 bytes."""

    token: bytes


Scan = ShortPass | CarriedProof | Token | PassVerdict | None
"""What a text is: ``MALFORMED`` begins as a pass or a token does and is none, None is neither."""


def read_pass(text: str) -> Scan:
    """What somebody showed to a scanner. Total: it has an answer for every text."""
    try:
        if text.startswith(TOKEN_MARK):
            return Token(read_token(text))
        return _read_bytes(_from_text(text)) if text.startswith(PASS_MARK) else None
    except ValueError:  # Malformed is one
        return PassVerdict.MALFORMED


def _read_bytes(blob: bytes) -> ShortPass | CarriedProof:
    if not blob.startswith(_OF_TWO):
        return read_short(blob)
    match read_cbor(blob):
        case [bytes() as message, bytes() as proof] if pack_shown(message, proof) == blob:
            return CarriedProof(message, read_short(proof))
    raise Malformed("not a message of the cloud and a short pass")


_OF_TWO = b"\x82"
"""How CBOR begins an array of two."""


def read_short(blob: bytes) -> ShortPass:
    """Raises ``Malformed``."""
    signed = read_signed(blob)
    at_s = int.from_bytes(signed.payload[-_AT_BYTES:], "big")
    if _moment(at_s) != signed.payload:
        raise Malformed("a short pass says when it was made, and nothing else")
    return ShortPass(signed.key_id, at_s, signed.signature)


def _moment(at_s: int) -> bytes:
    """The payload of a short pass, of any moment since the second day of 1970."""
    return _AT + at_s.to_bytes(_AT_BYTES, "big")


def short_bytes_to_sign(at_s: int) -> bytes:
    """What a phone signs."""
    return to_be_signed(_moment(at_s))


def pack_short(key_id: bytes, at_s: int, signature: bytes) -> bytes:
    return Signed(key_id, _moment(at_s), signature).pack()


def pack_shown(message: bytes, proof: bytes) -> bytes:
    """What a phone shows of a carried pass: the cloud's message, and a short pass."""
    return _OF_TWO + byte_string(message) + byte_string(proof)


def pass_text(blob: bytes) -> str:
    """What stands on a screen. Raises ``ValueError`` for more than a reader reads."""
    text = PASS_MARK + b32encode(blob).decode().rstrip("=")
    if len(text) > MAX_TEXT:
        raise ValueError(f"a pass of {len(text)} characters, and a reader reads {MAX_TEXT}")
    return text


_BASE32 = re.compile("[A-Z2-7]+")
_DIGITS = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789abcdefghijklmnopqrstuv")


def _from_text(text: str) -> bytes:
    """Raises ``ValueError``."""
    if len(text) > MAX_TEXT:
        raise Malformed(f"a pass of {len(text)} characters")
    letters = text.removeprefix(PASS_MARK)
    if not _BASE32.fullmatch(letters):
        raise Malformed("no base32 in capitals")
    # As one number, for somebody waits at the door: letter by letter the decoder takes longer than a signature.
    number, spare = int(letters.translate(_DIGITS), 32), 5 * len(letters) % 8
    if spare >= 5 or number & (1 << spare) - 1:
        raise Malformed("base32 of another form")
    return (number >> spare).to_bytes(5 * len(letters) // 8, "big")


def verify_short(shown: ShortPass, key: bytes, moment: Moment) -> PassVerdict:
    """What a short pass is worth at a door whose roster has this public key for the phone (33 bytes; empty: none)."""
    return next((verdict for verdict, fails in CHECKS_OF_SHORT.items() if fails(shown, key, moment)), PassVerdict.OK)


def is_stale(shown: ShortPass, moment: Moment) -> bool:
    """Whether the phone signed too long ago, as on a picture of its screen."""
    return moment.now_ms - shown.at_s * 1000 > OLDEST_MS + _error_ms(moment)


def is_ahead(shown: ShortPass, moment: Moment) -> bool:
    """Whether the clock of the phone is too far ahead."""
    return shown.at_s * 1000 - moment.now_ms > NEWEST_MS + _error_ms(moment)


def _error_ms(moment: Moment) -> int:
    return MOST_ERROR_MS if moment.error_ms is None else min(max(0, moment.error_ms), MOST_ERROR_MS)


def has_signed(shown: ShortPass, key: bytes) -> bool:
    """Whether the phone with this key has signed it."""
    return is_signed_by(key, short_bytes_to_sign(shown.at_s), shown.signature)


CheckOfShort = Callable[[ShortPass, bytes, Moment], bool]

CHECKS_OF_SHORT: Mapping[PassVerdict, CheckOfShort] = {
    PassVerdict.WRONG_KEY: lambda shown, key, _: shown.key_id != key_id_of(key),
    PassVerdict.BAD_SIGNATURE: lambda shown, key, _: not has_signed(shown, key),
    PassVerdict.CLOCK_UNSET: lambda _shown, _key, moment: moment.trust is Trust.UNSET,
    PassVerdict.STALE: lambda shown, _, moment: is_stale(shown, moment),
    PassVerdict.AHEAD: lambda shown, _, moment: is_ahead(shown, moment),
}
"""The faults of a short pass, in the order in which they are looked for."""
