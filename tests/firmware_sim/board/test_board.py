import asyncio
import errno
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.board.board import PINS, Board, Move, Resistor
from firmware_sim.time.clock import run_virtual
from tests.firmware_sim.support.story import in_virtual_time


def board(*, strict_gpiod: bool = True, pulls: dict[int, Resistor] | None = None) -> Board:
    return Board(asyncio.get_running_loop(), seed=1, strict_gpiod=strict_gpiod, pulls=pulls)


def unheard(pin: int, level: bool, at_ns: int) -> None:
    """A process that watches nothing."""


@in_virtual_time
async def test_before_any_process_the_chip_pulls_pins_up_to_eight_high_and_the_others_low() -> None:
    fresh = board()
    assert [fresh.pin(number).level for number in PINS] == [number <= 8 for number in PINS]


@in_virtual_time
async def test_an_external_resistor_is_stronger_than_the_pull_of_the_chip() -> None:
    wired = board(pulls={4: "down", 17: "up"})
    assert (wired.pin(4).level, wired.pin(17).level) == (False, True)


@in_virtual_time
async def test_a_pin_that_nothing_pulls_keeps_the_charge_it_had() -> None:
    header = board()
    pin, process = header.pin(17), header.lines(unheard)
    process.claim_output(17, True)
    process.claim_input(17, "floating")
    charged = pin.level
    process.claim_input(17, "down")
    process.claim_input(17, "floating")
    assert (charged, pin.level) == (True, False)


@given(
    output=st.sampled_from([None, True, False]),
    part=st.sampled_from([None, True, False]),
    resistor=st.sampled_from([None, "up", "down"]),
    pull=st.sampled_from(["up", "down"]),
)
def test_an_output_beats_a_part_a_part_beats_a_resistor_and_a_resistor_the_chip(
    output: bool | None, part: bool | None, resistor: Resistor | None, pull: Resistor
) -> None:
    async def level() -> bool:
        header = board(pulls={17: resistor} if resistor else None)
        process = header.lines(unheard)
        process.claim_input(17, pull)
        header.pin(17).drive(part)
        if output is not None:
            process.claim_output(17, output)
        return header.pin(17).level

    drivers = [output, part, None if resistor is None else resistor == "up", pull == "up"]
    assert run_virtual(level()) is next(driver for driver in drivers if driver is not None)


@in_virtual_time
async def test_every_move_is_logged_with_its_time_and_cause_and_streamed_as_it_happens() -> None:
    streamed: list[Move] = []
    header = Board(asyncio.get_running_loop(), seed=1, on_move=streamed.append)
    process = header.lines(unheard)
    process.claim_output(17, False)  # low already: no move
    await asyncio.sleep(0.5)
    process.write(17, True)
    header.pin(27).drive(True)
    assert streamed == [Move(500_000_000, 17, True, "host"), Move(500_000_000, 27, True, "part")] == list(header.moves)
    assert json.loads(streamed[0].line()) == {"at_ns": 500_000_000, "pin": 17, "level": True, "cause": "host"}


@in_virtual_time
async def test_the_log_keeps_only_the_newest_moves() -> None:
    header = Board(asyncio.get_running_loop(), seed=1, log_size=3)
    for turn in range(10):
        header.pin(17).drive(turn % 2 == 0)
    assert len(header.moves) == 3


@in_virtual_time
async def test_watchers_hear_moves_in_order_even_if_one_of_them_moves_the_pin_again() -> None:
    pin = board().pin(17)
    first: list[bool] = []
    second: list[bool] = []

    def meddle(level: bool, at_ns: int) -> None:
        first.append(level)
        pin.drive(False)

    pin.watch(meddle)
    pin.watch(lambda level, at_ns: second.append(level))
    pin.drive(True)
    assert first == second == [True, False]


@in_virtual_time
async def test_with_a_strict_kernel_the_pins_of_a_dead_process_fall_back_to_their_pulls() -> None:
    header = board(strict_gpiod=True, pulls={17: "down"})
    process = header.lines(unheard)
    process.claim_output(17, True)
    process.end("process died")
    assert header.pin(17).level is False
    assert header.moves[-1].cause == "process died"


@in_virtual_time
async def test_a_raspberry_pi_kernel_leaves_the_pins_of_a_dead_process_driven() -> None:
    header = board(strict_gpiod=False, pulls={17: "down"})
    process = header.lines(unheard)
    process.claim_output(17, True)
    process.end("process died")
    assert header.pin(17).level is True
    header.lines(unheard).claim_output(17, False)
    assert header.pin(17).level is False


@in_virtual_time
async def test_a_dead_process_moves_nothing_and_hears_nothing() -> None:
    heard: list[int] = []
    header = board()
    process = header.lines(lambda pin, level, at_ns: heard.append(pin))
    process.claim_output(17, False)
    process.claim_input(27, "up")
    process.watch(27, "both", 1_000_000)
    header.pin(27).drive(False)
    process.end("process died")
    process.write(17, True)
    process.claim_output(22, True)
    process.watch(27, "both", 0)
    header.pin(27).drive(True)
    await asyncio.sleep(1)
    assert (heard, header.pin(17).level, header.pin(22).level) == ([], False, False)


@pytest.mark.parametrize("strict_gpiod", [True, False])
@in_virtual_time
async def test_a_reset_ends_every_process_and_puts_every_pin_back(strict_gpiod: bool) -> None:
    header = board(strict_gpiod=strict_gpiod)
    process = header.lines(unheard)
    process.claim_output(17, True)
    process.claim_input(4, "down")
    header.reset()
    assert not process.alive
    assert (header.pin(17).level, header.pin(4).level) == (False, True)
    assert {move.cause for move in list(header.moves)[-2:]} == {"reset"}


@in_virtual_time
async def test_a_pin_belongs_to_one_process_at_a_time() -> None:
    header = board()
    first, second = header.lines(unheard), header.lines(unheard)
    first.claim_output(17, True)
    with pytest.raises(OSError, match="GPIO17 is held by another process") as refused:
        second.claim_input(17, "up")
    assert refused.value.errno == errno.EBUSY
    first.close()
    second.claim_input(17, "up")


@in_virtual_time
async def test_only_an_output_can_be_written() -> None:
    process = board().lines(unheard)
    process.claim_input(17, "up")
    with pytest.raises(PermissionError, match="GPIO17"):
        process.write(17, True)


@in_virtual_time
async def test_the_header_has_gpio_0_to_27() -> None:
    with pytest.raises(ValueError, match="no GPIO28"):
        board().pin(28)


@in_virtual_time
async def test_a_claimed_pin_shows_its_state() -> None:
    header = board()
    process, pin = header.lines(unheard), header.pin(17)
    process.claim_output(17, True)
    assert (pin.level, pin.output, pin.pull, pin.holder) == (True, True, "down", process)
