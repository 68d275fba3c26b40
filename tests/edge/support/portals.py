"""A portal to play with in a test: one station, its wake-ups and its outputs, without an agent around it."""

from collections.abc import Callable, Mapping, Set
from typing import Any, NamedTuple

from contract.decide import Decision, Direction, Grant, Mode, Tier
from contract.reasons import Reason
from contract.schedules import ALWAYS
from edge.archetypes.protocol import (
    Decided,
    Drive,
    Due,
    Edge,
    Effect,
    Emergency,
    Input,
    Levels,
    ModeChanged,
    Record,
    Rest,
    Show,
    Wake,
)
from edge.archetypes.station import Station, Step

ANNA, BEN, CARL = (bytes([number]) * 16 for number in (0xAA, 0xBB, 0xCC))


def decision(
    holder: bytes | None = ANNA,
    direction: Direction = "in",
    reason: Reason = Reason.ALLOWED,
    digest: bytes = b"d" * 16,
    *,
    slow: bool = False,
) -> Decided:
    """What the rule says of a holder, or of somebody it knows no grant of."""
    grant = None if holder is None else Grant(holder, Tier.MEMBER, {"gym": ALWAYS}, slow=slow)
    return Decided(Decision(reason, grant), direction, digest, roster=7, rule=1)


class Portal:
    """Feeds a station and does its effects at once: records, leases and wake-ups are here to be looked at."""

    def __init__(self, kind: Station, **settings: int) -> None:
        self.kind = kind
        self.state: Any = kind.start("gym", kind.settings(**settings))
        self.now_ms = 1_000_000
        self.wakes: dict[str, int] = {}
        self.driven: dict[str, int] = {}
        self.records: list[Record] = []
        self.shown: Show | None = None

    @property
    def phase(self) -> str:
        return str(self.kind.report(self.state).phase)

    @property
    def faults(self) -> set[str]:
        return set(self.kind.report(self.state).faults)

    @property
    def kinds(self) -> list[str]:
        """The kinds of the events so far."""
        return [record.kind for record in self.records]

    def told(self) -> list[str]:
        """The kinds of the events since this was last asked."""
        kinds = self.kinds
        self.records.clear()
        return kinds

    def take(self, happened: Input) -> list[Effect]:
        self.state, effects = self.kind.step(self.state, happened, self.now_ms)
        for effect in effects:
            self._do(effect)
        return list(effects)

    def badge(self, holder: bytes | None = ANNA, direction: Direction = "in") -> list[Effect]:
        return self.take(decision(holder, direction))

    def refuse(self, reason: Reason = Reason.EXPIRED) -> list[Effect]:
        return self.take(decision(reason=reason))

    def edge(self, name: str, active: bool) -> list[Effect]:
        return self.take(Edge(name, active))

    def emergency(self, active: bool = True) -> list[Effect]:
        return self.take(Emergency(active))

    def levels(self, active: Mapping[str, bool]) -> list[Effect]:
        """The keeper came back: its outputs are at rest."""
        self.driven.clear()
        return self.take(Levels(active))

    def wait(self, ms: int) -> None:
        """Let time pass, with the wake-ups that fall into it."""
        until_ms = self.now_ms + ms
        while due := sorted((at_ms, name) for name, at_ms in self.wakes.items() if at_ms <= until_ms):
            self.now_ms, name = due[0]
            del self.wakes[name]
            self.take(Due(name))
        self.now_ms = until_ms

    def _do(self, effect: Effect) -> None:
        match effect:
            case Record():
                self.records.append(effect)
            case Drive(output=output, lease_ms=lease_ms):
                self.driven[output] = self.now_ms + lease_ms
            case Rest(output=output):
                self.driven.pop(output, None)
            case Show():
                self.shown = effect
            case Wake(name=name, after_ms=None):
                self.wakes.pop(name, None)
            case Wake(name=name, after_ms=int(after_ms)):
                self.wakes[name] = self.now_ms + after_ms


def set_to(portal: Portal, mode: Mode) -> Portal:
    """The portal in another mode, by its document number 7."""
    portal.take(ModeChanged(mode, 7))
    return portal


class PortalCase(NamedTuple):
    """A kind of portal as the suite of all portals takes it: how it is led about, and what holds of it alone.

    ``levels`` are its inputs at rest, ``most`` is how many it awaits, ``still_fault`` the fault of a sensor that never
    moves. ``trigger`` causes what a trigger of its table stands for, ``pass_through`` is what somebody does who passes.
    ``wakes`` and ``faults`` are all that it knows. ``may_drive`` says of a state and an input of this kind that they
    may drive the lock, and ``check`` what holds at any time.
    """

    kind: Station
    step: type[Step[Any, Any]]
    levels: Mapping[str, bool]
    most: int
    still_fault: str
    in_phase: Callable[[str], Portal]
    trigger: Callable[[Portal, str], None]
    pass_through: Callable[[Portal], object]
    wakes: Set[str]
    faults: Set[str]
    may_drive: Callable[[Any, Input], bool]
    check: Callable[[Portal], None]

    @property
    def output(self) -> str:
        """What frees the way."""
        return str(self.step.output)  # type: ignore[attr-defined]

    @property
    def phases(self) -> list[str]:
        return sorted({phase for phase, _ in self.step.table})

    @property
    def rest(self) -> str:
        """The phase of one at which nobody is."""
        return str(self.kind.start("gym", self.kind.settings()).phase)

    def at_rest(self, **settings: int) -> Portal:
        portal = Portal(self.kind, **settings)
        portal.levels(self.levels)
        return portal


def holders(portal: Portal, kind: str) -> list[str]:
    """On whom the events of a kind are booked."""
    return [record.data["holder"] for record in portal.records if record.kind == kind]
