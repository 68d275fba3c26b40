"""The key of a telephone, as its page offers it. Pure."""

import binascii
from base64 import urlsafe_b64decode

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec import Struct

from cloud.web.sentence import N_
from contract.sealing import DeviceVerifier

MAX_OFFER = 200
"""Characters of a key or a signature in a form."""
POINT_BYTES = 65
BAD_KEY = N_("The key that the phone made does not fit: load the page again and retry. Nothing was changed.")


class BadKey(ValueError):
    """The bytes are no key, or whoever sends them does not have its private half."""


class Offer(Struct, frozen=True):
    """A key that a telephone made, as its page sends it: the public point and a signature, as base64 of addresses."""

    key: str
    proof: str


def proof_text(site: str, challenge: str) -> bytes:
    """What a telephone signs to show that it has the private half of its key. ``challenge`` is what only it was told:
    the link's secret, or its login's token."""
    return f"hg-phone-1:{site}:{challenge}".encode()


def read_offer(offer: Offer, site: str, challenge: str) -> bytes:
    """The public half of the key, compressed: 33 bytes. Raises ``BadKey``."""
    try:
        point, proof = (_decode(text) for text in (offer.key, offer.proof))
        verifier = DeviceVerifier(point)
    except ValueError:
        raise BadKey("no point of P-256") from None
    if len(point) != POINT_BYTES or not verifier.accepts(proof_text(site, challenge), proof):
        raise BadKey("the signature is not the key's")
    return compressed(point)


def _decode(text: str) -> bytes:
    if len(text) > MAX_OFFER:
        raise ValueError("too long")
    try:
        return urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except binascii.Error as wrong:
        raise ValueError(str(wrong)) from None


def compressed(point: bytes) -> bytes:
    """A point of P-256 in 33 bytes. Raises ``ValueError`` if it is none."""
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    return public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)


def offer_in(key: str, proof: str) -> Offer | None:
    """The key that a form offers; None from a telephone that can keep none."""
    return Offer(key, proof) if key and proof else None
