"""What a point asks of who enters, besides a grant; and what they bring: a credential of some worth, and a PIN."""

from enum import IntEnum, StrEnum

from msgspec import Struct

from contract.schedules import Schedule


class Assurance(IntEnum):
    """How hard it is to pretend to hold a credential; a later one is worth more."""

    NUMBER = 0
    """A code that was keyed, a plate that was read: whoever knows it has it."""
    COPYABLE = 1
    """A card of 26 bits or a bare serial number, which any shop copies."""
    CARD = 2
    """Every other card."""
    SIGNED = 3
    """It answers with a signature."""


class PinVerdict(StrEnum):
    """What became of the digits that followed a card. Who keyed the digits of ``duress`` is being forced: they pass as
    with the right ones. ``blocked``: after too many wrong ones none is looked at for a while."""

    RIGHT = "right"
    WRONG = "wrong"
    DURESS = "duress"
    BLOCKED = "blocked"


class Demand(Struct, frozen=True):
    """What a point asks of who enters, besides a grant. While the schedule ``pin`` is open a card needs its PIN; None:
    never. A credential of less than ``assurance`` is not enough."""

    pin: Schedule | None = None
    assurance: Assurance = Assurance.NUMBER


NO_DEMAND = Demand()
