"""Which rows a full journal gives up: a byte for every number since the base says what stands there.

Pure: the journal asks, and does in its file what the answer says.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from edge.journal.file import GAP_RANK, RANKS

_GONE = GAP_RANK + 1
"""A number within a gap. Its last number is the gap itself."""
_EVENTS = range(len(RANKS))


class Span(NamedTuple):
    """Rows ``first`` to ``last`` become one gap, together with the one that ends right before ``first``, if any."""

    first: int
    last: int


class KeptRows:
    """What is kept behind row ``base``. ``count`` are events, gaps aside: there is never more than one gap for each
    event, and one."""

    def __init__(self, base: int, ranks: bytearray, count: int) -> None:
        self.base = base
        self.count = count
        self._ranks = ranks

    @classmethod
    def read(cls, base: int, last: int, rows: Iterable[tuple[int, int]]) -> "KeptRows":
        """Of a journal whose chain holds: its rows up to ``last``, each with its rank."""
        ranks = bytearray([_GONE]) * (last - base)
        for seq, rank in rows:
            ranks[seq - base - 1] = rank
        return cls(base, ranks, _count_events(ranks))

    def after(self, added: Sequence[int]) -> "KeptRows":
        """The same with events of these ranks behind it."""
        return KeptRows(self.base, self._ranks + bytes(added), self.count + len(added))

    def trim(self, cut: int) -> None:
        """All up to row ``cut`` are gone for good."""
        gone = cut - self.base
        self.count -= _count_events(self._ranks[:gone])
        del self._ranks[:gone]
        self.base = cut

    def give_up(self, count: int, acked: int) -> list[Span]:
        """Give up so many of the rows behind ``acked``: the lowest rank first, and of one rank the oldest."""
        places = sorted(self._lowest(count, max(acked - self.base, 0)))
        for place in places:
            self._ranks[place] = _GONE
        self.count -= len(places)
        return [Span(self.base + 1 + first, self.base + 1 + last) for first, last in self._joined(places)]

    def _lowest(self, count: int, start: int) -> Iterator[int]:
        for rank in _EVENTS:
            place = self._ranks.find(rank, start)
            while place >= 0 and count:
                yield place
                count -= 1
                place = self._ranks.find(rank, place + 1)

    def _joined(self, places: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Runs of neighbouring places, each up to the end of the gap behind it, if there is one."""
        for _, neighbours in groupby(enumerate(places), lambda numbered: numbered[1] - numbered[0]):
            run = [place for _, place in neighbours]
            first, end = run[0], self._end_of_gap(run[-1])
            if first and self._ranks[first - 1] == GAP_RANK:
                self._ranks[first - 1] = _GONE
            self._ranks[end] = GAP_RANK
            yield first, end

    def _end_of_gap(self, place: int) -> int:
        """Where the gap right behind a place ends, or the place itself."""
        behind = place + 1
        is_gap = behind < len(self._ranks) and self._ranks[behind] >= GAP_RANK
        return self._ranks.index(GAP_RANK, behind) if is_gap else place


def _count_events(ranks: bytearray) -> int:
    return sum(ranks.count(rank) for rank in _EVENTS)
