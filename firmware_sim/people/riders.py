"""Riders with something to charge: they plug in, key the socket's number, tap, and come back for it."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from contract.credentials import KEYS
from firmware_sim.parts.battery import APPLIANCES, Car
from firmware_sim.parts.charge_point import EvPost
from firmware_sim.parts.charger import Socket
from firmware_sim.people.walkers import Reader, Resident

KEY_S = 0.4
"""From one key to the next and to the card, with an unhurried finger: a busy machine may see two presses nearer to each
other."""
POWER_WITHIN_S = 5.0
"""Whoever gets no power for so long takes the plug out again."""
LOOKS_AGAIN_S = 5.0
Things = Sequence[tuple[str, tuple[float, float]]]
THINGS: Mapping[str, Things] = {
    "phone": (("phone_fast", (0.5, 0.9)), ("phone", (0.3, 0.97)), ("power_bank", (0.2, 0.9))),
    "ebike": (("ebike_lithium", (0.2, 0.98)), ("ebike_lead", (0.2, 0.9))),
}
"""What people bring to a socket of each class, and between which states of charge."""


class ChargingPlace(NamedTuple):
    """A socket, the number that is keyed for it, and what people bring there."""

    socket: Socket
    number: str
    things: Things


async def charge(
    rider: Resident,
    reader: Reader,
    place: ChargingPlace,
    *,
    chance: random.Random,
    stay_s: float,
    at_reader: asyncio.Lock,
) -> bool:
    """Plug in and tap, stay until the socket ends it or for ``stay_s``, and take the plug out. False if there was no
    power."""
    socket, loop = place.socket, asyncio.get_running_loop()
    what, (least, most) = chance.choice(place.things)
    mine = APPLIANCES[what](chance.uniform(least, most))
    socket.plug_in(mine)
    await _tap(rider, reader, place.number, at_reader)
    await asyncio.sleep(POWER_WITHIN_S)
    charged, ends_s = socket.live, loop.time() + stay_s
    while socket.live and loop.time() < ends_s:
        await asyncio.sleep(LOOKS_AGAIN_S)
    if socket.live:
        await _tap(rider, reader, place.number, at_reader)
        await asyncio.sleep(POWER_WITHIN_S)
    if socket.appliance is mine:  # somebody else may have put it out of the way
        socket.unplug()
    return charged


async def come_and_charge(
    visitors: Sequence[Resident],
    reader: Reader,
    places: Sequence[ChargingPlace],
    *,
    chance: random.Random,
    apart_s: float,
    stay_s: tuple[float, float],
) -> None:
    """Riders come to a free socket about every ``apart_s``, and each has one at a time, until this is cancelled."""
    about, at_reader = list(visitors), asyncio.Lock()

    async def visit(rider: Resident, place: ChargingPlace) -> None:
        await charge(rider, reader, place, chance=chance, stay_s=chance.uniform(*stay_s), at_reader=at_reader)
        about.append(rider)

    async with asyncio.TaskGroup() as visits:
        while True:
            await asyncio.sleep(chance.expovariate(1 / apart_s))
            free = [place for place in places if place.socket.appliance is None and not place.socket.live]
            if about and free:
                rider = about.pop(chance.randrange(len(about)))
                visits.create_task(visit(rider, chance.choice(free)), name=f"{rider.name} charges")


async def drive_up(tags: Sequence[str], post: EvPost, *, chance: random.Random, apart_s: float, stay_s: float) -> None:
    """Cars come to a post now and then, and leave when they must, until this is cancelled."""
    while True:
        await asyncio.sleep(chance.expovariate(1 / apart_s))
        if post.car is not None or not post.powered:
            continue
        post.plug_in(Car(level=chance.uniform(0.2, 0.9)))
        tag = chance.choice(tags)
        if await post.tap(tag):
            await asyncio.sleep(stay_s)
            await post.tap(tag)
        post.unplug()


async def _tap(rider: Resident, reader: Reader, number: str, at_reader: asyncio.Lock) -> None:
    async with at_reader:
        for key in number:
            reader.send(f"{KEYS.index(key):04b}")
            await asyncio.sleep(KEY_S)
        reader.send(rider.card_bits)
        await asyncio.sleep(KEY_S)
