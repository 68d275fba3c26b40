"""How the free places of a zone are divided between its devices, so that no partition fills it beyond its limit. Pure.

A device admits no more than its *allowance*: as many as it may have let in more than out. It may go by an older
division than the newest until it has said that the newer one is written down there, so what it was *promised* is the
most of them. The promises of all devices together are never more than the free places. What a device has too much of is
asked back first, and is given to others when it has agreed.
"""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace


class Room(Struct, frozen=True):
    """What one device may admit. ``net`` is how many more it has let in than out, as far as the cloud knows;
    ``allowance`` is what ``net`` may reach by the newest ``division``, ``promised`` by any that it may still go by.
    ``passed_ms`` is when somebody last passed there."""

    device: str
    net: int = 0
    allowance: int = 0
    promised: int = 0
    division: int = 0
    passed_ms: int = 0

    @property
    def left(self) -> int:
        """How many more it may admit; below 0 where more came in than were to."""
        return self.allowance - self.net

    @property
    def at_most(self) -> int:
        """How many more it may admit by any division: nobody else may be given these."""
        return max(0, self.promised - self.net)

    @property
    def is_asked(self) -> bool:
        """Whether it is to say that the newest division is written down."""
        return self.promised != self.allowance

    def after(self, moved: int, at_ms: int) -> "Room":
        """The room after a passage there."""
        return replace(self, net=self.net + moved, passed_ms=max(self.passed_ms, at_ms))

    def agreed(self, division: int) -> "Room":
        """The room after its device has said by which division it goes. An older one says nothing."""
        return replace(self, promised=self.allowance) if division == self.division else self


def settle(free: int, rooms: Sequence[Room]) -> list[Room]:
    """Divide what is free. Where a device has less than half of its even part, or more is promised than is free, the
    others are asked for what they have beyond theirs. Of what does not divide evenly those get one more where somebody
    passed last."""
    free = max(0, free)
    in_turn = sorted(rooms, key=lambda room: (-room.passed_ms, room.device))
    parts = {room.device: _part(free, place, len(in_turn)) for place, room in enumerate(in_turn)}
    promised = sum(room.at_most for room in in_turn)
    is_short = promised > free or any(2 * room.left < parts[room.device] for room in in_turn)
    settled = {room.device: _lowered(room, parts[room.device]) if is_short else room for room in in_turn}
    spare = free - promised
    for room in settled.values():
        raised = _raised(room, parts[room.device], max(0, spare))
        spare -= raised.at_most - room.at_most
        settled[room.device] = raised
    return [settled[room.device] for room in rooms]


def _part(free: int, place: int, devices: int) -> int:
    return free // devices + (place < free % devices)


def _lowered(room: Room, part: int) -> Room:
    """Its promise stands until it has agreed."""
    return room if room.left <= part else _with_left(room, part)


def _raised(room: Room, part: int, spare: int) -> Room:
    """It may have back at once what it was promised before."""
    left = min(part, room.at_most + spare)
    return room if room.left >= left else _with_left(room, left)


def _with_left(room: Room, left: int) -> Room:
    allowance = room.net + left
    return replace(room, allowance=allowance, promised=max(room.promised, allowance), division=room.division + 1)
