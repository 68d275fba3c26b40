"""Whoever may publish anything to anybody, on every channel both ways: nothing opens, nothing is forgotten, no clock
moves, no mode changes, and the door goes on."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from cloud.cards.store import set_card_standing
from cloud.commands.store import find_desired, find_order
from cloud.people.tables import credentials
from cloud.store.schema import clock_fixes, event_series, people
from contract.decide import Mode, Standing
from firmware_sim.worlds.demo.community import SITE
from tests.firmware_sim.support.story import in_virtual_time
from tests.scenarios.gym import GYM, MEMBER, STAFF, STRANGER, Gym
from tests.scenarios.thief import Thief

BLOWS = 400
"""Messages of one attack."""


def openings(gym: Gym) -> int:
    """How often the lock was driven, by the log of the board, which is the witness."""
    unlock = gym.device.config.points[0].outputs["unlock"]
    return sum(move.pin == unlock.pin and move.level == (unlock.relay == "high") for move in gym.device.board.moves)


async def a_full_life(gym: Gym) -> str:
    """All that a thief would love to say again was said once: returns the command that was carried out."""
    assert await gym.tries(MEMBER)
    for mode in (Mode.HOLD_OPEN, Mode.LOCKDOWN, Mode.SCHEDULED):
        gym.cloud.desired_state.set_mode([GYM], mode, "lin", "a fight in the yard")
        await gym.until(lambda mode=mode: gym.status["points"][GYM]["mode"] == mode)  # type: ignore[misc]
    (command,) = gym.cloud.commands.issue("open_once", GYM, {}, "lin", "a visitor")
    await gym.until(lambda: "command.done" in {event.kind for event in gym.rows()})
    assert await gym.turnstile.enter()
    with gym.cloud.changing() as connection:
        set_card_standing(connection, 1, Standing.LOST)
    await gym.until(lambda: gym.roster["number"] == 2 and gym.in_step())
    await gym.rest()
    return command


@settings(max_examples=8)
@given(seed=st.integers(0, 1 << 32))
def test_an_attacker_with_every_right_opens_erases_and_changes_nothing(seed: int) -> None:
    @in_virtual_time
    async def story(folder: Path) -> None:
        async with Gym(folder) as gym:
            thief = Thief(gym.town.broker, SITE, GYM, seed, gym.town.now_ms)
            await gym.until(lambda: thief.link.up)
            command = await a_full_life(gym)
            moves, rows, mode = openings(gym), gym.rows(), gym.status["points"][GYM]["mode"]
            thief.learn()
            assert len(thief.heard) >= 10
            for blow in range(BLOWS):
                thief.attack()
                if blow % 50 == 49:
                    await asyncio.sleep(0.5)
                    assert abs(gym.status["clock"]["at_ms"] - gym.town.now_ms()) < 1000
                    assert gym.status["points"][GYM]["mode"] == mode
            await asyncio.sleep(70)
            assert openings(gym) == moves
            assert abs(gym.status["clock"]["at_ms"] - gym.town.now_ms()) < 1000
            assert gym.status["points"][GYM]["mode"] == mode == "scheduled"
            assert gym.roster["number"] == 2
            assert gym.rows()[: len(rows)] == rows
            assert len(gym.rows()) < len(rows) + 40, "a thief must not fill a journal"
            assert await gym.tries(STAFF)
            assert not await gym.tries(STRANGER)
            assert gym.agent.agent.failures == 0
            await gym.until(gym.in_step, 300)
            assert gym.arrived() == gym.rows()
            believed(gym, command)
            gym.reboot()
            await gym.until(lambda: gym.device.link.up and gym.in_step(), 300)
            assert (gym.status["points"][GYM]["mode"], gym.roster["number"]) == ("scheduled", 2)
            assert await gym.tries(MEMBER)
            assert openings(gym) == moves + 2

    with TemporaryDirectory() as folder:
        story(Path(folder))


def believed(gym: Gym, command: str) -> None:
    """What the cloud holds for true is what its device said."""
    with gym.cloud.reading() as connection:
        order, desired = find_order(connection, command), find_desired(connection, GYM)
        fixes = connection.execute(select(clock_fixes.c.boot)).all()
        assert connection.execute(select(people.c.id)).first()
        assert {row.standing for row in connection.execute(select(credentials.c.standing))} == {"active", "lost"}
        devices = connection.execute(select(event_series.c.device_id).distinct()).all()
    assert order is not None
    assert order.state == "done"
    assert desired is not None
    assert desired.reported is not None
    assert (desired.number, desired.reported.number, desired.reported.modes) == (3, 3, {GYM: Mode.SCHEDULED})
    assert len(fixes) == 1
    assert len(devices) == 1
