"""The commands for a board, its cables and its zones, how any command is read, and what is answered."""

import operator
from functools import lru_cache, reduce
from typing import Annotated, Any

import msgspec

from contract.credentials import FORMATS, KEYS, encode
from firmware_sim import parts
from firmware_sim.parts.hardware import Command, ControlError, Hardware, PartCommand, named
from firmware_sim.parts.kind import part_commands
from firmware_sim.parts.scanning import PullScanner, Scan

Keys = Annotated[str, msgspec.Meta(min_length=1, max_length=12, pattern=f"^[{KEYS}]+$")]
Digits = Annotated[str, msgspec.Meta(min_length=1, max_length=8, pattern="^[0-9]+$")]

MAX_WAIT_MS = 60_000
MOVES_AT_ONCE = 2000


class View(Command, frozen=True):
    """Everything as it stands, by point and zone, with the level of every pin."""


class Tap(Command, frozen=True):
    """Hold a card to a reader such as ``gym.in``, after pressing ``keys`` at it if it has some; then key the ``pin`` of
    the card, and ``#``. Answered with the times of the card's first and last pulse."""

    reader: str
    card: str
    keys: Keys | None = None
    pin: Digits | None = None


class TapAndWalk(Command, frozen=True):
    """Tap a card, key its ``pin`` if it has one, and walk through on the reader's side."""

    reader: str
    card: str
    pin: Digits | None = None


class Key(Command, frozen=True):
    """Press keys at a reader with a keypad, one after the other: digits, ``*`` and ``#``."""

    reader: str
    keys: Keys


class Moves(Command, frozen=True):
    """What the pins did, or did after a time: the independent witness. At most `MOVES_AT_ONCE`, the oldest first."""

    since_ns: int | None = None


class WaitMove(Command, frozen=True):
    """Answered as soon as a pin has moved: the named one, or any. `since_ns` counts what has happened already."""

    name: str | None = None
    level: bool | None = None
    since_ns: int | None = None
    timeout_ms: Annotated[int, msgspec.Meta(ge=1, le=MAX_WAIT_MS)] = 5000


class SwapWires(PartCommand, frozen=True):
    """Connect a reader's D0 and D1 the wrong way round, or put that right."""

    reader: str
    swapped: bool = True

    async def run(self, hardware: Hardware) -> None:
        named(self.reader, hardware.readers, "reader").swapped = self.swapped


class Glitch(PartCommand, frozen=True):
    """One stray pulse on a reader's wires."""

    reader: str

    async def run(self, hardware: Hardware) -> None:
        named(self.reader, hardware.readers, "reader").glitch()


class PullBus(PartCommand, frozen=True):
    """Pull the cable of a bus out of the device, or put it back."""

    bus: str
    pulled: bool = True

    async def run(self, hardware: Hardware) -> None:
        named(self.bus, hardware.buses, "bus").plugged_in = not self.pulled


class CutMains(PartCommand, frozen=True):
    """Cut the mains of all sockets, or bring it back. The device lives on: it has a supply of its own."""

    cut: bool = True

    async def run(self, hardware: Hardware) -> None:
        hardware.mains.supply.put(not self.cut)


class ZoneCommand(PartCommand, frozen=True):
    """The base of the commands for one zone."""

    zone: str


class Fire(ZoneCommand, frozen=True):
    """Set off a zone's fire panel, or silence it."""

    on: bool = True

    async def run(self, hardware: Hardware) -> None:
        named(self.zone, hardware.fire_panels, "zone").alarm(self.on)


class BreakWire(ZoneCommand, frozen=True):
    """Break the wire of a zone's fire loop, or mend it."""

    broken: bool = True

    async def run(self, hardware: Hardware) -> None:
        named(self.zone, hardware.fire_panels, "zone").break_wire(self.broken)


class Smoke(ZoneCommand, frozen=True):
    """Blow smoke into a zone's detector, or let it clear."""

    on: bool = True

    async def run(self, hardware: Hardware) -> None:
        named(self.zone, hardware.smoke_detectors, "smoke detector").put(self.on)


class PressEmergencyStop(ZoneCommand, frozen=True, tag="emergency_stop"):
    """Press a zone's emergency stop, or twist it out again."""

    on: bool = True

    async def run(self, hardware: Hardware) -> None:
        named(self.zone, hardware.emergency_stops, "emergency stop").put(self.on)


class ResetKey(ZoneCommand, frozen=True):
    """Turn the key that resets a zone after an emergency."""

    async def run(self, hardware: Hardware) -> None:
        named(self.zone, hardware.reset_keys, "zone").press()


BOARD_COMMANDS = (
    *(View, Tap, TapAndWalk, Key, Moves, WaitMove),
    *(SwapWires, Glitch, PullBus, CutMains),
    *(Scan, PullScanner),
    *(Fire, BreakWire, Smoke, PressEmergencyStop, ResetKey),
)


class NamedMove(msgspec.Struct, frozen=True):
    """A pin changed its level. `name` is what is wired to it, such as ``gym.unlock`` or ``gym.in.d0``."""

    at_ns: int
    pin: int
    name: str
    level: bool
    cause: str


class Tapped(msgspec.Struct, frozen=True):
    """A frame was sent; the times are those of its first and last pulse, None if none reached the board."""

    first_ns: int | None
    last_ns: int | None


def read_command(text: bytes | msgspec.Raw) -> Command:
    """A command from its JSON. Raises `ControlError`."""
    try:
        command: Command = _decoder(tuple(parts.__path__)).decode(text)
    except msgspec.DecodeError as wrong:
        raise ControlError(f"not an order: {wrong}") from None
    return command


@lru_cache
def _decoder(_folders: tuple[str, ...]) -> msgspec.json.Decoder[Any]:
    """Of every command there is; kinds may be added in further folders of parts."""
    return msgspec.json.Decoder(reduce(operator.or_, (*BOARD_COMMANDS, *part_commands())))


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
