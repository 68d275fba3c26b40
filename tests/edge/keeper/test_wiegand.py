"""Falling edges become frames, by their times alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.credentials import FORMATS, MAX_FRAME_BITS, encode, read
from edge.keeper.wiegand import MAX_SILENCE_S, MIN_SILENCE_S, SILENCE_IN_GAPS, FrameAssembler

SPACING_S = 0.001


def pulse_all(assembler: FrameAssembler, bits: str, start_s: float = 0.0, spacing_s: float = SPACING_S) -> list[str]:
    """Send bits one by one; returns the frames that the edges themselves found finished."""
    found = (assembler.pulse(bit, start_s + index * spacing_s) for index, bit in enumerate(bits))
    return [frame for frame in found if frame is not None]


def card(name: str) -> str:
    return encode(name, number=15890, facility=21 if FORMATS[name].facility else None)


@pytest.mark.parametrize("name", FORMATS)
def test_a_card_of_every_format_comes_out_as_it_was_sent(name: str) -> None:
    assembler, bits = FrameAssembler(), card(name)
    assert pulse_all(assembler, bits) == []
    frame = assembler.pop_finished(1.0)
    assert frame == bits
    assert read(frame).valid
    assert assembler.pop_finished(1.0) is None


def test_a_34_bit_card_after_a_26_bit_card_is_not_cut_at_bit_26() -> None:
    assembler, first, second = FrameAssembler(), card("H10301"), card("H10306")
    pulse_all(assembler, first)
    assert pulse_all(assembler, second, start_s=0.1) == [first]
    assert assembler.pop_finished(1.0) == second


def test_two_cards_20_ms_apart_are_two_frames() -> None:
    assembler, bits = FrameAssembler(), card("H10301")
    pulse_all(assembler, bits)
    assert pulse_all(assembler, bits, start_s=25 * SPACING_S + 0.020) == [bits]


@pytest.mark.parametrize(
    ("spacing_s", "silence_s"), [(0.0002, 0.005), (0.001, 0.005), (0.00125, 0.005), (0.0015, 0.006), (0.004, 0.016)]
)
def test_a_frame_ends_after_four_times_its_widest_gap_and_at_least_5_ms(spacing_s: float, silence_s: float) -> None:
    assembler = FrameAssembler()
    pulse_all(assembler, "0101", spacing_s=spacing_s)
    last_s = 3 * spacing_s
    assert assembler.ends_at_s == pytest.approx(last_s + silence_s)
    assert assembler.pop_finished(last_s + silence_s - 1e-6) is None
    assert assembler.pop_finished(last_s + silence_s + 1e-9) == "0101"


def test_one_wide_gap_counts_for_the_whole_frame() -> None:
    assembler = FrameAssembler()
    for at_s in (0.0, 0.004, 0.005):
        assembler.pulse("1", at_s)
    assert assembler.ends_at_s == pytest.approx(0.005 + 0.016)


def test_the_gaps_of_one_frame_are_forgotten_in_the_next() -> None:
    assembler = FrameAssembler()
    pulse_all(assembler, "11", spacing_s=0.004)
    assembler.pop_finished(1.0)
    pulse_all(assembler, "00", start_s=2.0)
    assert assembler.ends_at_s == pytest.approx(2.001 + MIN_SILENCE_S)


def test_no_silence_is_longer_than_a_tenth_of_a_second() -> None:
    assembler = FrameAssembler()
    for at_s in (0.0, 0.0049, 0.0240, 0.0980):
        assembler.pulse("1", at_s)
    assert assembler.ends_at_s == pytest.approx(0.0980 + MAX_SILENCE_S)


def test_nothing_is_awaited_before_the_first_bit() -> None:
    assembler = FrameAssembler()
    assert (assembler.ends_at_s, assembler.pop_finished(9.0)) == (None, None)


def test_noise_without_end_is_kept_one_bit_beyond_the_longest_frame() -> None:
    assembler = FrameAssembler()
    assert pulse_all(assembler, "01" * 10_000) == []
    frame = assembler.pop_finished(100.0)
    assert frame == ("01" * 41)[: MAX_FRAME_BITS + 1]


EDGES = st.lists(st.tuples(st.sampled_from("01"), st.floats(0, 0.2, allow_nan=False)), max_size=MAX_FRAME_BITS)


@given(EDGES)
def test_no_bit_is_lost_doubled_or_moved(edges: list[tuple[str, float]]) -> None:
    assembler, at_s, frames = FrameAssembler(), 0.0, list[str]()
    for bit, gap_s in edges:
        at_s += gap_s
        finished = assembler.pulse(bit, at_s)
        frames += [finished] if finished is not None else []
    last = assembler.pop_finished(at_s + MAX_SILENCE_S)
    frames += [last] if last is not None else []
    assert "".join(frames) == "".join(bit for bit, _ in edges)
    assert all(frames)


@given(EDGES)
def test_a_timer_and_the_next_edge_find_the_same_frames(edges: list[tuple[str, float]]) -> None:
    """Whether the loop looks in between or not, a frame ends by the times of its edges."""
    by_edge, by_timer = FrameAssembler(), FrameAssembler()
    at_s, from_edges, from_timer = 0.0, list[str | None](), list[str | None]()
    for bit, gap_s in edges:
        at_s += gap_s
        from_edges.append(by_edge.pulse(bit, at_s))
        from_timer += [by_timer.pop_finished(at_s), by_timer.pulse(bit, at_s)]
    assert [frame for frame in from_edges if frame] == [frame for frame in from_timer if frame]


@given(EDGES)
def test_the_silence_awaited_is_the_published_one(edges: list[tuple[str, float]]) -> None:
    assembler, at_s, widest_s = FrameAssembler(), 0.0, 0.0
    for index, (bit, gap_s) in enumerate(edges):
        at_s += gap_s
        alone = assembler.pulse(bit, at_s) is not None or index == 0
        widest_s = 0.0 if alone else max(widest_s, gap_s)
        silence_s = min(MAX_SILENCE_S, max(MIN_SILENCE_S, SILENCE_IN_GAPS * widest_s))
        assert assembler.ends_at_s == pytest.approx(at_s + silence_s)
