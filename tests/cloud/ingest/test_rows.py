"""Frequent events are read by a short way, and every event has the row that the long way gives it."""

from collections.abc import Mapping
from typing import get_args, get_type_hints

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import msgpack, structs

from benchmarks._senders import DATA
from cloud.devices.event_series import EventColumns, EventRow, Key
from cloud.ingest.rows import PlainData, PlainEvent, event_columns, make_rows
from contract.archetypes import DecisionFields
from contract.codec import Malformed
from contract.decide import Trust
from contract.events import MAX_EVENT_BYTES, Event, decode_event, encode_event


def with_holder(holder: object) -> bytes:
    return encode_event(Event(2, 3, 4, "b7", Trust.SYNCED, "gym", "access.allowed", {**DATA, "holder": holder}))


UNREADABLE_FIELD = msgpack.encode((2, 3, 4, "b7", "synced", "gym", "x.y", {"session": "?"})).replace(b"?", b"\xff")
"""Whoever shows this event later could not decode it."""
HOLDERS = (
    "0123456789abcdef",
    "0123456789ABCDEF",
    "0123 56 789abcde",
    "0123456789abcde",
    "０" * 16,
    "",
    None,
    7,
    "x" * 16,
)
values = st.none() | st.booleans() | st.integers(-9, 9) | st.floats() | st.text(max_size=3) | st.lists(st.none())
fields = st.sampled_from([*DecisionFields.__annotations__, "session"])
numbers = st.sampled_from([0, 1, -1, (1 << 63) - 1, 1 << 63, -(1 << 63)])
events = st.builds(
    lambda *row: msgpack.encode(row),
    st.integers(1, 3),
    numbers,
    numbers,
    st.text(max_size=3),
    st.sampled_from([*Trust, "none"]),
    st.text(max_size=3),
    st.sampled_from(["access.allowed", "session.started", "x"]),
    st.dictionaries(fields, values, max_size=4)
    | st.builds(lambda holder: {**DATA, "holder": holder}, st.sampled_from(HOLDERS)),
)


def spoilt(stored: bytes, place: int, byte: int, length: int) -> bytes:
    """One byte of it changed, and cut or lengthened."""
    place %= len(stored)
    return (stored[:place] + bytes([byte]) + stored[place + 1 :] + bytes(9))[: len(stored) + length]


stored_events = events | st.builds(spoilt, events, st.integers(0, 99), st.integers(0, 255), st.integers(-2, 2))


def any_columns(seq: int, stored: bytes) -> EventColumns | None:
    try:
        return event_columns(decode_event(stored), seq)
    except Malformed:
        return None


class Numbers(dict[Key, int]):
    """Series, numbered as they come."""

    def __missing__(self, key: Key) -> int:
        self[key] = len(self) + 70
        return self[key]


def rows_of(stored: bytes) -> tuple[list[EventRow], Numbers]:
    series = Numbers()
    rows = make_rows(
        [stored], [2], behind=9, of=(4, 5), came=(6, 1), series=series, apart=frozenset(), read=any_columns
    )
    return rows, series


def is_short(stored: bytes, apart: frozenset[str] = frozenset()) -> bool:
    """Whether the row was made without reading the event as any."""
    short = make_rows(
        [stored], [2], behind=0, of=(1, 1), came=(1, 0), series=Numbers(), apart=apart, read=lambda *_: None
    )
    return short != []


@given(stored_events)
@example(UNREADABLE_FIELD)
@example(with_holder("0123 56 789abcde"))
def test_row_is_that_of_the_long_way(stored: bytes) -> None:
    columns = any_columns(2, stored)
    if columns is None:
        assert rows_of(stored) == ([], {})
    else:
        point, kind, *times, reason = columns
        assert rows_of(stored) == ([(10, 4, 2, 6, 1, *times, stored, 70)], {(5, point, kind, reason): 70})


@pytest.mark.parametrize("data", [DATA, {**DATA, "holder": "0123456789abcdef"}, {"direction": "in"}, {}])
def test_frequent_events_go_the_short_way(data: Mapping[str, object]) -> None:
    stored = encode_event(Event(2, 3, 4, "b7", Trust.SYNCED, "gym", "access.allowed", dict(data)))
    assert is_short(stored)


def test_event_of_a_kind_apart_is_read() -> None:
    """What a domain reads is handed on as a whole."""
    stored, apart = with_holder("0123456789abcdef"), frozenset({"access.allowed"})
    assert not is_short(stored, apart)


def test_too_long_event_has_no_row() -> None:
    event = Event(2, 3, 4, "b7", Trust.SYNCED, "gym", "access.allowed", {"reason": "x" * MAX_EVENT_BYTES})
    assert rows_of(msgpack.encode(event)) == ([], {})


def test_plain_types_are_those_of_the_contract() -> None:
    short = {name: get_args(kind)[0] for name, kind in get_type_hints(PlainData).items()}
    assert short == get_type_hints(DecisionFields)
    assert [field.name for field in structs.fields(PlainEvent)] == [field.name for field in structs.fields(Event)]
    assert get_args(get_type_hints(PlainEvent)["clock"]) == tuple(trust.value for trust in Trust)
