"""Fire, smoke and drill as they are lived at a turnstile, with its program or its keeper away in the middle of it.

What counts is what the pins do: the free arm is read from the board, the same that an unlocked door would show.
"""

import asyncio
from pathlib import Path

from cloud.emergencies.store import ZoneState, list_zone_states
from contract.decide import Mode
from contract.events import Event
from firmware_sim.control.commands import card_bits
from firmware_sim.parts.emergency import FirePanel, SmokeDetector
from tests.firmware_sim.support.story import in_virtual_time
from tests.scenarios.gym import GYM, MEMBER, STAFF, Gym

UNLOCK = 17
MINUTE_S = 60.0


class Guarded(Gym):
    """The gym with its panel, detector, stop and key in somebody's hands."""

    def is_free(self) -> bool:
        """Whether the arm is free, by the pin and not by anybody's word."""
        return self.device.board.pin(UNLOCK).level

    @property
    def panel(self) -> FirePanel:
        return self.device.hardware.fire_panels["gym"]

    @property
    def smoke(self) -> SmokeDetector:
        return self.device.hardware.smoke_detectors["gym"]

    async def turns_key(self) -> None:
        self.device.hardware.reset_keys["gym"].press()
        await asyncio.sleep(2)

    async def taps(self, card: str) -> None:
        self.device.hardware.readers[f"{GYM}.in"].send(card_bits(card))
        await asyncio.sleep(2)

    async def drills(self, on: bool) -> None:
        self.cloud.commands.issue("drill", "gym", {"on": on}, "lin", "the yearly drill")
        await asyncio.sleep(2)

    def story(self) -> list[tuple[str, str]]:
        """What the journal tells of emergencies: what, and why or by what."""
        return [(event.kind.removeprefix("emergency."), _gist(event)) for event in self.told("emergency")]

    def console(self) -> ZoneState:
        """What the console says of the gym."""
        with self.cloud.reading() as connection:
            (state,) = list_zone_states(connection, self.town.now_ms(), "gym")
        return state


def _gist(event: Event) -> str:
    return str(event.data.get("how") or event.data.get("cause"))


@in_virtual_time
async def test_a_fire_while_the_program_is_dead_frees_the_way_and_is_told_when_it_is_back(tmp_path: Path) -> None:
    async with Guarded(tmp_path) as gym:
        gym.device.kill_agent()
        gym.panel.alarm()
        await asyncio.sleep(0.1)
        assert gym.is_free()
        assert await gym.turnstile.leave()
        await asyncio.sleep(MINUTE_S)
        gym.device.start_agent()
        await gym.until(gym.in_step)
        assert gym.story() == [("standing", "fire")]
        assert (gym.console().cause, gym.console().ended) == ("fire", None)
        gym.panel.alarm(False)
        await asyncio.sleep(1)
        await gym.turns_key()
        assert not gym.is_free()
        await gym.until(gym.in_step)
        assert gym.story()[-1] == ("reset", "key")
        ended = gym.console().ended
        assert ended is not None
        assert ended.how == "key"


@in_virtual_time
async def test_a_keeper_that_dies_in_the_middle_frees_the_way_again_the_moment_it_is_back(tmp_path: Path) -> None:
    async with Guarded(tmp_path) as gym:
        gym.smoke.put(True)
        await asyncio.sleep(1)
        gym.smoke.put(False)
        gym.device.kill_keeper()
        await asyncio.sleep(5)
        gym.device.start_keeper()
        assert gym.is_free(), "the latch outlives the keeper, though the smoke is gone"
        await asyncio.sleep(MINUTE_S)
        assert gym.is_free()
        await gym.turns_key()
        assert not gym.is_free()
        assert gym.story() == [("began", "smoke"), ("reset", "key")]


@in_virtual_time
async def test_the_plug_is_pulled_in_the_middle_and_the_emergency_is_still_there(tmp_path: Path) -> None:
    async with Guarded(tmp_path) as gym:
        gym.panel.break_wire()
        await asyncio.sleep(1)
        gym.reboot()
        await asyncio.sleep(2)
        assert gym.is_free()
        assert gym.status["faults"]["fire_loop.gym"] == "broken"
        assert "emergency.gym" not in gym.status["faults"]
        gym.panel.break_wire(False)
        await asyncio.sleep(1)
        assert gym.is_free()
        await gym.turns_key()
        assert not gym.is_free()
        assert gym.story()[-1] == ("reset", "key")


@in_virtual_time
async def test_a_card_with_the_right_ends_it_once_the_alarm_is_over_and_no_other_card_does(tmp_path: Path) -> None:
    async with Guarded(tmp_path) as gym:
        gym.panel.alarm()
        await asyncio.sleep(1)
        await gym.taps(STAFF)
        assert gym.is_free()
        assert gym.status["points"][GYM]["shown"] == "alarm_still_on"
        gym.panel.alarm(False)
        await asyncio.sleep(1)
        await gym.taps(MEMBER)
        assert gym.is_free()
        await gym.taps(STAFF)
        assert not gym.is_free()
        await gym.until(gym.in_step)
        assert gym.story() == [("began", "fire"), ("not_reset", "card"), ("reset", "card")]
        ended = gym.told("emergency.reset")[0].data
        assert ended["by"] == ended["holder"]
        assert gym.console().person is not None
        assert await gym.tries(STAFF), "the same card is an ordinary card again"


@in_virtual_time
async def test_a_drill_frees_the_way_and_ends_by_an_order_or_by_itself(tmp_path: Path) -> None:
    async with Guarded(tmp_path) as gym:
        await gym.drills(True)
        assert gym.is_free()
        assert (gym.console().cause, gym.console().began_by) == ("drill", "lin")
        await gym.drills(False)
        assert not gym.is_free()
        await gym.drills(True)
        await asyncio.sleep(29 * MINUTE_S)
        assert gym.is_free()
        await asyncio.sleep(2 * MINUTE_S)
        assert not gym.is_free()
        assert gym.story() == [("began", "drill"), ("reset", "order"), ("began", "drill"), ("reset", "time")]
        assert await gym.tries(MEMBER)


@in_virtual_time
async def test_a_drill_that_becomes_a_fire_is_a_fire_and_only_somebody_on_site_ends_it(tmp_path: Path) -> None:
    async with Guarded(tmp_path) as gym:
        await gym.drills(True)
        gym.smoke.put(True)
        await asyncio.sleep(1)
        await gym.drills(False)
        assert gym.is_free()
        assert [event.data["why"] for event in gym.told("command.refused")] == ["emergency"]
        gym.panel.alarm()
        await asyncio.sleep(1)
        gym.panel.alarm(False)
        gym.smoke.put(False)
        await asyncio.sleep(60 * MINUTE_S)
        assert gym.is_free()
        await gym.turns_key()
        assert not gym.is_free()
        assert gym.story() == [("began", "drill"), ("worsened", "smoke"), ("worsened", "fire"), ("reset", "key")]


@in_virtual_time
async def test_a_drill_whose_keeper_dies_is_over_and_that_is_told(tmp_path: Path) -> None:
    async with Guarded(tmp_path) as gym:
        await gym.drills(True)
        gym.device.kill_keeper()
        await asyncio.sleep(1)
        gym.device.start_keeper()
        await asyncio.sleep(1)
        assert not gym.is_free()
        assert gym.story() == [("began", "drill"), ("reset", "restart")]


@in_virtual_time
async def test_no_order_and_no_mode_shuts_the_way_while_it_burns(tmp_path: Path) -> None:
    async with Guarded(tmp_path) as gym:
        gym.panel.alarm()
        await asyncio.sleep(1)
        gym.cloud.commands.issue("open_once", GYM, {}, "lin", "the fire brigade")
        await gym.drills(True)
        await gym.drills(False)
        for mode in Mode:
            gym.cloud.desired_state.set_mode([GYM], mode, "lin", "whatever")
            await asyncio.sleep(20)
            assert gym.is_free(), mode
            assert await gym.turnstile.leave()
        gym.cloud.commands.issue("reboot", GYM, {}, "lin", "it may help")
        await asyncio.sleep(20)
        assert gym.is_free()
        assert gym.status["emergencies"] == ["gym"]
