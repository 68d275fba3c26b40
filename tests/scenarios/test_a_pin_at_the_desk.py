"""A PIN set at the desk, keyed at one door, changed at the desk, and keyed at the next one."""

import asyncio

from cloud.keys.keys import KeyFolder
from cloud.people.store import list_people
from cloud.pins.service import PinService
from cloud.points.demands import DemandService, PointDemand
from contract.credentials import KEYS
from firmware_sim.parts.portal import Portal
from firmware_sim.worlds.virtual.town import VirtualTown, neighbours
from tests.scenarios.sunny_court import EAST_GATE, GYM, HUB, in_sunny_court, reasons, until

GUARD, RESIDENT = "Zhou Ba", "Li Si"
KEY_EVERY_S = 0.3


async def comes(town: VirtualTown, device: str, who: str, pin: str = "") -> bool:
    """Somebody holds their card to the reader, keys a PIN if they have one, and walks; whether they got through."""
    reader = town.devices[device].hardware.readers[f"{device}.in"]
    (portal,) = town.devices[device].hardware.all(Portal).values()
    reader.send(next(one.card_bits for one in neighbours() if one.name == who))
    for key in f"{pin}#" if pin else "":
        await asyncio.sleep(KEY_EVERY_S)
        reader.send(f"{KEYS.index(key):04b}")
    entered = await portal.enter(3.0)
    await asyncio.sleep(15)  # the way is shut again, and nobody waits for a PIN any more
    return entered


@in_sunny_court(("Li Si", "gym"), from_hour=9)
async def test_pin_of_the_desk_counts_at_doors(town: VirtualTown) -> None:
    """Every way in asks for a PIN now. The guard sets one, and has it changed after somebody looked over his shoulder:
    two seconds later the next door takes the new one alone. Whoever comes home is not asked, and has none."""
    pins = PinService(town.cloud.store, KeyFolder(town.cloud.folder / "keys"), town.now_ms)
    demands = DemandService(town.cloud.store, town.now_ms)
    with town.cloud.reading() as connection:
        guard = next(one.id for one in list_people(connection).people if one.name.en == GUARD)
    await until(town, 9.5)
    for point in (EAST_GATE, GYM, HUB):
        demands.demand("admin", point, PointDemand("always"))
    await asyncio.sleep(2)
    assert not await comes(town, GYM, GUARD)
    pins.set_pin("office", guard, "295073")
    await asyncio.sleep(2)
    assert await comes(town, GYM, GUARD, "295073")
    pins.set_pin("office", guard, "840616")
    await asyncio.sleep(2)
    assert not await comes(town, HUB, GUARD, "295073")
    assert await comes(town, HUB, GUARD, "840616")
    assert await comes(town, EAST_GATE, RESIDENT)
    await town.drained()
    assert reasons(town, GYM) == ["pin_needed", "allowed"]
    assert reasons(town, HUB) == ["pin_wrong", "allowed"]
    assert reasons(town, EAST_GATE) == ["allowed"]
