"""How often carried passes have opened the doors of a device: some open each door only so many times. Pure."""

from collections.abc import Iterable

from msgspec import Struct

MAX_USED = 1_000
"""Passes and doors that are counted. Of more, those that end first are forgotten: they end within a day."""


class UsedPass(Struct, array_like=True):
    """How often a pass (its id) has opened a door. It ends at ``until_s`` (UTC seconds)."""

    door: str
    pass_id: bytes
    count: int
    until_s: int


class PassUses:
    """The uses of passes at the doors of one device."""

    def __init__(self, used: Iterable[UsedPass] = ()) -> None:
        self._used = {(one.door, one.pass_id): one for one in used}

    def count(self, door: str, pass_id: bytes) -> int:
        used = self._used.get((door, pass_id))
        return 0 if used is None else used.count

    def note(self, door: str, pass_id: bytes, until_s: int, now_s: int) -> None:
        """The pass has opened this door once more."""
        count = self.count(door, pass_id) + 1
        self._used[door, pass_id] = UsedPass(door, pass_id, count, until_s)
        standing = sorted((one for one in self._used.values() if one.until_s > now_s), key=lambda one: one.until_s)
        self._used = {(one.door, one.pass_id): one for one in standing[-MAX_USED:]}

    def rows(self) -> list[UsedPass]:
        """What the next start must know."""
        return list(self._used.values())
