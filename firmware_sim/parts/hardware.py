"""Everything that is wired to one board, and the commands that are carried out there."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from firmware_sim.board.board import Board
from firmware_sim.parts.button import PushButton
from firmware_sim.parts.command import Command, named
from firmware_sim.parts.contact import Signal
from firmware_sim.parts.emergency import EmergencyStop, FirePanel, SmokeDetector
from firmware_sim.parts.mains import Mains
from firmware_sim.parts.reader import WiegandReader
from firmware_sim.parts.rs485 import Rs485Bus
from firmware_sim.parts.wire import Supply
from firmware_sim.parts.wiring import PointWiring


class Part(Protocol):
    """Anything that a kind fits to a board."""

    def view(self) -> dict[str, object]:
        """How it stands, in a form for JSON."""


Fitted = TypeVar("Fitted")


@dataclass
class Hardware:
    """Everything wired to one board, by name: ``parts`` by point, such as ``gym``, or by what belongs to a point, such
    as ``gym.lock``; readers by ``point.direction`` or their own name; what guards a zone by that zone.

    ``freed_by_fire`` are the supplies that the fire panel of a zone breaks by wire alone.
    """

    board: Board
    mains: Mains
    parts: dict[str, Part] = field(default_factory=dict)
    readers: dict[str, WiegandReader] = field(default_factory=dict)
    buses: dict[str, Rs485Bus] = field(default_factory=dict)
    fire_panels: dict[str, FirePanel] = field(default_factory=dict)
    reset_keys: dict[str, PushButton] = field(default_factory=dict)
    smoke_detectors: dict[str, SmokeDetector] = field(default_factory=dict)
    emergency_stops: dict[str, EmergencyStop] = field(default_factory=dict)
    freed_by_fire: defaultdict[str, list[Supply]] = field(default_factory=lambda: defaultdict(list))

    def all(self, kind: type[Fitted]) -> dict[str, Fitted]:
        """The parts of a class by their names."""
        return {name: part for name, part in self.parts.items() if isinstance(part, kind)}

    def get(self, kind: type[Fitted], name: str, what: str = "part") -> Fitted:
        """The part of that class and name. Raises `ControlError`."""
        return named(name, self.all(kind), what)

    def view(self, name: str) -> dict[str, object] | None:
        """How a part looks; None where there is no such part."""
        return self.parts[name].view() if name in self.parts else None

    def signal(self, point: PointWiring, name: str) -> Signal | None:
        """The contact at an input of a point, if that is wired."""
        wiring = point.inputs.get(name)
        if wiring is None:
            return None
        return Signal(self.board, pin=wiring.pin, name=f"{point.name} {name}", active=wiring.active)


class PartCommand(Command, frozen=True):
    """The base of the commands that need nothing but the parts."""

    async def run(self, hardware: Hardware) -> dict[str, Any] | None:
        """Carry it out and return what came of it, None if it was simply done. Raises `ControlError`."""
        raise NotImplementedError


class PointCommand(PartCommand, frozen=True):
    """The base of the commands for one point."""

    point: str
