"""Kinds of station, found by name: ``kind = "locker"`` in a config is ``locker.py``, or the folder ``locker``."""

import importlib
import pkgutil
import re
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from contract.kinds import add_folder
from edge import stations
from edge.archetypes.station import Station

_NAME = re.compile(r"[a-z_]+")


class UnknownKind(LookupError):
    """No file of that name, or a file that is no station. The text says which."""


def add_kinds(folders: Iterable[Path], *packages: ModuleType) -> None:
    """Find the stations of these folders too, with what both sides know of them, and what they have for further
    ``packages``. Raises ``BadKind``."""
    for folder in folders:
        add_folder(folder, stations, *packages)


def find_kind(name: str) -> Station:
    """The kind of that name, which its file offers as ``KIND``."""
    if not _NAME.fullmatch(name):
        raise UnknownKind(f"a kind is named in lower-case letters and underscores, not {name!r}")
    if name not in our_kinds():
        raise UnknownKind(f"there is no kind of station {name!r}; ours are {', '.join(our_kinds())}")
    try:
        kind = getattr(importlib.import_module(f"edge.stations.{name}"), "KIND", None)
    except (ImportError, SyntaxError) as wrong:
        raise UnknownKind(f"the station {name} cannot be loaded: {wrong}") from None
    if not isinstance(kind, Station) or kind.name != name:
        raise UnknownKind(f"{name!r} is no kind of station: its file offers no KIND of that name")
    return kind


def our_kinds() -> list[str]:
    """The names of the kinds of station that can be found."""
    return sorted(module.name for module in pkgutil.iter_modules(stations.__path__))
