"""Everything that is wired to one board, and the commands that are carried out there.

A command is one thing that can be done at a board. As JSON it names itself in ``do``.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

import msgspec

from firmware_sim.board.board import Board
from firmware_sim.parts.button import PushButton
from firmware_sim.parts.contact import Signal
from firmware_sim.parts.emergency import EmergencyStop, FirePanel, SmokeDetector
from firmware_sim.parts.reader import WiegandReader
from firmware_sim.parts.rs485 import Rs485Bus
from firmware_sim.parts.scanner import Scanner
from firmware_sim.parts.wire import Mains, Supply

T = TypeVar("T")
Level = Literal["high", "low"]
Way = Literal["in", "out"]


class ControlError(ValueError):
    """A command that cannot be carried out. The text says why, and what there is instead."""


def _tag(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


class Command(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag=_tag):
    """The base of all commands, one struct each."""


def named(name: str, things: Mapping[str, T], what: str) -> T:
    """The thing of that name. Raises `ControlError`, which says what there is instead."""
    try:
        return things[name]
    except KeyError:
        raise ControlError(f"no {what} {name!r} here; there is {', '.join(sorted(things)) or 'none'}") from None


class OutputWiring(msgspec.Struct, frozen=True):
    """A pin that drives a relay."""

    pin: int
    relay: Level
    load: str


class InputWiring(msgspec.Struct, frozen=True):
    """A pin that a contact pulls."""

    pin: int
    active: Level


class InstrumentWiring(msgspec.Struct, frozen=True):
    """An instrument on a bus."""

    bus: str
    model: str
    address: int
    channel: int | None


class PointWiring(msgspec.Struct, frozen=True):
    """Everything that is wired for one point."""

    name: str
    zone: str
    free_exit: bool
    settings: dict[str, Any]
    outputs: dict[str, OutputWiring]
    inputs: dict[str, InputWiring]
    instruments: dict[str, InstrumentWiring]


class Part(Protocol):
    """Anything that a kind fits to a board."""

    def view(self) -> dict[str, object]:
        """How it stands, in a form for JSON."""


@dataclass
class Hardware:
    """Everything wired to one board, by name: ``parts`` by point, such as ``gym``, or by what belongs to a point, such
    as ``gym.lock``; readers by ``point.direction`` or their own name, scanners by ``point.direction``; what guards a
    zone by that zone.

    ``freed_by_fire`` are the supplies that the fire panel of a zone breaks by wire alone.
    """

    board: Board
    mains: Mains
    parts: dict[str, Part] = field(default_factory=dict)
    readers: dict[str, WiegandReader] = field(default_factory=dict)
    scanners: dict[str, Scanner] = field(default_factory=dict)
    buses: dict[str, Rs485Bus] = field(default_factory=dict)
    fire_panels: dict[str, FirePanel] = field(default_factory=dict)
    reset_keys: dict[str, PushButton] = field(default_factory=dict)
    smoke_detectors: dict[str, SmokeDetector] = field(default_factory=dict)
    emergency_stops: dict[str, EmergencyStop] = field(default_factory=dict)
    freed_by_fire: defaultdict[str, list[Supply]] = field(default_factory=lambda: defaultdict(list))

    def all(self, kind: type[T]) -> dict[str, T]:
        """The parts of a class by their names."""
        return {name: part for name, part in self.parts.items() if isinstance(part, kind)}

    def get(self, kind: type[T], name: str, what: str = "part") -> T:
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

    async def run(self, hardware: Hardware) -> dict[str, object] | None:
        """Carry it out and return what came of it, None if it was simply done. Raises `ControlError`."""
        raise NotImplementedError


class PointCommand(PartCommand, frozen=True):
    """The base of the commands for one point."""

    point: str
