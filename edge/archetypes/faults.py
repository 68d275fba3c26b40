"""What is wrong with the wiring or the works of a point, as every kind of station notes it."""

from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from edge.archetypes.protocol import Effect, Record


class Faulty(Struct, frozen=True, kw_only=True):
    """The part of a station's state that says what is wrong with its wiring or its works. ``still`` counts the unlocks
    in a row in which nothing moved."""

    faults: frozenset[str] = frozenset()
    still: int = 0


F = TypeVar("F", bound=Faulty)


def set_fault(state: F, family: str, fault: str, *, present: bool) -> tuple[F, list[Effect]]:
    """Note that a fault is there, or is gone; only a change is an event."""
    if (fault in state.faults) == present:
        return state, []
    changed = replace(state, faults=state.faults ^ {fault})
    return changed, [Record(f"{family}.fault" if present else f"{family}.fault_cleared", {"fault": fault})]


def moved(state: F, family: str, fault: str) -> tuple[F, list[Effect]]:
    """What an unlock is for has moved: the sensor that says so is well."""
    return set_fault(replace(state, still=0), family, fault, present=False)


def kept_still(state: F, family: str, fault: str, *, suspect_after: int) -> tuple[F, list[Effect]]:
    """An unlock went by and nothing moved: after so many in a row the sensor is suspect."""
    state = replace(state, still=state.still + 1)
    return (state, []) if state.still < suspect_after else set_fault(state, family, fault, present=True)
