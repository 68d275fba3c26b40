"""What can be done at a board, one struct an order, and what is answered. As JSON an order names itself in ``do``."""

import re
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from contract.credentials import FORMATS, KEYS, encode
from firmware_sim.parts.charger import BAD_CONTACT_OHM
from firmware_sim.parts.meter import Lie, Sensor

What = Literal["ebike_lithium", "ebike_lead", "phone", "phone_fast", "power_bank", "heater", "nothing"]
Way = Literal["in", "out"]
Keys = Annotated[str, Meta(min_length=1, max_length=8, pattern=f"^[{KEYS}]+$")]

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
    """Hold a card to a reader such as ``gym.in``, after pressing ``keys`` at it if it has some. Answered with the times
    of the card's first and last pulse."""

    reader: str
    card: str
    keys: Keys | None = None


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


class Key(_Order, frozen=True):
    """Press keys at a reader with a keypad, one after the other: digits, ``*`` and ``#``."""

    reader: str
    keys: Keys


class PlugIn(_Order, frozen=True):
    """Plug something into a socket, in place of what is in; ``nothing`` is a charger with nothing on its other end."""

    point: str
    what: What
    charge_percent: Annotated[float, Meta(ge=0, le=100)] = 20.0


class Unplug(_Order, frozen=True):
    """Pull the plug out of a socket."""

    point: str


class Overheat(_Order, frozen=True):
    """Have a socket's contact go bad: under load it grows hot, and may run away. ``ambient_c`` heats the air too."""

    point: str
    contact_ohm: Annotated[float, Meta(gt=0, le=100)] = BAD_CONTACT_OHM
    ambient_c: Annotated[float, Meta(ge=-40, le=150)] | None = None


class Cool(_Order, frozen=True):
    """Repair a socket's contact and wait until it is cold."""

    point: str


class Weld(_Order, frozen=True):
    """Weld the contact of a socket's relay, or of a bank's contactor: it stays closed."""

    point: str


class StickOpen(_Order, frozen=True):
    """Have the contact of a socket's relay, or of a bank's contactor, stay open."""

    point: str


class Mend(_Order, frozen=True):
    """Fit a new relay or contactor."""

    point: str


class TripLeakage(_Order, frozen=True):
    """Have a socket's residual-current monitor see a leakage, or none any more."""

    point: str
    on: bool = True


class MuteMeter(_Order, frozen=True):
    """Have an instrument of a point fall silent, or speak again."""

    point: str
    muted: bool = True
    instrument: str = "meter"


class FreezeMeter(_Order, frozen=True):
    """Have an instrument go on saying what it says now, or measure again."""

    point: str
    frozen: bool = True
    instrument: str = "meter"


class LieMeter(_Order, frozen=True):
    """Have a meter tell half or double the truth, nothing, or the absurd; with None, the truth again."""

    point: str
    how: Lie | None
    instrument: str = "meter"


class LateMeter(_Order, frozen=True):
    """Have an instrument answer so much later than it would; 0 is in time again."""

    point: str
    late_ms: Annotated[int, Meta(ge=0, le=MAX_WAIT_MS)]
    instrument: str = "meter"


class GarbleMeter(_Order, frozen=True):
    """Have an instrument send a wrong checksum, or the right one again."""

    point: str
    garbled: bool = True
    instrument: str = "meter"


class ResetEnergy(_Order, frozen=True):
    """Have a meter's counter of energy begin anew, as some do by themselves."""

    point: str
    instrument: str = "meter"


class BreakSensor(_Order, frozen=True):
    """Tear a point's thermistor off, short its wires, or with None connect it again."""

    point: str
    how: Sensor | None
    instrument: str = "thermometer"


class CrossMeters(_Order, frozen=True):
    """Swap the cables of two points' instruments: each then measures what the other did."""

    point: str
    other: str
    instrument: str = "meter"


class PullBus(_Order, frozen=True):
    """Pull the cable of a bus out of the device, or put it back."""

    bus: str
    pulled: bool = True


class CutMains(_Order, frozen=True):
    """Cut the mains of all sockets, or bring it back. The device lives on: it has a supply of its own."""

    cut: bool = True


class PlugInCar(_Order, frozen=True):
    """Plug a car into a charging post. ``Unplug`` takes it off again."""

    point: str
    charge_percent: Annotated[float, Meta(ge=0, le=100)] = 40.0


class TapPost(_Order, frozen=True):
    """Hold a card to a charging post, by its idTag. Answered with whether the post took it."""

    point: str
    tag: Annotated[str, Meta(min_length=1, max_length=36)]


class CutPost(_Order, frozen=True):
    """Take the power from a charging post."""

    point: str


class RestorePost(_Order, frozen=True):
    """Bring its power back."""

    point: str


class PullPost(_Order, frozen=True):
    """Pull the network cable out of a charging post, or put it back."""

    point: str
    pulled: bool = True


class SetPostClock(_Order, frozen=True):
    """Have a charging post's clock lie by so many seconds."""

    point: str
    off_s: float = -3600.0


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
    | Key
    | PlugIn
    | Unplug
    | Overheat
    | Cool
    | Weld
    | StickOpen
    | Mend
    | TripLeakage
    | MuteMeter
    | FreezeMeter
    | LieMeter
    | LateMeter
    | GarbleMeter
    | ResetEnergy
    | BreakSensor
    | CrossMeters
    | PullBus
    | CutMains
    | PlugInCar
    | TapPost
    | CutPost
    | RestorePost
    | PullPost
    | SetPostClock
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
