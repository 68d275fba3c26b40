"""What a device may be wired to besides pins: buses with instruments, scanners, readers that several points share, OCPP
posts."""

from ipaddress import ip_address
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from contract.messages import Name
from edge.config.post_names import PostName

Pin = Annotated[int, Meta(ge=0, le=27)]
Model = Literal["pzem004t", "sdm120", "ntc8"]
Baud = Literal[1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200]
ScannerLine = Literal["serial", "keyboard"]
CHANNELS = 8
"""Of a thermistor board; the other models measure one thing."""


class Bus(Struct, frozen=True, forbid_unknown_fields=True):
    """A serial line with one or more instruments, which call it by its ``name``. ``baud`` is its speed in bits per
    second. ``device`` is its file, read relative to the config file. ``answer_ms``: how long the slowest of them takes
    until it begins to answer."""

    name: Name
    device: str
    baud: Baud = 9600
    answer_ms: Annotated[int, Meta(ge=50, le=1000)] = 150


class Instrument(Struct, frozen=True, forbid_unknown_fields=True):
    """A meter or thermometer of this ``model`` at an ``address`` of a ``bus``; ``channel`` of those that have
    several."""

    bus: Name
    model: Model
    address: Annotated[int, Meta(ge=1, le=247)]
    channel: Annotated[int, Meta(ge=0, lt=CHANNELS)] | None = None


class PostLine(Struct, frozen=True, forbid_unknown_fields=True):
    """One ``connector`` of a charging post that speaks OCPP; ``post`` is the name it connects under."""

    post: PostName
    connector: Annotated[int, Meta(ge=1, le=99)] = 1


class Scanner(Struct, frozen=True, forbid_unknown_fields=True):
    """A scanner of codes on screens and on paper, or a camera that tells the plates it sees. ``device`` is its file,
    read relative to the config file. ``line`` is how it talks: over a ``serial`` port at ``baud`` bits per second, or
    as a ``keyboard`` that types. What is no pass is a plate only where it reads ``plates``."""

    device: str
    line: ScannerLine = "serial"
    baud: Baud = 9600
    plates: bool = False


class SharedReader(Struct, frozen=True, forbid_unknown_fields=True):
    """A Wiegand reader with a keypad on two pins, ``d0`` and ``d1``, called ``name``, for several points: whoever keys
    the number of a point and shows a card is weighed there. ``points`` maps those numbers to points."""

    name: Name
    d0: Pin
    d1: Pin
    points: dict[str, Name]


class Ocpp(Struct, frozen=True, forbid_unknown_fields=True):
    """Where posts connect: ``listen`` is an address of this device on the network of the posts, and a port."""

    listen: str

    @property
    def address(self) -> tuple[str, int]:
        """Host and port. Raises ``ValueError``."""
        listen = urlsplit(f"//{self.listen}")
        return str(ip_address(listen.hostname or "")), listen.port or 0
