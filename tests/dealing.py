"""The order of the tests: which worker begins with which."""

from collections import defaultdict
from collections.abc import Sequence

import pytest


def deal(items: Sequence[pytest.Item], workers: int) -> list[pytest.Item]:
    """The tests in the order of `--dist worksteal`: each worker is given an equal stretch of the list, and whoever is
    done takes from the end of another's. At the head of each stretch stand those that are marked as long, the longest
    first, in such a way that every worker has about as much of them. Those of one file stay together: they may share
    what takes long to make."""
    files: defaultdict[str, list[pytest.Item]] = defaultdict(list)
    others: list[pytest.Item] = []
    for item in items:
        (files[item.nodeid.partition("::")[0]] if _lasts_s(item) else others).append(item)
    heads: list[list[pytest.Item]] = [[] for _ in range(workers)]
    for long in sorted(files.values(), key=_together_s, reverse=True):
        min(heads, key=_together_s).extend(long)
    dealt: list[pytest.Item] = []
    for number, head in enumerate(heads):
        stretch = (len(items) - len(dealt)) // (workers - number)
        rest = max(0, stretch - len(head))
        dealt += [*head, *others[:rest]]
        del others[:rest]
    return dealt


def _lasts_s(item: pytest.Item) -> float:
    marker = item.get_closest_marker("long")
    return float(marker.args[0]) if marker else 0.0


def _together_s(items: Sequence[pytest.Item]) -> float:
    return sum(map(_lasts_s, items))
