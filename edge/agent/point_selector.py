"""The point that somebody selects at a keypad reader which several points share. Pure."""

from collections.abc import Mapping

MEANT_FOR_MS = 15_000
"""A number that was keyed counts for so long: time to find the card, and too short for the next person."""
LONGEST = 3


class PointSelector:
    """The selection at one reader, key by key. ``points`` maps what is keyed to names of points."""

    def __init__(self, points: Mapping[str, str]) -> None:
        self._points = points
        self._keyed, self._at_ms = "", 0
        self._complete = False

    def key(self, key: str, now_ms: int) -> None:
        """A digit, ``#`` to end the number, or ``*`` to begin again."""
        if key == "*" or self._complete or self._is_old(now_ms) or len(self._keyed) == LONGEST:
            self._keyed, self._complete = "", False
        if key.isdigit():
            self._keyed += key
        self._complete = key == "#" and bool(self._keyed)
        self._at_ms = now_ms

    def take(self, now_ms: int) -> str | None:
        """The point that is meant, None if none is, or no point has that number; the next card needs a new number."""
        keyed = "" if self._is_old(now_ms) else self._keyed
        self._keyed, self._complete = "", False
        return self._points.get(keyed)

    def _is_old(self, now_ms: int) -> bool:
        return now_ms - self._at_ms >= MEANT_FOR_MS
