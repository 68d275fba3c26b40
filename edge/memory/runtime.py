"""What those parts of a device run with that keep something: the loop, the clock, the memory, the record of events."""

import logging
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import Any, TypeVar, TypeVarTuple

from msgspec import Struct

from edge.machine.clock import DeviceClock
from edge.memory.memory import Memory

log = logging.getLogger(__name__)

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

    def write(self, what: str, act: Callable[[*Ts], object], *arguments: *Ts) -> None:
        """Have something written that nobody waits for: where it cannot be, the log says so."""
        self.on_disk(act, *arguments).add_done_callback(partial(_log_failure, what))


def _log_failure(what: str, written: "Future[Any]") -> None:
    if not written.cancelled() and (error := written.exception()) is not None:
        log.warning("%s cannot be written: %s", what, error)
