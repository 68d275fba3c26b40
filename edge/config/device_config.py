"""A device's configuration: one TOML file. Whatever is wrong with it is one line naming file, line, key and cure."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from contract.sealing import wiring_hash
from contract.templates import BadKey, Expansion
from contract.toml_text import NotToml, read_toml
from edge.archetypes.station import Station
from edge.config.checks import Problem, problems_of_points, problems_of_tables
from edge.config.complaints import Complaints, read_as
from edge.config.kinds import UnknownKind, find_kind
from edge.config.peripherals import Bus, Ocpp, SharedReader
from edge.config.places import socket_path
from edge.config.tables import Cloud, ConfigFile, DeviceTable, EmergencyInput, Point
from edge.machine.files import socket_complaint
from edge.machine.mendable import Mendable


class ConfigError(Mendable, ValueError):
    """The file, the line and the key that are wrong, and the cure, in one line."""


class DeviceConfig(Struct, frozen=True):
    """A checked configuration. ``settings`` and ``kinds`` stand by point name; folders are absolute. ``hash`` is the
    name of its text (see ``sealing.wiring_hash``)."""

    path: Path
    hash: str
    device: DeviceTable
    cloud: Cloud
    points: tuple[Point, ...]
    emergencies: tuple[EmergencyInput, ...]
    kinds: dict[str, Station]
    settings: dict[str, Any]
    buses: tuple[Bus, ...] = ()
    readers: tuple[SharedReader, ...] = ()
    ocpp: Ocpp | None = None

    @property
    def state(self) -> Path:
        return self.path.parent / self.device.state

    @property
    def keys(self) -> Path:
        return self.path.parent / self.device.keys

    @property
    def run(self) -> Path:
        return self.path.parent / self.device.run


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
    complaints = Complaints(called, text)
    try:
        expansion = Expansion(read_toml(text))
        complaints = Complaints(called, text, expansion)
        return _checked(expansion.document, text, path)
    except NotToml as wrong:
        raise ConfigError(f"{called}:{wrong.line}: {wrong.problem}") from None
    except BadKey as wrong:
        raise ConfigError(complaints.line(wrong.key, wrong.problem)) from None


def _checked(document: dict[str, Any], text: str, path: Path) -> DeviceConfig:
    """Raises ``BadKey``."""
    file = read_as(document, ConfigFile)
    _raise_first(problems_of_tables(file))
    kinds = [_kind(point.kind, f"point[{index}].kind") for index, point in enumerate(file.point)]
    settings = {
        point.name: read_as(point.settings, kinds[index].settings, f"point[{index}].settings")
        for index, point in enumerate(file.point)
    }
    _raise_first(problems_of_points(file, kinds))
    config = DeviceConfig(
        path.absolute(),
        wiring_hash(text.encode()),
        file.device,
        file.cloud,
        tuple(file.point),
        tuple(file.emergency),
        {point.name: kind for point, kind in zip(file.point, kinds, strict=True)},
        settings,
        tuple(file.bus),
        tuple(file.reader),
        file.ocpp,
    )
    # Keeper and agent listen in this folder; of their names the keeper's is the longer one.
    if wrong := socket_complaint(socket_path(config.run), "name a folder with a shorter path"):
        raise BadKey("device.run", wrong)
    return config


def _kind(name: str, key: str) -> Station:
    try:
        return find_kind(name)
    except UnknownKind as wrong:
        raise BadKey(key, str(wrong)) from None


def _raise_first(problems: Iterator[Problem]) -> None:
    if problem := next(problems, None):
        raise BadKey(*problem)
