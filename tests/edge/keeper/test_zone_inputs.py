"""What is wired for a zone, on a simulated board: each cause told apart, and the worst first."""

import asyncio
from typing import Any
from unittest.mock import MagicMock

import pytest

from edge.config.tables import EmergencyInput, InputPin
from edge.keeper.inputs import ZoneInputs
from firmware_sim.board.board import Board
from firmware_sim.parts.button import PushButton
from firmware_sim.parts.emergency import EmergencyStop, FirePanel, SmokeDetector
from tests.firmware_sim.support.story import in_virtual_time

LOOP, SECOND, SMOKE, STOP, KEY = (
    InputPin(26, active="high"),
    InputPin(25),
    InputPin(20, active="high"),
    InputPin(21, active="high"),
    InputPin(16),
)


class Zone:
    """A panel, a detector, a stop and a key, and what their inputs told."""

    def __init__(self, *, second: bool = True) -> None:
        loop = asyncio.get_running_loop()
        board = Board(loop, seed=3)
        self.panel = FirePanel(board, pin=26, confirm_pin=25)
        self.smoke = SmokeDetector(board, pin=20, name="smoke", active="high")
        self.stop = EmergencyStop(board, pin=21, name="stop", active="high")
        self.key = PushButton(board, pin=16)
        self.looks = self.keys = 0
        wiring = EmergencyInput("hub", LOOP, KEY, confirm=SECOND if second else None, smoke=SMOKE, estop=STOP)
        self.factory = board.factory()
        self.first_seen: list[str] = []
        self.inputs = ZoneInputs(wiring, self.factory, loop, self._look, self._turned)

    def _look(self, zone: str) -> None:
        assert zone == "hub"
        self.looks += 1
        if not self.first_seen:
            self.first_seen = [*self.inputs.causes]

    def _turned(self, zone: str) -> None:
        assert zone == "hub"
        self.keys += 1

    async def causes(self) -> list[str]:
        await asyncio.sleep(0.2)
        return [*self.inputs.causes]


@in_virtual_time
async def test_a_quiet_zone_has_no_cause() -> None:
    zone = Zone()
    assert (await zone.causes(), zone.looks) == ([], 0)


@in_virtual_time
async def test_an_alarm_is_a_fire_from_the_first_look_on() -> None:
    """The two contacts bounce each in its own way; no alarm may be told as a broken wire first."""
    zone = Zone()
    zone.panel.alarm()
    assert await zone.causes() == ["fire"]
    assert zone.first_seen == ["fire"]
    zone.panel.alarm(False)
    assert await zone.causes() == []


@in_virtual_time
async def test_a_loop_that_opens_alone_is_broken_and_an_alarm_in_it_is_a_fire() -> None:
    zone = Zone()
    zone.panel.break_wire()
    assert await zone.causes() == ["loop_broken"]
    assert zone.first_seen == ["loop_broken"]
    zone.panel.alarm()
    assert await zone.causes() == ["fire"]
    assert zone.looks == 2


@in_virtual_time
async def test_without_a_second_contact_every_open_loop_is_a_fire() -> None:
    zone = Zone(second=False)
    zone.panel.break_wire()
    assert await zone.causes() == ["fire"]


@in_virtual_time
async def test_the_second_contact_alone_is_a_fire_too_for_the_loop_may_be_shorted() -> None:
    zone = Zone()
    zone.panel._contact.welded = True
    zone.panel.alarm()
    assert (await zone.causes(), zone.looks) == (["fire"], 1)


@pytest.mark.parametrize("part", ["smoke", "stop"])
@in_virtual_time
async def test_a_detector_and_a_stop_tell_by_a_contact_that_opens(part: str) -> None:
    zone = Zone()
    if part == "smoke":
        zone.smoke.put(True)
        assert (await zone.causes(), zone.smoke.view()["smoke"]) == (["smoke"], True)
        zone.smoke.put(False)
    else:
        zone.stop.put(True)
        assert (await zone.causes(), zone.stop.view()["pressed"]) == (["estop"], True)
        zone.stop.put(False)
    assert (await zone.causes(), zone.looks) == ([], 1)


@in_virtual_time
async def test_of_several_causes_the_worst_comes_first() -> None:
    zone = Zone()
    zone.stop.put(True)
    zone.smoke.put(True)
    assert await zone.causes() == ["smoke", "estop"]
    zone.panel.alarm()
    assert await zone.causes() == ["fire", "smoke", "estop"]


@in_virtual_time
async def test_a_key_is_told_when_it_is_turned_and_not_when_it_is_let_go() -> None:
    zone = Zone()
    zone.key.press()
    await asyncio.sleep(1)
    assert (zone.keys, zone.looks) == (1, 0)


class OnePinHeld:
    """Pins of which one is held by somebody else."""

    def __init__(self, held: int) -> None:
        self.held, self.closed = held, 0

    def pin(self, name: int) -> Any:
        if name == self.held:
            raise OSError(16, f"GPIO{name} is held by another process")
        pin = MagicMock(state=0)
        pin.close.side_effect = self._closed
        return pin

    def ticks(self) -> float:
        return 0.0

    def _closed(self) -> None:
        self.closed += 1


@in_virtual_time
async def test_where_one_pin_cannot_be_had_the_others_are_let_go() -> None:
    pins, wiring = OnePinHeld(21), EmergencyInput("hub", LOOP, KEY, smoke=SMOKE, estop=STOP)
    with pytest.raises(OSError, match="GPIO21"):
        ZoneInputs(wiring, pins, asyncio.get_running_loop(), print, print)
    assert pins.closed == 2
