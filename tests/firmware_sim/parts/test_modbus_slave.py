"""Frames are as the protocol has them, and a slave answers to its own and to no other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.parts.modbus_slave import (
    ILLEGAL_ADDRESS,
    ILLEGAL_VALUE,
    Refused,
    crc16,
    is_sealed,
    read_registers,
    sealed,
    words,
)


@pytest.mark.parametrize(
    ("body", "crc"), [("01 04 00 00 00 0A", "70 0D"), ("01 42", "80 11"), ("F8 42", "C2 41")], ids=str
)
def test_the_checksum_is_that_of_the_published_frames(body: str, crc: str) -> None:
    assert sealed(bytes.fromhex(body)) == bytes.fromhex(body + crc)


def test_the_checksum_of_nothing_is_its_start() -> None:
    assert crc16(b"") == 0xFFFF


@given(body=st.binary(min_size=2, max_size=254))
def test_a_sealed_frame_is_known_as_one(body: bytes) -> None:
    assert is_sealed(sealed(body))


@given(body=st.binary(min_size=2, max_size=254), at=st.integers(0), bit=st.integers(0, 7))
def test_one_turned_bit_breaks_it(body: bytes, at: int, bit: int) -> None:
    frame = bytearray(sealed(body))
    frame[at % len(frame)] ^= 1 << bit
    assert not is_sealed(bytes(frame))


@given(frame=st.binary(max_size=3))
def test_too_short_to_be_a_frame(frame: bytes) -> None:
    assert not is_sealed(frame)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("00 00 00 05", ILLEGAL_ADDRESS),
        ("00 03 00 02", ILLEGAL_ADDRESS),
        ("00 00 00 00", ILLEGAL_VALUE),
        ("00 00 00 7E", ILLEGAL_VALUE),
        ("00 00 00", ILLEGAL_VALUE),
        ("", ILLEGAL_VALUE),
    ],
    ids=str,
)
def test_a_read_of_what_is_not_there_is_refused_by_its_reason(body: str, code: int) -> None:
    with pytest.raises(Refused) as refused:
        read_registers(bytes.fromhex(body), dict.fromkeys(range(4), 0))
    assert refused.value.code == code


@given(values=st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=125), first=st.integers(0, 60_000))
def test_a_read_gives_the_registers_in_their_order(values: list[int], first: int) -> None:
    body = first.to_bytes(2) + len(values).to_bytes(2)
    answer = read_registers(body, dict(enumerate(values, first)))
    assert answer[0] == 2 * len(values)
    assert words(answer[1:]) == values
