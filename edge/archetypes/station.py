"""A kind of station on the edge: what it may be wired to, and how it behaves. Each file of ``stations`` offers one.

Ours handle each input by a ``Step``: by their table of phases, with the effects that follow from it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Generic, Literal, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from contract.archetypes import AnyKind, FaultT, Kind, Undeclared
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


def require(holds: bool, otherwise: str) -> None:
    """Check something of a table of settings. Raises ``ValueError`` with what it says otherwise."""
    if not holds:
        raise ValueError(otherwise)


class StationState(Struct, frozen=True):
    """What the states of all kinds have. ``faults`` are what is wrong with the wiring or the works of the point.
    ``still`` counts the unlocks in a row in which nothing moved."""

    point: str
    settings: Struct
    phase: str
    faults: frozenset[str] = frozenset()
    still: int = 0


S = TypeVar("S", bound=StationState)
D = TypeVar("D")


class Unreadable(ValueError):
    """What was kept cannot be read; the text says why."""


def read_document(document: bytes, shape: type[D]) -> D | None:
    """What a station kept over a restart; None if it kept nothing. Raises ``Unreadable``."""
    try:
        return msgspec.json.decode(document, type=shape) if document else None
    except (msgspec.DecodeError, ValueError) as wrong:
        raise Unreadable(f"what was kept cannot be read: {wrong}") from None


class Step(ABC, Generic[S, FaultT]):
    """One step of a station: ``state`` as it stands so far, and the ``effects`` so far, in the order in which they are
    to be done. It lives for one input; the state that it was made of stays as it is.

    ``table`` says where a trigger leads from a phase.
    """

    kind: Kind[Any, FaultT, Any]
    table: ClassVar[Mapping[Any, str]]
    _triggers: ClassVar[frozenset[str]]

    def __init_subclass__(cls) -> None:
        cls._triggers = frozenset(trigger for _, trigger in getattr(cls, "table", ()))

    def __init__(self, state: S, now_ms: int) -> None:
        self.state, self.now_ms = state, now_ms
        self.effects: list[Effect] = []

    @classmethod
    def run(cls, state: S, happened: Input, now_ms: int) -> tuple[S, list[Effect]]:
        """The state and the effects after one input."""
        step = cls(state, now_ms)
        step.handle(happened)
        return step.state, step.effects

    @abstractmethod
    def handle(self, happened: Input) -> None:
        """Take one input to completion. Inputs that mean nothing to the kind change nothing."""

    def do(self, *effects: Effect, **changes: object) -> None:
        """Add effects, and change fields of the state."""
        self.effects += effects
        if changes:
            self.state = replace(self.state, **changes)

    def ahead(self, rule: Callable[..., None], *arguments: object) -> None:
        """Follow a rule whose effects go ahead of those so far."""
        later, self.effects = self.effects, []
        rule(self, *arguments)
        self.effects += later

    def show(self, lamp: Literal["green", "red"], text: str) -> Show:
        """What tells the person at the point a text of this kind."""
        return Show(lamp, self.kind.text(text))

    def to(self, trigger: str, *effects: Effect, **changes: object) -> None:
        """Do so while following a trigger: a pair that does not stand in the table leaves the phase as it is. Raises
        ``LookupError`` for a trigger that the table does not know from any phase."""
        phase = self.table.get((self.state.phase, trigger))
        if phase is None and trigger not in self._triggers:
            raise LookupError(f"the table has no trigger {trigger}")
        self.do(*effects, phase=phase or self.state.phase, **changes)

    def set_fault(self, fault: FaultT, *, present: bool) -> None:
        """Note that a fault is there, or is gone; only a change is an event."""
        if (fault in self.state.faults) != present:
            self.do(self.kind.fault(fault, present=present), faults=self.state.faults ^ {fault})

    def moved(self, fault: FaultT) -> None:
        """What an unlock is for has moved: the sensor that says so is well."""
        self.do(still=0)
        self.set_fault(fault, present=False)

    def sensor_still(self, fault: FaultT, *, suspect_after: int) -> None:
        """An unlock went by and nothing moved: after so many in a row the sensor is suspect."""
        self.do(still=self.state.still + 1)
        if self.state.still >= suspect_after:
            self.set_fault(fault, present=True)
