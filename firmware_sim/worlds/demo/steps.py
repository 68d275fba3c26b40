"""What every step of a story shares: how it is told, how it fails, and what it looks at."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from itertools import chain

import httpx
from msgspec import Struct

from edge.journal.journal import JournalError
from firmware_sim.control.commands import Tapped
from firmware_sim.control.control import BoardGone
from firmware_sim.parts.hardware import ControlError
from firmware_sim.worlds.demo.operator import Event
from firmware_sim.worlds.demo.processes import Died


class StepFailed(Exception):
    """The world did not do what the step says it does."""


class Step(Struct, frozen=True):
    """How a step went; ``ms`` is its own figure where it has one, else how long it took."""

    name: str
    ok: bool
    ms: float
    detail: str


Outcome = tuple[float, str]
"""A step's figure in milliseconds, and what was seen; ``{ms}`` in it stands for the figure."""
Act = tuple[str, Callable[[], Awaitable[Outcome]]]
"""A step's name, and how it is done."""


async def tell(steps: Iterable[Act]) -> AsyncIterator[Step]:
    """Each step as it is done. One that fails does not stop the others."""
    for name, act in steps:
        began = time.monotonic()
        try:
            ms, detail = await act()
            yield Step(name, True, round(ms, 1), detail.format(ms=ms))
        except (StepFailed, TimeoutError, ControlError, BoardGone, Died, httpx.HTTPError, JournalError) as failure:
            took_ms = (time.monotonic() - began) * 1000
            yield Step(name, False, round(took_ms, 1), f"{type(failure).__name__}: {failure}")


async def tell_beside(*stories: Iterable[Act]) -> AsyncIterator[Step]:
    """Several stories at once: each step as it is done, whichever story it is of."""
    steps: asyncio.Queue[Step] = asyncio.Queue()

    async def follow(story: Iterable[Act]) -> None:
        async for step in tell(story):
            steps.put_nowait(step)

    async with asyncio.TaskGroup() as following:
        for story in stories:
            following.create_task(follow(story))
        for _ in chain(*stories):
            yield await steps.get()


def ms_between(began_ns: int, ended_ns: int) -> float:
    return (ended_ns - began_ns) / 1e6


def pulses(tapped: Tapped) -> tuple[int, int]:
    """When the first and the last pulse of a card came, in nanoseconds."""
    if tapped.first_ns is None or tapped.last_ns is None:
        raise StepFailed("the reader sent no pulse")
    return tapped.first_ns, tapped.last_ns


def check_order(device: str, events: list[Event]) -> None:
    numbers = [event["seq"] for event in events]
    if numbers != sorted(set(numbers)):
        raise StepFailed(f"{device}: events doubled or out of order in the cloud: {numbers}")
