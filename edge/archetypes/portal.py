"""What every way has that people pass: a door, a turnstile."""

from collections.abc import Callable
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from contract.archetypes import AnyKind, PortalKind
from contract.decide import Direction, Mode
from edge.archetypes.faults import Faulty
from edge.archetypes.protocol import (
    BARRING,
    HOLD_AGAIN_MS,
    HOLD_LEASE_MS,
    CommandReceived,
    Decided,
    Drive,
    Effect,
    ModeChanged,
    Record,
    Wake,
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

    released_by: frozenset[str] = frozenset()
    mode: Mode = Mode.SCHEDULED


P = TypeVar("P", bound=Portal)


def to_mode(
    state: P,
    kind: AnyKind,
    wanted: ModeChanged,
    release: Callable[[P, bool], tuple[P, list[Effect]]],
    bar: Callable[[P], tuple[P, list[Effect]]],
) -> tuple[P, list[Effect]]:
    """Set a point to another mode: ``release`` begins or ends what holds it open, ``bar`` lets nobody in any more."""
    if wanted.mode is state.mode:
        return state, []
    effects: list[Effect] = [kind.mode_set(mode=wanted.mode.value, number=wanted.number)]
    state = replace(state, mode=wanted.mode)
    hold_open = wanted.mode is Mode.HOLD_OPEN
    if hold_open != (HELD_OPEN in state.released_by):
        state, released = release(state, hold_open)
        effects += released
    if wanted.mode in BARRING:
        state, barred = bar(state)
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


def opened(order: CommandReceived) -> Record:
    """The event of an operator's opening, which takes the place of a decision."""
    return PortalKind.ordered(**order.told)
