"""Events that were refused because the disk took none: counted, and told as one event as soon as there is room."""

from contract.device_events import DeviceEvents
from contract.event_types import Record


class MissedEvents:
    """The count of what was missed. ``total`` is that since the start."""

    def __init__(self) -> None:
        self.total = 0
        self._untold, self._first_ms, self._last_ms = 0, 0, 0

    def note(self, now_ms: int) -> None:
        """One more, at that time (UTC milliseconds)."""
        self.total += 1
        self._first_ms = self._first_ms if self._untold else now_ms
        self._untold, self._last_ms = self._untold + 1, now_ms

    def __bool__(self) -> bool:
        """Whether some were missed that nothing tells of yet."""
        return self._untold > 0

    def take(self) -> Record:
        """The event that tells of them; from now on they are told."""
        told = DeviceEvents.unlogged(count=self._untold, first_ms=self._first_ms, last_ms=self._last_ms)
        self._untold = 0
        return told
