"""What every way has that people pass: a door, a turnstile."""

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from contract.archetypes import AnyKind, PortalKind
from contract.decide import Direction, Mode
from contract.reasons import Reason
from edge.archetypes.faults import Faulty
from edge.archetypes.phases import next_phase
from edge.archetypes.protocol import (
    BARRING,
    HOLD_AGAIN_MS,
    HOLD_LEASE_MS,
    CommandReceived,
    Decided,
    Drive,
    Due,
    Effect,
    Emergency,
    Input,
    ModeChanged,
    Record,
    Show,
    Wake,
    decided,
    refuse,
)

MIN_UNLOCK_MS = 3_000
"""The least a fixed release may be (ULC 60839-11-1)."""
MAX_UNLOCK_MS = 59_000
"""With the margin this is the longest lease the keeper gives."""


class Passer(Struct, frozen=True):
    """Somebody who may pass once: the holder, empty where no grant names one, and which way."""

    holder: str
    direction: Direction


SOMEBODY = Passer("", "in")
"""Whoever an operator lets in from afar."""
HELD_OPEN = "mode"
"""Among the causes that hold a point free, the one that is no emergency: the lock is driven, lease by lease."""


class Portal(Faulty, frozen=True, kw_only=True):
    """The part of a state that says how a way is to stand: ``released_by`` are the causes that hold it free."""

    phase: str
    released_by: frozenset[str] = frozenset()
    mode: Mode = Mode.SCHEDULED


P = TypeVar("P", bound=Portal)
T = TypeVar("T", bound=str)


class PortalMachine(Struct, Generic[P, T], frozen=True):
    """The state machine of a kind of portal: its table and three hooks; what all portals have in common is done here.

    ``table`` says where a trigger leads from a phase, ``output`` is what frees the way. ``let_in`` frees it once for
    somebody, with what is to be recorded and shown; ``release`` begins or ends a cause that holds it free; ``bar`` lets
    nobody in any more.
    """

    kind: AnyKind
    output: str
    table: Mapping[tuple[Any, T], Any]
    let_in: Callable[[P, Passer, Record, Show, int], tuple[P, list[Effect]]]
    release: Callable[[P, str, bool, int], tuple[P, list[Effect]]]
    bar: Callable[[P], tuple[P, list[Effect]]]

    def to(self, state: P, trigger: T) -> P:
        """The state after a trigger. Raises ``LookupError`` for one that the table does not know at all."""
        return replace(state, phase=next_phase(self.table, state.phase, trigger))

    def step(self, state: P, happened: Input, now_ms: int) -> tuple[P, list[Effect]]:
        """Take what means the same at every portal. Inputs that mean nothing there change nothing."""
        match happened:
            case Decided(decision=decision) if decision.allowed:
                shown = Show("green", decision.reason.value)
                return self.let_in(state, passer(happened), decided(happened), shown, now_ms)
            case Decided():
                return state, refuse(happened)
            case CommandReceived(op="open_once"):
                shown = Show("green", Reason.ALLOWED.value)
                return self.let_in(state, SOMEBODY, PortalKind.ordered(**happened.told), shown, now_ms)
            case ModeChanged():
                return self._to_mode(state, happened, now_ms)
            case Due(name="hold_open") if state.released_by == {HELD_OPEN}:
                return state, keep_open(self.output)
            case Emergency(active=active):
                return self.release(state, "emergency", active, now_ms)
        return state, []

    def _to_mode(self, state: P, wanted: ModeChanged, now_ms: int) -> tuple[P, list[Effect]]:
        if wanted.mode is state.mode:
            return state, []
        effects: list[Effect] = [self.kind.mode_set(mode=wanted.mode.value, number=wanted.number)]
        state = replace(state, mode=wanted.mode)
        hold_open = wanted.mode is Mode.HOLD_OPEN
        if hold_open != (HELD_OPEN in state.released_by):
            state, released = self.release(state, HELD_OPEN, hold_open, now_ms)
            effects += released
        if wanted.mode in BARRING:
            state, barred = self.bar(state)
            effects += barred
        return state, effects


def keep_open(output: str) -> list[Effect]:
    """Another lease for a point that is held open, and the wake-up for the next."""
    return [Drive(output, HOLD_LEASE_MS, "nothing"), Wake("hold_open", HOLD_AGAIN_MS)]


def passer(found: Decided) -> Passer:
    """Whom a passage on this decision is booked on."""
    grant = found.decision.grant
    return Passer("" if grant is None else grant.holder.hex(), found.direction)


def passed(who: Passer) -> Record:
    """The event of a passage: the arm turned, the door opened."""
    return PortalKind.passed(holder=who.holder, direction=who.direction)


def not_entered(who: Passer) -> Record:
    """The event of a way that opened for somebody who did not take it."""
    return PortalKind.not_entered(holder=who.holder, direction=who.direction)


def check_unlock_ms(unlock_ms: int) -> None:
    """Raise ``ValueError`` for an unlock time too short for a person or too long for a lease."""
    if not MIN_UNLOCK_MS <= unlock_ms <= MAX_UNLOCK_MS:
        raise ValueError(f"unlock_ms lies between {MIN_UNLOCK_MS} and {MAX_UNLOCK_MS}")
