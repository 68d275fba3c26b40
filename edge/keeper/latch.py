"""The latch that no restart forgets: the zones in emergency, in a small file."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from contract.emergencies import Cause, cause_of
from edge.machine.files import write_whole


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
        self._put({other: cause for other, cause in self.causes.items() if other != zone})

    def forget_all_but(self, zones: Iterable[str]) -> None:
        """Take out what none of these zones latched."""
        remaining = {zone: self.causes[zone] for zone in zones if zone in self.causes}
        if remaining != self.causes:
            self._put(remaining)

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
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    if isinstance(content, list) and all(isinstance(zone, str) for zone in content):
        return dict.fromkeys(content, "fire")
    return {zone: cause_of(word) for zone, word in content.items()} if isinstance(content, dict) else {}
