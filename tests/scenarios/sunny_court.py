"""Stories of Sunny Court, told in virtual time: shipped devices, the shipped cloud, and the people of the sample."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from cloud.keys.folder import open_folder
from cloud.redecide.service import Run, redecide_all
from cloud.sample import SITE
from contract.events import Event, decode_event
from firmware_sim.time.clock import run_virtual
from firmware_sim.worlds.virtual.audit import audit
from firmware_sim.worlds.virtual.town import VirtualTown
from tests.firmware_sim.support.memory_disk import memory_disk

GYM, EAST_GATE, HUB = "gym-turnstile", "east-gate", "hub-door"

Story = Callable[[VirtualTown], Coroutine[Any, Any, None]]


BEGINS_BEFORE_S = 60.0


def in_sunny_court(*also: tuple[str, str], from_hour: float = 0) -> Callable[[Story], Callable[[], None]]:
    """Tell a story of the first day. At its end everything is with the cloud, nothing can be said against it, and the
    cloud decides the same again.

    ``also`` are people and zones that the story brings together. The community starts at midnight, or shortly before
    ``from_hour``, which spares a story the quiet hours before it.
    """
    start_s = max(0.0, from_hour * 3600 - BEGINS_BEFORE_S)

    async def told(story: Story) -> None:
        with memory_disk() as folder:
            town = VirtualTown(folder, seed=1)
            town.start()
            await asyncio.sleep(30)
            await story(town)
            await town.drained()
            await town.close()
            assert audit(town, also) == []
            assert decided_again(town).differences == []

    def tell(story: Story) -> Callable[[], None]:
        return lambda: run_virtual(told(story), start_s=start_s)

    return tell


def decided_again(town: VirtualTown) -> Run:
    """What the cloud says of all decisions in a town that has ended."""
    with open_folder(town.cloud.folder) as (store, _):
        return redecide_all(store, SITE.name)


async def until(town: VirtualTown, hour: float) -> None:
    """Let time go on to an hour of the first day; 27 is three in the morning of the second."""
    await asyncio.sleep(hour * 3600 - town.loop.time())


def in_the_cloud(town: VirtualTown, device: str, *kinds: str) -> list[Event]:
    """What the cloud has of a device in this moment; of these kinds, if any are named."""
    events = [decode_event(stored) for _, stored in town.stored(device)]
    return [event for event in events if not kinds or event.kind in kinds]


def reasons(town: VirtualTown, device: str) -> list[str]:
    """How the cloud was told of decisions at a device, in order."""
    return [str(event.data["reason"]) for event in in_the_cloud(town, device, "access.allowed", "access.refused")]
