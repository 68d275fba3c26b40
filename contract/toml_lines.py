"""The lines of a TOML text, found by key, for complaints that name the line."""

import re
from collections.abc import Sequence

from contract.templates import key_parts

_HEADER = re.compile(r"\s*(\[\[?)([\w.\- ]+)\]")
_ENTRY = re.compile(r"\s*((?:[\w.\-]|\"[^\"]*\")+)\s*=")


class TomlLines:
    """The line of every key and table of a text. It is read by its form alone, so that a text that is wrong has lines
    too."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._line_of: dict[tuple[str, ...], int] = {}
        table: list[str] = []
        counts: dict[str, int] = {}
        for number, line in enumerate(lines, 1):
            if header := _HEADER.match(line):
                table = _table(header[2].strip(), header[1] == "[[", counts)
                self._note(table, number)
            elif entry := _ENTRY.match(line):
                self._note([*table, *key_parts(entry[1])], number)

    def _note(self, parts: Sequence[str], number: int) -> None:
        """The first line that writes a key, or something below it, is its line."""
        for depth in range(len(parts), 0, -1):
            if self._line_of.setdefault(tuple(parts[:depth]), number) != number:
                break

    def line(self, key: str) -> int:
        """The line that writes a key such as ``point[1].outputs.lock.pin``, or the nearest table around it; 1 if
        none."""
        parts = tuple(key_parts(key))
        return next((self._line_of[parts[:n]] for n in range(len(parts), 0, -1) if parts[:n] in self._line_of), 1)


def _table(name: str, is_array: bool, counts: dict[str, int]) -> list[str]:
    """The parts of a table's name, each array of tables with the index it has reached."""
    if is_array:
        counts[name] = counts.get(name, -1) + 1
    parts: list[str] = []
    for depth, part in enumerate(name.split("."), 1):
        parts.append(part.strip())
        array = ".".join(name.split(".")[:depth])
        if array in counts:
            parts.append(f"[{counts[array]}]")
    return parts
