import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.credentials import encode
from firmware_sim.board.board import Board, Move
from firmware_sim.parts.reader import WiegandReader
from firmware_sim.time.clock import VirtualLoop, run_virtual
from tests.firmware_sim.support.story import in_virtual_time

D0, D1 = 5, 6
CARD = encode("H10301", facility=21, number=15890)


class Wiring:
    """A reader on a board, and the bits that arrive at the board's pins."""

    def __init__(self, seed: int = 1) -> None:
        self.board = Board(asyncio.get_running_loop(), seed=seed, pulls={D0: "up", D1: "up"})
        self.reader = WiegandReader(self.board, d0=D0, d1=D1)

    def falls(self) -> list[Move]:
        return [move for move in self.board.moves if move.pin in (D0, D1) and not move.level]

    def heard(self) -> str:
        return "".join("1" if move.pin == D1 else "0" for move in self.falls())


async def arrived(bits: str) -> str:
    wiring = Wiring()
    wiring.reader.send(bits)
    await asyncio.sleep(1)
    return wiring.heard()


@given(st.text("01", min_size=1, max_size=80))
def test_the_bits_arrive_as_they_were_sent(bits: str) -> None:
    assert run_virtual(arrived(bits)) == bits


@in_virtual_time
async def test_pulses_are_fifty_microseconds_low_and_a_millisecond_apart() -> None:
    wiring = Wiring()
    wiring.reader.send("0110")
    await asyncio.sleep(1)
    assert [(move.at_ns, move.pin, move.level) for move in wiring.board.moves] == [
        (0, D0, False), (50_000, D0, True), (1_000_000, D1, False), (1_050_000, D1, True),
        (2_000_000, D1, False), (2_050_000, D1, True), (3_000_000, D0, False), (3_050_000, D0, True),
    ]  # fmt: skip


@in_virtual_time
async def test_a_second_card_is_not_read_while_the_first_is_being_sent() -> None:
    wiring = Wiring()
    assert wiring.reader.send(CARD) is True
    await asyncio.sleep(0.010)
    assert wiring.reader.send("1" * 26) is False
    await asyncio.sleep(0.016)
    assert wiring.reader.send("1") is True
    await asyncio.sleep(1)
    assert wiring.heard() == CARD + "1"
    assert wiring.reader.view()["frames_sent"] == 2


@in_virtual_time
async def test_swapped_wires_turn_every_bit_over() -> None:
    wiring = Wiring()
    wiring.reader.swapped = True
    wiring.reader.send("0010")
    await asyncio.sleep(1)
    assert wiring.heard() == "1101"


@in_virtual_time
async def test_without_a_common_ground_the_same_card_never_reads_the_same() -> None:
    wiring = Wiring()
    wiring.reader.common_ground = False
    for _ in range(3):
        wiring.reader.send(CARD)
        await asyncio.sleep(1)
    heard = wiring.heard()
    frames = {heard[start : start + 26] for start in range(0, 78, 26)}
    assert len(heard) == 78
    assert len(frames | {CARD}) == 4


@in_virtual_time
async def test_noise_loses_doubles_and_turns_bits() -> None:
    wiring = Wiring()
    wiring.reader.noise = 0.2
    spoiled = []
    for _ in range(30):
        before = len(wiring.falls())
        wiring.reader.send(CARD)
        await asyncio.sleep(1)
        spoiled.append(wiring.heard()[before:])
    assert {len(frame) - 26 for frame in spoiled} >= {-1, 0, 1}
    assert sum(frame == CARD for frame in spoiled) < 5


@in_virtual_time
async def test_a_glitch_is_one_stray_pulse() -> None:
    wiring = Wiring()
    wiring.reader.glitch()
    await asyncio.sleep(1)
    assert len(wiring.falls()) == 1


@in_virtual_time
async def test_an_unplugged_reader_sends_nothing_and_its_lines_go_where_they_are_pulled() -> None:
    wiring = Wiring()
    wiring.reader.send(CARD)
    await asyncio.sleep(0.0095)
    wiring.reader.plug(False)
    wiring.reader.send(CARD)
    await asyncio.sleep(1)
    assert wiring.heard() == CARD[:10]
    wiring.reader.plug()
    wiring.reader.send(CARD)
    await asyncio.sleep(1)
    assert wiring.heard()[10:] == CARD


@pytest.mark.parametrize("bits", ["", "012", "1" * 257, "0b1"])
@in_virtual_time
async def test_what_is_no_frame_is_refused(bits: str) -> None:
    with pytest.raises(ValueError, match="zeros and ones"):
        Wiring().reader.send(bits)


@in_virtual_time
async def test_a_pulse_longer_than_its_spacing_is_refused() -> None:
    board = Board(asyncio.get_running_loop(), seed=1)
    with pytest.raises(ValueError, match="does not fit"):
        WiegandReader(board, d0=D0, d1=D1, pulse_us=1000, spacing_us=1000)


@in_virtual_time
async def test_nothing_drives_the_lines_of_an_unplugged_reader() -> None:
    board = Board(asyncio.get_running_loop(), seed=1, pulls={D0: "down", D1: "down"})
    reader = WiegandReader(board, d0=D0, d1=D1)
    levels = []
    for plugged_in in (True, False, True):
        reader.plug(plugged_in)
        levels.append((board.pin(D0).level, board.pin(D1).level))
    assert levels == [(True, True), (False, False), (True, True)]


@in_virtual_time
async def test_a_cable_pulled_amid_a_frame_ends_it() -> None:
    wiring = Wiring()
    wiring.reader.send(CARD)
    await asyncio.sleep(0.0105)
    wiring.reader.plug(False)
    await asyncio.sleep(1)
    assert wiring.heard() == CARD[:11]


@in_virtual_time
async def test_a_frame_alone_is_one_timer() -> None:
    """Nothing else happens meanwhile, so that the world takes it in one turn."""
    wiring, loop = Wiring(), asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    before = loop.timers_set
    wiring.reader.send(CARD)
    await asyncio.sleep(1)
    assert (wiring.heard(), loop.timers_set - before) == (CARD, 2)  # the other is this test's own
    assert wiring.board.moves[-1].at_ns == 25_050_000


@in_virtual_time
async def test_two_readers_at_once_keep_their_own_times() -> None:
    wiring = Wiring()
    other = WiegandReader(wiring.board, d0=13, d1=19, name="other")
    wiring.reader.send("0101")
    await asyncio.sleep(0.0004)
    other.send("1100")
    await asyncio.sleep(1)
    falls = [(move.at_ns, move.pin) for move in wiring.board.moves if move.pin in (5, 6, 13, 19) and not move.level]
    assert falls == [
        (0, D0), (400_000, 19), (1_000_000, D1), (1_400_000, 19),
        (2_000_000, D0), (2_400_000, 13), (3_000_000, D1), (3_400_000, 13),
    ]  # fmt: skip
