"""How far a roster has got: on which points it is applied, who still lacks it, and since when."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from cloud.devices.views import DeviceView
from cloud.store.labels import Label


class Behind(Struct, frozen=True):
    """A device that lacks a roster. ``since_ms`` is when the first one that it lacks was issued, as far as known."""

    name: str
    label: Label
    number: int
    points: int
    since_ms: int


class Reach(Struct, frozen=True):
    """A roster, and on how many of the site's points it is applied. ``behind`` begins with who waits longest."""

    number: int
    issued_ms: int
    grants: int
    applied: int
    points: int
    behind: Sequence[Behind]

    def oldest_ms(self, now_ms: int) -> int:
        """For how long the points that lack it have lacked something; 0 if none does."""
        return max(0, now_ms - self.behind[0].since_ms) if self.behind else 0


def reach(number: int, grants: int, issued: Mapping[int, int], devices: Sequence[DeviceView]) -> Reach:
    """``issued`` are the rosters known, this one among them, by number, with their times of issue.

    A device uses the roster that it last reported. One without points has nothing to apply it to and is not counted.
    """
    with_points = [device for device in devices if device.points]
    behind = [
        Behind(
            device.name,
            device.label,
            device.roster_number,
            len(device.points),
            min(at_ms for other, at_ms in issued.items() if device.roster_number < other <= number),
        )
        for device in with_points
        if device.roster_number < number
    ]
    points = sum(len(device.points) for device in with_points)
    return Reach(
        number=number,
        issued_ms=issued[number],
        grants=grants,
        applied=points - sum(one.points for one in behind),
        points=points,
        behind=sorted(behind, key=lambda one: (one.since_ms, one.name)),
    )
