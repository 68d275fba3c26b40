"""The sample's people at one board: who comes to its doors, its sockets and its posts, and how often."""

import asyncio

from cloud.sample import FACILITY, PEOPLE
from contract.credentials import encode
from edge.config.device_config import DeviceConfig
from firmware_sim.parts.charge_point import EvPost
from firmware_sim.parts.charger import Socket
from firmware_sim.parts.hardware import Hardware
from firmware_sim.parts.portal import Portal
from firmware_sim.people.riders import THINGS, ChargingPlace, come_and_charge, drive_up
from firmware_sim.people.walkers import Resident, wander

VISITS_PER_HOUR = (40.0,) * 24
"""At each point of a demo: about one visit in a minute and a half, whatever the hour."""
STAY_S = (60.0, 300.0)
CHARGE_APART_S, CHARGE_S = 25.0, (60.0, 240.0)
DRIVE_APART_S, PARK_S = 120.0, 180.0
RIDERS = "rider"


def gate_card(name: str, number: int) -> Resident:
    """Somebody with a gate card of the sample's facility."""
    return Resident(name, encode("H10301", facility=FACILITY, number=number))


def residents_of_sample(plan: str = "") -> list[Resident]:
    """The sample's people with their cards: one ended, one suspended, one lost, as in life. Or those of one plan."""
    return [gate_card(person.name_en, person.card) for person in PEOPLE if plan in ("", person.plan)]


async def run_visitors(config: DeviceConfig, hardware: Hardware) -> None:
    """People come and go at every point that has a reader at its way in, and at every socket and post, until this is
    cancelled."""
    async with asyncio.TaskGroup() as visiting:
        for name, portal in hardware.all(Portal).items():
            reader = hardware.readers.get(f"{name}.in")
            if reader is not None:
                visits = wander(
                    residents_of_sample(),
                    reader,
                    portal,
                    chance=hardware.board.random(f"people/{name}"),
                    visits_per_hour=VISITS_PER_HOUR,
                    stay_s=STAY_S,
                )
                visiting.create_task(visits, name=f"people at {name}")
        for shared in config.readers:
            charges = come_and_charge(
                residents_of_sample(RIDERS),
                hardware.readers[shared.name],
                places(config, hardware, shared.points),
                chance=hardware.board.random(f"people/{shared.name}"),
                apart_s=CHARGE_APART_S,
                stay_s=CHARGE_S,
            )
            visiting.create_task(charges, name=f"people at {shared.name}")
        tags = [f"{one.uid:08X}" for one in PEOPLE if one.uid]
        for name, post in hardware.all(EvPost).items():
            chance = hardware.board.random(f"people/{name}")
            cars = drive_up(tags, post, chance=chance, apart_s=DRIVE_APART_S, stay_s=PARK_S)
            visiting.create_task(cars, name=f"cars at {name}")


def places(config: DeviceConfig, hardware: Hardware, numbers: dict[str, str]) -> list[ChargingPlace]:
    """The sockets of a shared reader, with what fits each."""
    classes = {point.name: str(point.settings.get("class", "phone")) for point in config.points}
    sockets = hardware.all(Socket)
    return [
        ChargingPlace(sockets[point], number, THINGS[classes[point]])
        for number, point in numbers.items()
        if point in sockets
    ]
