"""Room for events: said to be short while there still is some, in the journal and on its disk."""

import logging
from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable
from typing import Any

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


class Space:
    """The watch over the room for events. ``faults`` says what is short, by its word. What changes is recorded, once
    each way. ``filled`` says how much of the journal waits for the cloud."""

    def __init__(
        self,
        filled: Callable[[], float],
        free_bytes: Callable[[], int] | None,
        loop: AbstractEventLoop,
        record: Callable[[str, str, dict[str, Any]], object],
        changed: Callable[[], object],
    ) -> None:
        self.faults: dict[DeviceFault, str] = {}
        self._filled, self._free_bytes, self._loop = filled, free_bytes, loop
        self._record, self._changed = record, changed
        self._next: TimerHandle | None = None

    def look(self) -> None:
        """Look now, and again every minute."""
        self.close()
        self._next = self._loop.call_later(LOOK_S, self.look)
        filled = self._filled()
        self._judge(JOURNAL_FULL, 1 - filled, 1 - FULL, 1 - ROOM, f"{min(filled, 1):.0%}")
        try:
            free = self._free_bytes() if self._free_bytes else ENOUGH_BYTES + 1
        except OSError as error:  # its last answer stands: no door waits for a disk that does not even say this
            log.warning("what is free on the disk cannot be read: %s", error)
        else:
            self._judge(DISK_LOW, free, LOW_BYTES, ENOUGH_BYTES, f"{free >> 20} MiB")

    def close(self) -> None:
        if self._next is not None:
            self._next.cancel()

    def _judge(self, fault: DeviceFault, left: float, low: float, enough: float, shown: str) -> None:
        """There is too little of something from ``low`` down, and then until there is more than ``enough``."""
        was = self.faults.pop(fault, None) is not None
        is_short = left <= (enough if was else low)
        if is_short:
            self.faults[fault] = shown
        if is_short != was:
            noted = DeviceEvents.fault(fault=fault) if is_short else DeviceEvents.fault_cleared(fault=fault)
            self._record("", *noted.row)
            self._changed()
