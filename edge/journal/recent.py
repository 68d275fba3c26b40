"""The newest rows of a journal in memory: what has just become durable is sent without being read from the file."""

from collections import deque
from collections.abc import Iterator
from itertools import islice, takewhile

from edge.journal.file import Row, fitting
from edge.journal.journal import Batch

MAX_ROWS = 64
"""More than come while a batch is under way; at most 128 KiB."""


class RecentRows:
    """The newest rows that nobody has acknowledged, without a hole: a file that is not full has given up none of them.
    ``link`` is that of the row before the first."""

    def __init__(self, link: bytes) -> None:
        self._rows: deque[Row] = deque()
        self._before = link

    def add(self, row: Row) -> None:
        self._rows.append(row)
        if len(self._rows) > MAX_ROWS:
            self._drop()

    def acknowledge(self, upto: int) -> None:
        while self._rows and self._rows[0].seq <= upto:
            self._drop()

    def _drop(self) -> None:
        self._before = self._rows.popleft().link

    def batch(self, after_seq: int, upto: int, max_events: int, max_bytes: int) -> Batch | None:
        """What the journal's own batch would be; None if not all of it is here, or there is nothing to send."""
        first = self._rows[0].seq if self._rows else upto + 1
        if not first <= after_seq + 1 <= upto:
            return None
        place = after_seq + 1 - first
        prev = self._rows[place - 1].link if place else self._before
        rows = list(fitting(self._slice(place, max_events, upto), max_bytes))
        return Batch(rows[0].seq, rows[-1].seq, prev, rows[-1].link, [row.stored for row in rows], [])

    def _slice(self, place: int, count: int, upto: int) -> Iterator[Row]:
        return takewhile(lambda row: row.seq <= upto, islice(self._rows, place, place + count))
