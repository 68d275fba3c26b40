"""The community's certificate authority: it says who a device is, and which of its words no longer count.

Its key signs certificates and nothing else. Devices and the broker know the authority by one self-signed certificate,
people by the SHA-256 of that (the *fingerprint*), which an installer hands to a new device.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from msgspec import Struct

from cloud.keys.broker_names import OURS
from cloud.keys.keys import KeysUnusable, read_secret, write_private, write_secret
from contract.decide import DAY_MS, HOUR_MS
from contract.sealing import P256_BYTES
from contract.topics import NAME

DEVICE_LASTS_MS = 90 * DAY_MS
"""A stolen device's certificate ends by itself; a device renews a third of that before the end."""
SERVER_LASTS_MS = 397 * DAY_MS
"""The longest that browsers accept of a public authority."""
AUTHORITY_LASTS_MS = 30 * 365 * DAY_MS
BEFORE_MS = HOUR_MS
"""Certificates begin this long ago, for clocks that are a little behind."""
MAX_REQUEST_CHARACTERS = 4096

Extension = tuple[x509.ExtensionType, bool]
"""With whether it is critical: who does not know it then believes nothing."""


class BadRequest(ValueError):
    """What was sent is no certificate request for a device's key; the text says why."""


class Issued(Struct, frozen=True):
    """A certificate (PEM), by whose serial number (hex) it can be revoked, until it ends by itself."""

    serial: str
    certificate: str
    not_after_ms: int


class Pair(Struct, frozen=True):
    """A certificate and the key that belongs to it, both PEM."""

    key: str
    certificate: str

    @property
    def serial(self) -> str:
        return f"{x509.load_pem_x509_certificate(self.certificate.encode()).serial_number:x}"


class Revoked(Struct, frozen=True):
    """A certificate that no longer counts."""

    serial: str
    at_ms: int


class Authority:
    """The certificate authority of a community. It remembers nothing: what it issued is the store's to keep."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._key = key
        self._own = certificate

    @property
    def certificate(self) -> str:
        return self._own.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, 64 hex digits."""
        return self._own.fingerprint(hashes.SHA256()).hex()

    def issued(self, certificate: x509.Certificate) -> bool:
        """Whether this authority signed the certificate, whatever has become of it since."""
        try:
            certificate.verify_directly_issued_by(self._own)
        except (ValueError, TypeError, InvalidSignature):
            return False
        return True

    def device(self, name: str, public_key: bytes, now_ms: int) -> Issued:
        """A device's certificate. Raises ``ValueError`` for a name that no device may have, or what is no key."""
        if not re.fullmatch(NAME, name) or name in OURS:
            raise ValueError(f"no device may be called {name!r}")
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public_key)
        made = self._issue(name, public, ExtendedKeyUsageOID.CLIENT_AUTH, now_ms, DEVICE_LASTS_MS)
        return Issued(f"{made.serial_number:x}", _pem(made), now_ms + DEVICE_LASTS_MS)

    def client(self, name: str, now_ms: int, lasts_ms: int = DEVICE_LASTS_MS) -> Pair:
        """A new key for somebody at the broker, with its certificate."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = self._issue(name, key.public_key(), ExtendedKeyUsageOID.CLIENT_AUTH, now_ms, lasts_ms)
        return Pair(_key_pem(key), _pem(made))

    def server(self, hosts: Sequence[str], now_ms: int) -> Pair:
        """A new key for a server, good under these host names and addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
        usage = ExtendedKeyUsageOID.SERVER_AUTH
        made = self._issue(hosts[0], key.public_key(), usage, now_ms, SERVER_LASTS_MS, names)
        return Pair(_key_pem(key), _pem(made))

    def revocations(self, revoked: Iterable[Revoked], now_ms: int) -> str:
        """The list (PEM) by which the broker turns away certificates that have not ended yet.

        It is good for as long as the authority: past its end the broker would turn away everybody.
        """
        made = x509.CertificateRevocationListBuilder().issuer_name(self._own.subject)
        made = made.last_update(_when(now_ms - BEFORE_MS)).next_update(self._own.not_valid_after_utc)
        for one in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(int(one.serial, 16))
            made = made.add_revoked_certificate(entry.revocation_date(_when(one.at_ms)).build())
        return made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()

    def _issue(
        self,
        name: str,
        public: ec.EllipticCurvePublicKey,
        usage: x509.ObjectIdentifier,
        now_ms: int,
        lasts_ms: int,
        names: x509.SubjectAlternativeName | None = None,
    ) -> x509.Certificate:
        extensions: list[Extension] = [
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (_usage(digital_signature=True), True),
            (x509.ExtendedKeyUsage([usage]), False),
            (x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), False),
        ]
        if names is not None:
            extensions.append((names, False))
        return _signed(self._key, _name(name), self._own.subject, public, now_ms, lasts_ms, extensions)


def open_authority(folder: Path, now_ms: int) -> Authority:
    """The authority whose ``ca.key`` and ``ca.crt`` lie in the cloud's folder of keys, made at its first use.

    Raises ``KeysUnusable``.
    """
    key_file, own_file = folder / "ca.key", folder / "ca.crt"
    if not key_file.exists() and not own_file.exists():
        made = ec.generate_private_key(ec.SECP256R1())
        write_private(own_file, _pem(_self_signed(made, now_ms)))
        write_secret(key_file, made.private_numbers().private_value.to_bytes(P256_BYTES, "big"))
    key = ec.derive_private_key(int.from_bytes(read_secret(key_file), "big"), ec.SECP256R1())
    try:
        own = x509.load_pem_x509_certificate(own_file.read_bytes())
    except (OSError, ValueError) as wrong:
        raise KeysUnusable(f"{own_file} cannot be read: {wrong}; put it back from your backup") from None
    if own.public_key() != key.public_key():
        raise KeysUnusable(f"{own_file} is not the certificate of ca.key: put both back from your backup")
    return Authority(key, own)


def read_request(text: str) -> bytes:
    """The public key (65 bytes) that a certificate request (PEM) proves to be held. Raises ``BadRequest``."""
    if len(text) > MAX_REQUEST_CHARACTERS:
        raise BadRequest("a certificate request of a device is far shorter")
    try:
        request = x509.load_pem_x509_csr(text.encode())
        public, proven = request.public_key(), request.is_signature_valid
    except (ValueError, UnsupportedAlgorithm):
        raise BadRequest("this is no certificate request in PEM") from None
    if not isinstance(public, ec.EllipticCurvePublicKey) or public.curve.name != "secp256r1":
        raise BadRequest("a device's key is a P-256 key")
    if not proven:
        raise BadRequest("the request is not signed by its key")
    return public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def _self_signed(key: ec.EllipticCurvePrivateKey, now_ms: int) -> x509.Certificate:
    # The name says nothing of the site: it is shown to whoever asks.
    name = _name("Hearthgate community authority")
    extensions: list[Extension] = [
        (x509.BasicConstraints(ca=True, path_length=0), True),
        (_usage(key_cert_sign=True, crl_sign=True), True),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
    ]
    return _signed(key, name, name, key.public_key(), now_ms, AUTHORITY_LASTS_MS, extensions)


def _signed(
    key: ec.EllipticCurvePrivateKey,
    subject: x509.Name,
    issuer: x509.Name,
    public: ec.EllipticCurvePublicKey,
    now_ms: int,
    lasts_ms: int,
    extensions: Sequence[Extension],
) -> x509.Certificate:
    start, end = _when(now_ms - BEFORE_MS), _when(now_ms + lasts_ms)
    made = x509.CertificateBuilder(issuer, subject, public, x509.random_serial_number(), start, end)
    for extension, critical in extensions:
        made = made.add_extension(extension, critical)
    return made.sign(key, hashes.SHA256())


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(*, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _when(at_ms: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=at_ms)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
