"""How many codes can be tried at a reader, whatever somebody thinks of to try more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.codec import pack
from contract.decide import DAY_MS, HOUR_MS, MINUTE_MS
from edge.archetypes.protocol import Restored
from edge.passes.code_guard import MAX_READERS, CodeGuard, CodeTries, StoredTries
from edge.passes.guesses import CODES, GuessLimits

GATE = "gate.in"


class Kept:
    """What the guard has saved, and when."""

    def __init__(self) -> None:
        self.document = b""
        self.now_ms = 0

    def save(self, document: bytes) -> None:
        self.document = document

    def restart(self, now_ms: int, age_ms: int | None) -> CodeGuard:
        restored = Restored(self.document, age_ms) if self.document else None
        return CodeGuard(restored, now_ms, self.save)


def wrong(guard: CodeGuard, now_ms: int, reader: str = GATE) -> bool:
    """Key a wrong code: whether it was looked at."""
    is_looked_at = guard.takes(reader, now_ms)
    if is_looked_at:
        guard.note_wrong(reader, now_ms)
    return is_looked_at


def fifty_wrong(guard: CodeGuard) -> int:
    """As quickly as somebody with a code of their own can; returns when the last was keyed."""
    for now_ms in range(0, 50 * CODES.first_wait_ms, CODES.first_wait_ms):
        assert guard.takes(GATE, now_ms)
        assert guard.note_wrong(GATE, now_ms) == (50 if now_ms == 49 * CODES.first_wait_ms else None)
        guard.note_right(GATE, now_ms)
    return 49 * CODES.first_wait_ms


def test_wait_doubles_up_to_quarter_hour() -> None:
    guard, now_ms = CodeGuard(None, 0), 0
    for wait_ms in (30_000, 60_000, 120_000, 240_000, 480_000, 15 * MINUTE_MS, 15 * MINUTE_MS):
        assert wrong(guard, now_ms)
        assert not guard.takes(GATE, now_ms + wait_ms - 1)
        assert guard.takes("gate.out", now_ms)
        now_ms += wait_ms


def test_right_code_ends_the_doubling() -> None:
    """The guest who knows their code does not pay for the one before who mistyped twice."""
    guard = CodeGuard(None, 0)
    assert wrong(guard, 0) and wrong(guard, 30_000)
    guard.note_right(GATE, 90_000)
    assert wrong(guard, 90_000) and wrong(guard, 120_000)


def test_fifty_wrong_in_a_day_close_codes() -> None:
    guard = CodeGuard(None, 0)
    last_ms = fifty_wrong(guard)
    assert not guard.takes(GATE, last_ms + HOUR_MS - 1)
    assert guard.takes("gate.out", last_ms)
    assert guard.note_wrong(GATE, last_ms + HOUR_MS) == 50
    assert not guard.takes(GATE, last_ms + 2 * HOUR_MS - 1)
    assert guard.note_wrong(GATE, last_ms + DAY_MS) is None


def test_restart_forgets_nothing() -> None:
    kept = Kept()
    last_ms = fifty_wrong(CodeGuard(None, 0, kept.save))
    after = kept.restart(now_ms=5_000, age_ms=60_000)
    assert not after.takes(GATE, 5_000 + HOUR_MS - 60_001)
    assert after.takes(GATE, 5_000 + HOUR_MS - 60_000)
    assert after.note_wrong(GATE, 5_000 + HOUR_MS) == 50
    assert last_ms > 0


def test_power_cut_of_unknown_length_is_none() -> None:
    kept = Kept()
    wrong(CodeGuard(None, 0, kept.save), 0)
    after = kept.restart(now_ms=1_000, age_ms=None)
    assert not after.takes(GATE, 30_999)
    assert after.takes(GATE, 31_000)


@pytest.mark.parametrize("document", [b"", b"\xc1", pack(StoredTries({GATE: CodeTries([], 0, 0)}))])
def test_document_that_rotted_counts_nothing(document: bytes) -> None:
    assert CodeGuard(Restored(document, 0), 0).takes(GATE, 0)


def test_document_is_bounded() -> None:
    kept = Kept()
    fifty_wrong(CodeGuard(None, 0, kept.save))
    assert len(kept.document) < 400
    full = StoredTries({f"r{number}": CodeTries([-1] * 50, 1, 0) for number in range(MAX_READERS + 1)})
    assert CodeGuard(Restored(pack(full), 0), 0).takes("r0", -1)


def test_reader_of_former_wiring_is_forgotten() -> None:
    kept = Kept()
    guard = CodeGuard(None, 0, kept.save)
    for number in range(100):
        wrong(guard, number * DAY_MS, f"reader-{number}.in")
    assert kept.document.count(b"reader-") == 1


STEPS = st.lists(
    st.tuples(st.sampled_from(["wrong", "right", "restart", "cut"]), st.integers(0, 2 * HOUR_MS)), max_size=400
)


@given(STEPS)
def test_fewer_than_hundred_guesses_a_day(steps: list[tuple[str, int]]) -> None:
    """With a code of one's own, with restarts and with power cuts between: 100 of 10,000 times the live codes are one
    in a hundred."""
    kept, looked_at_ms = Kept(), list[int]()
    guard, now_ms, moment_ms = kept.restart(0, 0), 0, 0
    for what, pause_ms in steps:
        now_ms += pause_ms
        if what == "wrong":
            while not guard.takes(GATE, now_ms):  # whoever wants to know waits no longer than they must
                now_ms += 15_000
            guard.note_wrong(GATE, now_ms)
            looked_at_ms.append(now_ms)
            moment_ms = now_ms
        elif what == "right":
            guard.note_right(GATE, now_ms)
            moment_ms = now_ms
        else:
            guard = kept.restart(now_ms, now_ms - moment_ms if what == "restart" else None)
    days = ([one for one in looked_at_ms if first <= one < first + DAY_MS] for first in looked_at_ms)
    assert max(map(len, days), default=0) <= 74


@given(st.integers(1, 10**9))
def test_wait_is_bounded(in_a_row: int) -> None:
    limits = GuessLimits(30_000, 900_000, 50, HOUR_MS)
    assert 30_000 <= limits.wait_ms(in_a_row) <= 900_000
