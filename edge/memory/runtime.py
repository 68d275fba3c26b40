"""What those parts of a device run with that keep something: the loop, the clock, the memory, the record of events."""

from asyncio import AbstractEventLoop, Future
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, TypeVar, TypeVarTuple

from msgspec import Struct

from edge.machine.clock import DeviceClock
from edge.memory.memory import Memory

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Runtime(Struct, frozen=True):
    """What all of these parts have in common. ``writer`` does their small disk work, ``record`` takes point, kind
    and data of an event."""

    loop: AbstractEventLoop
    clock: DeviceClock
    memory: Memory
    writer: Executor | None
    record: Callable[[str, str, dict[str, Any]], object]

    def on_disk(self, act: Callable[[*Ts], T], *arguments: *Ts) -> "Future[T]":
        """Have something done by the writer."""
        return self.loop.run_in_executor(self.writer, act, *arguments)
