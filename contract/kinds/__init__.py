"""Kinds of station as both sides know them: one file for each, found by its name.

``door.py`` of this folder is what both sides know of a door: which modes it has, what it may record and report, and the
words for all of that in Chinese and English. Further folders are named on the local command line only.

A mode that a kind has not got is refused wherever it is ordered: by the cloud, and again by the device. Of a kind that
is not known here nothing is assumed but that it can be in service or out of service.
"""

import importlib
import pkgutil
import re
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from msgspec import Struct

from contract.archetypes import ARCHETYPE_FAMILIES, AnyKind, Kind, PortalKind
from contract.decide import HOUR_MS, Mode
from contract.device_events import DEVICE_EVENTS
from contract.device_words import DEVICE_FAMILIES, DEVICE_FAULTS, DEVICE_TEXTS
from contract.event_types import EventType, by_kind
from contract.events import Grade, grade
from contract.occupancy import UNSEEN, Counted, Moved
from contract.phrases import Noun, Phrase, noun

W = TypeVar("W", Phrase, Noun)

KIND_NAME = r"[a-z_]{1,40}"
MODE_LASTS_MS: Mapping[Mode, int] = {Mode.HOLD_OPEN: 2 * HOUR_MS, Mode.LOCKDOWN: 4 * HOUR_MS}
"""The longest that one order of a mode may last; a person renews it. The other modes last until another is ordered."""
MODE_WORDS: Mapping[str, Phrase] = {
    Mode.SCHEDULED: Phrase("按卡片和时段", "cards and hours"),
    Mode.HOLD_OPEN: Phrase("保持常开", "held open"),
    Mode.LOCKDOWN: Phrase("紧急封闭（只出不进）", "locked down (out only)"),
    Mode.OUT_OF_SERVICE: Phrase("暂停使用", "out of service"),
}

UNKNOWN: AnyKind = Kind("unknown", noun("未知设备", "Point of an unknown kind", "Points of unknown kinds"))
"""What stands for a kind that is not known here: it can be taken out of service and back, and is shown in no words."""


class BadKind(ValueError):
    """A file is no kind of station, or says something else than another. The text says which and why."""


def kind_name(value: object) -> str:
    """The name of a kind as a wiring or a device gives it; empty if this can be none."""
    return value if isinstance(value, str) and re.fullmatch(KIND_NAME, value) else ""


def kind_of(name: str) -> AnyKind:
    """The kind of that name, ``UNKNOWN`` where nobody here knows it."""
    return known_kinds().get(name, UNKNOWN)


def has_mode(kind: str, mode: Mode) -> bool:
    """Whether a point of this kind can be set to this mode: the one rule for the cloud and its devices."""
    return mode in kind_of(kind).modes


def counted_at(kind: str) -> Counted | None:
    """What passes a point of this kind; None where nobody does."""
    station = kind_of(kind)
    return station.counts if isinstance(station, PortalKind) else None


def moved_by(kind: str, event: str, data: Mapping[str, Any]) -> Moved | None:
    """What an event of a point of this kind says of the zone behind it; None where it says nothing. While a way is held
    open nobody sees who passes: the count is in doubt from then on, until a person has counted the room."""
    station = kind_of(kind)
    if not isinstance(station, PortalKind):
        return None
    if event == station.mode_set.kind:
        return UNSEEN if data.get("mode") == Mode.HOLD_OPEN else None
    return station.moved(event, data)


def counting_events() -> frozenset[str]:
    """The kinds of all events of points that may count."""
    portals = [kind for kind in known_kinds().values() if isinstance(kind, PortalKind)]
    return frozenset(event for kind in portals for event in (kind.passed.kind, kind.mode_set.kind, *kind.moves))


class Vocabulary(Struct, frozen=True):
    """The words of all known kinds and of the device itself. A word means the same in every kind that has it.

    ``events`` stand by their kind, ``families`` by what comes before its dot; ``classes`` are what plans ration.
    ``silent`` are the kinds of the events that no list and no stream shows.
    """

    events: Mapping[str, EventType[...]]
    families: Mapping[str, Phrase]
    phases: Mapping[str, Phrase]
    faults: Mapping[str, Phrase]
    texts: Mapping[str, Phrase]
    classes: Mapping[str, Noun]
    silent: frozenset[str]


@cache
def known_kinds() -> Mapping[str, AnyKind]:
    """Every kind that is known here, by its name. Raises ``BadKind``."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return {name: _kind_in(name) for name in names}


@cache
def vocabulary() -> Vocabulary:
    """The words of all known kinds. Raises ``BadKind`` where two of them have other words for the same."""
    kinds = known_kinds().values()
    try:
        events = by_kind([*DEVICE_EVENTS.values(), *(event for kind in kinds for event in kind.events.values())])
    except ValueError as twice:
        raise BadKind(str(twice)) from None
    return Vocabulary(
        events,
        _merged([DEVICE_FAMILIES, ARCHETYPE_FAMILIES, {kind.name: kind.noun.many for kind in kinds}]),
        _merged([kind.phases for kind in kinds]),
        _merged([DEVICE_FAULTS, *(kind.faults for kind in kinds)]),
        _merged([DEVICE_TEXTS, *(kind.texts for kind in kinds)]),
        _merged([kind.classes for kind in kinds]),
        frozenset(kind for kind, event in events.items() if event.silent),
    )


def grade_of(event: str) -> Grade:
    """What a full journal gives up first, for an event of this kind: as it is declared, else as its family says."""
    declared = vocabulary().events.get(event)
    return grade(event) if declared is None else declared.grade


def add_folder(folder: Path, *packages: ModuleType) -> None:
    """Know the kinds of another folder too: one file for each in its ``kinds``. What else a kind consists of is found
    for the ``packages`` in folders of their names: ``stations``, ``parts``. Raises ``BadKind``."""
    if not (folder / "kinds").is_dir():
        raise BadKind(f"{folder} has no folder kinds, with a file for each kind")
    names = {file.stem for file in (folder / "kinds").glob("*.py")}
    if taken := sorted(names & known_kinds().keys()):
        raise BadKind(f"{folder} has kinds of a name that is taken: {', '.join(taken)}")
    for package in (sys.modules[__name__], *packages):
        package.__path__.append(str(folder / package.__name__.rpartition(".")[2]))
    for cached in (known_kinds, vocabulary):
        cached.cache_clear()
    importlib.invalidate_caches()
    vocabulary()


def _kind_in(name: str) -> AnyKind:
    try:
        kind = getattr(importlib.import_module(f"{__name__}.{name}"), "KIND", None)
    except (ImportError, SyntaxError, NameError, ValueError, TypeError, AttributeError) as wrong:
        raise BadKind(f"the kind {name} cannot be loaded: {wrong}") from None
    if not isinstance(kind, Kind) or kind.name != name:
        raise BadKind(f"the file of the kind {name} offers no KIND of that name")
    return kind


def _merged(tables: Iterable[Mapping[str, W]]) -> dict[str, W]:
    merged: dict[str, W] = {}
    for word, words in chain.from_iterable(table.items() for table in tables):
        if merged.setdefault(word, words) != words:
            raise BadKind(f"two kinds have other words for {word}: {words} and {merged[word]}")
    return merged
