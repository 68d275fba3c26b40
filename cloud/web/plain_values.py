"""The values of a row in plain writing: what stands in a table, a list or a switch, as people read it. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

NOTHING = "–"
"""What is written for a value that is not there."""


class ChangedValue(NamedTuple):
    """A single value that is another than before. ``place`` is its name; within a table such as ``opens.gym``."""

    place: str
    was: str
    now: str


def plain_value(value: Any) -> str:
    """A value as it is written for people, in whatever language they read."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {plain_value(one)}" for key, one in value.items()) or NOTHING
    if isinstance(value, Sequence) and not isinstance(value, str):
        between = "; " if any(isinstance(one, Mapping) for one in value) else ", "
        return between.join(map(plain_value, value)) or NOTHING
    if isinstance(value, bool):
        return "✓" if value else NOTHING
    return NOTHING if value in (None, "") else str(value)


def changed_values(before: Mapping[str, Any], after: Mapping[str, Any], within: str = "") -> Iterator[ChangedValue]:
    """What differs, value by value, in the order of the names."""
    for name in dict.fromkeys((*before, *after)):
        was, now, place = before.get(name), after.get(name), f"{within}{name}"
        if isinstance(was, Mapping) and isinstance(now, Mapping):
            yield from changed_values(was, now, f"{place}.")
        elif plain_value(was) != plain_value(now):
            yield ChangedValue(place, plain_value(was), plain_value(now))
