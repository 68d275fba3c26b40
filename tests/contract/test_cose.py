"""ES256 and COSE against what others have published, and every form that is not the one form."""

import json
from pathlib import Path
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.codec import Malformed
from contract.cose import (
    PassKey,
    Signed,
    byte_string,
    is_point,
    is_signed_by,
    key_id_of,
    read_cbor,
    read_signed,
    to_be_signed,
    write_cbor,
)

KEY = PassKey.from_bytes(bytes(range(32)))
SIGNED = KEY.sign(write_cbor({6: 1_777_888_800}))
BLOB = SIGNED.pack()
PARTS: list[Any] = [b"\xa1\x01\x26", {4: SIGNED.key_id}, SIGNED.payload, SIGNED.signature]
BASE_POINT = bytes.fromhex("036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296")


def point(x: str, y: str) -> bytes:
    return bytes([2 + (int(y, 16) & 1)]) + bytes.fromhex(x)


def test_es256_passes_wycheproof(vectors: Path) -> None:
    """Among them r and s of 0, of the order and beyond it, and signatures of a wrong length."""
    seen = {"valid": 0, "invalid": 0}
    file = vectors / "wycheproof" / "ecdsa_secp256r1_sha256_p1363_test.json"
    for group in json.loads(file.read_text())["testGroups"]:
        uncompressed = group["publicKey"]["uncompressed"]
        key = point(uncompressed[2:66], uncompressed[66:])
        for test in group["tests"]:
            is_good = is_signed_by(key, bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"]))
            assert is_good is (test["result"] == "valid"), f"{test['tcId']}: {test['comment']}"
            seen[test["result"]] += 1
    assert min(seen.values()) > 20


def test_signed_token_of_rfc_8392_is_believed(vectors: Path) -> None:
    """Its bytes under the signature are ours; its message is of another form, with a tag and without the key's id."""
    examples = json.loads((vectors / "cwt_rfc8392_appendix_a.json").read_text())["examples"]
    given, made = examples["A_3"]["input"], examples["A_3"]["intermediates"]
    message = bytes.fromhex(examples["A_3"]["output"]["cbor"])
    claims, signature = bytes.fromhex(given["plaintext_hex"]), message[-64:]
    key = point(given["sign0"]["key"]["x_hex"], given["sign0"]["key"]["y_hex"])
    assert to_be_signed(claims).hex().upper() == made["ToBeSign_hex"]
    assert is_signed_by(key, to_be_signed(claims), signature)
    assert not is_signed_by(key, to_be_signed(claims[:-1] + b"\0"), signature)
    for number, example in examples.items():
        with pytest.raises(Malformed):
            read_signed(bytes.fromhex(example["output"]["cbor"]))
        assert number.startswith("A_")


def test_message_is_read_as_it_was_written() -> None:
    assert read_signed(BLOB) == SIGNED
    assert is_signed_by(KEY.public(), SIGNED.stated, SIGNED.signature)
    assert SIGNED.key_id == key_id_of(KEY.public())


def header(**labels: object) -> bytes:
    return cbor2.dumps({int(label[1:]): value for label, value in labels.items()})


@pytest.mark.parametrize(
    "blob",
    {
        "nothing": b"",
        "cut off": BLOB[:-1],
        "something behind it": BLOB + b"\0",
        "twice": BLOB + BLOB,
        "a tag before it": b"\xd2" + BLOB,
        "the tag of all CBOR before it": b"\xd9\xd9\xf7" + BLOB,
        "an array without an end": b"\x9f" + BLOB[1:] + b"\xff",
        "a longer length": b"\x98\x04" + BLOB[1:],
        "a key twice": BLOB.replace(b"\xa1\x04\x48", b"\xa2\x04\x48" + SIGNED.key_id + b"\x04\x48"),
        "a longer number": BLOB.replace(b"\xa1\x04\x48", b"\xa1\x18\x04\x48"),
        "a key that is a float": BLOB.replace(b"\xa1\x04\x48", b"\xa1\xf9\x44\x00\x48"),
        "three parts": cbor2.dumps(PARTS[:3]),
        "five parts": cbor2.dumps([*PARTS, b""]),
        "another algorithm": cbor2.dumps([header(_1=-35), *PARTS[1:]]),
        "no algorithm": cbor2.dumps([b"", *PARTS[1:]]),
        "algorithm none": cbor2.dumps([header(_1=0), *PARTS[1:]]),
        "a MAC": cbor2.dumps([header(_1=5), *PARTS[1:]]),
        "a critical header": cbor2.dumps([header(_1=-7, _2=[99], _99=1), *PARTS[1:]]),
        "the algorithm unprotected": cbor2.dumps([b"", {1: -7, 4: SIGNED.key_id}, *PARTS[2:]]),
        "no key id": cbor2.dumps([PARTS[0], {}, *PARTS[2:]]),
        "a short key id": cbor2.dumps([PARTS[0], {4: b"1234567"}, *PARTS[2:]]),
        "a key id of text": cbor2.dumps([PARTS[0], {4: "12345678"}, *PARTS[2:]]),
        "something beside the key id": cbor2.dumps([PARTS[0], {4: SIGNED.key_id, 5: b""}, *PARTS[2:]]),
        "no payload": cbor2.dumps([*PARTS[:2], None, PARTS[3]]),
        "a short signature": cbor2.dumps([*PARTS[:3], SIGNED.signature[:-1]]),
        "a signature in DER": cbor2.dumps([*PARTS[:3], b"\x30\x44" + SIGNED.signature]),
        "a pattern": b"\xd8\x23\x61\x61",
        "a huge number": b"\xc5\x82\x1b\x7f\xff\xff\xff\xff\xff\xff\xff\x01",
        "deep in itself": b"\x81" * 200,
        "a length of 2 to the 63": b"\x9b\x7f" + b"\xff" * 7,
    }.items(),
    ids=lambda pair: pair[0],
)
def test_other_forms_of_a_message_are_malformed(blob: tuple[str, bytes]) -> None:
    with pytest.raises(Malformed):
        read_signed(blob[1])


@given(
    st.binary(max_size=120)
    | st.builds(lambda at, what: BLOB[:at] + what + BLOB[at + 1 :], st.integers(0, 90), st.binary(max_size=3))
)
def test_any_bytes_are_a_message_or_malformed(blob: bytes) -> None:
    """And no two strings of bytes are one message."""
    try:
        signed = read_signed(blob)
    except Malformed:
        return
    assert signed.pack() == blob
    assert isinstance(is_signed_by(KEY.public(), signed.stated, signed.signature), bool)


@given(st.binary(max_size=64))
def test_any_bytes_are_cbor_or_malformed(blob: bytes) -> None:
    try:
        read_cbor(blob)
    except Malformed as wrong:
        assert str(wrong).startswith("no CBOR")


@given(st.binary(min_size=8, max_size=8), st.binary(max_size=300), st.binary(min_size=64, max_size=64))
def test_any_message_is_read_back(key_id: bytes, payload: bytes, signature: bytes) -> None:
    signed = Signed(key_id, payload, signature)
    assert read_signed(signed.pack()) == signed


@pytest.mark.parametrize(
    "public",
    [
        b"",
        bytes(33),
        b"\x02" + b"\xff" * 32,
        b"\x02" + bytes(31) + b"\x01",
        b"\x04" + BASE_POINT[1:],
        BASE_POINT + b"\0",
        BASE_POINT[:-1],
    ],
)
def test_no_point_of_the_curve_signs_nothing(public: bytes) -> None:
    assert not is_point(public)
    assert not is_signed_by(public, SIGNED.stated, SIGNED.signature)
    assert is_point(BASE_POINT)


def test_any_32_bytes_are_a_pass_key() -> None:
    """A key of other bytes is another; the file of a key is random, and none of it may be no key at all."""
    made = {PassKey.from_bytes(raw).public() for raw in (bytes(32), b"\xff" * 32, bytes(31) + b"\1")}
    assert len(made) == 3
    assert all(is_point(public) for public in made)
    with pytest.raises(ValueError, match="32 bytes"):
        PassKey.from_bytes(bytes(31))


@pytest.mark.parametrize("size", [0, 1, 23, 24, 255, 256, 700, 65_535])
def test_byte_string_is_as_the_library_writes_it(size: int) -> None:
    assert byte_string(bytes(size)) == cbor2.dumps(bytes(size))


@given(st.binary(max_size=300))
def test_written_forms_are_as_the_library_writes_them(payload: bytes) -> None:
    """They are put together by hand, and compared with what is read."""
    key_id, signature = bytes(8), bytes(64)
    message = [b"\xa1\x01\x26", {4: key_id}, payload, signature]
    assert Signed(key_id, payload, signature).pack() == cbor2.dumps(message, canonical=True)
    assert to_be_signed(payload) == cbor2.dumps(["Signature1", b"\xa1\x01\x26", b"", payload], canonical=True)
