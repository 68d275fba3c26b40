"""The passes that were shown at each door of a device: a phone draws a new one every ten seconds, and each counts once.

A picture of somebody's screen is a pass too, until it is too old. So of each phone's key and each door the newest
moment at which the phone signed is kept, over restarts as well, and no pass of an earlier or the same moment counts.
"""

from typing import Annotated

from msgspec import Meta, Struct

KEPT_S = 600
"""A pass that was signed so long before the newest is too old for any door by itself."""
MAX_SHOWN = 1_000
"""Keys and doors that are remembered. Beyond that the oldest go, and no pass as old as they were counts any more."""


class ShownPass(Struct, array_like=True):
    """The newest pass of a key (its id) at a door, signed at ``at_s`` (UTC seconds)."""

    door: str
    key_id: bytes
    at_s: int


class StoredShown(Struct):
    """Those that were shown first stand first. No pass of ``floor_s`` or before counts."""

    shown: Annotated[list[ShownPass], Meta(max_length=MAX_SHOWN)]
    floor_s: int = 0


class Replays:
    """What was shown at the doors of one device."""

    def __init__(self, stored: StoredShown) -> None:
        self._floor_s = stored.floor_s
        self._newest_s = {(shown.door, shown.key_id): shown.at_s for shown in stored.shown}

    def is_first(self, door: str, key_id: bytes, at_s: int) -> bool:
        """Whether this pass, whose signature is good, has not been shown at this door; from now on it has."""
        known = (door, key_id)
        if at_s <= max(self._floor_s, self._newest_s.get(known, 0)):
            return False
        self._newest_s.pop(known, None)
        self._newest_s[known] = at_s
        self._forget(at_s)
        return True

    def stored(self) -> StoredShown:
        """What the next start must know."""
        return StoredShown([ShownPass(*of, at_s) for of, at_s in self._newest_s.items()], self._floor_s)

    def _forget(self, newest_s: int) -> None:
        """Of those that were shown first, what is too old by itself; and one, if there are too many."""
        while (oldest := self._newest_s[first := next(iter(self._newest_s))]) < newest_s - KEPT_S:
            del self._newest_s[first]
        if len(self._newest_s) > MAX_SHOWN:
            del self._newest_s[first]
            self._floor_s = max(self._floor_s, oldest)
