"""The emergency of a zone: why there is one, by what it ends, and the latch that no restart forgets."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, get_args

from edge.files import write_whole

Cause = Literal["fire", "smoke", "estop", "loop_broken", "drill"]
"""The worst first. ``loop_broken`` is acted upon like a fire, and is a fault; a ``drill`` gives way to all others."""
Ending = Literal["key", "card", "order", "time", "restart"]
"""By what an emergency ended: a person's key or card; a drill also by an order, its time, or the keeper's restart."""

WORST_FIRST: tuple[Cause, ...] = get_args(Cause)


def worse(cause: Cause, known: Cause | None) -> bool:
    """Whether a cause has to be told to whoever knows of that other one, or of none."""
    return known is None or WORST_FIRST.index(cause) < WORST_FIRST.index(known)


def cause_of(word: object) -> Cause:
    """A cause as somebody wrote it down. What nobody knows here is taken for a fire."""
    return next((cause for cause in WORST_FIRST if cause == word), "fire")


class Latch:
    """The zones in emergency and why, in a small file that outlives the keeper. Only a person's reset takes one out.
    A drill is not written down."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.causes = _read_causes(path)
        self.unsaved = False
        """The disk does not hold what ``causes`` says."""

    def set(self, zone: str, cause: Cause) -> None:
        """Never raises: a full disk must not stand between a fire and a door."""
        self._put({**self.causes, zone: cause})

    def release(self, zone: str) -> None:
        """A person has reset the zone. Never raises either."""
        self._put({known: cause for known, cause in self.causes.items() if known != zone})

    def forget_all_but(self, zones: Iterable[str]) -> None:
        """Take out what none of these zones latched."""
        known = {zone: self.causes[zone] for zone in zones if zone in self.causes}
        if known != self.causes:
            self._put(known)

    def save(self) -> None:
        """Write the zones down, or note in ``unsaved`` that the disk takes nothing."""
        try:
            write_whole(self._path, json.dumps(self.causes, sort_keys=True).encode())
            self.unsaved = False
        except OSError:
            self.unsaved = True

    def _put(self, causes: Mapping[str, Cause]) -> None:
        self.causes = dict(causes)
        self.save()


def _read_causes(path: Path) -> dict[str, Cause]:
    """A latch that cannot be read is no proof that there is no emergency, but it names no zone either: it is empty,
    and the emergency inputs, which are read next, decide. An older keeper wrote the zones alone, as a list."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    if isinstance(found, list) and all(isinstance(zone, str) for zone in found):
        return dict.fromkeys(found, "fire")
    return {zone: cause_of(word) for zone, word in found.items()} if isinstance(found, dict) else {}
