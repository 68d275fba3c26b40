"""COSE_Sign1 (RFC 9052) in the one form that passes have: ES256, the key's id beside it, and a payload of CBOR.

Whatever is read is written once more and compared: a message that this file would not write is none, however anybody
else understands it. So there are no second forms of one message: no key twice, nothing behind the end, no other
algorithm.
"""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Self

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec import Struct

from contract.codec import Malformed

KEY_ID_BYTES = 8
SIGNATURE_BYTES = 64
_HALF = SIGNATURE_BYTES // 2
_POINT_BYTES = 33
_PROTECTED = b"\xa1\x01\x26"
"""The protected header: the algorithm is -7, which is ES256."""
_OF_SIGNATURE = b"\x84\x6aSignature1\x43" + _PROTECTED + b"\x40"
"""How the Sig_structure begins, before its payload: its context, the protected header, no external data."""
_OF_FOUR, _SIGNATURE = b"\x84\x43" + _PROTECTED + b"\xa1\x04\x48", b"\x58\x40"
"""How a message begins, before the key's id, whose label is 4; and what stands before its signature."""
_SEALED_BYTES = len(_SIGNATURE) + SIGNATURE_BYTES
_HEADS = {b"\x58": 2, b"\x59": 3}
"""How long the head of a byte string is that is no shorter than 24 bytes."""
_MAX_DEPTH = 4
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""How many points P-256 has (SEC 2, 2.4.2)."""
_ES256 = ec.ECDSA(hashes.SHA256())


class Signed(Struct, frozen=True):
    """A message as it came: the id of the key that it is said to be signed with (8 bytes), the payload, and the
    signature, which is yet to be checked (64 bytes, r before s)."""

    key_id: bytes
    payload: bytes
    signature: bytes

    @property
    def stated(self) -> bytes:
        """The bytes under the signature."""
        return to_be_signed(self.payload)

    def pack(self) -> bytes:
        return _OF_FOUR + self.key_id + byte_string(self.payload) + _SIGNATURE + self.signature


def to_be_signed(payload: bytes) -> bytes:
    """The Sig_structure over a payload, with no external data."""
    return _OF_SIGNATURE + byte_string(payload)


def byte_string(content: bytes) -> bytes:
    """A byte string of CBOR. Written out, as all here that has one form: somebody waits at the door."""
    size = len(content)
    if size < 24:
        return bytes([0x40 | size]) + content
    return (bytes([0x58, size]) if size < 256 else b"\x59" + size.to_bytes(2, "big")) + content


def read_signed(blob: bytes) -> Signed:
    """Raises ``Malformed``."""
    begin = len(_OF_FOUR) + KEY_ID_BYTES
    key_id, stated, signature = blob[begin - KEY_ID_BYTES : begin], blob[begin:-_SEALED_BYTES], blob[-SIGNATURE_BYTES:]
    signed = Signed(key_id, stated[_HEADS.get(stated[:1], 1) :], signature)
    if (len(key_id), len(signature)) != (KEY_ID_BYTES, SIGNATURE_BYTES) or signed.pack() != blob:
        raise Malformed("no COSE_Sign1 of the one form")
    return signed


@lru_cache(maxsize=256)
def key_id_of(public: bytes) -> bytes:
    """The id of a key: the first 8 bytes of the SHA-256 of its compressed point."""
    return hashlib.sha256(public).digest()[:KEY_ID_BYTES]


def is_point(public: bytes) -> bool:
    """Whether these are the compressed point of a key on P-256."""
    try:
        _key(public)
    except ValueError:
        return False
    return len(public) == _POINT_BYTES


def is_signed_by(public: bytes, stated: bytes, signature: bytes) -> bool:
    """Whether the key with this compressed point (33 bytes) has signed these bytes. A point that is not on the curve
    has signed nothing, and neither has a signature whose r or s is out of range."""
    if (len(public), len(signature)) != (_POINT_BYTES, SIGNATURE_BYTES):
        return False
    r, s = int.from_bytes(signature[:_HALF], "big"), int.from_bytes(signature[_HALF:], "big")
    try:
        _key(public).verify(utils.encode_dss_signature(r, s), stated, _ES256)
    except (ValueError, InvalidSignature):
        return False
    return True


@lru_cache(maxsize=256)
def _key(public: bytes) -> ec.EllipticCurvePublicKey:
    """To find the point takes a third as long as to check a signature by it. Raises ``ValueError``."""
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public)


class PassKey:
    """The cloud's P-256 key that signs carried passes."""

    def __init__(self, private: ec.EllipticCurvePrivateKey) -> None:
        self._private = private

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """The key of these 32 bytes: any are one. Raises ``ValueError`` unless given so many."""
        if len(raw) != _HALF:
            raise ValueError(f"a pass key has {_HALF} bytes, not {len(raw)}")
        return cls(ec.derive_private_key(1 + int.from_bytes(raw, "big") % (_ORDER - 1), ec.SECP256R1()))

    def public(self) -> bytes:
        """The compressed point, 33 bytes."""
        return self._private.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)

    def sign(self, payload: bytes) -> Signed:
        r, s = utils.decode_dss_signature(self._private.sign(to_be_signed(payload), _ES256))
        signature = r.to_bytes(_HALF, "big") + s.to_bytes(_HALF, "big")
        return Signed(key_id_of(self.public()), payload, signature)


def write_cbor(value: object) -> bytes:
    """The shortest form of numbers and lengths (RFC 8949, 4.2.1), with the keys of maps as they stand: whoever writes a
    map has them in order, for to sort them takes longer than all the rest."""
    return cbor2.dumps(value)


def read_cbor(blob: bytes) -> object:
    """What the bytes say. Whoever reads it compares what they make of it with the bytes, for this alone is not strict.
    Raises ``Malformed``."""
    try:
        return cbor2.loads(
            blob,
            max_depth=_MAX_DEPTH,
            allow_indefinite=False,
            allow_duplicate_keys=False,
            semantic_decoders=_NO_TAGS,
            tag_hook=_refuse_tag,
        )
    except (cbor2.CBORError, ValueError, TypeError, OverflowError) as wrong:
        raise Malformed(f"no CBOR: {wrong}") from None


def _refuse_tag(*_: object) -> Any:
    raise ValueError("no tag has a place here")


_NO_TAGS: Mapping[int, Any] = dict.fromkeys(
    (0, 1, 2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 43000, 52, 54, 100, 256, 258, 260, 261, 1004), _refuse_tag
)
"""Tags that the decoder knows: it would make dates, huge numbers and patterns of what a stranger wrote."""
