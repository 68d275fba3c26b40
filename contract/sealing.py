"""Who signs or MACs what. Every seal covers a statement that names its purpose, its site and its device.

The purpose is part of the signed bytes, so a seal made for one purpose never verifies for another, even if a key were
used twice by mistake. Keys of different roles have different types here: a verifier cannot be handed the wrong one.
"""

import hashlib
import hmac
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NewType, Self

from cryptography.exceptions import InvalidSignature, InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, hpke, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils, x25519

from contract import codec

P256_BYTES = 32
DIGEST_BYTES = 16
KEY_BYTES = 32

_ENVELOPE = hpke.Suite(hpke.KEM.P256, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
"""RFC 9180: what the cloud sends to one device's key, and to nobody else."""
_CARD_ENVELOPE = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
"""RFC 9180: what a device sends to the cloud's enrolment key, and to nobody else."""

SyncKey = NewType("SyncKey", bytes)
"""32 bytes shared by one device and the cloud; MACs what the cloud acknowledges."""
DigestKey = NewType("DigestKey", bytes)
"""32 bytes of a site; turns card numbers into the digests that rosters and journals hold."""


class Purpose(StrEnum):
    """What a seal is for; the value opens the sealed bytes."""

    TIP = "hg-tip-1"
    STATE = "hg-state-1"
    ACK = "hg-ack-1"
    ROSTER = "hg-roster-1"
    CONFIG = "hg-config-1"
    REPORTED = "hg-reported-1"
    COMMAND = "hg-command-1"
    RESULT = "hg-result-1"
    RENEW = "hg-renew-1"
    CERTIFICATE = "hg-certificate-1"
    BUNDLE = "hg-bundle-1"
    ENROL = "hg-enrol-1"
    USAGE = "hg-usage-1"
    LEND = "hg-lend-1"
    ZONE = "hg-zone-1"
    ROOM = "hg-room-1"
    EXPORT = "hg-export-1"


def statement(purpose: Purpose, site: str, device: str, *parts: bytes) -> bytes:
    """The bytes under a seal: every part behind its length, so that no two lists of parts read the same."""
    fields = (purpose.value.encode(), site.encode(), device.encode(), *parts)
    return b"".join(len(field).to_bytes(4, "big") + field for field in fields)


class BadSeal(codec.Malformed):
    """A document is not sealed by whom it should be, or for another purpose, site or device."""

    why = "bad_seal"


def seal(sign: Callable[[bytes], bytes], purpose: Purpose, site: str, device: str, body: bytes) -> bytes:
    """A sealed document: its body, and on the line behind it what ``sign`` makes of the statement."""
    return codec.attach(body, sign(statement(purpose, site, device, body)))


def unseal(accepts: Callable[[bytes, bytes], bool], purpose: Purpose, site: str, device: str, payload: bytes) -> bytes:
    """The body of a sealed document, which is to be believed. Raises ``BadSeal``, or ``Malformed`` where none is."""
    body, sealed = codec.detach(payload)
    if not accepts(statement(purpose, site, device, body), sealed):
        raise BadSeal("the seal is not the sender's, or is for another purpose or device")
    return body


def tip_statement(
    site: str, device: str, journal: str, first: int, last: int, tip: bytes, gaps: Sequence[bytes] = ()
) -> bytes:
    """What a device signs for a batch: these rows of this journal end in this link.

    The stored bytes of its gaps are signed one by one, for no chain holds them: else whoever holds the broker could put
    a gap in the place of rows.
    """
    span = first.to_bytes(8, "big") + last.to_bytes(8, "big")
    return statement(Purpose.TIP, site, device, journal.encode(), span, tip, *gaps)


def credential_digest(key: DigestKey, canonical: bytes) -> bytes:
    """The 16 bytes that stand for a credential in rosters and journals (HMAC-SHA256, first half)."""
    return hmac.digest(key, canonical, "sha256")[:DIGEST_BYTES]


class CredentialDigester:
    """``credential_digest`` under one key, with what depends on the key alone worked out once (RFC 2104): a card at the
    door takes half the time."""

    def __init__(self, key: DigestKey) -> None:
        padded = key.ljust(hashlib.sha256().block_size, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in padded))

    def digest(self, canonical: bytes) -> bytes:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(canonical)
        outer.update(inner.digest())
        return outer.digest()[:DIGEST_BYTES]


def mac(key: SyncKey, stated: bytes) -> bytes:
    """HMAC-SHA256 under a device's sync key."""
    return hmac.digest(key, stated, "sha256")


def mac_is_good(key: SyncKey, stated: bytes, seal: bytes) -> bool:
    return hmac.compare_digest(mac(key, stated), seal)


def page_hash(blob: bytes) -> bytes:
    """The name of a roster page: the first 16 bytes of its SHA-256."""
    return hashlib.sha256(blob).digest()[:16]


def wiring_hash(text: bytes) -> str:
    """The name of a configuration file's text: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(text).hexdigest()[:16]


class DeviceKey:
    """A device's P-256 key, made on the device at its first start; it never leaves it."""

    def __init__(self, private: ec.EllipticCurvePrivateKey) -> None:
        self._private = private

    @classmethod
    def generate(cls) -> "DeviceKey":
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def from_pem(cls, pem: bytes) -> "DeviceKey":
        """Raises ``ValueError`` if the text is no unencrypted P-256 private key."""
        try:
            private = serialization.load_pem_private_key(pem, password=None)
        except (TypeError, UnsupportedAlgorithm) as wrong:  # a TypeError: it is encrypted, and no password was given
            raise ValueError(f"no device key: {wrong}") from None
        if not isinstance(private, ec.EllipticCurvePrivateKey) or private.curve.name != "secp256r1":
            raise ValueError("a device key is a P-256 private key")
        return cls(private)

    def to_pem(self) -> bytes:
        return self._private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def public(self) -> bytes:
        """The public half as an uncompressed point, 65 bytes."""
        return self._private.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )

    def sign(self, stated: bytes) -> bytes:
        """ES256 as 64 bytes, r before s."""
        r, s = utils.decode_dss_signature(self._private.sign(stated, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(P256_BYTES, "big") + s.to_bytes(P256_BYTES, "big")

    def open(self, stated: bytes, envelope: bytes) -> bytes:
        """What ``DeviceVerifier.close`` put in. Raises ``ValueError`` if it is for another key or another purpose."""
        try:
            return _ENVELOPE.decrypt(envelope, self._private, info=stated)
        except (InvalidTag, ValueError):
            raise ValueError("the envelope is not for this key") from None

    def certificate_request(self) -> bytes:
        """A request (PEM) that proves the possession of this key. Whose it is, the cloud's operator says."""
        from cryptography import x509  # a tenth of the start of a process that asks for no certificate

        empty = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
        return empty.sign(self._private, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


class DeviceVerifier:
    """The public half of a device's key, as the cloud keeps it."""

    def __init__(self, public: bytes) -> None:
        """Raises ``ValueError`` if the bytes are no point of P-256."""
        self._public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public)
        self._point = public

    def public(self) -> bytes:
        """The point itself, as it was given."""
        return self._point

    def accepts(self, stated: bytes, seal: bytes) -> bool:
        if len(seal) != 2 * P256_BYTES:
            return False
        r, s = (int.from_bytes(half, "big") for half in (seal[:P256_BYTES], seal[P256_BYTES:]))
        try:
            self._public.verify(utils.encode_dss_signature(r, s), stated, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True

    def close(self, stated: bytes, secret: bytes) -> bytes:
        """An envelope that only the device's private half opens. It does not say who closed it."""
        return _ENVELOPE.encrypt(secret, self._public, info=stated)


def enrol_statement(site: str, device: str, command: str) -> bytes:
    """What the envelope of an enrolled card is bound to: the command that asked for it."""
    return statement(Purpose.ENROL, site, device, command.encode())


class EnrolKey:
    """The cloud's X25519 key that enrolled cards are sealed to: a broker, and whoever steals a journal, learn no card's
    number."""

    def __init__(self, private: x25519.X25519PrivateKey) -> None:
        self._private = private

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Raises ``ValueError`` unless given 32 bytes."""
        return cls(x25519.X25519PrivateKey.from_private_bytes(raw))

    def public(self) -> bytes:
        return self._private.public_key().public_bytes_raw()

    def open(self, stated: bytes, envelope: bytes) -> bytes:
        """What ``close_for_cloud`` put in. Raises ``ValueError`` if it is for another key or another command."""
        try:
            return _CARD_ENVELOPE.decrypt(envelope, self._private, info=stated)
        except (InvalidTag, ValueError):
            raise ValueError("the envelope is not for this key") from None


def close_for_cloud(public: bytes, stated: bytes, secret: bytes) -> bytes:
    """An envelope that only the cloud's enrolment key opens. It does not say who closed it. Raises ``ValueError`` for
    what is no key."""
    return _CARD_ENVELOPE.encrypt(secret, x25519.X25519PublicKey.from_public_bytes(public), info=stated)


class _RoleKey:
    """An Ed25519 key of the cloud for one role. Every role has a class of its own, so that no signer or verifier can be
    handed the key of another."""

    def __init__(self, private: ed25519.Ed25519PrivateKey) -> None:
        self._private = private

    @classmethod
    def generate(cls) -> Self:
        return cls(ed25519.Ed25519PrivateKey.generate())

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Raises ``ValueError`` unless given 32 bytes."""
        return cls(ed25519.Ed25519PrivateKey.from_private_bytes(raw))

    def to_bytes(self) -> bytes:
        return self._private.private_bytes_raw()

    def public(self) -> bytes:
        return self._private.public_key().public_bytes_raw()

    def sign(self, stated: bytes) -> bytes:
        return self._private.sign(stated)


class _RoleVerifier:
    """The public half of a role's key, as a device keeps it (32 bytes)."""

    def __init__(self, public: bytes) -> None:
        """Raises ``ValueError`` unless given 32 bytes."""
        self._public = ed25519.Ed25519PublicKey.from_public_bytes(public)

    def accepts(self, stated: bytes, seal: bytes) -> bool:
        try:
            self._public.verify(seal, stated)
        except InvalidSignature:
            return False
        return True


class RosterKey(_RoleKey):
    """Signs manifests: who may pass."""


class RosterVerifier(_RoleVerifier):
    """Believes manifests."""


class ConfigKey(_RoleKey):
    """Signs desired documents: how a device is wired, and in which mode its points are."""


class ConfigVerifier(_RoleVerifier):
    """Believes desired documents."""


class CommandKey(_RoleKey):
    """Signs commands: what happens once, now."""


class CommandVerifier(_RoleVerifier):
    """Believes commands."""


class ExportKey(_RoleKey):
    """Signs what is given to an authority."""


class ExportVerifier(_RoleVerifier):
    """Believes what a community gave to an authority."""
