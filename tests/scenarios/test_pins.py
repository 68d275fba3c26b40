"""Card and PIN at the gym: by night, in a lockdown, under duress. The device decides alone; the cloud is told."""

import asyncio
from pathlib import Path

from cloud.devices.event_series import EventFilter
from cloud.devices.event_views import EventView, list_arrivals, list_events, list_silent
from cloud.hours.rule import Hours
from cloud.hours.store import add_hours
from cloud.points.demands import PointDemand
from cloud.store.labels import Label
from cloud.store.revision import Touched, touch
from cloud.web.words import look_of
from contract.credentials import KEYS
from contract.decide import MINUTE_MS, Mode
from contract.pins import duress_of
from edge.agent.pin_guard import BLOCK_MS
from firmware_sim.control.commands import card_bits
from firmware_sim.people.riders import KEY_S
from firmware_sim.worlds.virtual.town import MIDNIGHT_MS
from tests.firmware_sim.support.story import in_virtual_time
from tests.scenarios.gym import GYM, MEMBER, STAFF, Gym

PIN = "471196"
ZHOU_BA = "Zhou Ba"
NIGHT = ((0, 6 * 60), (22 * 60, 24 * 60))


async def tries(gym: Gym, card: str, pin: str = "") -> bool:
    """Somebody shows a card, keys a PIN and walks; whether they got through. Then nobody keys anything for a while."""
    reader = gym.device.hardware.readers[f"{GYM}.in"]
    reader.send(card_bits(card))
    await asyncio.sleep(KEY_S)
    for key in f"{pin}#" if pin else "":
        reader.send(f"{KEYS.index(key):04b}")
        await asyncio.sleep(KEY_S)
    passed = await gym.turnstile.enter()
    await asyncio.sleep(12)
    return passed


def person(gym: Gym, name: str) -> int:
    with gym.cloud.reading() as connection:
        found = connection.exec_driver_sql("SELECT id FROM people WHERE name_en = ?", (name,)).scalar_one()
    return int(found)


async def give_pin(gym: Gym, asked: str = "") -> None:
    """Zhou Ba of the staff gets a PIN, and the point asks for one in the hours of that name, if any."""
    gym.cloud.pins.set_pin("lin", person(gym, ZHOU_BA), PIN)
    gym.cloud.demands.demand("lin", GYM, PointDemand(asked))
    await in_roster(gym)


async def in_roster(gym: Gym) -> None:
    """Until the device has what was changed, and has run so long that somebody may mistype."""
    await asyncio.sleep(BLOCK_MS / 1000)


def told(gym: Gym) -> list[EventView]:
    """What every operator reads of decisions, the oldest first."""
    with gym.cloud.reading() as connection:
        return list_events(connection, EventFilter(kind="access"), limit=200).rows[::-1]


async def at(gym: Gym, hour: float) -> None:
    """Until this hour of the first day."""
    await asyncio.sleep((MIDNIGHT_MS + hour * 60 * MINUTE_MS - gym.town.now_ms()) / 1000)


@in_virtual_time
async def test_ambulance_passes_lockdown_without_cloud(tmp_path: Path) -> None:
    """Whoever meets the ambulance has card, mark and PIN. The gate is locked down, the cloud dies. Their card alone
    opens nothing, nor does a wrong PIN; nobody else is even asked. Later the cloud reads who it was, as an alarm."""
    async with Gym(tmp_path) as gym:
        await give_pin(gym)
        gym.cloud.pins.set_override("lin", person(gym, ZHOU_BA), may_override=True)
        await in_roster(gym)
        gym.cloud.desired_state.set_mode([GYM], Mode.LOCKDOWN, "lin", "a fight in the yard")
        await gym.until(lambda: gym.status["points"][GYM]["mode"] == "lockdown")
        gym.cloud.kill()
        assert not await tries(gym, MEMBER, PIN)
        assert not await tries(gym, STAFF)
        assert not await tries(gym, STAFF, "471197")
        assert await tries(gym, STAFF, PIN)
        assert gym.reasons() == ["locked_down", "pin_needed", "pin_wrong"]
        gym.cloud.start()
        await gym.until(gym.in_step)
        passed = next(event for event in told(gym) if event.kind == "access.allowed")
    assert passed.reason == "override"
    assert passed.person is not None
    assert passed.person.name.en == ZHOU_BA
    assert look_of(passed)[0] == "alarm"


@in_virtual_time
async def test_night_asks_for_pin(tmp_path: Path) -> None:
    """By day the card is enough. A wrong PIN is refused, and one that is not keyed is one refusal."""
    async with Gym(tmp_path) as gym:
        with gym.cloud.changing() as connection:
            add_hours(connection, Hours("night", Label("夜间", "Night"), (NIGHT,) * 7))
        await give_pin(gym, "night")
        assert not await tries(gym, STAFF)
        assert not await tries(gym, STAFF, "862044")
        await asyncio.sleep(10)
        assert await tries(gym, STAFF, PIN)
        await at(gym, 12)
        assert await tries(gym, STAFF)
        await at(gym, 22.1)
        assert not await tries(gym, STAFF)
        assert gym.reasons() == ["pin_needed", "pin_wrong", "pin_needed"]


@in_virtual_time
async def test_duress_is_seen_by_administrators_alone(tmp_path: Path) -> None:
    """The turnstile lets them through, and nothing that anybody reads says more than that."""
    async with Gym(tmp_path) as gym:
        with gym.cloud.changing() as connection:
            connection.exec_driver_sql("UPDATE sites SET duress = 1")
            touch(connection, Touched.TERMS)
        await give_pin(gym, "always")
        assert await tries(gym, STAFF, PIN)
        usual = gym.status["points"][GYM]
        assert await tries(gym, STAFF, duress_of(PIN))
        assert gym.status["points"][GYM] == usual
        await gym.until(gym.in_step)
        with gym.cloud.reading() as connection:
            shown = [event.kind for event in list_arrivals(connection, 0, 1000)]
            (silent,) = list_silent(connection).rows
        first, second = (event for event in told(gym) if event.kind == "access.allowed")
    assert "access.duress" not in shown
    assert {name for name in first.data if first.data[name] != second.data.get(name)} <= {"facts", "roster"}
    assert silent.kind == "access.duress"
    assert silent.person is not None
    assert silent.person.name.en == ZHOU_BA
