"""Points that people walk through: what doors and turnstiles have in common."""

from abc import ABC, abstractmethod

from firmware_sim.parts.button import PushButton
from firmware_sim.parts.hardware import Hardware, PointCommand, Way, named


class Portal(ABC):
    """Anything a person can walk through."""

    async def enter(self, patience_s: float = 3.0) -> bool:
        return await self.walk("in", patience_s)

    async def leave(self, patience_s: float = 3.0) -> bool:
        return await self.walk("out", patience_s)

    @abstractmethod
    async def walk(self, way: Way, patience_s: float = 3.0) -> bool:
        """A person waits until the way is free and walks through. False if patience ran out."""

    @abstractmethod
    def break_through(self, way: Way) -> None:
        """Somebody breaks through, locked or not. Raises `ControlError` where nothing bars the way."""

    @abstractmethod
    def view(self) -> dict[str, object]:
        """How it stands."""


class Walk(PointCommand, frozen=True):
    """Walk through a point, waiting a few seconds for it to open. Answered with whether the person got through."""

    way: Way = "in"

    async def run(self, hardware: Hardware) -> dict[str, object]:
        return {"passed": await hardware.get(Portal, self.point, "point").walk(self.way)}


class Force(PointCommand, frozen=True):
    """Break through a point, locked or not."""

    way: Way = "in"

    async def run(self, hardware: Hardware) -> None:
        hardware.get(Portal, self.point, "point").break_through(self.way)


class Press(PointCommand, frozen=True):
    """Press the exit button of a point for a moment."""

    async def run(self, hardware: Hardware) -> None:
        exit_button(hardware, self.point).press()


class Stick(PointCommand, frozen=True):
    """Have the exit button stick when pressed."""

    async def run(self, hardware: Hardware) -> None:
        exit_button(hardware, self.point).stick()


class Free(PointCommand, frozen=True):
    """Repair a stuck exit button."""

    async def run(self, hardware: Hardware) -> None:
        exit_button(hardware, self.point).free()


PORTAL_COMMANDS = (Walk, Force, Press, Stick, Free)


def exit_button(hardware: Hardware, point: str) -> PushButton:
    """The exit button of a point. Raises `ControlError`."""
    buttons = {name.removesuffix(".exit_button"): button for name, button in hardware.all(PushButton).items()}
    return named(point, buttons, "exit button")


def view_portal(hardware: Hardware, point: str) -> dict[str, object]:
    """How a point looks that people walk through."""
    own = {key: hardware.view(f"{point}.{key}") for key in ("lock", "exit_button")}
    return {"portal": hardware.view(point), **own}
