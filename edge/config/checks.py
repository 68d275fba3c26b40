"""What no table of a configuration can say of itself: each check names the key that is wrong, and the cure."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

from edge.archetypes.station import Station
from edge.config.peripherals import CHANNELS, Ocpp, SharedReader
from edge.config.places import is_loopback
from edge.config.post_names import name_key
from edge.config.tables import ConfigFile, InputPin, Output, Point, Pull, Reader

T = TypeVar("T")

RESET_PULLS: dict[int, Pull] = {pin: "up" if pin <= 8 else "down" for pin in range(28)}
"""What a BCM283x/BCM2711 pin is pulled to from reset until a process claims it (BCM2835 ARM Peripherals, 6.2)."""

BUSY_AT_BOOT = {0: "the HAT identity bus", 1: "the HAT identity bus", 14: "the serial console"}
"""Pins that something else drives while a Raspberry Pi boots."""

SOLDERED_UP = {2, 3}
"""Pins with resistors to 3.3 V on the board, for I2C: no other pull can be chosen."""

_KEYED = re.compile(r"[1-9][0-9]{0,2}")
"""What is keyed to choose a point."""

Problem = tuple[str, str]
"""The key that is wrong, and the cure."""


def problems_of_tables(file: ConfigFile) -> Iterator[Problem]:
    """What is wrong with a file, whatever kinds its points are of."""
    yield from _of_broker(file.cloud.broker)
    for table, tables in (("point", file.point), ("bus", file.bus), ("reader", file.reader)):
        yield from _taken_twice(table, "name", [named.name for named in tables])
    yield from _taken_twice("emergency", "zone", [emergency.zone for emergency in file.emergency])
    yield from _of_pins(file)
    yield from _of_serial_files(file)
    yield from _of_emergencies(file)


def problems_of_points(file: ConfigFile, kinds: Sequence[Station]) -> Iterator[Problem]:
    """What is wrong with how the points are wired, each being of its kind."""
    for index, (point, kind) in enumerate(zip(file.point, kinds, strict=True)):
        yield from _of_wiring(point, kind, f"point[{index}]")
    yield from _of_interlocks(file, kinds)
    yield from _of_instruments(file)
    yield from _of_lines(file)
    yield from _of_shared_readers(file)


def _of_broker(broker: str) -> Iterator[Problem]:
    key = "cloud.broker"
    try:
        address = urlsplit(broker)
        is_address = address.scheme in ("mqtt", "mqtts") and address.hostname and address.port != 0
    except ValueError:  # brackets that do not match, a port that is no number
        is_address = False
    if not is_address:
        yield key, "write mqtt://127.0.0.1:1883 or mqtts://host:8883"
    elif "@" in address.netloc:
        yield key, "names and passwords are not used: the device shows its certificate; write no @"
    elif address.scheme == "mqtt" and not is_loopback(address.hostname or ""):
        yield key, "plain MQTT goes to a loopback address only; use mqtts://"


def _taken_twice(table: str, key: str, names: Sequence[str]) -> Iterator[Problem]:
    for index, name in enumerate(names):
        if name in names[:index]:
            yield f"{table}[{index}].{key}", f"{name!r} stands in another {table} already"


def _of_pins(file: ConfigFile) -> Iterator[Problem]:
    taken: dict[int, str] = {}
    for pin, key in _pins(file):
        if taken.setdefault(pin, key) != key:
            yield key, f"pin {pin} is used by {taken[pin]} already"
    for key, wired in _inputs(file):
        if wired.pin in SOLDERED_UP and wired.pull != "up":
            yield f"{key}.pull", f"pin {wired.pin} has a pull-up on the board; take a pin from 4 to 27"


def _of_serial_files(file: ConfigFile) -> Iterator[Problem]:
    """A port is held by whoever opens it first."""
    taken = {bus.device: f"bus[{index}]" for index, bus in enumerate(file.bus)}
    for key, scanner in _wired(file, "scanners", lambda point: point.scanners):
        if scanner.device in taken:
            yield f"{key}.device", f"{scanner.device} is used by {taken[scanner.device]} already"
        taken[scanner.device] = key


def _pins(file: ConfigFile) -> Iterator[tuple[int, str]]:
    for key, output in _wired(file, "outputs", lambda point: point.outputs):
        yield output.pin, f"{key}.pin"
    readers: list[tuple[str, Reader | SharedReader]] = [*_wired(file, "readers", lambda point: point.readers)]
    readers += ((f"reader[{index}]", reader) for index, reader in enumerate(file.reader))
    for key, reader in readers:
        yield reader.d0, f"{key}.d0"
        yield reader.d1, f"{key}.d1"
    for key, wired in _inputs(file):
        yield wired.pin, f"{key}.pin"


def _inputs(file: ConfigFile) -> Iterator[tuple[str, InputPin]]:
    yield from _wired(file, "inputs", lambda point: point.inputs)
    for index, emergency in enumerate(file.emergency):
        yield from ((f"emergency[{index}].{name}", wired) for name, wired in emergency.pins.items())


def _wired(file: ConfigFile, part: str, of: Callable[[Point], Mapping[Any, T]]) -> Iterator[tuple[str, T]]:
    """What the points wire in this table of theirs, each thing by its key."""
    for index, point in enumerate(file.point):
        yield from ((f"point[{index}].{part}.{name}", wired) for name, wired in of(point).items())


def _of_emergencies(file: ConfigFile) -> Iterator[Problem]:
    """An emergency that releases no point would be noticed in the fire, and a card can only be held to a reader."""
    zones = sorted({point.zone for point in file.point})
    shared = {name for reader in file.reader for name in reader.points.values()}
    with_reader = sorted({point.name for point in file.point if point.readers} | shared)
    for index, emergency in enumerate(file.emergency):
        if emergency.zone not in zones:
            yield f"emergency[{index}].zone", f"no point is in this zone; theirs: {', '.join(zones)}"
        if emergency.reset_point not in (None, *with_reader):
            problem = f"no point of this name has a reader; those with one: {', '.join(with_reader) or 'none'}"
            yield f"emergency[{index}].reset_point", problem


def _of_wiring(point: Point, kind: Station, where: str) -> Iterator[Problem]:
    for part in ("outputs", "inputs", "instruments", "lines"):
        wired, declared = getattr(point, part), getattr(kind, part)
        for name in wired:
            if name not in declared:
                yield f"{where}.{part}.{name}", f"a {kind.name} has the {part} {', '.join(declared) or '(none)'}"
        for name, required in declared.items():
            if required and name not in wired:
                its_pin = "; name its pin" if part in ("outputs", "inputs") else ""
                yield where, f"a {kind.name} needs {part}.{name}{its_pin}"
    for name, output in point.outputs.items():
        yield from _of_output(output, point, f"{where}.outputs.{name}")


def _of_output(output: Output, point: Point, key: str) -> Iterator[Problem]:
    """A pin must hold its relay at rest from reset on, before any process runs."""
    if output.pin in BUSY_AT_BOOT:
        yield f"{key}.pin", f"pin {output.pin} is {BUSY_AT_BOOT[output.pin]} at boot; take another"
    pull = output.external_pull or RESET_PULLS[output.pin]
    if (pull == "up") == (output.relay == "high"):
        yield (
            f"{key}.pin",
            f"pin {output.pin} is pulled {pull} at boot and would energize an active-{output.relay} relay; "
            f"take a pin from {'9 to 27' if output.relay == 'high' else '2 to 8'} or fit an external pull",
        )
    if output.load == "power_to_lock" and "release_sense" not in point.inputs:
        yield f"{key}.load", "a power_to_lock load needs the input release_sense (fire release)"
    if output.load == "dry_contact" and output.emergency is None:
        yield key, 'a dry_contact needs emergency = "drive" or "rest"'


def _of_interlocks(file: ConfigFile, kinds: Sequence[Station]) -> Iterator[Problem]:
    """Both points must be ways through, and both must say when they are shut."""
    wired = {point.name: (point, kind) for point, kind in zip(file.point, kinds, strict=True)}
    for index, point in enumerate(file.point):
        for name in point.interlocks:
            key = f"point[{index}].interlock"
            if name == point.name or name not in wired:
                others = ", ".join(sorted(wired.keys() - {point.name})) or "(none)"
                yield key, f"name another point of this device: {others}"
                continue
            for one, kind in (wired[point.name], wired[name]):
                if kind.kind.archetype != "portal":
                    yield key, f"{one.name} is a {kind.name}, and nobody passes there; name a door or a turnstile"
                elif "contact" in kind.inputs and "contact" not in one.inputs:
                    yield key, f"{one.name} needs inputs.contact, or nobody knows whether it is shut"


def _of_instruments(file: ConfigFile) -> Iterator[Problem]:
    """Two instruments at one place are the classic fault."""
    names = [bus.name for bus in file.bus]
    taken: dict[tuple[str, int, int | None], str] = {}
    models: dict[tuple[str, int], str] = {}
    for key, instrument in _wired(file, "instruments", lambda point: point.instruments):
        if instrument.bus not in names:
            yield f"{key}.bus", f"no bus has this name; theirs: {', '.join(names) or '(none)'}"
        if (instrument.model == "ntc8") != (instrument.channel is not None):
            yield key, f"an ntc8 needs its channel, 0 to {CHANNELS - 1}; no other model has one"
        here, address = (instrument.bus, instrument.address, instrument.channel), instrument.address
        if here in taken or models.setdefault((instrument.bus, address), instrument.model) != instrument.model:
            yield f"{key}.address", f"address {address} is used by {taken.get(here, 'another model')} already"
        taken[here] = key


def _of_lines(file: ConfigFile) -> Iterator[Problem]:
    """Of the lines to charging posts, and of the address that posts connect to."""
    if file.ocpp is not None and not _is_address(file.ocpp):
        yield "ocpp.listen", "write an address of this device and a port, such as 192.168.50.1:9000"
    taken: dict[tuple[str, int], str] = {}
    spelled: dict[str, str] = {}
    for key, line in _wired(file, "lines", lambda point: point.lines):
        if file.ocpp is None:
            yield key, 'the table [ocpp] is missing; write listen = "192.168.50.1:9000"'
        first = spelled.setdefault(name_key(line.post), line.post)
        if first != line.post:
            yield f"{key}.post", f"{line.post} and {first} are one name; write both alike, or give one post another"
        before = taken.setdefault((name_key(line.post), line.connector), key)
        if before != key:
            yield key, f"connector {line.connector} of {line.post} is used by {before} already"


def _is_address(ocpp: Ocpp) -> bool:
    try:
        return ocpp.address[1] != 0
    except ValueError:
        return False


def _of_shared_readers(file: ConfigFile) -> Iterator[Problem]:
    names = {point.name for point in file.point}
    for index, reader in enumerate(file.reader):
        for number, name in reader.points.items():
            if not _KEYED.fullmatch(number):
                yield f"reader[{index}].points.{number}", "write the number that people key, 1 to 999"
            if name not in names:
                yield f"reader[{index}].points.{number}", f"no point is named {name!r}"
