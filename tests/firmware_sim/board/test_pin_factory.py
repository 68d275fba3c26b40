"""Real gpiozero devices on a simulated board."""

import asyncio
from collections.abc import Callable

import pytest
from gpiozero import DigitalInputDevice, OutputDevice
from gpiozero.exc import GPIOPinInUse, PinFixedPull, PinInvalidBounce, PinInvalidFunction, PinInvalidPull, PinSetInput

from firmware_sim.board.board import Board
from firmware_sim.time.clock import run_virtual
from tests.firmware_sim.support.story import in_virtual_time


def board(*, strict_gpiod: bool = True) -> Board:
    return Board(asyncio.get_running_loop(), seed=1, pulls={17: "down", 22: "up"}, strict_gpiod=strict_gpiod)


@in_virtual_time
async def test_an_output_device_drives_its_pin() -> None:
    header = board()
    relay = OutputDevice(17, pin_factory=header.factory())
    relay.on()
    assert (header.pin(17).level, relay.value) == (True, 1)
    relay.off()
    assert (header.pin(17).level, relay.value) == (False, 0)


@in_virtual_time
async def test_an_active_low_output_is_low_for_an_instant_when_taken_as_with_lgpio() -> None:
    header = board()
    relay = OutputDevice(22, active_high=False, pin_factory=header.factory())
    assert [(move.pin, move.level, move.cause) for move in header.moves] == [(22, False, "host"), (22, True, "host")]
    assert relay.value == 0


@in_virtual_time
async def test_an_input_device_reports_a_bouncing_contact_once_after_its_bounce_time() -> None:
    header = board()
    loop = asyncio.get_running_loop()
    contact = DigitalInputDevice(27, pull_up=True, bounce_time=0.02, pin_factory=header.factory())
    heard: list[tuple[str, float]] = []
    contact.when_activated = lambda: heard.append(("closed", loop.time()))
    contact.when_deactivated = lambda: heard.append(("open", loop.time()))
    for delay, level in [(1.0, False), (1.003, None), (1.004, False), (2.0, None)]:
        loop.call_at(delay, header.pin(27).drive, level)
    await asyncio.sleep(1.5)
    assert contact.value == 1
    assert contact.active_time == pytest.approx(1.5 - 1.024)
    await asyncio.sleep(1)
    assert [(what, round(at_s, 4)) for what, at_s in heard] == [("closed", 1.024), ("open", 2.02)]


@in_virtual_time
async def test_a_raw_pin_reports_falling_edges_only_with_their_own_time() -> None:
    header = board()
    factory = header.factory()
    pin = factory.pin(5)
    heard: list[tuple[float, bool]] = []

    def falling(ticks: float, state: bool) -> None:
        heard.append((ticks, state))

    pin.edges = "falling"
    pin.when_changed = falling
    await asyncio.sleep(0.25)
    header.pin(5).drive(False)
    header.pin(5).drive(True)
    await asyncio.sleep(1)
    assert heard == [(0.25, False)]
    assert factory.ticks_diff(factory.ticks(), heard[0][0]) == 1.0


@in_virtual_time
async def test_a_watcher_nobody_keeps_is_forgotten_as_gpiozero_holds_it_weakly() -> None:
    header = board()
    heard: list[bool] = []
    pin = header.factory().pin(5)
    pin.when_changed = lambda ticks, state: heard.append(state)
    header.pin(5).drive(False)
    await asyncio.sleep(0)
    assert heard == []


@pytest.mark.parametrize(("strict_gpiod", "level"), [(True, False), (False, True)])
@in_virtual_time
async def test_a_killed_process_leaves_its_pins_to_the_kernel(strict_gpiod: bool, level: bool) -> None:
    header = board(strict_gpiod=strict_gpiod)
    factory = header.factory()
    relay = OutputDevice(17, pin_factory=factory)
    relay.on()
    factory.die()
    assert header.pin(17).level is level
    relay.off()
    assert header.pin(17).level is level, "a dead process moves nothing"


@in_virtual_time
async def test_without_an_external_resistor_even_a_strict_kernel_leaves_a_dead_relay_on() -> None:
    """Taking a pin switches its internal pull off, so only a resistor on the board brings it back to rest."""
    header = Board(asyncio.get_running_loop(), seed=1, strict_gpiod=True)
    factory = header.factory()
    relay = OutputDevice(17, pin_factory=factory)
    relay.on()
    factory.die()
    assert header.pin(17).level is True


@pytest.mark.parametrize("strict_gpiod", [True, False])
@in_virtual_time
async def test_a_clean_exit_returns_the_pins_to_rest_on_both_kernels(strict_gpiod: bool) -> None:
    header = board(strict_gpiod=strict_gpiod)
    with header.factory() as factory:
        relay = OutputDevice(17, pin_factory=factory)
        relay.on()
    assert header.pin(17).level is False
    assert header.pin(17).holder is None


@in_virtual_time
async def test_a_new_process_takes_over_where_one_died() -> None:
    header = board()
    first = header.factory()
    lost = OutputDevice(17, pin_factory=first)
    lost.on()
    first.die()
    relay = OutputDevice(17, pin_factory=header.factory())
    relay.on()
    assert header.pin(17).level is True


@in_virtual_time
async def test_edges_on_their_way_to_a_process_die_with_it() -> None:
    header = board()
    factory = header.factory()
    contact = DigitalInputDevice(27, pull_up=True, bounce_time=0.01, pin_factory=factory)
    heard: list[str] = []
    contact.when_activated = lambda: heard.append("closed")
    header.pin(27).drive(False)
    factory.die()
    await asyncio.sleep(1)
    assert heard == []


@in_virtual_time
async def test_two_devices_cannot_share_a_pin() -> None:
    factory = board().factory()
    relay = OutputDevice(17, pin_factory=factory)
    with pytest.raises(GPIOPinInUse):
        OutputDevice(17, pin_factory=factory)
    relay.close()


def _set(name: str, value: object) -> Callable[[object], None]:
    return lambda pin: setattr(pin, name, value)


@pytest.mark.parametrize(
    ("number", "act", "error"),
    [
        (17, _set("function", "pwm"), PinInvalidFunction),
        (17, _set("state", True), PinSetInput),
        (17, _set("pull", "sideways"), PinInvalidPull),
        (17, _set("bounce", -1), PinInvalidBounce),
        (2, _set("pull", "down"), PinFixedPull),
    ],
)
@in_virtual_time
async def test_a_wrong_setting_is_refused_as_gpiozero_refuses_it(
    number: int, act: Callable[[object], None], error: type[Exception]
) -> None:
    with pytest.raises(error):
        act(board().factory().pin(number))


@in_virtual_time
async def test_an_output_has_no_pull_to_set() -> None:
    pin = board().factory().pin(17)
    pin.function = "output"
    with pytest.raises(PinFixedPull):
        pin.pull = "up"


@in_virtual_time
async def test_a_hundred_boards_live_in_one_process() -> None:
    boards = [board() for _ in range(100)]
    relays = [OutputDevice(17, pin_factory=header.factory()) for header in boards]
    for relay in relays[::2]:
        relay.on()
    assert [header.pin(17).level for header in boards] == [True, False] * 50


def test_a_device_that_outlives_the_world_moves_nothing_more() -> None:
    async def world() -> tuple[Board, OutputDevice]:
        header = board()
        header.pin(17).watch(lambda level, at_ns: header.loop.call_later(0.01, print))
        relay = OutputDevice(17, pin_factory=header.factory())
        relay.on()
        return header, relay

    header, relay = run_virtual(world())
    moves = len(header.moves)
    relay.close()
    assert len(header.moves) == moves
