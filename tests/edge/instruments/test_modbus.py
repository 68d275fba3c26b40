"""What goes on the wire, and what the bytes that come back are taken for."""

import asyncio
from collections.abc import Iterator
from itertools import pairwise
from random import Random

import pytest
from hypothesis import find, given
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from edge.instruments.modbus import (
    GENERAL_ADDRESS,
    Failure,
    Master,
    Outcome,
    Read,
    Registers,
    Request,
    ResetEnergy,
    Timing,
    Write,
    encode,
)
from edge.instruments.modbus_line import ModbusLine
from firmware_sim.time.clock import run_virtual
from tests.edge.support.wires import PZEM, Wire, answer, crc, frame
from tests.firmware_sim.support.story import in_virtual_time

READ = Read(1, 4, 0, 10)
TIMING = Timing()
SEEN_IN_THE_WILD = bytes.fromhex("f80414 08d3 0023 0000 0005 0000 0002 0000 01f5 0006 0000 f8be")
"""A PZEM's answer at its general address, as somebody published it: 225.9 V, 35 mA, 0.5 W, 2 Wh, 50.1 Hz."""


def talk(request: Request, *pieces: bytes, timing: Timing = TIMING) -> Outcome | None:
    """Ask, and be told these bytes one after the other; then the time is over."""
    master = Master(timing)
    master.ask(request, 0.0)
    for piece in pieces:
        if outcome := master.heard(piece, 0.01):
            return outcome
    return master.late()


@pytest.mark.parametrize(
    ("request_", "bytes_"),
    [
        (READ, "01 04 00 00 00 0A 70 0D"),
        (ResetEnergy(1), "01 42 80 11"),
        (ResetEnergy(GENERAL_ADDRESS), "F8 42 C2 41"),
        (Read(GENERAL_ADDRESS, 4, 0, 10), "F8 04 00 00 00 0A 64 64"),
        (Write(1, 2, 5), "01 06 00 02 00 05 E8 09"),
        (Read(40, 3, 0, 8), "28 03 00 00 00 08 43 F5"),
    ],
)
def test_a_request_is_these_bytes(request_: Request, bytes_: str) -> None:
    assert encode(request_) == bytes.fromhex(bytes_)
    assert encode(request_)[-2:] == crc(encode(request_)[:-2])


def test_an_answer_from_a_real_meter_is_read() -> None:
    outcome = talk(Read(GENERAL_ADDRESS, 4, 0, 10), SEEN_IN_THE_WILD)
    assert outcome == Registers((2259, 35, 0, 5, 0, 2, 0, 501, 6, 0))


@pytest.mark.parametrize("unit", [0, 0xF9, 256, -1])
def test_an_address_that_no_instrument_can_have_is_refused(unit: int) -> None:
    with pytest.raises(ValueError, match="from 1 to 247"):
        encode(Read(unit, 4, 0, 10))


@pytest.mark.parametrize("wrong", [Read(1, 4, 0, 126), Read(1, 4, 0, 0), Read(1, 3, 70_000, 1), Write(1, 2, 70_000)])
def test_what_no_frame_can_say_is_refused(wrong: Request) -> None:
    with pytest.raises(ValueError, match=r"count|address|register"):
        encode(wrong)


@pytest.mark.parametrize(
    ("came", "why"),
    [
        (b"", "silent"),
        (encode(READ), "silent"),  # an adapter that echoes, and no meter
        (answer(1, PZEM)[:-1], "crc"),
        (answer(1, PZEM)[:-1] + b"\x00", "crc"),
        (b"\xff" * 30, "garbage"),
        (answer(2, PZEM), "wrong_unit"),
        (answer(1, PZEM[:9]), "wrong_length"),
        (answer(1, PZEM, function=3), "wrong_length"),
    ],
)
def test_no_answer_is_no_answer_and_it_is_said_why(came: bytes, why: str) -> None:
    outcome = talk(READ, came)
    assert isinstance(outcome, Failure)
    assert outcome.why == why


def test_an_instrument_that_refuses_says_so_at_once() -> None:
    master = Master(TIMING)
    master.ask(READ, 0.0)
    assert master.heard(frame(1, 0x84, b"\x02"), 0.02) == Failure("exception", 2)


def test_a_write_is_answered_by_what_was_written_only() -> None:
    assert talk(Write(1, 2, 5), frame(1, 6, b"\x00\x02\x00\x05")) == Registers((5,))
    assert talk(Write(1, 2, 5), frame(1, 6, b"\x00\x02\x00\x06")) == Failure("wrong_length")
    assert talk(Write(1, 2, 5), frame(1, 6, b"\x00\x01\x00\x05")) == Failure("wrong_length")


def test_a_reset_is_answered_by_its_echo() -> None:
    assert talk(ResetEnergy(1), bytes.fromhex("01428011")) == Registers()
    assert talk(ResetEnergy(1), frame(1, 0xC2, b"\x04")) == Failure("exception", 4)


def test_a_second_request_has_to_wait_for_the_first() -> None:
    master = Master(TIMING)
    master.ask(READ, 0.0)
    with pytest.raises(RuntimeError, match="in flight"):
        master.ask(READ, 0.1)


def test_after_an_answer_the_line_is_free_after_the_silence_between_frames() -> None:
    master = Master(Timing(9600))
    master.ask(READ, 0.0)
    master.heard(answer(1, PZEM), 0.05)
    assert master.free_at_s == pytest.approx(0.05 + 4 * 10 / 9600)
    with pytest.raises(RuntimeError, match="quiet"):
        master.ask(READ, 0.052)


def test_above_19200_baud_the_silence_does_not_shrink_further() -> None:
    assert Timing(115_200).silence_s == Timing(57_600).silence_s == 0.002


def test_a_slow_line_gives_the_answer_the_time_it_needs() -> None:
    slow, fast = Master(Timing(1200)), Master(Timing(115_200))
    slow.ask(READ, 0.0)
    fast.ask(READ, 0.0)
    assert slow.answer_by_s - fast.answer_by_s == pytest.approx(33 * 10 / 1200 - 33 * 10 / 115_200)


def late_answer(timing: Timing) -> Outcome | None:
    """Two requests to one meter. The answer to the first, which says 1, comes when it is given up already, and the line
    may or may not be free for the second, whose answer says 2."""
    master = Master(timing)
    master.ask(READ, 0.0)
    given_up_s = master.answer_by_s
    assert master.late() == Failure("silent")
    late_s = given_up_s + 0.2
    asked_s = max(given_up_s, master.free_at_s)
    outcome = None
    if asked_s > late_s:
        assert master.heard(answer(1, [1] * 10), late_s) is None
        master.ask(READ, asked_s)
    else:
        master.ask(READ, asked_s)
        outcome = master.heard(answer(1, [1] * 10), late_s)
    return outcome or master.heard(answer(1, [2] * 10), asked_s + 0.3)


def test_without_the_quiet_time_a_late_answer_is_taken_for_the_next_one() -> None:
    assert late_answer(Timing(worst_s=TIMING.answer_s)) == Registers((1,) * 10)


def test_with_the_quiet_time_a_late_answer_is_nobodys() -> None:
    assert late_answer(TIMING) == Registers((2,) * 10)


def told_apart(delays_s: list[float], timing: Timing) -> bool:
    """Ask a meter over and over that takes so long each time, and says how often it was asked. Whether every answer was
    taken for that to its own request."""

    async def story() -> bool:
        loop = asyncio.get_running_loop()
        wire = Wire(loop)
        delays = iter(delays_s)

        def meter(_request: bytes) -> bytes:
            wire.delay_s = next(delays)
            return answer(1, [len(wire.asked)] * 10)

        wire.instruments = [meter]
        line = ModbusLine(wire, timing, loop)
        found = [await line.ask(READ) for _ in delays_s]
        return all(
            outcome.values == (number,) * 10
            for number, outcome in enumerate(found, 1)
            if isinstance(outcome, Registers)
        )

    return run_virtual(story())


DELAYS = st.lists(st.floats(0.005, TIMING.worst_s), min_size=1, max_size=12)


@given(DELAYS)
def test_however_late_a_meter_is_each_answer_is_its_own_requests(delays_s: list[float]) -> None:
    assert told_apart(delays_s, TIMING)


def test_that_property_fails_without_the_quiet_time() -> None:
    hurried = Timing(worst_s=TIMING.answer_s)
    try:
        find(DELAYS, lambda delays_s: not told_apart(delays_s, hurried), random=Random(1))
    except NoSuchExample:
        pytest.fail("the trap does not shut: this test shows nothing")


def pieces(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    """The same bytes, cut at these places."""
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in pairwise(places):
        yield data[start:end]


CUTS = st.lists(st.integers(0, 1000), max_size=8)
NOISE = st.binary(max_size=40)
REQUESTS: st.SearchStrategy[Request] = st.one_of(
    st.builds(Read, st.integers(1, 247), st.sampled_from([3, 4]), st.integers(0, 400), st.integers(1, 125)),
    st.builds(Write, st.integers(1, 247), st.integers(0, 9), st.integers(0, 0xFFFF)),
    st.builds(ResetEnergy, st.integers(1, 247)),
)


@given(REQUESTS, st.binary(max_size=600), CUTS)
def test_no_bytes_make_it_fail_and_none_without_a_checksum_are_an_answer(
    request_: Request, data: bytes, cuts: list[int]
) -> None:
    outcome = talk(request_, *pieces(data, cuts))
    assert isinstance(outcome, Failure) or bytes([request_.unit]) in data
    if isinstance(outcome, Registers) and isinstance(request_, Read):
        assert answer(request_.unit, outcome.values, request_.function) in data


@given(NOISE, NOISE, CUTS)
def test_an_answer_between_noise_is_the_answer_or_nothing(before: bytes, after: bytes, cuts: list[int]) -> None:
    outcome = talk(READ, *pieces(before + answer(1, PZEM) + after, cuts))
    assert outcome == Registers(tuple(PZEM)) or isinstance(outcome, Failure)


@given(NOISE, CUTS)
def test_noise_before_an_answer_does_not_hide_it(before: bytes, cuts: list[int]) -> None:
    assert talk(READ, *pieces(before + answer(1, PZEM), cuts)) == Registers(tuple(PZEM))


def test_of_a_line_that_babbles_only_the_newest_bytes_are_looked_at() -> None:
    assert talk(READ, b"\x01\x04" * 5_000, answer(1, PZEM)) == Registers(tuple(PZEM))
    assert talk(READ, answer(1, PZEM) + b"\x01\x04" * 128) == Failure("crc")


@given(st.integers(0, 8 * len(answer(1, PZEM)) - 1), CUTS)
def test_one_wrong_bit_is_one_answer_less(bit: int, cuts: list[int]) -> None:
    data = bytearray(answer(1, PZEM))
    data[bit // 8] ^= 1 << bit % 8
    assert isinstance(talk(READ, *pieces(bytes(data), cuts)), Failure)


@given(st.integers(1, 247), st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=125), st.sampled_from([3, 4]))
def test_what_the_registers_hold_arrives(unit: int, registers: list[int], function: int) -> None:
    request_ = Read(unit, 3 if function == 3 else 4, 0, len(registers))
    assert talk(request_, answer(unit, registers, function)) == Registers(tuple(registers))


@given(st.integers(1, 247), st.integers(1, 247), CUTS)
def test_another_instruments_answer_is_never_taken(unit: int, other: int, cuts: list[int]) -> None:
    outcome = talk(Read(unit, 4, 0, 10), *pieces(answer(other, PZEM), cuts))
    assert isinstance(outcome, Registers) == (unit == other)


@in_virtual_time
async def test_a_line_that_never_rests_is_given_up_for_this_time() -> None:
    loop = asyncio.get_running_loop()
    wire = Wire(loop)
    line = ModbusLine(wire, TIMING, loop)

    def babble() -> None:
        wire.say(b"\x55")
        loop.call_later(0.001, babble)

    babble()
    assert await line.ask(READ) == Failure("garbage")
    assert wire.asked == []
    assert line.master.strays > 100


@in_virtual_time
async def test_a_request_that_is_taken_back_leaves_the_line_quiet_for_the_next() -> None:
    loop = asyncio.get_running_loop()
    wire = Wire(loop)
    wire.instruments = [lambda request: answer(1, PZEM)]
    line = ModbusLine(wire, TIMING, loop)
    asking = asyncio.create_task(line.ask(READ))
    await asyncio.sleep(0.001)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert await line.ask(READ) == Registers(tuple(PZEM))
    assert [at_s for at_s, _ in wire.asked] == [0.0, pytest.approx(33 * 10 / 9600 + TIMING.worst_s)]


@in_virtual_time
async def test_a_line_that_is_gone_is_said_at_once_and_in_mid_request() -> None:
    loop = asyncio.get_running_loop()
    wire = Wire(loop)
    line = ModbusLine(wire, TIMING, loop)
    loop.call_later(0.01, setattr, wire, "why_down", "it has hung up")
    assert await line.ask(READ) == Failure("bus_lost")
    began_s = loop.time()
    assert await line.ask(READ) == Failure("bus_lost")
    assert loop.time() - began_s < 0.5
    assert len(wire.asked) == 1
