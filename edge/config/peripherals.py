"""What a device may be wired to besides pins: buses with instruments, readers that several points share, OCPP posts."""

import re
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address
from typing import Annotated, Literal, Protocol
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from contract.messages import Name
from edge.config.post_names import PostName, name_key

Pin = Annotated[int, Meta(ge=0, le=27)]
Model = Literal["pzem004t", "sdm120", "ntc8"]
Baud = Literal[1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200]
NUMBER = re.compile(r"[1-9][0-9]{0,2}")
"""What is keyed to choose a point."""
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


class Line(Struct, frozen=True, forbid_unknown_fields=True):
    """One ``connector`` of a charging post that speaks OCPP; ``post`` is the name it connects under."""

    post: PostName
    connector: Annotated[int, Meta(ge=1, le=99)] = 1


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
        found = urlsplit(f"//{self.listen}")
        return str(ip_address(found.hostname or "")), found.port or 0


class _Kind(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def instruments(self) -> Mapping[str, bool]: ...

    @property
    def lines(self) -> Mapping[str, bool]: ...


class _Point(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def instruments(self) -> Mapping[str, Instrument]: ...

    @property
    def lines(self) -> Mapping[str, Line]: ...


Problem = tuple[str, str]
"""The key that is wrong, and the cure."""


def wrongly_read(points: Sequence[_Point], kinds: Mapping[str, _Kind], buses: Sequence[Bus]) -> Iterator[Problem]:
    """What is wrong with the instruments of the points: two of them at one place are the classic fault."""
    names = [bus.name for bus in buses]
    taken: dict[tuple[str, int, int | None], str] = {}
    models: dict[tuple[str, int], str] = {}
    for index, point in enumerate(points):
        kind, where = kinds[point.name], f"point[{index}]"
        yield from _unfit(where, "instruments", kind.name, point.instruments, kind.instruments)
        for name, one in point.instruments.items():
            key = f"{where}.instruments.{name}"
            if one.bus not in names:
                yield f"{key}.bus", f"no bus has this name; theirs: {', '.join(names) or '(none)'}"
            if (one.model == "ntc8") != (one.channel is not None):
                yield key, f"an ntc8 needs its channel, 0 to {CHANNELS - 1}; no other model has one"
            here = (one.bus, one.address, one.channel)
            if here in taken or models.setdefault((one.bus, one.address), one.model) != one.model:
                yield f"{key}.address", f"address {one.address} is used by {taken.get(here, 'another model')} already"
            taken[here] = key


def wrongly_connected(points: Sequence[_Point], kinds: Mapping[str, _Kind], ocpp: Ocpp | None) -> Iterator[Problem]:
    """What is wrong with the lines of the points, and with the address that posts connect to."""
    if ocpp is not None and not _has_address(ocpp):
        yield "ocpp.listen", "write an address of this device and a port, such as 192.168.50.1:9000"
    taken: dict[tuple[str, int], str] = {}
    spelled: dict[str, str] = {}
    for index, point in enumerate(points):
        kind, where = kinds[point.name], f"point[{index}]"
        yield from _unfit(where, "lines", kind.name, point.lines, kind.lines)
        for name, line in point.lines.items():
            key = f"{where}.lines.{name}"
            if ocpp is None:
                yield key, 'the table [ocpp] is missing; write listen = "192.168.50.1:9000"'
            first = spelled.setdefault(name_key(line.post), line.post)
            if first != line.post:
                yield f"{key}.post", f"{line.post} and {first} are one name; write both alike, or give one post another"
            place = (name_key(line.post), line.connector)
            if place in taken:
                yield key, f"connector {line.connector} of {line.post} is used by {taken[place]} already"
            taken[place] = key


def wrongly_shared(readers: Sequence[SharedReader], points: Sequence[_Point]) -> Iterator[Problem]:
    """What is wrong with the readers that several points share."""
    names = {point.name for point in points}
    for index, reader in enumerate(readers):
        for number, point in reader.points.items():
            if not NUMBER.fullmatch(number):
                yield f"reader[{index}].points.{number}", "write the number that people key, 1 to 999"
            if point not in names:
                yield f"reader[{index}].points.{number}", f"no point is named {point!r}"


def _has_address(ocpp: Ocpp) -> bool:
    try:
        return ocpp.address[1] != 0
    except ValueError:
        return False


def _unfit(
    where: str, part: str, kind: str, wired: Mapping[str, object], known: Mapping[str, bool]
) -> Iterator[Problem]:
    for name in wired:
        if name not in known:
            yield f"{where}.{part}.{name}", f"a {kind} has the {part} {', '.join(known) or '(none)'}"
    for name, required in known.items():
        if required and name not in wired:
            yield where, f"a {kind} needs {part}.{name}"
