"""Kinds of station, found by name: ``kind = "locker"`` in a config is ``locker.py``, or the folder ``locker``."""

import importlib
import importlib.util
import pkgutil
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
from msgspec import Struct

from edge import stations
from edge.archetypes.protocol import Effect, Input, Report

_NAME = re.compile(r"[a-z_]+")


class Kind(Struct, frozen=True):
    """A kind of station: what it may be wired to, and its pure functions over a state only it understands."""

    name: str
    inputs: Mapping[str, bool]
    outputs: Mapping[str, bool]
    settings: type[msgspec.Struct]
    start: Callable[[str, Any], Any]
    step: Callable[[Any, Input, int], tuple[Any, list[Effect]]]
    report: Callable[[Any], Report]
    instruments: Mapping[str, bool] = {}
    lines: Mapping[str, bool] = {}


class UnknownKind(LookupError):
    """No file of that name, or a file that is no station. The text says which."""


def find_kind(name: str, folders: Sequence[Path] = ()) -> Kind:
    """The kind of that name, from ``folders`` (given on the local command line only) or from our own stations."""
    if not _NAME.fullmatch(name):
        raise UnknownKind(f"a kind is named in lower-case letters and underscores, not {name!r}")
    module = _load(name, folders)
    try:
        return Kind(
            name,
            module.INPUTS,
            module.OUTPUTS,
            module.Settings,
            module.start,
            module.step,
            module.report,
            getattr(module, "INSTRUMENTS", {}),
            getattr(module, "LINES", {}),
        )
    except AttributeError as missing:
        raise UnknownKind(f"{name!r} is no kind of station: {missing}") from None


def _load(name: str, folders: Sequence[Path]) -> ModuleType:
    for folder in folders:
        path = folder / f"{name}.py"
        if path.is_file():
            spec = importlib.util.spec_from_file_location(f"hearthgate_station_{name}", path)
            if spec is None or spec.loader is None:
                raise UnknownKind(f"{path} cannot be loaded")
            module = importlib.util.module_from_spec(spec)
            sys.modules[spec.name] = module
            try:
                spec.loader.exec_module(module)
            except (ImportError, SyntaxError) as wrong:
                raise UnknownKind(f"{path} cannot be loaded: {wrong}") from None
            return module
    try:
        return importlib.import_module(f"edge.stations.{name}")
    except ModuleNotFoundError:
        raise UnknownKind(f"there is no kind of station {name!r}; ours are {', '.join(our_kinds())}") from None


def our_kinds() -> list[str]:
    """The names of the kinds that come with the gateway."""
    return sorted(module.name for module in pkgutil.iter_modules(stations.__path__))
