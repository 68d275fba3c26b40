import hashlib
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from contract.codec import Malformed
from contract.decide import Trust
from contract.events import (
    CHAIN_BYTES,
    CHAIN_START,
    GAP,
    MAX_EVENT_BYTES,
    Event,
    Gap,
    chain,
    decode_event,
    encode_event,
    gap_event,
    grade,
    links_of,
    read_gap,
)
from tests.contract.golden import EVENT, PASS_SHOWN, PASSED, payload

values = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=9)
)
events = st.builds(
    Event,
    seq=st.integers(1, (1 << 63) - 1),
    at_ms=st.integers(0, 1 << 42),
    mono_ms=st.integers(0, 1 << 42),
    boot=st.text(max_size=9),
    clock=st.sampled_from(Trust),
    point=st.text(max_size=9),
    kind=st.text(max_size=9),
    data=st.dictionaries(
        st.text(max_size=9), values | st.binary(max_size=20) | st.lists(values, max_size=4), max_size=4
    ),
)


@given(events)
def test_an_event_is_stored_and_read_back_byte_for_byte(event: Event) -> None:
    stored = encode_event(event)
    assert decode_event(stored) == event
    assert encode_event(decode_event(stored)) == stored


def test_the_stored_bytes_of_an_event_never_change() -> None:
    """Chains of years ago are made of these bytes."""
    assert encode_event(EVENT) == payload("event-1.hex")
    assert decode_event(payload("event-1.hex")) == EVENT
    assert encode_event(PASS_SHOWN) == payload("event-2.hex")
    assert decode_event(payload("event-2.hex")) == PASS_SHOWN


def test_the_chain_is_sha_256_over_the_link_before_and_the_stored_bytes() -> None:
    assert chain(CHAIN_START, b"abc") == hashlib.sha256(bytes(32) + b"abc").digest()
    assert len(chain(CHAIN_START, b"")) == CHAIN_BYTES
    first = chain(CHAIN_START, encode_event(EVENT))
    assert first.hex() == "f7ea32d131bee7cb8f75a74ebe03289d94adc970aa41293cb8e9c0114fcd3167"
    assert (
        chain(first, encode_event(PASSED)).hex() == "f6466ec209f2111201004d25832adc3618e11bef804da8d3964f2b15e8d5c422"
    )


@given(st.lists(st.binary(min_size=1, max_size=6), min_size=2, max_size=6), st.data())
def test_a_row_changed_dropped_or_moved_breaks_the_chain(rows: list[bytes], data: st.DataObject) -> None:
    def tip(of: list[bytes]) -> bytes:
        link = CHAIN_START
        for stored in of:
            link = chain(link, stored)
        return link

    place = data.draw(st.integers(0, len(rows) - 1))
    other = data.draw(st.binary(min_size=1, max_size=6))
    forgeries = [
        rows[:place] + rows[place + 1 :],
        [*rows[:place], other, *rows[place + 1 :]],
        [*rows[:place], other, *rows[place:]],
        rows[::-1],
    ]
    assert all((tip(forged) == tip(rows)) is (forged == rows) for forged in forgeries)


def with_stored_size(size: int) -> Event:
    """An event of exactly so many stored bytes."""
    bare = len(encode_event(replace(PASSED, data={"text": "x" * 1000})))
    return replace(PASSED, data={"text": "x" * (1000 + size - bare)})


def test_an_event_of_the_largest_size_is_stored_and_read() -> None:
    largest = with_stored_size(MAX_EVENT_BYTES)
    assert len(encode_event(largest)) == MAX_EVENT_BYTES
    assert decode_event(encode_event(largest)) == largest


def test_a_larger_event_is_refused_by_name_and_size() -> None:
    with pytest.raises(ValueError, match=r"event turnstile\.passed has 2049 bytes, more than 2048"):
        encode_event(with_stored_size(MAX_EVENT_BYTES + 1))


@pytest.mark.parametrize("size", [MAX_EVENT_BYTES + 1, 10_000_000])
def test_stored_bytes_over_the_limit_are_malformed_unread(size: int) -> None:
    with pytest.raises(Malformed, match=f"event of {size} bytes"):
        decode_event(b"\x98" * size)


@given(st.binary(max_size=100))
def test_bytes_that_are_no_event_are_malformed(stored: bytes) -> None:
    try:
        decode_event(stored)
    except Malformed:
        return


@pytest.mark.parametrize(
    ("field", "value"),
    [("seq", "7"), ("at_ms", 1.5), ("clock", "sundial"), ("point", None), ("kind", 3), ("data", []), ("boot", b"b7")],
)
def test_a_field_of_the_wrong_kind_is_malformed(field: str, value: Any) -> None:
    with pytest.raises(Malformed, match="Event: "):
        decode_event(encode_event(replace(EVENT, **{field: value})))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("device.started", "watch"),
        ("reader.noise", "watch"),
        ("access.decided", "access"),
        ("door.forced", "access"),
        ("turnstile.passed", "access"),
        ("emergency.on", "access"),
        ("charge.started", "value"),
        ("a_family_nobody_listed.x", "value"),
        ("device", "watch"),
        ("devices.started", "value"),
        ("", "value"),
        (".device", "value"),
    ],
)
def test_the_family_of_an_event_says_how_long_it_is_kept(kind: str, expected: str) -> None:
    assert grade(kind) == expected


LINK = bytes(range(32))


def test_a_gap_stands_in_the_place_of_the_last_row_that_is_gone_and_tells_its_time() -> None:
    gone = gap_event(EVENT, 3, LINK, "full")
    assert (gone.seq, gone.at_ms, gone.boot, gone.kind, gone.point) == (7, EVENT.at_ms, EVENT.boot, GAP, "")
    assert read_gap(encode_event(gone)) == Gap(3, 7, 5, LINK.hex(), "full")


@pytest.mark.parametrize(
    "changes",
    [
        {"first": 0},
        {"first": 8},
        {"last": 6},
        {"count": 4},
        {"tip_after": "00"},
        {"tip_after": "x" * 64},
        {"tip_after": None},
        {"why": "tired"},
        {"first": "3"},
    ],
    ids=str,
)
def test_a_gap_that_does_not_add_up_is_none(changes: dict[str, Any]) -> None:
    gone = gap_event(EVENT, 3, LINK, "full")
    assert read_gap(encode_event(replace(gone, data=gone.data | changes))) is None


def test_an_event_that_speaks_of_a_gap_is_none() -> None:
    assert read_gap(encode_event(replace(EVENT, data={"text": GAP}))) is None
    assert read_gap(encode_event(replace(gap_event(EVENT, 3, LINK, "full"), kind="journal.gaps"))) is None
    assert read_gap(GAP.encode()) is None
    assert read_gap(encode_event(EVENT)) is None


@given(st.binary(min_size=32, max_size=32), st.lists(st.binary(max_size=9), max_size=5))
def test_links_are_those_of_the_chain(start: bytes, rows: list[bytes]) -> None:
    assert links_of(start, rows) == list(accumulate(rows, chain, initial=start))[1:]
