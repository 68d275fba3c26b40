"""The authority: who gets which certificate, what it may be used for, and what a damaged folder is told."""

import base64
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cloud.keys.ca import Authority, BadRequest, Revoked, open_authority, read_request
from cloud.keys.keys import KeyFolder, KeysUnusable
from contract.decide import DAY_MS
from contract.sealing import DeviceKey

NOW_MS = 1_800_000_000_000
GATE = DeviceKey.generate()


@pytest.fixture
def authority(keys: KeyFolder) -> Authority:
    return open_authority(keys.folder, NOW_MS)


def parsed(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


def moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def test_the_authority_is_made_once_and_known_by_its_fingerprint(keys: KeyFolder) -> None:
    first, again = (open_authority(keys.folder, now_ms) for now_ms in (NOW_MS, NOW_MS + DAY_MS))
    assert again.certificate == first.certificate
    assert first.fingerprint == parsed(first.certificate).fingerprint(hashes.SHA256()).hex()
    assert (keys.folder / "ca.key").stat().st_mode & 0o077 == 0


def test_a_devices_certificate_says_its_name_and_lasts_ninety_days(authority: Authority) -> None:
    issued = authority.device("east-gate", GATE.public(), NOW_MS)
    certificate = parsed(issued.certificate)
    assert certificate.not_valid_before_utc < moment(NOW_MS)
    assert certificate.not_valid_after_utc == moment(NOW_MS + 90 * DAY_MS)
    (name,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert name.value == "east-gate"
    assert f"{certificate.serial_number:x}" == issued.serial
    assert issued.not_after_ms == NOW_MS + 90 * DAY_MS
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    certificate.verify_directly_issued_by(parsed(authority.certificate))


def test_a_server_is_named_by_its_hosts_and_addresses(authority: Authority) -> None:
    pair = authority.server(["cloud.example", "127.0.0.1"], NOW_MS)
    names = parsed(pair.certificate).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["cloud.example"]
    assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    usage = parsed(pair.certificate).extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]


@pytest.mark.parametrize("name", ["cloud", "watch", "East Gate", "", "+", "a/b", "#"])
def test_nobody_gets_a_name_that_the_broker_would_take_for_another(authority: Authority, name: str) -> None:
    with pytest.raises(ValueError, match="no device may be called"):
        authority.device(name, GATE.public(), NOW_MS)


def test_revoked_certificates_are_listed_and_the_list_does_not_run_out(authority: Authority) -> None:
    issued = authority.device("east-gate", GATE.public(), NOW_MS)
    found = x509.load_pem_x509_crl(authority.revocations([Revoked(issued.serial, NOW_MS)], NOW_MS).encode())
    own = parsed(authority.certificate)
    key = own.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert found.is_signature_valid(key)
    assert [one.serial_number for one in found] == [parsed(issued.certificate).serial_number]
    assert found.next_update_utc == own.not_valid_after_utc


def test_a_request_tells_the_key_that_it_proves() -> None:
    assert read_request(GATE.certificate_request().decode()) == GATE.public()


def signed_by(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> str:
    empty = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    made = empty.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM).decode()


def with_another_signature() -> str:
    one, other = (
        x509.load_pem_x509_csr(DeviceKey.generate().certificate_request()).public_bytes(serialization.Encoding.DER)
        for _ in range(2)
    )
    body_end = len(one) - 64
    mixed = one[:body_end] + other[-64:]
    return f"-----BEGIN CERTIFICATE REQUEST-----\n{_base64(mixed)}-----END CERTIFICATE REQUEST-----\n"


def _base64(data: bytes) -> str:
    return base64.encodebytes(data).decode()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no certificate request"),
        ("x" * 5000, "far shorter"),
        ("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", "no certificate request"),
        (signed_by(ec.generate_private_key(ec.SECP384R1())), "P-256"),
        (signed_by(ed25519.Ed25519PrivateKey.generate()), "P-256"),
        ("ключ", "no certificate request"),
    ],
)
def test_what_is_no_request_of_a_device_is_refused(text: str, why: str) -> None:
    with pytest.raises(BadRequest, match=why):
        read_request(text)


def test_a_request_for_a_key_that_one_does_not_hold_is_refused() -> None:
    with pytest.raises(BadRequest):
        read_request(with_another_signature())


def test_half_an_authority_is_never_made_whole_by_a_new_one(keys: KeyFolder, tmp_path: Path) -> None:
    own = open_authority(keys.folder, NOW_MS).certificate
    other = KeyFolder.create(tmp_path / "other")
    stranger = open_authority(other.folder, NOW_MS).certificate
    (keys.folder / "ca.crt").write_text(stranger)
    with pytest.raises(KeysUnusable, match=r"not the certificate of ca\.key"):
        open_authority(keys.folder, NOW_MS)
    (keys.folder / "ca.crt").unlink()
    with pytest.raises(KeysUnusable, match="cannot be read"):
        open_authority(keys.folder, NOW_MS)
    (keys.folder / "ca.crt").write_text(own)
    (keys.folder / "ca.key").unlink()
    with pytest.raises(KeysUnusable, match=r"ca\.key is missing"):
        open_authority(keys.folder, NOW_MS)
