"""What can be done at a board, one struct an order, and what is answered. As JSON an order names itself in ``do``."""

import re
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from contract.credentials import FORMATS, encode

Way = Literal["in", "out"]

MAX_WAIT_MS = 60_000
MOVES_AT_ONCE = 2000


class ControlError(ValueError):
    """An order that cannot be carried out. The text says why, and what there is instead."""


def _tag(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


class _Order(Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag=_tag):
    pass


class View(_Order, frozen=True):
    """Everything as it stands, by point and zone, with the level of every pin."""


class Tap(_Order, frozen=True):
    """Hold a card to a reader such as ``gym.in``. Answered with the times of the frame's first and last pulse."""

    reader: str
    card: str


class Walk(_Order, frozen=True):
    """Walk through a point, waiting a few seconds for it to open. Answered with whether the person got through."""

    point: str
    way: Way = "in"


class TapAndWalk(_Order, frozen=True):
    """Tap a card and walk through on the reader's side."""

    reader: str
    card: str


class Press(_Order, frozen=True):
    """Press the exit button of a point for a moment."""

    point: str


class Stick(_Order, frozen=True):
    """Have the exit button stick when pressed."""

    point: str


class Free(_Order, frozen=True):
    """Repair a stuck exit button."""

    point: str


class Force(_Order, frozen=True):
    """Break through a point, locked or not."""

    point: str
    way: Way = "in"


class Hold(_Order, frozen=True):
    """Put a hand to an open door and keep it open."""

    point: str


class LetGo(_Order, frozen=True):
    """Take one hand off the door."""

    point: str


class Jam(_Order, frozen=True):
    """Have the arm of a turnstile get stuck at its next turn."""

    point: str


class ClearJam(_Order, frozen=True):
    """Free the arm."""

    point: str


class Fire(_Order, frozen=True):
    """Set off a zone's fire panel, or silence it."""

    zone: str
    on: bool = True


class BreakWire(_Order, frozen=True):
    """Break the wire of a zone's fire loop, or mend it."""

    zone: str
    broken: bool = True


class Smoke(_Order, frozen=True):
    """Blow smoke into a zone's detector, or let it clear."""

    zone: str
    on: bool = True


class EmergencyStop(_Order, frozen=True):
    """Press a zone's emergency stop, or twist it out again."""

    zone: str
    on: bool = True


class ResetKey(_Order, frozen=True):
    """Turn the key that resets a zone after an emergency."""

    zone: str


class SwapWires(_Order, frozen=True):
    """Connect a reader's D0 and D1 the wrong way round, or put that right."""

    reader: str
    swapped: bool = True


class Glitch(_Order, frozen=True):
    """One stray pulse on a reader's wires."""

    reader: str


class Moves(_Order, frozen=True):
    """What the pins did, or did after a time: the independent witness. At most `MOVES_AT_ONCE`, the oldest first."""

    since_ns: int | None = None


class WaitMove(_Order, frozen=True):
    """Answered as soon as a pin has moved: the named one, or any. `since_ns` counts what has happened already."""

    name: str | None = None
    level: bool | None = None
    since_ns: int | None = None
    timeout_ms: Annotated[int, Meta(ge=1, le=MAX_WAIT_MS)] = 5000


Order = (
    View
    | Tap
    | Walk
    | TapAndWalk
    | Press
    | Stick
    | Free
    | Force
    | Hold
    | LetGo
    | Jam
    | ClearJam
    | Fire
    | BreakWire
    | Smoke
    | EmergencyStop
    | ResetKey
    | SwapWires
    | Glitch
    | Moves
    | WaitMove
)


class Seen(Struct, frozen=True):
    """A pin changed its level. `name` is what is wired to it, such as ``gym.unlock`` or ``gym.in.d0``."""

    at_ns: int
    pin: int
    name: str
    level: bool
    cause: str


class Tapped(Struct, frozen=True):
    """A frame was sent; the times are those of its first and last pulse, None if none reached the board."""

    first_ns: int | None
    last_ns: int | None


def read_order(text: bytes | msgspec.Raw) -> Order:
    """An order from its JSON. Raises `ControlError`."""
    try:
        return msgspec.json.decode(text, type=Order)  # type: ignore[no-any-return]
    except msgspec.DecodeError as wrong:
        raise ControlError(f"not an order: {wrong}") from None


def card_bits(card: str) -> str:
    """The frame of a card: ``H10301:21:15890`` (format, facility, number), ``UID4:305419896``, or the bits themselves.

    Raises `ControlError` for a card that no reader could send.
    """
    if card and not card.strip("01"):
        return card
    name, *fields = card.split(":")
    if len(fields) not in (1, 2):
        raise ControlError(f"card {card[:80]!r}: write H10301:21:15890, UID4:305419896 or a row of 0 and 1")
    try:
        *facility, number = map(int, fields)
        return encode(name, number=number, facility=facility[0] if facility else None)
    except KeyError:
        raise ControlError(f"no card format {name!r}; there is {', '.join(FORMATS)}") from None
    except ValueError as wrong:
        raise ControlError(f"card {card[:80]!r}: {wrong}") from None
