"""Room for events: said to be short while there still is some, in the journal and on its disk."""

import logging
from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable
from typing import Any, Protocol

from contract.device_events import DeviceEvents
from contract.device_words import DeviceFault

log = logging.getLogger(__name__)

LOOK_S = 60.0
FULL, ROOM = 0.9, 0.8
"""How much of the journal waits for the cloud when it is called full, and when there is room again."""
LOW_BYTES, ENOUGH_BYTES = 64 << 20, 128 << 20
"""What is free on the disk when it is called low, and when it is enough again: the first holds a full journal twice."""

JOURNAL_FULL: DeviceFault = "journal_full"
DISK_LOW: DeviceFault = "disk_low"


class FilledJournal(Protocol):
    @property
    def filled(self) -> float: ...

    def record(self, point: str, kind: str, data: dict[str, Any]) -> int | None: ...


def short(was: bool, value: float, at: float, until: float) -> bool:
    """Whether there is too little of something: from ``at`` down, and then until there is more than ``until``."""
    return value <= (until if was else at)


class Space:
    """``faults`` says what is short, by its word. What changes is recorded, once each way."""

    def __init__(
        self,
        recording: FilledJournal,
        loop: AbstractEventLoop,
        free_bytes: Callable[[], int] | None,
        changed: Callable[[], object],
    ) -> None:
        self.faults: dict[DeviceFault, str] = {}
        self._recording, self._loop, self._free_bytes, self._changed = recording, loop, free_bytes, changed
        self._next: TimerHandle | None = None

    def look(self) -> None:
        """Look now, and again every minute."""
        self.close()
        self._next = self._loop.call_later(LOOK_S, self.look)
        filled = self._recording.filled
        is_full = short(JOURNAL_FULL in self.faults, 1 - filled, 1 - FULL, 1 - ROOM)
        self._judge(JOURNAL_FULL, is_full, f"{min(filled, 1):.0%}")
        if self._free_bytes is not None:
            self._look_at_disk(self._free_bytes)

    def close(self) -> None:
        if self._next is not None:
            self._next.cancel()

    def _look_at_disk(self, free_bytes: Callable[[], int]) -> None:
        """While a disk does not even say what is free on it, its last answer stands: no door waits for this one."""
        try:
            free = free_bytes()
        except OSError as error:
            log.warning("what is free on the disk cannot be read: %s", error)
            return
        is_low = short(DISK_LOW in self.faults, free, LOW_BYTES, ENOUGH_BYTES)
        self._judge(DISK_LOW, is_low, f"{free >> 20} MiB")

    def _judge(self, fault: DeviceFault, is_short: bool, known: str) -> None:
        was = self.faults.pop(fault, None) is not None
        if is_short:
            self.faults[fault] = known
        if is_short != was:
            noted = DeviceEvents.fault(fault=fault) if is_short else DeviceEvents.fault_cleared(fault=fault)
            self._recording.record("", *noted.row)
            self._changed()
