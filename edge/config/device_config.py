"""A device's configuration: one TOML file. Whatever is wrong with it is one line naming file, line, key and cure."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from contract.sealing import wiring_hash
from contract.templates import Expansion, NotExpandable
from contract.toml_text import NotToml, read_toml
from edge.archetypes.station import Station
from edge.config.complaints import BadTable, Complaints, read_as
from edge.config.kinds import UnknownKind, find_kind
from edge.config.peripherals import (
    Bus,
    Ocpp,
    SharedReader,
    wrongly_connected,
    wrongly_read,
    wrongly_shared,
)
from edge.config.places import is_loopback, socket_path
from edge.config.tables import CHOICES, Cloud, ConfigFile, Device, EmergencyInput, InputPin, Output, Point, Pull
from edge.machine.files import socket_complaint
from edge.machine.mendable import Mendable

RESET_PULLS: dict[int, Pull] = {pin: "up" if pin <= 8 else "down" for pin in range(28)}
"""What a BCM283x/BCM2711 pin is pulled to from reset until a process claims it (BCM2835 ARM Peripherals, 6.2)."""

BUSY_AT_BOOT = {0: "the HAT identity bus", 1: "the HAT identity bus", 14: "the serial console"}
"""Pins that something else drives while a Raspberry Pi boots."""

SOLDERED_UP = {2, 3}
"""Pins with resistors to 3.3 V on the board, for I2C: no other pull can be chosen."""


class ConfigError(Mendable, ValueError):
    """The file, the line and the key that are wrong, and the cure, in one line."""


class DeviceConfig(Struct, frozen=True):
    """A checked configuration. ``settings`` and ``kinds`` stand by point name; folders are absolute. ``hash`` is the
    name of its text (see ``sealing.wiring_hash``)."""

    path: Path
    hash: str
    device: Device
    cloud: Cloud
    points: tuple[Point, ...]
    emergencies: tuple[EmergencyInput, ...]
    kinds: dict[str, Station]
    settings: dict[str, Any]
    buses: tuple[Bus, ...] = ()
    readers: tuple[SharedReader, ...] = ()
    ocpp: Ocpp | None = None

    def _folder(self, name: str) -> Path:
        return self.path.parent / name

    @property
    def state(self) -> Path:
        return self._folder(self.device.state)

    @property
    def keys(self) -> Path:
        return self._folder(self.device.keys)

    @property
    def run(self) -> Path:
        return self._folder(self.device.run)


def load(path: Path) -> DeviceConfig:
    """Read and check a device's configuration. Raises ``ConfigError`` for whatever is wrong with it."""
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file; name the device's with --config") from None
    except (OSError, UnicodeDecodeError) as wrong:
        raise ConfigError(f"{path}: cannot be read: {getattr(wrong, 'strerror', None) or wrong}") from None
    return check(text, path)


def check(text: str, path: Path, *, named: str = "") -> DeviceConfig:
    """Check the text of a configuration whose folders are relative to that of ``path``. Raises ``ConfigError``, whose
    text calls the file ``named``, or else by its path."""
    called = named or str(path)
    try:
        return _Checker(path, called, text).config()
    except NotToml as wrong:
        raise ConfigError(f"{called}:{wrong.line}: {wrong.problem}") from None
    except NotExpandable as wrong:
        raise ConfigError(Complaints(called, text).line(wrong.key, wrong.problem)) from None


class _Checker:
    """The checks of one file, so that each complaint can point at its line."""

    def __init__(self, path: Path, called: str, text: str) -> None:
        self.path, self.text = path, text
        self.expansion = Expansion(read_toml(text))
        self.complaints = Complaints(called, text, self.expansion)

    def config(self) -> DeviceConfig:
        file = self._convert(self.expansion.document, ConfigFile, "")
        self._broker(file.cloud)
        self._no_name_twice("point", "name", [point.name for point in file.point])
        self._no_name_twice("emergency", "zone", [emergency.zone for emergency in file.emergency])
        self._no_name_twice("bus", "name", [bus.name for bus in file.bus])
        self._no_name_twice("reader", "name", [reader.name for reader in file.reader])
        self._no_pin_twice(file)
        self._soldered_pulls(file)
        self._zones(file)
        self._reset_points(file)
        kinds: dict[str, Station] = {}
        settings: dict[str, Any] = {}
        for index, point in enumerate(file.point):
            where = f"point[{index}]"
            kinds[point.name] = self._kind(point, where)
            settings[point.name] = self._convert(point.settings, kinds[point.name].settings, f"{where}.settings")
            self._wiring(point, kinds[point.name], where)
        self._peripherals(file, kinds)
        found = DeviceConfig(
            self.path.absolute(),
            wiring_hash(self.text.encode()),
            file.device,
            file.cloud,
            tuple(file.point),
            tuple(file.emergency),
            kinds,
            settings,
            tuple(file.bus),
            tuple(file.reader),
            file.ocpp,
        )
        self._run_folder(found)
        return found

    def _convert(self, document: Any, kind: type[Any], where: str) -> Any:
        try:
            return read_as(document, kind, where, CHOICES)
        except BadTable as wrong:
            raise self._error(wrong.key, wrong.problem) from None

    def _error(self, key: str, problem: str) -> ConfigError:
        return ConfigError(self.complaints.line(key, problem))

    def _broker(self, cloud: Cloud) -> None:
        wrong = self._error("cloud.broker", "write mqtt://127.0.0.1:1883 or mqtts://host:8883")
        try:
            address = urlsplit(cloud.broker)
            port_is_good = address.port != 0
        except ValueError:  # brackets that do not match, a port that is no number
            raise wrong from None
        if address.scheme not in ("mqtt", "mqtts") or not address.hostname or not port_is_good:
            raise wrong
        if "@" in address.netloc:
            raise self._error(
                "cloud.broker", "names and passwords are not used: the device shows its certificate; write no @"
            )
        if address.scheme == "mqtt" and not is_loopback(address.hostname):
            raise self._error("cloud.broker", "plain MQTT goes to a loopback address only; use mqtts://")

    def _run_folder(self, config: DeviceConfig) -> None:
        """Keeper and agent listen in it; of their names the keeper's is the longer one."""
        wrong = socket_complaint(socket_path(config.run), "name a folder with a shorter path")
        if wrong:
            raise self._error("device.run", wrong)

    def _no_name_twice(self, table: str, key: str, names: Sequence[str]) -> None:
        for index, name in enumerate(names):
            if name in names[:index]:
                raise self._error(f"{table}[{index}].{key}", f"{name!r} stands in another {table} already")

    def _no_pin_twice(self, file: ConfigFile) -> None:
        taken: dict[int, str] = {}
        for pin, key in _pins(file):
            if pin in taken:
                raise self._error(key, f"pin {pin} is used by {taken[pin]} already")
            taken[pin] = key

    def _soldered_pulls(self, file: ConfigFile) -> None:
        for pin, key in _inputs(file):
            if pin.pin in SOLDERED_UP and pin.pull != "up":
                raise self._error(f"{key}.pull", f"pin {pin.pin} has a pull-up on the board; take a pin from 4 to 27")

    def _zones(self, file: ConfigFile) -> None:
        """An emergency that releases no point would be noticed in the fire."""
        zones = sorted({point.zone for point in file.point})
        for index, emergency in enumerate(file.emergency):
            if emergency.zone not in zones:
                raise self._error(f"emergency[{index}].zone", f"no point is in this zone; theirs: {', '.join(zones)}")

    def _reset_points(self, file: ConfigFile) -> None:
        """A card can only be held to a reader."""
        shared = {name for reader in file.reader for name in reader.points.values()}
        with_reader = sorted({point.name for point in file.point if point.readers} | shared)
        for index, emergency in enumerate(file.emergency):
            if emergency.reset_point not in (None, *with_reader):
                problem = f"no point of this name has a reader; those with one: {', '.join(with_reader) or 'none'}"
                raise self._error(f"emergency[{index}].reset_point", problem)

    def _kind(self, point: Point, where: str) -> Station:
        try:
            return find_kind(point.kind)
        except UnknownKind as wrong:
            raise self._error(f"{where}.kind", str(wrong)) from None

    def _wiring(self, point: Point, kind: Station, where: str) -> None:
        for part, wired, known in (("outputs", point.outputs, kind.outputs), ("inputs", point.inputs, kind.inputs)):
            for name in wired:
                if name not in known:
                    problem = f"a {kind.name} has the {part} {', '.join(known) or '(none)'}"
                    raise self._error(f"{where}.{part}.{name}", problem)
            for name, required in known.items():
                if required and name not in wired:
                    raise self._error(where, f"a {kind.name} needs {part}.{name}; name its pin")
        for name, output in point.outputs.items():
            self._rest(output, f"{where}.outputs.{name}")
            if output.load == "power_to_lock" and "release_sense" not in point.inputs:
                raise self._error(
                    f"{where}.outputs.{name}.load", "a power_to_lock load needs the input release_sense (fire release)"
                )
            if output.load == "dry_contact" and output.emergency is None:
                raise self._error(f"{where}.outputs.{name}", 'a dry_contact needs emergency = "drive" or "rest"')

    def _peripherals(self, file: ConfigFile, kinds: dict[str, Station]) -> None:
        for key, problem in (
            *wrongly_read(file.point, kinds, file.bus),
            *wrongly_connected(file.point, kinds, file.ocpp),
            *wrongly_shared(file.reader, file.point),
        ):
            raise self._error(key, problem)

    def _rest(self, output: Output, key: str) -> None:
        """A pin must hold its relay at rest from reset on, before any process runs."""
        if output.pin in BUSY_AT_BOOT:
            raise self._error(f"{key}.pin", f"pin {output.pin} is {BUSY_AT_BOOT[output.pin]} at boot; take another")
        pull = output.external_pull or RESET_PULLS[output.pin]
        if (pull == "up") == (output.relay == "high"):
            raise self._error(
                f"{key}.pin",
                f"pin {output.pin} is pulled {pull} at boot and would energize an active-{output.relay} relay; "
                f"take a pin from {'9 to 27' if output.relay == 'high' else '2 to 8'} or fit an external pull",
            )


def _pins(file: ConfigFile) -> Iterator[tuple[int, str]]:
    for index, point in enumerate(file.point):
        for name, output in point.outputs.items():
            yield output.pin, f"point[{index}].outputs.{name}.pin"
        for direction, reader in point.readers.items():
            yield reader.d0, f"point[{index}].readers.{direction}.d0"
            yield reader.d1, f"point[{index}].readers.{direction}.d1"
    for index, shared in enumerate(file.reader):
        yield shared.d0, f"reader[{index}].d0"
        yield shared.d1, f"reader[{index}].d1"
    for pin, key in _inputs(file):
        yield pin.pin, f"{key}.pin"


def _inputs(file: ConfigFile) -> Iterator[tuple[InputPin, str]]:
    for index, point in enumerate(file.point):
        for name, pin in point.inputs.items():
            yield pin, f"point[{index}].inputs.{name}"
    for index, emergency in enumerate(file.emergency):
        for name, pin in emergency.pins.items():
            yield pin, f"emergency[{index}].{name}"
