"""What is wrong with the wiring or the works of a point, as every kind of station notes it."""

from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from contract.archetypes import FaultT, Kind
from edge.archetypes.protocol import Effect


class Faulty(Struct, frozen=True, kw_only=True):
    """The part of a station's state that says what is wrong with its wiring or its works. ``still`` counts the unlocks
    in a row in which nothing moved."""

    faults: frozenset[str] = frozenset()
    still: int = 0


F = TypeVar("F", bound=Faulty)


def set_fault(state: F, kind: Kind[Any, FaultT, Any], fault: FaultT, *, present: bool) -> tuple[F, list[Effect]]:
    """Note that a fault is there, or is gone; only a change is an event."""
    if (fault in state.faults) == present:
        return state, []
    return replace(state, faults=state.faults ^ {fault}), [kind.fault(fault, present=present)]


def moved(state: F, kind: Kind[Any, FaultT, Any], fault: FaultT) -> tuple[F, list[Effect]]:
    """What an unlock is for has moved: the sensor that says so is well."""
    return set_fault(replace(state, still=0), kind, fault, present=False)


def kept_still(state: F, kind: Kind[Any, FaultT, Any], fault: FaultT, *, suspect_after: int) -> tuple[F, list[Effect]]:
    """An unlock went by and nothing moved: after so many in a row the sensor is suspect."""
    state = replace(state, still=state.still + 1)
    return (state, []) if state.still < suspect_after else set_fault(state, kind, fault, present=True)
