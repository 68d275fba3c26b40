"""The tables of a device's configuration file, key by key. What a key means stands in the docstring of its table."""

from typing import Annotated, Any, Literal, get_args

from msgspec import Meta, Struct

from contract.decide import Direction
from contract.messages import Name
from edge.config.peripherals import (
    Baud,
    Bus,
    Instrument,
    Model,
    Ocpp,
    Pin,
    PostLine,
    Scanner,
    ScannerLine,
    SharedReader,
)

Level = Literal["low", "high"]
Pull = Literal["up", "down"]
Load = Literal["power_to_unlock", "power_to_lock", "power_to_run", "dry_contact"]
InEmergency = Literal["drive", "rest"]
CHOICES = {
    "load": get_args(Load),
    "relay": get_args(Level),
    "active": get_args(Level),
    "pull": get_args(Pull),
    "external_pull": get_args(Pull),
    "emergency": get_args(InEmergency),
    "readers": get_args(Direction),
    "scanners": get_args(Direction),
    "line": get_args(ScannerLine),
    "model": get_args(Model),
    "baud": get_args(Baud),
}
"""What may stand at the keys that have a few words to choose from."""

KEYS_FOLDER, RUN_FOLDER = "/var/lib/hearthgate/keys", "/run/hearthgate"
"""Where the units of the service have them."""


class DeviceTable(Struct, frozen=True, forbid_unknown_fields=True):
    """``site`` and ``name`` say which device this is, as it was adopted. ``state``, ``keys`` and ``run`` are folders,
    read relative to the config file. ``reboot`` is the program that starts the machine anew, with its arguments, when
    an operator orders it; without one, the order is refused."""

    site: Name
    name: Name
    state: str = "/var/lib/hearthgate"
    keys: str = KEYS_FOLDER
    run: str = RUN_FOLDER
    reboot: list[str] = []


class Cloud(Struct, frozen=True, forbid_unknown_fields=True):
    """``broker`` is ``mqtt://`` to a loopback address, or ``mqtts://``: then adoption puts the certificates that TLS
    needs into the folder of keys."""

    broker: str


class Output(Struct, frozen=True, forbid_unknown_fields=True):
    """One ``pin`` that drives a relay. ``load`` is what the relay switches: power that unlocks, locks or runs
    something, or a contact without power. ``external_pull`` is a resistor that was fitted to the pin. ``relay`` is the
    level that energizes it; ``emergency`` what it does then."""

    pin: Pin
    load: Load
    relay: Level = "high"
    emergency: InEmergency | None = None
    external_pull: Pull | None = None

    @property
    def driven_in_emergency(self) -> bool:
        """A portal is released, everything that runs is cut, unless the config says otherwise."""
        return self.emergency == "drive" or (
            self.emergency is None and self.load.startswith("power_to_") and self.load != "power_to_run"
        )


class InputPin(Struct, frozen=True, forbid_unknown_fields=True):
    """One ``pin`` that is read, with its resistor inside the machine set to ``pull``. ``active`` is the level that
    means yes; a change counts after ``bounce_ms`` of rest, or after 300 ms if that is less."""

    pin: Pin
    active: Level = "low"
    pull: Pull = "up"
    bounce_ms: Annotated[int, Meta(ge=0, le=1000)] = 20


class Reader(Struct, frozen=True, forbid_unknown_fields=True):
    """A Wiegand reader on two pins, ``d0`` and ``d1``."""

    d0: Pin
    d1: Pin


class Point(Struct, frozen=True, forbid_unknown_fields=True):
    """One door, turnstile or socket. ``name`` is unique on the device, ``kind`` its kind of station, and ``zone`` where
    it stands. With ``free_exit`` whoever holds a card to the reader inside is let out unasked; without it they are let
    out too, and what speaks against their card is noted. ``readers`` and ``scanners`` stand by the direction in which
    they let people through; both may stand there. The kind says which ``settings``,
    ``outputs`` and ``inputs`` there are, which ``instruments`` are read for it, and over which ``lines`` it talks to a
    post. ``interlock`` names another point of this device, or several: nobody is let in here while one of them is open,
    nor there while this one is. A free way out, an exit button and the release in an emergency never wait for it."""

    name: Name
    kind: str
    zone: Name
    free_exit: bool = True
    settings: dict[str, Any] = {}
    outputs: dict[str, Output] = {}
    inputs: dict[str, InputPin] = {}
    readers: dict[Direction, Reader] = {}
    scanners: dict[Direction, Scanner] = {}
    instruments: dict[str, Instrument] = {}
    lines: dict[str, PostLine] = {}
    interlock: Name | list[Name] = []

    @property
    def interlocks(self) -> list[str]:
        """The points that this one names."""
        return [self.interlock] if isinstance(self.interlock, str) else self.interlock


class EmergencyInput(Struct, frozen=True, forbid_unknown_fields=True):
    """What tells of an emergency in a ``zone``: ``input``, and ``reset``, the key switch that ends it. A
    normally-closed loop to ground reads high when broken.

    ``confirm`` is the fire panel's second contact, normally open: a loop that opens without it is a broken wire.
    ``smoke`` and ``estop`` are a detector's and an emergency stop's contacts. At the reader of ``reset_point`` a card
    whose grant says so resets the zone too.
    """

    zone: Name
    input: InputPin
    reset: InputPin
    confirm: InputPin | None = None
    smoke: InputPin | None = None
    estop: InputPin | None = None
    reset_point: Name | None = None

    @property
    def pins(self) -> dict[str, InputPin]:
        """Every pin that is wired for the zone, by its key."""
        wired = {name: getattr(self, name) for name in ("input", "reset", "confirm", "smoke", "estop")}
        return {name: pin for name, pin in wired.items() if pin is not None}


class ConfigFile(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file. What it names several of, such as points, are tables of their own."""

    device: DeviceTable
    cloud: Cloud
    point: list[Point]
    emergency: list[EmergencyInput] = []
    bus: list[Bus] = []
    reader: list[SharedReader] = []
    ocpp: Ocpp | None = None
