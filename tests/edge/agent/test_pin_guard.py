"""How often somebody may key a wrong PIN, and when the next one is looked at."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.agent.pin_guard import BLOCK_MS, FORGET_MS, MAX_CARDS, PinGuard

CARD, OTHER = b"c" * 16, b"d" * 16
LATER_MS = BLOCK_MS
"""Long enough after the start."""


def wrong(guard: PinGuard, *times_ms: int, reader: str = "gate.in") -> list[bool]:
    """Key a wrong PIN at each of these times: whether it was looked at."""
    looked = []
    for now_ms in times_ms:
        looked.append(guard.takes(CARD, reader, now_ms))
        if looked[-1]:
            guard.note_wrong(CARD, reader, now_ms)
    return looked


def five_wrong(guard: PinGuard) -> int:
    """Five as quickly as the reader takes them; returns when the last was keyed."""
    now_ms = LATER_MS
    for pause_ms in (0, 2_000, 4_000, 8_000, 16_000):
        assert pause_ms == 0 or not guard.takes(CARD, "gate.in", now_ms + pause_ms - 1)
        now_ms += pause_ms
        assert wrong(guard, now_ms) == [True]
    return now_ms


@pytest.mark.parametrize(
    ("after_ms", "looked"),
    [([0, 1_999], False), ([0, 2_000], True), ([0, 2_000, 5_999], False), ([0, 2_000, 6_000], True)],
)
def test_each_wrong_pin_doubles_the_wait(after_ms: list[int], looked: bool) -> None:
    assert wrong(PinGuard(0), *(LATER_MS + one for one in after_ms))[-1] is looked


def test_other_reader_and_other_card_wait_for_nothing() -> None:
    guard = PinGuard(0)
    wrong(guard, LATER_MS)
    assert not guard.takes(CARD, "gate.in", LATER_MS)
    assert guard.takes(CARD, "gate.out", LATER_MS)
    assert guard.takes(OTHER, "gate.in", LATER_MS)


def test_five_wrong_pins_block_everywhere() -> None:
    guard = PinGuard(0)
    last_ms = five_wrong(guard)
    assert guard.is_blocked(CARD, last_ms + BLOCK_MS - 1)
    assert not guard.takes(CARD, "gate.out", last_ms + BLOCK_MS - 1)
    assert not guard.is_blocked(OTHER, last_ms)
    assert not guard.is_blocked(CARD, last_ms + BLOCK_MS)
    assert guard.takes(CARD, "gate.in", last_ms + BLOCK_MS)


def test_next_wrong_pin_after_block_blocks_again() -> None:
    guard = PinGuard(0)
    again_ms = five_wrong(guard) + BLOCK_MS
    guard.note_wrong(CARD, "gate.in", again_ms)
    assert guard.is_blocked(CARD, again_ms + 1)


@pytest.mark.parametrize("forget", ["right", "a day"])
def test_right_pin_and_day_forget(forget: str) -> None:
    guard = PinGuard(0)
    last_ms = five_wrong(guard)
    if forget == "right":
        guard.note_right(CARD)
    after_ms = last_ms + (BLOCK_MS if forget == "right" else FORGET_MS)
    guard.note_wrong(CARD, "gate.in", after_ms)
    assert not guard.is_blocked(CARD, after_ms)


def test_restart_gains_nothing() -> None:
    """Whoever pulls the plug after each wrong PIN has one a start, and not five."""
    guard = PinGuard(7_000)
    assert wrong(guard, 7_000 + BLOCK_MS - 1) == [True]
    assert guard.is_blocked(CARD, 7_000 + BLOCK_MS)


def test_memory_is_bounded() -> None:
    guard = PinGuard(0)
    for number in range(MAX_CARDS + 1):
        guard.note_wrong(number.to_bytes(16, "big"), "gate.in", LATER_MS)
    assert len(guard._tries) == MAX_CARDS
    assert guard.takes(bytes(16), "gate.in", LATER_MS)
    assert not guard.takes(MAX_CARDS.to_bytes(16, "big"), "gate.in", LATER_MS)


@given(st.lists(st.tuples(st.sampled_from(("gate.in", "gate.out")), st.integers(0, 2 * BLOCK_MS))))
def test_few_pins_are_looked_at(tries: list[tuple[str, int]]) -> None:
    """Whatever is tried when and where: never more than four beyond one each ten minutes, and after ten minutes of
    rest whoever has the right one is heard."""
    guard, now_ms, looked = PinGuard(0), LATER_MS, list[int]()
    for reader, pause_ms in tries:
        now_ms += pause_ms
        if wrong(guard, now_ms, reader=reader)[0]:
            looked.append(now_ms)
    assert all(later - earlier >= BLOCK_MS for earlier, later in pairwise(looked[4:]))
    assert guard.takes(CARD, "gate.in", now_ms + BLOCK_MS)
