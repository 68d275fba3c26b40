"""A charging post at a point. It comes over the network by itself, so nothing is fitted to the board for it."""

from typing import Annotated

from msgspec import Meta

from firmware_sim.parts.battery import Car
from firmware_sim.parts.charge_point import EvPost
from firmware_sim.parts.hardware import Hardware, PointCommand, PointWiring
from firmware_sim.parts.kind import PartKind
from firmware_sim.parts.socket import Unplug


class PlugInCar(PointCommand, frozen=True):
    """Plug a car into a charging post. ``Unplug`` takes it off again."""

    charge_percent: Annotated[float, Meta(ge=0, le=100)] = 40.0

    async def run(self, hardware: Hardware) -> None:
        _post(hardware, self.point).plug_in(Car(level=self.charge_percent / 100))


class TapPost(PointCommand, frozen=True):
    """Hold a card to a charging post, by its idTag. Answered with whether the post took it."""

    tag: Annotated[str, Meta(min_length=1, max_length=36)]

    async def run(self, hardware: Hardware) -> dict[str, object]:
        return {"taken": await _post(hardware, self.point).tap(self.tag)}


class CutPost(PointCommand, frozen=True):
    """Take the power from a charging post."""

    async def run(self, hardware: Hardware) -> None:
        _post(hardware, self.point).cut()


class RestorePost(PointCommand, frozen=True):
    """Bring its power back."""

    async def run(self, hardware: Hardware) -> None:
        _post(hardware, self.point).restore()


class PullPost(PointCommand, frozen=True):
    """Pull the network cable out of a charging post, or put it back."""

    pulled: bool = True

    async def run(self, hardware: Hardware) -> None:
        _post(hardware, self.point).plug(cable_in=not self.pulled)


class SetPostClock(PointCommand, frozen=True):
    """Have a charging post's clock lie by so many seconds."""

    off_s: float = -3600.0

    async def run(self, hardware: Hardware) -> None:
        _post(hardware, self.point).clock_off_s = self.off_s


def fit(hardware: Hardware, point: PointWiring) -> None:
    """Nothing: whoever runs the board adds the posts that connect to its device."""


def view(hardware: Hardware, point: str) -> dict[str, object]:
    """How a post looks; the further connectors of a post show nothing of their own."""
    seen = hardware.view(point)
    return {} if seen is None else {"post": seen}


def _post(hardware: Hardware, point: str) -> EvPost:
    return hardware.get(EvPost, point, "charging post")


PART = PartKind(fit, (PlugInCar, Unplug, TapPost, CutPost, RestorePost, PullPost, SetPostClock), view)
