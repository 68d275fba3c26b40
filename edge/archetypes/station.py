"""A kind of station on the edge: what it may be wired to, and how it behaves. Each file of ``stations`` offers one."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import Struct

from contract.archetypes import AnyKind, Undeclared
from contract.device_words import DEVICE_TEXTS
from contract.reasons import Reason
from contract.sessions import Stop
from edge.archetypes.protocol import Effect, Input, Record, Report, Show

TEXTS_OF_ALL = frozenset({*Reason, *Stop, *DEVICE_TEXTS})
"""What every station may show: why somebody is refused, why a session has ended, and what the device itself says."""


class Station(Struct, frozen=True):
    """A kind of station: what both sides know of it (``kind``), the names that a config may wire, each with whether it
    must, its settings, every one with a default and a unit, and its pure functions over a state that only it
    understands. ``instruments`` are read for it, and over ``lines`` it talks to somebody."""

    kind: AnyKind
    inputs: Mapping[str, bool]
    outputs: Mapping[str, bool]
    settings: type[Struct]
    start: Callable[[str, Any], Any]
    step: Callable[[Any, Input, int], tuple[Any, list[Effect]]]
    report: Callable[[Any], Report]
    instruments: Mapping[str, bool] = {}
    lines: Mapping[str, bool] = {}

    @property
    def name(self) -> str:
        return self.kind.name

    def check(self, effects: Iterable[Effect]) -> None:
        """Raises ``Undeclared`` for an event or a text that this kind does not declare."""
        for effect in effects:
            if isinstance(effect, Record):
                self.kind.check(effect)
            elif isinstance(effect, Show) and effect.text not in self.kind.texts and effect.text not in TEXTS_OF_ALL:
                raise Undeclared(f"{self.name} shows {effect.text}, for which it has no words")
