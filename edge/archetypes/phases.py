"""The table of a station: where a trigger leads from a phase."""

from collections.abc import Mapping
from typing import TypeVar

P = TypeVar("P", bound=str)
T = TypeVar("T", bound=str)


def next_phase(table: Mapping[tuple[P, T], P], phase: P, trigger: T) -> P:
    """The phase after a trigger: a pair that does not stand in the table leaves the phase as it is. Raises
    ``LookupError`` for a trigger that the table does not know from any phase."""
    after = table.get((phase, trigger))
    if after is None and all(trigger != known for _, known in table):
        raise LookupError(f"the table has no trigger {trigger}")
    return phase if after is None else after
