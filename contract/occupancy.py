"""How many are inside a zone, and who: what a passage changes, and what the rule is told of it. Pure.

Two things may be in doubt, each by itself: how many are inside, and who they are. A turned exit arm is one person less
for certain, and nobody knows whom; a door that was opened once more may have let in one or three.
"""

from typing import Literal

from msgspec import Struct

Counted = Literal["people", "vehicles"]
"""What is counted in a zone, and at a point."""

FRESH_MS = 120_000
"""For so long on the monotonic clock a zone's news speaks of this moment."""
MAX_INSIDE = 100_000
"""No zone holds more; a count that would be higher is wrong."""


class Moved(Struct, frozen=True):
    """What an event says of the zone behind its point: so many more are inside (fewer: below 0), by how many that may
    be wrong, and how many of those who passed nobody can name."""

    inside: int = 0
    count_doubt: int = 0
    names_doubt: int = 0


CAME_IN, WENT_OUT = Moved(1), Moved(-1)
"""Somebody whose name is known passed."""
UNSEEN = Moved(0, MAX_INSIDE, MAX_INSIDE)
"""Anybody may have passed, and nobody saw it: the way stood open, or an emergency has released it."""


class Count(Struct, frozen=True):
    """How many are inside, by how many that may be wrong, and how many passages nobody can name since the names were
    last known."""

    inside: int = 0
    count_doubt: int = 0
    names_doubt: int = 0

    @property
    def is_known(self) -> bool:
        """Whether anything is known of how many are inside, since somebody last counted them."""
        return self.count_doubt < MAX_INSIDE

    def after(self, moved: Moved) -> "Count":
        """The count after a passage. It never runs below nobody: who leaves an empty zone was not counted in, and has
        put that right."""
        return Count(
            min(max(0, self.inside + moved.inside), MAX_INSIDE),
            min(self.count_doubt + moved.count_doubt, MAX_INSIDE),
            min(self.names_doubt + moved.names_doubt, MAX_INSIDE),
        )


UNKNOWN_COUNT = Count(0, MAX_INSIDE, MAX_INSIDE)
"""Of a zone in which nobody has counted yet."""


class ZoneCount(Struct, frozen=True):
    """How many are inside as the rule is told. ``inside`` is the most that may be: what other devices may have admitted
    since is in it, and in ``count_doubt``. ``is_fresh``: it speaks of this moment."""

    inside: int
    count_doubt: int = 0
    names_doubt: int = 0
    is_fresh: bool = False


class Whereabouts(Struct, frozen=True):
    """Where a holder is, as seen from a zone: inside or not, None where nobody knows. ``since_ms`` is when they were
    last seen to pass (UTC), None where that is not known."""

    is_inside: bool | None
    since_ms: int | None = None


NOWHERE_KNOWN = Whereabouts(None)
