import json
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from contract.codec import Malformed, attach, detach, pack, read, unpack, write
from contract.events import MAX_EVENT_BYTES, Event, decode_event
from contract.messages import MAX_PAYLOAD_BYTES, Ack, EventBatch, State
from tests.contract import golden

Decode = Callable[[bytes, type[Struct]], Struct]

every_kind = pytest.mark.parametrize("name", golden.MESSAGES)
too_large = b" " * (MAX_PAYLOAD_BYTES + 1)
ten_megabytes = b"\xc4" * 10_000_000

plain_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def kind_of(name: str) -> type[Struct]:
    return type(golden.MESSAGES[name])


def reads_or_is_malformed(name: str, payload: bytes) -> None:
    """Whatever comes in either is Malformed, or is a message that can be sent on and read again."""
    decode, encode = (unpack, pack) if name.endswith(".hex") else (read, write)
    try:
        message = decode(payload, kind_of(name))
    except Malformed as refused:
        assert str(refused).startswith(kind_of(name).__name__)
        return
    assert encode(decode(encode(message), kind_of(name))) == encode(message)


@every_kind
@settings(max_examples=50)
@given(payload=st.binary(max_size=200))
def test_random_bytes_are_malformed(name: str, payload: bytes) -> None:
    reads_or_is_malformed(name, payload)


@every_kind
@settings(max_examples=50)
@given(data=st.data())
def test_a_damaged_message_is_malformed_or_another_message(name: str, data: st.DataObject) -> None:
    good = golden.payload(name)
    start = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(start, min(len(good), start + 4)))
    reads_or_is_malformed(name, good[:start] + data.draw(st.binary(max_size=4)) + good[end:])


@every_kind
@settings(max_examples=50)
@given(data=st.data())
def test_a_message_cut_short_is_malformed(name: str, data: st.DataObject) -> None:
    good = golden.payload(name)
    decode: Decode = unpack if name.endswith(".hex") else read
    with pytest.raises(Malformed):
        decode(good[: data.draw(st.integers(0, len(good) - 1))], kind_of(name))


@every_kind
@settings(max_examples=50)
@given(data=st.data())
def test_fields_of_any_type_are_malformed_or_a_message(name: str, data: st.DataObject) -> None:
    """The right form with any value in one place gets further than random bytes."""
    if name.endswith(".hex"):
        fields = msgspec.msgpack.decode(golden.payload(name))
        place = data.draw(st.sampled_from(sorted(fields) if isinstance(fields, dict) else range(len(fields))))
        fields[place] = data.draw(plain_values)
        reads_or_is_malformed(name, msgspec.msgpack.encode(fields))
    else:
        fields = json.loads(golden.payload(name))
        fields[data.draw(st.sampled_from(sorted(fields)))] = data.draw(plain_values)
        reads_or_is_malformed(name, json.dumps(fields).encode())


@every_kind
@pytest.mark.parametrize("payload", [too_large, ten_megabytes], ids=["a byte too much", "ten megabytes"])
def test_a_payload_over_the_limit_is_dropped_unread(name: str, payload: bytes) -> None:
    for decode in (unpack, read):
        with pytest.raises(Malformed, match=rf"^{len(payload)} bytes, more than {MAX_PAYLOAD_BYTES}$"):
            decode(payload, kind_of(name))


def test_a_payload_of_exactly_the_limit_is_read() -> None:
    ack = write(golden.MESSAGES["ack-3.json"])
    assert read(ack + b" " * (MAX_PAYLOAD_BYTES - len(ack)), Ack) == golden.MESSAGES["ack-3.json"]


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
@pytest.mark.parametrize("depth", [5_000, 100_000])
def test_deep_json_is_malformed(opening: bytes, depth: int) -> None:
    with pytest.raises(Malformed, match=r"recursion|truncated"):
        read(b'{"online":true,"connection":1,"points":{"door":{"x":' + opening * depth, State)


EVENT_UP_TO_DATA = b"\x98\x01\x01\x01\xa1b\xa6synced\xa1p\xa1k"


@pytest.mark.parametrize("opening", [b"\x91", b"\x81\xa1a"])
def test_deep_msgpack_is_malformed(opening: bytes) -> None:
    with pytest.raises(Malformed, match="recursion"):
        unpack(EVENT_UP_TO_DATA + b"\x81\xa1a" + opening * 100_000, Event)
    with pytest.raises(Malformed):
        decode_event(EVENT_UP_TO_DATA + b"\x81\xa1a" + opening * (MAX_EVENT_BYTES // 4))


@pytest.mark.parametrize("claim", [b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff"])
def test_a_length_that_is_only_claimed_reserves_nothing(claim: bytes) -> None:
    """Arrays, maps and bytes of four thousand million: the decoder must look before it allocates."""
    with pytest.raises(Malformed):
        unpack(claim, EventBatch)
    with pytest.raises(Malformed):
        unpack(EVENT_UP_TO_DATA + b"\x81\xa1a" + claim, Event)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"{",
        b'"text"',
        b'{"journal":"\xff\xfe"}',
        b'{"journal":"\\ud800"}',
        b'{"upto":NaN}',
        b'{"upto":1e999}',
        b'{"upto":' + b"9" * 5000 + b"}",
        b"\x00",
        b"\xef\xbb\xbf{}",
    ],
)
def test_what_is_no_message_is_malformed(payload: bytes) -> None:
    with pytest.raises(Malformed, match="Ack"):
        read(payload, Ack)


def test_text_that_is_no_utf_8_is_malformed() -> None:
    with pytest.raises(Malformed, match="utf-8"):
        unpack(b"\x98\x01\x01\x01\xa1\xff\xa6synced\xa1p\xa1k\x80", Event)


@given(body=st.binary(max_size=200), seal=st.binary(max_size=80))
def test_a_document_and_its_seal_come_apart_again(body: bytes, seal: bytes) -> None:
    assert detach(attach(body, seal)) == (body, seal)


def test_a_sealed_document_is_read_by_people_a_line_at_a_time() -> None:
    assert attach(b'{"a":1}', bytes(3)) == b'{"a":1}\nAAAA'


@pytest.mark.parametrize(
    "payload", [b"", b"{}", b"{}\n!", b"{}\nAAA", b"{}\nAA=A", b"{}\nAAAA ", b"{}\n\xff\xff\xff\xff"]
)
def test_a_document_without_a_seal_is_malformed(payload: bytes) -> None:
    with pytest.raises(Malformed, match="seal"):
        detach(payload)


def test_a_sealed_document_over_the_limit_is_dropped_unread() -> None:
    with pytest.raises(Malformed, match="10000000 bytes, more than"):
        detach(ten_megabytes)


@given(payload=st.binary(max_size=60) | st.text("ABab=\n {}", max_size=30).map(str.encode))
def test_any_bytes_come_apart_or_are_malformed(payload: bytes) -> None:
    try:
        body, seal = detach(payload)
    except Malformed:
        return
    assert detach(attach(body, seal)) == (body, seal)


def test_malformed_is_a_value_error_for_those_who_do_not_know_this_contract() -> None:
    assert issubclass(Malformed, ValueError)


def test_the_complaint_names_the_message_the_place_and_the_fault() -> None:
    with pytest.raises(Malformed, match=r"^Ack: Expected `str`, got `int` - at `\$\.journal`$"):
        read(b'{"journal":7}', Ack)
