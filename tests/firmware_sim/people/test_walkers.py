import asyncio
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from contract.credentials import encode
from firmware_sim.people.walkers import GYM_DAY, Resident, badge_and_walk, hold_the_door, residents, tailgate, wander
from tests.firmware_sim.support.gym import SENSOR, Gym, fingerprint_of_days
from tests.firmware_sim.support.story import in_virtual_time

ROOT = Path(__file__).parents[3]
STRANGER = encode("H10301", facility=99, number=1)


@in_virtual_time
async def test_a_resident_badges_and_walks_in_and_a_stranger_does_not() -> None:
    gym, neighbour = Gym(), residents()[0]
    assert await badge_and_walk(gym.reader, gym.turnstile, neighbour.card_bits) is True
    await asyncio.sleep(10)
    assert await badge_and_walk(gym.reader, gym.turnstile, STRANGER) is False
    assert gym.turnstile.passed["in"] == 1


@pytest.mark.parametrize(("relocks", "second"), [(True, False), (False, True)])
@in_virtual_time
async def test_a_tailgater_slips_through_only_a_worn_turnstile(relocks: bool, second: bool) -> None:
    gym = Gym(relocks=relocks, unlock_s=3.0)
    assert await tailgate(gym.reader, gym.turnstile, residents()[0].card_bits) == (True, second)
    assert gym.turnstile.passed["in"] == 1 + second


@in_virtual_time
async def test_a_door_cannot_keep_a_tailgater_out() -> None:
    gym = Gym()
    assert await tailgate(gym.reader, gym.door, residents()[0].card_bits) == (True, True)


@in_virtual_time
async def test_a_tailgater_behind_a_stranger_gets_nowhere() -> None:
    gym = Gym(relocks=False)
    assert await tailgate(gym.reader, gym.turnstile, STRANGER) == (False, False)


@in_virtual_time
async def test_a_chat_in_the_doorway_keeps_the_door_open_for_as_long_as_it_lasts() -> None:
    gym = Gym()
    chat = asyncio.create_task(hold_the_door(gym.reader, gym.door, residents()[0].card_bits, hold_s=60))
    await asyncio.sleep(50)
    assert gym.door.angle > 70
    assert await chat is True
    await asyncio.sleep(10)
    assert gym.door.shut
    assert await hold_the_door(gym.reader, gym.door, STRANGER, hold_s=60) is False


@in_virtual_time
async def test_neighbours_come_by_the_hour_of_the_day_and_everybody_goes_home() -> None:
    gym = Gym()
    hours: Counter[int] = Counter()

    def note(resident: Resident, entered: bool) -> None:
        hours[int(gym.loop.time() / 3600) % 24] += entered

    people = asyncio.create_task(
        wander(residents(), gym.reader, gym.turnstile, chance=gym.board.random("people"), on_visit=note)
    )
    await asyncio.sleep(5 * 86400 + 4 * 3600)  # the last to leave do so after midnight
    assert not people.done()
    people.cancel()
    assert sum(hours.values()) > 400
    assert all(GYM_DAY[hour] > 0 for hour in hours)
    assert hours[19] > hours[10] > 0
    assert gym.turnstile.passed["in"] == gym.turnstile.passed["out"] == sum(hours.values())


@in_virtual_time
async def test_the_day_may_begin_at_any_hour() -> None:
    gym, arrivals = Gym(), list[str]()
    people = asyncio.create_task(
        wander(
            residents(),
            gym.reader,
            gym.turnstile,
            chance=gym.board.random("people"),
            start_hour=19.0,
            on_visit=lambda resident, entered: arrivals.append(resident.name),
        )
    )
    await asyncio.sleep(3600)
    people.cancel()
    assert len(arrivals) > 3


@in_virtual_time
async def test_who_cannot_get_out_tries_again_until_somebody_frees_the_arm() -> None:
    gym = Gym()
    people = asyncio.create_task(
        wander(
            residents()[:1],
            gym.reader,
            gym.turnstile,
            chance=gym.board.random("people"),
            start_hour=19.0,
            stay_s=(600.0, 600.0),
        )
    )
    while gym.turnstile.passed["in"] == 0:
        await asyncio.sleep(60)
    gym.turnstile.jam()
    await asyncio.sleep(3600)
    assert gym.turnstile.passed["out"] == 0
    gym.turnstile.clear_jam()
    await asyncio.sleep(120)
    people.cancel()
    assert gym.turnstile.passed["out"] == 1
    assert gym.board.pin(SENSOR).level is True


def test_residents_are_invented_and_their_cards_are_their_own() -> None:
    everybody = residents()
    assert all(resident.name.endswith(" Example") for resident in everybody)
    assert everybody[0].card_bits == "10001010100111110000100100"
    assert len({resident.card_bits for resident in everybody}) == len(everybody)


def test_the_same_seed_moves_the_same_pins_at_the_same_nanoseconds_in_every_process() -> None:
    program = "from tests.firmware_sim.support.gym import fingerprint_of_days; print(fingerprint_of_days(7, 1.0))"

    def elsewhere(hash_seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        ran = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        )
        return ran.stdout.strip()

    here = fingerprint_of_days(7, 1.0)
    assert elsewhere("1") == elsewhere("4242") == here
    assert fingerprint_of_days(8, 1.0) != here
