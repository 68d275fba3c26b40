"""Pins that are read: buttons that bounce, and readers that pulse."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from contract.credentials import encode
from edge.config.tables import InputPin
from edge.keeper.inputs import STALL_S, DebouncedInput, WiegandReader
from edge.keeper.wiegand import FrameAssembler
from firmware_sim.board.board import Board
from firmware_sim.parts.button import PushButton
from firmware_sim.parts.contact import Contact
from firmware_sim.parts.reader import WiegandReader as SimReader
from tests.firmware_sim.support.story import in_virtual_time

PIN = 22
CARD_26, CARD_34 = encode("H10301", facility=21, number=15890), encode("H10306", facility=300, number=7)


class Watched:
    """One input pin and its changes."""

    def __init__(self, board: Board, wiring: InputPin) -> None:
        self.changes: list[tuple[bool, float]] = []
        pin = board.factory().pin(wiring.pin)
        self.input = DebouncedInput(pin, wiring, board.loop, lambda active, at_s: self.changes.append((active, at_s)))


def board(*, strict_gpiod: bool = True) -> Board:
    return Board(asyncio.get_running_loop(), seed=1, strict_gpiod=strict_gpiod)


@in_virtual_time
async def test_a_bouncing_button_is_one_press_and_one_release() -> None:
    header = board()
    button = PushButton(header, pin=PIN, bounce_ms=15)
    watched = Watched(header, InputPin(pin=PIN))
    for _ in range(20):
        button.press(300)
        await asyncio.sleep(1)
    assert [active for active, _ in watched.changes] == [True, False] * 20


@in_virtual_time
async def test_a_change_counts_once_it_has_lasted_as_long_as_the_bounce() -> None:
    header = board()
    watched = Watched(header, InputPin(pin=PIN, bounce_ms=20))
    header.pin(PIN).drive(False)
    await asyncio.sleep(0.0199)
    assert watched.changes == []
    await asyncio.sleep(0.001)
    ((active, at_s),) = watched.changes
    assert active
    assert at_s == pytest.approx(0.020)


@in_virtual_time
async def test_an_input_of_400_ms_is_seen() -> None:
    """Whatever bounce a wiring names: the largest that it may name would hide a short press of an exit button."""
    header = board()
    watched = Watched(header, InputPin(pin=PIN, bounce_ms=1000))
    PushButton(header, pin=PIN).press(400)
    await asyncio.sleep(2)
    assert [active for active, _ in watched.changes] == [True, False]


@in_virtual_time
async def test_a_spike_shorter_than_the_bounce_is_nothing() -> None:
    header = board()
    watched = Watched(header, InputPin(pin=PIN, bounce_ms=20))
    header.pin(PIN).drive(False)
    await asyncio.sleep(0.010)
    header.pin(PIN).drive(None)
    await asyncio.sleep(1)
    assert watched.changes == []


@in_virtual_time
async def test_where_an_input_stands_at_the_start_is_known_and_no_change() -> None:
    header = board()
    Contact(header, pin=PIN, name="contact", closed=True)
    watched = Watched(header, InputPin(pin=PIN))
    await asyncio.sleep(1)
    assert (watched.input.active, watched.changes) == (True, [])


@pytest.mark.parametrize(
    ("active", "closed", "expected"), [("low", True, True), ("low", False, False), ("high", True, False)]
)
@in_virtual_time
async def test_the_level_that_means_yes_is_the_configs_to_say(active: Any, closed: bool, expected: bool) -> None:
    header = board()
    Contact(header, pin=PIN, name="contact", closed=closed)
    assert Watched(header, InputPin(pin=PIN, active=active)).input.active is expected


@in_virtual_time
async def test_an_input_that_is_closed_says_nothing_more() -> None:
    header = board()
    watched = Watched(header, InputPin(pin=PIN))
    watched.input.close()
    header.pin(PIN).drive(False)
    await asyncio.sleep(1)
    assert watched.changes == []


class Read:
    """One reader on pins 5 and 6, and its frames."""

    def __init__(self, header: Board) -> None:
        self.frames: list[str] = []
        self.times_s: list[float] = []
        factory = header.factory()
        self.reader = WiegandReader(factory.pin(5), factory.pin(6), header.loop, factory.ticks, self._frame)

    def _frame(self, bits: str, at_s: float) -> None:
        self.frames.append(bits)
        self.times_s.append(at_s)


@pytest.mark.parametrize("strict_gpiod", [True, False])
@pytest.mark.parametrize("bits", [CARD_26, CARD_34, "0" * 80, "1" * 4, "1"])
@in_virtual_time
async def test_a_frame_arrives_whole_with_the_time_of_its_last_bit(bits: str, strict_gpiod: bool) -> None:
    header = board(strict_gpiod=strict_gpiod)
    read, reader = Read(header), SimReader(header, d0=5, d1=6)
    reader.send(bits)
    await asyncio.sleep(1)
    assert read.frames == [bits]
    assert read.times_s == [pytest.approx((len(bits) - 1) * 0.001)]


@in_virtual_time
async def test_a_26_bit_card_right_before_a_34_bit_card_are_two_frames() -> None:
    header = board()
    read, reader = Read(header), SimReader(header, d0=5, d1=6)
    reader.send(CARD_26)
    await asyncio.sleep(0.025 + 0.020)
    reader.send(CARD_34)
    await asyncio.sleep(1)
    assert read.frames == [CARD_26, CARD_34]


@in_virtual_time
async def test_a_frame_is_told_5_ms_after_its_last_bit() -> None:
    header = board()
    read, reader = Read(header), SimReader(header, d0=5, d1=6)
    reader.send(CARD_26)
    await asyncio.sleep(0.025 + 0.0049)
    assert read.frames == []
    await asyncio.sleep(0.0003)
    assert read.frames == [CARD_26]


@in_virtual_time
async def test_swapped_wires_turn_every_bit() -> None:
    header = board()
    read, reader = Read(header), SimReader(header, d0=5, d1=6, swapped=True)
    reader.send("0011")
    await asyncio.sleep(1)
    assert read.frames == ["1100"]


@in_virtual_time
async def test_a_closed_reader_says_nothing_more() -> None:
    header = board()
    read, reader = Read(header), SimReader(header, d0=5, d1=6)
    reader.send(CARD_26)
    await asyncio.sleep(0.020)
    read.reader.close()
    await asyncio.sleep(1)
    assert read.frames == []


class Pin:
    """A pin whose edges a test makes itself, late if it likes."""

    when_changed: Any = None
    edges = ""

    def input_with_pull(self, pull: str) -> None:
        assert pull == "up"

    def close(self) -> None:
        pass


@in_virtual_time
async def test_a_frame_is_not_cut_where_the_process_stood_still() -> None:
    """26 bits, then a stall in which 8 more come, whose edges are handed over only after the loop's own timer."""
    loop, stalled_s, frames = asyncio.get_running_loop(), [0.0], list[str]()
    pins = Pin(), Pin()
    WiegandReader(*pins, loop, lambda: loop.time() + stalled_s[0], lambda bits, _at_s: frames.append(bits))
    start_s = loop.time()
    for index, bit in enumerate(CARD_34):
        at_s = start_s + index * 0.001
        if index == 26:
            await asyncio.sleep(0.025)
            stalled_s[0] = 3 * STALL_S
            await asyncio.sleep(0.006)
        pins[int(bit)].when_changed(at_s, 0)
    await asyncio.sleep(1)
    assert frames == [CARD_34]


@in_virtual_time
async def test_a_frame_wakes_the_loop_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the thread of the pin library an edge is put down, and no more; the loop looks every 5 ms, not at each bit."""
    loop, frames, woken = asyncio.get_running_loop(), list[str](), list[float]()
    soon, pins = loop.call_soon, (Pin(), Pin())

    def wake(act: Callable[[], None]) -> None:
        woken.append(loop.time())
        soon(act)

    monkeypatch.setattr(loop, "call_soon_threadsafe", wake)
    WiegandReader(*pins, loop, loop.time, lambda bits, _at_s: frames.append(bits))
    for bit in CARD_34:
        pins[int(bit)].when_changed(loop.time(), 0)
        await asyncio.sleep(0.001)
    await asyncio.sleep(1)
    assert (frames, woken) == ([CARD_34], [0.0])
    pins[0].when_changed(loop.time(), 0)
    await asyncio.sleep(1)
    assert (frames, len(woken)) == ([CARD_34, "0"], 2)


@in_virtual_time
async def test_bit_before_the_loop_sleeps_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes behind the look that finds the frame before it whole, when the loop is still said to be awake."""
    loop, frames, pins, pop = asyncio.get_running_loop(), list[str](), (Pin(), Pin()), FrameAssembler.pop_finished

    def pop_and_wake(assembler: FrameAssembler, now_s: float) -> str | None:
        frame = pop(assembler, now_s)
        if frame == "0":
            pins[1].when_changed(now_s, 0)
        return frame

    WiegandReader(*pins, loop, loop.time, lambda bits, _at_s: frames.append(bits))
    monkeypatch.setattr(FrameAssembler, "pop_finished", pop_and_wake)
    pins[0].when_changed(loop.time(), 0)
    await asyncio.sleep(1)
    assert frames == ["0", "1"]


@in_virtual_time
async def test_a_frame_that_raises_deafens_no_reader() -> None:
    loop, frames, pins = asyncio.get_running_loop(), list[int](), (Pin(), Pin())
    loop.set_exception_handler(lambda _loop, _context: None)
    WiegandReader(*pins, loop, loop.time, lambda bits, _at_s: frames.append(1 // len(frames)))
    for _ in range(2):
        pins[0].when_changed(loop.time(), 0)
        await asyncio.sleep(1)
        frames.append(7)
    assert frames == [7, 1, 7]
