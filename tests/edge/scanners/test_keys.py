"""What a scanner types, from the kernel's events: letters and digits, whatever the layout of this machine."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.scanners.keys import EVENT_BYTES, SPOILT, KeyReader, pack_event, typed
from edge.scanners.lines import LineAssembler, ScannedLine

SHIFT, CAPS_LOCK, MINUS, A, ONE, KEYPAD_ENTER, TAB = 42, 58, 12, 30, 2, 96, 15


def events(*moves: tuple[int, int]) -> bytes:
    return b"".join(pack_event(1, code, value) for code, value in moves)


@given(st.text(string.ascii_letters + string.digits, min_size=1, max_size=60), st.integers(1, 100))
def test_typed_text_is_read_again(text: str, size: int) -> None:
    """However the kernel cuts it, also amid an event."""
    keys, sent, read = KeyReader(), typed(text), b""
    for at in range(0, len(sent), size):
        read += keys.read(sent[at : at + size])
    assert read == text.encode() + b"\n"


def test_event_is_one_of_64_bit_linux() -> None:
    assert EVENT_BYTES == 24
    assert pack_event(1, A, 1)[16:] == b"\x01\x00\x1e\x00\x01\x00\x00\x00"


def test_caps_lock_of_the_machine_changes_nothing() -> None:
    """It is a key without a meaning of its own; who presses it amid a text spoils the text."""
    assert KeyReader().read(events((SHIFT, 1), (A, 1), (A, 0), (SHIFT, 0), (A, 1))) == b"Aa"
    assert KeyReader().read(events((CAPS_LOCK, 1), (CAPS_LOCK, 0), (A, 1))) == SPOILT + b"a"


def test_held_key_is_typed_once() -> None:
    assert KeyReader().read(events((A, 1), (A, 2), (A, 2), (A, 0))) == b"a"


@pytest.mark.parametrize("code", [KEYPAD_ENTER, TAB])
def test_line_ends_with_tab_or_enter(code: int) -> None:
    assert KeyReader().read(events((ONE, 1), (code, 1))) == b"1\n"


@pytest.mark.parametrize(
    "spoiling", [events((MINUS, 1)), events((SHIFT, 1), (ONE, 1)), pack_event(0, 3, 0)], ids=["minus", "!", "dropped"]
)
def test_other_keys_and_lost_events_spoil_the_line(spoiling: bytes) -> None:
    keys, lines = KeyReader(), LineAssembler()
    assert lines.feed(keys.read(events((A, 1)) + spoiling + events((A, 1), (28, 1)))) == [ScannedLine(why="not_text")]


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_error(data: bytes) -> None:
    keys = KeyReader()
    assert len(keys.read(data)) <= len(data) // EVENT_BYTES
