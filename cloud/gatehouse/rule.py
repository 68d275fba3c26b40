"""What a guard says with one tap: why a gate was opened, what a flat answered, what an emergency vehicle came for.
Pure."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

from cloud.store.labels import N_
from contract.decide import Mode

HELD_MINUTES = 15
"""How long gates are held open for an emergency vehicle: it comes in, and often out again. A guard ends it sooner."""
MAX_LOANS = 200
"""Keys that may be out at one time."""

OPENING_REASONS = (
    N_("A resident without their card"),
    N_("A visitor: the flat said yes"),
    N_("A delivery"),
    N_("Somebody who needs help"),
    N_("Staff or works"),
)
"""What a gate is opened for. One tap opens it; the words stand in the device's journal and in the audit."""


class FlatAnswer(StrEnum):
    """What a flat said to the guard who rang it."""

    YES = "yes"
    NO = "no"
    NOBODY = "nobody"


ANSWER_WORDS: Mapping[str, str] = {
    FlatAnswer.YES: N_("said yes at %(time)s"),
    FlatAnswer.NO: N_("said no at %(time)s"),
    FlatAnswer.NOBODY: N_("nobody answered at %(time)s"),
}


class EntryCause(StrEnum):
    """What an emergency vehicle came for, as it is said afterwards."""

    AMBULANCE = "ambulance"
    FIRE_BRIGADE = "fire_brigade"
    POLICE = "police"
    UTILITY = "utility"
    DRILL = "drill"
    MISTAKE = "mistake"


CAUSE_WORDS: Mapping[str, str] = {
    EntryCause.AMBULANCE: N_("Ambulance"),
    EntryCause.FIRE_BRIGADE: N_("Fire brigade"),
    EntryCause.POLICE: N_("Police"),
    EntryCause.UTILITY: N_("Gas, water or power company"),
    EntryCause.DRILL: N_("A drill"),
    EntryCause.MISTAKE: N_("Nobody: a mistake"),
}


class Ring(NamedTuple):
    """What a flat said, and when."""

    answer: FlatAnswer
    at_ms: int


class KeyLoan(Struct, frozen=True):
    """A mechanical key that somebody took. Times are UTC milliseconds; ``returned_ms`` is None while it is out."""

    id: int
    key: str
    taken_by: str
    reason: str
    given_by: str
    given_ms: int
    returned_ms: int | None = None
    returned_to: str = ""


class EmergencyEntry(Struct, frozen=True):
    """Gates that one order held open for an emergency vehicle. ``cause`` is empty until somebody has said it."""

    id: int
    at_ms: int
    by: str
    order: str
    points: str
    cause: str = ""
    said_by: str = ""


class Gate(NamedTuple):
    """What counts of a gate when help comes: whether it lets vehicles through, and whether and how it can be held
    open."""

    name: str
    is_for_vehicles: bool
    can_be_held: bool
    mode: Mode


class Choice(NamedTuple):
    """The gates that an emergency vehicle gets: those that are to be ``held`` open, and those that are ``left`` as they
    are, because somebody has locked them down or taken them out of service."""

    held: list[str]
    left: list[str]


def choose_gates(gates: Sequence[Gate]) -> Choice:
    """The gates for vehicles; every gate where none is known to be for vehicles. A lockdown is not lifted on the way:
    whoever ordered it ends it."""
    able = [gate for gate in gates if gate.can_be_held]
    mine = [gate for gate in able if gate.is_for_vehicles] or able
    shut = {Mode.LOCKDOWN, Mode.OUT_OF_SERVICE}
    return Choice([one.name for one in mine if one.mode not in shut], [one.name for one in mine if one.mode in shut])
