"""What a kind of station brings to a simulated board. ``kind = "locker"`` in a config is ``PART`` of ``locker.py``."""

import importlib
import pkgutil
from collections.abc import Callable, Mapping

import msgspec

from contract.phrases import Phrase
from firmware_sim import parts
from firmware_sim.parts.hardware import ControlError, Hardware, PartCommand, PointCommand, PointWiring

Fit = Callable[[Hardware, PointWiring], object]
"""Puts the parts of a point on the board, its main one under the point's name."""


def view_part(hardware: Hardware, point: str) -> dict[str, object]:
    """How a point looks whose kind says nothing else: as its main part does."""
    seen = hardware.view(point)
    return {} if seen is None else {"part": seen}


class PartKind(msgspec.Struct, frozen=True):
    """What a kind fits to the board for each of its points, the commands that it understands, and how a point looks.

    ``buttons`` are what the panel offers at a point that it draws by its part alone, and ``values`` the words for what
    such a part tells of itself.
    What ``fits_first`` is there before the points of other kinds, which may hang on it.
    """

    fit: Fit
    commands: tuple[type[PartCommand], ...] = ()
    view: Callable[[Hardware, str], dict[str, object]] = view_part
    buttons: tuple[tuple[Phrase, type[PointCommand]], ...] = ()
    values: Mapping[str, Phrase] = {}
    fits_first: bool = False

    def look(self, hardware: Hardware, point: str) -> dict[str, object]:
        """How a point of this kind looks, and what its buttons do, in a form for JSON."""
        buttons = [
            {**msgspec.to_builtins(text), "order": msgspec.to_builtins(command(point))}
            for text, command in self.buttons
        ]
        return {**self.view(hardware, point), "buttons": buttons, "values": msgspec.to_builtins(self.values)}


def find_part(kind: str) -> PartKind:
    """What the kind of that name brings. Raises ``ControlError``."""
    try:
        part = importlib.import_module(f"{parts.__name__}.{kind}").PART
    except (ImportError, AttributeError) as missing:
        raise ControlError(f"no part is known for {kind}: {missing}") from None
    if not isinstance(part, PartKind):
        raise ControlError(f"the PART of {kind} is no PartKind")
    return part


def part_commands() -> set[type[PartCommand]]:
    """The commands of all kinds that can be found."""
    modules = (
        importlib.import_module(f"{parts.__name__}.{found.name}") for found in pkgutil.iter_modules(parts.__path__)
    )
    return {command for module in modules for command in getattr(getattr(module, "PART", None), "commands", ())}
