import hashlib
import json
from collections.abc import Callable, Iterator
from itertools import permutations, product
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given
from hypothesis import strategies as st

from contract.codec import detach
from contract.sealing import (
    DIGEST_BYTES,
    CommandKey,
    CommandVerifier,
    ConfigKey,
    ConfigVerifier,
    CredentialDigester,
    DeviceKey,
    DeviceVerifier,
    DigestKey,
    EnrolKey,
    Purpose,
    RosterKey,
    RosterVerifier,
    SyncKey,
    close_for_cloud,
    credential_digest,
    enrol_statement,
    mac,
    mac_is_good,
    page_hash,
    statement,
    tip_statement,
)
from tests.contract import golden
from tests.contract.golden import DEVICE, JOURNAL, SITE, TIP, payload

SYNC_KEY = SyncKey(bytes(range(32)))
ROSTER_KEY = RosterKey.from_bytes(bytes(range(32)))
CONFIG_KEY = ConfigKey.from_bytes(bytes(range(1, 33)))
COMMAND_KEY = CommandKey.from_bytes(bytes(range(2, 34)))
DEVICE_KEY = DeviceKey(ec.derive_private_key(7, ec.SECP256R1()))
TIP_HASH = bytes(32)

Verify = Callable[[bytes, bytes], bool]

VERIFIERS: dict[str, tuple[Callable[[bytes], bytes], Verify]] = {
    "device": (DEVICE_KEY.sign, DeviceVerifier(DEVICE_KEY.public()).accepts),
    "roster": (ROSTER_KEY.sign, RosterVerifier(ROSTER_KEY.public()).accepts),
    "config": (CONFIG_KEY.sign, ConfigVerifier(CONFIG_KEY.public()).accepts),
    "command": (COMMAND_KEY.sign, CommandVerifier(COMMAND_KEY.public()).accepts),
    "sync": (lambda stated: mac(SYNC_KEY, stated), lambda stated, seal: mac_is_good(SYNC_KEY, stated, seal)),
}
every_seal = pytest.mark.parametrize(("sign", "accepts"), list(VERIFIERS.values()), ids=list(VERIFIERS))


@every_seal
def test_a_seal_holds_for_what_was_sealed(sign: Callable[[bytes], bytes], accepts: Verify) -> None:
    stated = statement(Purpose.STATE, SITE, DEVICE, b"body")
    assert accepts(stated, sign(stated))


@every_seal
@pytest.mark.parametrize(("sealed_for", "used_as"), list(permutations(Purpose, 2)), ids=lambda purpose: purpose.value)
def test_a_seal_of_one_purpose_is_refused_for_every_other(
    sign: Callable[[bytes], bytes], accepts: Verify, sealed_for: Purpose, used_as: Purpose
) -> None:
    """Even under one and the same key."""
    seal = sign(statement(sealed_for, SITE, DEVICE, b"body"))
    assert not accepts(statement(used_as, SITE, DEVICE, b"body"), seal)


@every_seal
@pytest.mark.parametrize("purpose", Purpose)
def test_a_seal_is_refused_for_another_device_site_or_body(
    sign: Callable[[bytes], bytes], accepts: Verify, purpose: Purpose
) -> None:
    seal = sign(statement(purpose, SITE, DEVICE, b"body"))
    assert not accepts(statement(purpose, SITE, "gym-2", b"body"), seal)
    assert not accepts(statement(purpose, "oak-yard", DEVICE, b"body"), seal)
    assert not accepts(statement(purpose, SITE, DEVICE, b"bodY"), seal)
    assert not accepts(statement(purpose, SITE, DEVICE), seal)


@pytest.mark.parametrize(
    "other",
    [
        ("oak-yard", DEVICE, JOURNAL, 7, 8, TIP_HASH),
        (SITE, "gym-2", JOURNAL, 7, 8, TIP_HASH),
        (SITE, DEVICE, "f" * 16, 7, 8, TIP_HASH),
        (SITE, DEVICE, JOURNAL, 6, 8, TIP_HASH),
        (SITE, DEVICE, JOURNAL, 7, 9, TIP_HASH),
        (SITE, DEVICE, JOURNAL, 7, 8, TIP),
    ],
)
def test_a_tip_is_sealed_with_all_that_it_says(other: tuple[str, str, str, int, int, bytes]) -> None:
    seal = DEVICE_KEY.sign(tip_statement(SITE, DEVICE, JOURNAL, 7, 8, TIP_HASH))
    accepts = DeviceVerifier(DEVICE_KEY.public()).accepts
    assert accepts(tip_statement(SITE, DEVICE, JOURNAL, 7, 8, TIP_HASH), seal)
    assert not accepts(tip_statement(*other), seal)


@pytest.mark.parametrize(
    ("ours", "theirs"), [pair for pair in product(VERIFIERS, repeat=2) if pair[0] != pair[1]], ids="-".join
)
def test_a_seal_of_one_role_is_refused_by_every_other(ours: str, theirs: str) -> None:
    stated = statement(Purpose.ROSTER, SITE, DEVICE, b"body")
    assert not VERIFIERS[theirs][1](stated, VERIFIERS[ours][0](stated))


@every_seal
def test_another_key_of_the_same_role_is_refused(sign: Callable[[bytes], bytes], accepts: Verify) -> None:
    stated = statement(Purpose.ACK, SITE, DEVICE, b"body")
    strangers = [DeviceKey.generate().sign(stated), RosterKey.generate().sign(stated), mac(SyncKey(bytes(32)), stated)]
    assert accepts(stated, sign(stated))
    assert not any(accepts(stated, seal) for seal in strangers)


@every_seal
@given(seal=st.binary(max_size=100))
def test_any_bytes_as_a_seal_are_refused_and_raise_nothing(
    sign: Callable[[bytes], bytes], accepts: Verify, seal: bytes
) -> None:
    assert not accepts(b"stated", seal)


@every_seal
@given(data=st.data())
def test_a_seal_with_one_bit_changed_is_refused(
    sign: Callable[[bytes], bytes], accepts: Verify, data: st.DataObject
) -> None:
    seal = bytearray(sign(b"stated"))
    seal[data.draw(st.integers(0, len(seal) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert not accepts(b"stated", bytes(seal))


@every_seal
def test_a_seal_cut_or_drawn_out_is_refused(sign: Callable[[bytes], bytes], accepts: Verify) -> None:
    seal = sign(b"stated")
    with_a_zero_before_s = seal[:32] + b"\0" + seal[32:]
    wrong_lengths = (b"", seal[:-1], seal + b"\0", b"\0" + seal, seal + seal, with_a_zero_before_s)
    assert not any(accepts(b"stated", wrong) for wrong in wrong_lengths)


parts = st.lists(st.binary(max_size=4), max_size=3)


@given(parts, parts)
def test_no_two_lists_of_parts_make_the_same_statement(ours: list[bytes], theirs: list[bytes]) -> None:
    same = statement(Purpose.TIP, SITE, DEVICE, *ours) == statement(Purpose.TIP, SITE, DEVICE, *theirs)
    assert same is (ours == theirs)


names = st.text("ab-", max_size=3)


@given(names, names, names, names)
def test_site_and_device_do_not_run_into_each_other(site: str, device: str, site_2: str, device_2: str) -> None:
    same = statement(Purpose.ACK, site, device) == statement(Purpose.ACK, site_2, device_2)
    assert same is ((site, device) == (site_2, device_2))


def test_the_statement_under_a_tip_never_changes() -> None:
    assert tip_statement("s", "d", JOURNAL, 1, 258, TIP_HASH) == (
        b"\0\0\0\x08hg-tip-1\0\0\0\x01s\0\0\0\x01d\0\0\0\x100123456789abcdef"
        b"\0\0\0\x10\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\x01\x02\0\0\0\x20" + TIP_HASH
    )


def test_gaps_are_signed_one_by_one_beside_the_tip() -> None:
    plain = tip_statement("s", "d", "j", 1, 258, TIP_HASH)
    assert tip_statement("s", "d", "j", 1, 258, TIP_HASH, []) == plain
    assert tip_statement("s", "d", "j", 1, 258, TIP_HASH, [b"ab", b"c"]) == plain + b"\0\0\0\2ab\0\0\0\1c"
    assert tip_statement("s", "d", "j", 1, 258, TIP_HASH, [b"a", b"bc"]) != plain + b"\0\0\0\2ab\0\0\0\1c"


def test_the_purposes_on_the_wire_never_change_and_are_all_different() -> None:
    assert [purpose.value for purpose in Purpose] == [
        *("hg-tip-1", "hg-state-1", "hg-ack-1", "hg-roster-1", "hg-config-1", "hg-reported-1", "hg-command-1"),
        *(
            "hg-result-1",
            "hg-renew-1",
            "hg-certificate-1",
            "hg-bundle-1",
            "hg-enrol-1",
            "hg-usage-1",
            "hg-lend-1",
            "hg-zone-1",
            "hg-room-1",
            "hg-export-1",
        ),
    ]


@pytest.mark.parametrize(
    ("name", "purpose", "role"),
    [
        ("ack-1.sealed", Purpose.ACK, "sync"),
        ("roster-1.sealed", Purpose.ROSTER, "roster"),
        ("state-1.sealed", Purpose.STATE, "device"),
    ],
)
def test_a_kept_sealed_document_is_still_believed(name: str, purpose: Purpose, role: str) -> None:
    body, seal = detach(payload(name))
    sign, accepts = VERIFIERS[role]
    stated = statement(purpose, SITE, DEVICE, body)
    assert body == payload(name.replace("sealed", "json"))
    assert accepts(stated, seal)
    assert role == "device" or sign(stated) == seal, "only ECDSA takes a fresh number for each signature"


def test_a_digest_is_keyed_and_the_same_for_ever() -> None:
    key = DigestKey(bytes(range(32)))
    assert credential_digest(key, bytes.fromhex("1a153e12")).hex() == "e5799735cb5879e404ba4a96dcd1dfe1"
    assert len(credential_digest(key, b"")) == DIGEST_BYTES
    assert credential_digest(DigestKey(bytes(32)), bytes.fromhex("1a153e12")) != credential_digest(
        key, b"\x1a\x15>\x12"
    )


def test_a_page_is_named_by_the_first_half_of_its_sha_256() -> None:
    assert page_hash(b"abc") == hashlib.sha256(b"abc").digest()[:16]


def test_a_device_key_comes_back_from_its_file() -> None:
    again = DeviceKey.from_pem(DEVICE_KEY.to_pem())
    assert again.public() == DEVICE_KEY.public()
    assert len(again.public()) == 65
    assert DeviceVerifier(DEVICE_KEY.public()).accepts(b"stated", again.sign(b"stated"))


def test_a_roster_key_comes_back_from_its_bytes() -> None:
    again = RosterKey.from_bytes(ROSTER_KEY.to_bytes())
    assert again.public() == ROSTER_KEY.public()
    assert again.sign(b"stated") == ROSTER_KEY.sign(b"stated")


def test_keys_are_never_the_same_twice() -> None:
    assert DeviceKey.generate().public() != DeviceKey.generate().public()
    assert RosterKey.generate().public() != RosterKey.generate().public()


def pem_of(private: Any, password: bytes | None = None) -> bytes:
    cipher = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    pem: bytes = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, cipher)
    return pem


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"no key at all",
        DEVICE_KEY.to_pem()[:-60],
        DEVICE_KEY.to_pem().replace(b"PRIVATE", b"PUBLIC"),
        pem_of(ec.derive_private_key(7, ec.SECP384R1())),
        pem_of(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))),
        pem_of(ec.derive_private_key(7, ec.SECP256R1()), password=b"open sesame"),
    ],
    ids=["empty", "text", "cut", "public", "P-384", "Ed25519", "encrypted"],
)
def test_what_is_no_device_key_is_a_value_error(pem: bytes) -> None:
    with pytest.raises(ValueError):
        DeviceKey.from_pem(pem)


@pytest.mark.parametrize("public", [b"", b"\0", b"\4" + bytes(64), bytes(65), DEVICE_KEY.public()[:-1], bytes(32)])
def test_what_is_no_point_of_the_curve_is_a_value_error(public: bytes) -> None:
    with pytest.raises(ValueError):
        DeviceVerifier(public)


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_a_roster_key_has_32_bytes(size: int) -> None:
    with pytest.raises(ValueError):
        RosterKey.from_bytes(bytes(size))
    with pytest.raises(ValueError):
        RosterVerifier(bytes(size))


def wycheproof(file: Path) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Every test of a Wycheproof file beside its group."""
    for group in json.loads(file.read_text())["testGroups"]:
        for test in group["tests"]:
            yield group, test


def named(test: dict[str, Any]) -> str:
    return f"{test['tcId']}: {test['comment']}"


def test_ed25519_signs_and_verifies_the_published_vectors(vectors: Path) -> None:
    published = json.loads((vectors / "ed25519_sign_input_subset.json").read_text())["vectors"]
    assert published
    for vector in published:
        secret, public, message, signature = (bytes.fromhex(vector[field]) for field in ("sk", "pk", "msg", "sig"))
        assert RosterKey.from_bytes(secret).public() == public
        assert RosterKey.from_bytes(secret).sign(message) == signature
        assert RosterVerifier(public).accepts(message, signature)


def test_the_roster_verifier_passes_wycheproof(vectors: Path) -> None:
    seen = {"valid": 0, "invalid": 0}
    for group, test in wycheproof(vectors / "wycheproof" / "ed25519_test.json"):
        verifier = RosterVerifier(bytes.fromhex(group["publicKey"]["pk"]))
        accepted = verifier.accepts(bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"]))
        assert accepted is (test["result"] == "valid"), named(test)
        seen[test["result"]] += 1
    assert min(seen.values()) > 20


def test_the_device_verifier_passes_wycheproof(vectors: Path) -> None:
    seen = {"valid": 0, "invalid": 0}
    for group, test in wycheproof(vectors / "wycheproof" / "ecdsa_secp256r1_sha256_p1363_test.json"):
        verifier = DeviceVerifier(bytes.fromhex(group["publicKey"]["uncompressed"]))
        accepted = verifier.accepts(bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"]))
        assert accepted is (test["result"] == "valid"), named(test)
        seen[test["result"]] += 1
    assert min(seen.values()) > 20


def test_the_mac_passes_wycheproof(vectors: Path) -> None:
    seen = {"valid": 0, "invalid": 0}
    for group, test in wycheproof(vectors / "wycheproof" / "hmac_sha256_test.json"):
        if group["tagSize"] == 256:
            key = SyncKey(bytes.fromhex(test["key"]))
            good = mac_is_good(key, bytes.fromhex(test["msg"]), bytes.fromhex(test["tag"]))
            assert good is (test["result"] == "valid"), named(test)
            seen[test["result"]] += 1
    assert min(seen.values()) > 20


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200))
def test_digester_gives_what_credential_digest_gives(key: bytes, canonical: bytes) -> None:
    digester = CredentialDigester(DigestKey(key))
    assert [digester.digest(canonical) for _ in range(2)] == [credential_digest(DigestKey(key), canonical)] * 2


def test_kept_envelope_of_a_card_opens() -> None:
    stated = enrol_statement(golden.SITE, golden.DEVICE, "0123456789abcdef0123456789abcded")
    assert golden.ENROL_KEY.open(stated, golden.ENROLLED).decode() == golden.ENROLLED_FRAME


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_bytes_that_are_no_envelope_do_not_open(stated: bytes, envelope: bytes) -> None:
    with pytest.raises(ValueError, match="not for this key"):
        EnrolKey.from_bytes(bytes(32)).open(stated, envelope)


def test_envelope_opens_with_its_key_and_statement_only() -> None:
    key, other = EnrolKey.from_bytes(b"a" * 32), EnrolKey.from_bytes(b"b" * 32)
    stated = enrol_statement("willow-court", "gym-1", "00" * 16)
    envelope = close_for_cloud(key.public(), stated, b"0101")
    assert key.open(stated, envelope) == b"0101"
    for opener, about in ((other, stated), (key, enrol_statement("willow-court", "gym-2", "00" * 16))):
        with pytest.raises(ValueError, match="not for this key"):
            opener.open(about, envelope)
    assert envelope != close_for_cloud(key.public(), stated, b"0101")
