"""The code that commits to a device's key, and the envelope that only that key opens."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.adoption import Bundle, close_bundle, code_of, open_bundle, read_code
from contract.codec import Malformed
from contract.sealing import DeviceKey, DeviceVerifier, Purpose, statement

BUNDLE = Bundle(
    device="east-gate",
    site="sunny-court",
    broker="mqtts://broker.example:8883",
    ca="ca",
    certificate="certificate",
    digest_key="11" * 32,
    sync_key="22" * 32,
    roster="33" * 32,
    config="44" * 32,
    command="55" * 32,
)


def test_a_code_reads_as_it_always_did() -> None:
    assert code_of(b"key", bytes(16)) == "KEDD-RR68-RXED"


def test_a_code_has_60_bits_and_its_day() -> None:
    """Another nonce is another code, so that one read off an old label is good for nothing."""
    codes = {code_of(b"key", bytes([day]) * 16) for day in range(20)} | {code_of(b"another", bytes(16))}
    assert len(codes) == 21
    assert {len(code.replace("-", "")) for code in codes} == {12}


@settings(max_examples=20)
@given(st.binary(max_size=80))
def test_a_code_reads_as_itself_however_it_is_typed(key: bytes) -> None:
    code = code_of(key, bytes(16))
    assert read_code(code) == code
    assert read_code(f" {code.lower().replace('-', ' ')} ") == code
    assert read_code(code.replace("0", "o").replace("1", "l")) == code


@pytest.mark.parametrize(
    "typed", ["", "WERC", "WERC-8GMR", "WERC-8GMR-WERU", "WERC-8GMR-WERC-1", "ＷERC-8GMR-WERC", "WERC_8GMR_WERC"]
)
def test_what_is_no_code_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="12 letters and digits"):
        read_code(typed)


def test_a_bundle_opens_for_its_device_and_for_no_other() -> None:
    key, other = DeviceKey.generate(), DeviceKey.generate()
    envelope = close_bundle(BUNDLE, key.public())
    assert open_bundle(envelope, key) == BUNDLE
    assert BUNDLE.sync_key.encode() not in envelope
    with pytest.raises(Malformed, match="not for this key"):
        open_bundle(envelope, other)


@given(place=st.integers(min_value=0), flip=st.integers(min_value=1, max_value=255))
def test_a_bundle_that_was_touched_does_not_open(place: int, flip: int) -> None:
    key = DeviceKey.generate()
    envelope = bytearray(close_bundle(BUNDLE, key.public()))
    envelope[place % len(envelope)] ^= flip
    with pytest.raises(Malformed):
        open_bundle(bytes(envelope), key)


def test_an_envelope_for_another_purpose_is_no_bundle() -> None:
    key = DeviceKey.generate()
    envelope = DeviceVerifier(key.public()).close(statement(Purpose.CERTIFICATE, "", "", key.public()), b"{}")
    with pytest.raises(Malformed):
        open_bundle(envelope, key)
