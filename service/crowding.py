"""Who yields when there are too many that wait: one of the origin that has most of them."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def first_of_largest(waiting: Sequence[T], origin: Callable[[T], str]) -> T | None:
    """The first of those whose origin has most among them: whoever sends many crowds out their own, nobody else's."""
    counts = Counter(origin(one) for one in waiting)
    most = max(counts.values(), default=0)
    return next((one for one in waiting if counts[origin(one)] == most), None)
