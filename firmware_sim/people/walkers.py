"""People: what they do with readers, doors and turnstiles, as coroutines on the loop. Every name is invented."""

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from contract.credentials import encode
from firmware_sim.parts.door import Door
from firmware_sim.parts.portal import Portal


class Reader(Protocol):
    """Anything a card can be held to."""

    def send(self, bits: str) -> bool:
        """Read a card with these bits. False if it was still sending the card before."""


class Resident(NamedTuple):
    """Somebody with a card."""

    name: str
    card_bits: str


TREES = ("Alder", "Birch", "Cedar", "Elder", "Fir", "Ginkgo", "Hazel", "Juniper", "Larch", "Maple", "Poplar", "Rowan")


def residents(first_card: int = 15890, *, facility: int = 21) -> list[Resident]:
    """A dozen neighbours named after trees, with 26-bit cards of consecutive numbers."""
    return [
        Resident(f"{tree} Example", encode("H10301", facility=facility, number=first_card + index))
        for index, tree in enumerate(TREES)
    ]


async def badge_and_walk(reader: Reader, portal: Portal, card_bits: str, *, patience_s: float = 3.0) -> bool:
    """Hold the card to the reader and walk through. False if the way did not open in time."""
    reader.send(card_bits)
    return await portal.enter(patience_s)


async def tailgate(
    reader: Reader, portal: Portal, card_bits: str, *, behind_s: float = 0.6, patience_s: float = 3.0
) -> tuple[bool, bool]:
    """One person badges and a second slips in behind; tells who of the two got through."""

    async def slip_in() -> bool:
        # The second person only moves once the first one does, and does not wait long for a barred way.
        await asyncio.sleep(behind_s)
        return await portal.enter(1.0)

    reader.send(card_bits)
    first = asyncio.create_task(portal.enter(patience_s))
    second = asyncio.create_task(slip_in())
    return await first, await second


async def hold_the_door(reader: Reader, door: Door, card_bits: str, *, hold_s: float, patience_s: float = 3.0) -> bool:
    """Badge, open the door and stand in it for a chat. False if it did not open."""
    if not await badge_and_walk(reader, door, card_bits, patience_s=patience_s):
        return False
    door.hold()
    await asyncio.sleep(hold_s)
    door.let_go()
    return True


GYM_DAY: tuple[float, ...] = (0, 0, 0, 0, 0, 1, 6, 9, 7, 4, 3, 3, 4, 3, 3, 4, 6, 9, 12, 14, 11, 6, 2, 0)
"""Visits an hour, by hour of the day: early birds, lunch, and the evening after work."""


async def wander(
    visitors: Sequence[Resident],
    reader: Reader,
    portal: Portal,
    *,
    chance: random.Random,
    start_hour: float = 0.0,
    visits_per_hour: Sequence[float] = GYM_DAY,
    stay_s: tuple[float, float] = (1200.0, 5400.0),
    on_visit: Callable[[Resident, bool], object] = lambda resident, entered: None,
) -> None:
    """Neighbours come and go, by the hour of the day, until this is cancelled.

    They queue at the way in, stay between the two times of `stay_s` if let in, and leave. `on_visit` hears of every
    arrival. `start_hour` is the hour of the day at the loop's present time.
    """
    loop = asyncio.get_running_loop()
    midnight = loop.time() - start_hour * 3600
    at_home = list(visitors)
    queue = asyncio.Lock()
    busiest = max(visits_per_hour)

    async def visit(resident: Resident, stay: float) -> None:
        async with queue:
            entered = await badge_and_walk(reader, portal, resident.card_bits)
        on_visit(resident, entered)
        if entered:
            await asyncio.sleep(stay)
            await _go_home(portal, queue)
        at_home.append(resident)

    async with asyncio.TaskGroup() as visits:
        while True:
            await asyncio.sleep(chance.expovariate(busiest / 3600))
            hour = int((loop.time() - midnight) / 3600) % 24
            if chance.random() * busiest < visits_per_hour[hour] and at_home:
                resident = at_home.pop(chance.randrange(len(at_home)))
                visits.create_task(visit(resident, chance.uniform(*stay_s)), name=f"visit of {resident.name}")


async def _go_home(portal: Portal, queue: asyncio.Lock) -> None:
    while True:
        async with queue:
            if await portal.leave():
                return
        await asyncio.sleep(60)  # the way out is stuck: ask about, have a drink of water, try again
