"""Who yields when there are too many that wait: one of the origin that has most of them."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def first_of_largest(waiting: Sequence[T], origin: Callable[[T], str]) -> T | None:
    """The first of those whose origin has most among them: whoever sends many crowds out their own, nobody else's."""
    counts = Counter(map(origin, waiting))
    return max(waiting, key=lambda who: counts[origin(who)], default=None)
