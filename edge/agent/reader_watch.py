"""The watch over what a reader sends besides known cards: few rows, none uncounted, and a fault for a noisy reader."""

from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Callable
from typing import Any

from contract.credentials import SWAPPED_FRAMES, read
from edge.agent.event_throttle import EventThrottle

MINUTE_MS = 60_000
UNKNOWN_ROWS = 3
"""Unknown cards a minute that are each written down by themselves. More of them are noise, or somebody who tries."""
NOISY_READS = 20
"""Reads a minute that are no card, or nobody's, from which a reader counts as noisy."""
NOISY_KEYS = 120
"""Key presses a minute that no person makes, and a reader without common ground does."""


class _Rate:
    """A count of what happened within the last minute, up to a limit."""

    def __init__(self, limit: int) -> None:
        self._times_ms = deque[int](maxlen=limit)

    def reached(self, now_ms: int) -> bool:
        full = len(self._times_ms) == self._times_ms.maxlen
        return full and now_ms - self._times_ms[0] < MINUTE_MS

    def note(self, now_ms: int) -> None:
        self._times_ms.append(now_ms)


class ReaderWatch:
    """The watch over one reader. ``record`` writes an event of reads that are no card; times are monotonic
    milliseconds."""

    def __init__(self, loop: AbstractEventLoop, record: Callable[[dict[str, Any]], object]) -> None:
        self._invalid, self._unknown = EventThrottle(loop, record), EventThrottle(loop, record)
        self._unknown_rows, self._reads, self._keys = _Rate(UNKNOWN_ROWS), _Rate(NOISY_READS), _Rate(NOISY_KEYS)
        self._unread_frames = deque[str](maxlen=SWAPPED_FRAMES - 1)

    def is_noisy(self, now_ms: int) -> bool:
        return self._reads.reached(now_ms) or self._keys.reached(now_ms)

    def key(self, now_ms: int) -> None:
        """A key was pressed, or noise looked like one."""
        self._keys.note(now_ms)

    def card(self) -> None:
        """A frame was intact: the wires are as they should be."""
        self._unread_frames.clear()

    def unread(self, frame: str, now_ms: int) -> None:
        """A frame was no card."""
        self._reads.note(now_ms)
        self._invalid.note(_verdict(frame, self._unread_frames))
        if frame not in self._unread_frames:
            self._unread_frames.append(frame)

    def unread_text(self, scanner: str, why: str, now_ms: int) -> None:
        """A scanner read what is no pass and no plate, or nobody can be let in."""
        self._reads.note(now_ms)
        self._invalid.note({"reader": scanner, "why": why})

    def no_number(self, reader: str) -> None:
        """A card was shown, and no point was chosen for it."""
        self._invalid.note({"reader": reader, "why": "no_number"})

    def codes_wait(self, reader: str) -> None:
        """A code was keyed, and after wrong ones none is looked at for a while."""
        self._invalid.note({"reader": reader, "why": "codes_wait"})

    def unknown(self, now_ms: int, *, passes_by: bool = False) -> bool:
        """A card that nobody knows was refused. Whether that is a row of its own; if not, it is counted here. What only
        ``passes_by``, as the cars before a camera, is no noise."""
        if not passes_by:
            self._reads.note(now_ms)
        if self._unknown_rows.reached(now_ms):
            self._unknown.note({"why": "unknown_cards"})
            return False
        self._unknown_rows.note(now_ms)
        return True

    def close(self) -> None:
        self._invalid.close()
        self._unknown.close()


def _verdict(frame: str, earlier: deque[str]) -> dict[str, Any]:
    """What is recorded of a frame that is no card: its length and its parity, never its bits."""
    try:
        reading = read(frame, earlier=earlier)
    except ValueError:
        return {"bits": len(frame), "parity": "none"}
    parity = "failed" if reading.candidates else "none"
    perhaps = {"perhaps_swapped": True} if reading.fits_swapped and not reading.swapped_wires else {}
    return {"bits": len(frame), "parity": parity, "swapped": reading.swapped_wires, **perhaps}
