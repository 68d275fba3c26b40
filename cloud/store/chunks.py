"""Long lists for statements that hold only so many values."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

AT_ONCE = 500


def chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """As many at a time as a statement can hold."""
    for start in range(0, len(items), AT_ONCE):
        yield items[start : start + AT_ONCE]
