"""Which rows a full journal gives up, held against a list that does the same by plain counting."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.journal.file import GAP_RANK, RANKS
from edge.journal.overflow import KeptRows, Span

WATCH, ACCESS, VALUE = range(len(RANKS))
BASE = 10


def kept(ranks: Sequence[int]) -> KeptRows:
    """Events of these ranks behind row 10."""
    return KeptRows.read(BASE, BASE + len(ranks), enumerate(ranks, BASE + 1))


@pytest.mark.parametrize(
    ("ranks", "count", "spans"),
    [
        ([ACCESS, WATCH, ACCESS], 1, [Span(12, 12)]),
        ([VALUE, ACCESS, WATCH], 2, [Span(12, 13)]),
        ([VALUE, WATCH, ACCESS, WATCH], 2, [Span(12, 12), Span(14, 14)]),
        ([VALUE, VALUE], 3, [Span(11, 12)]),
        ([ACCESS], 0, []),
    ],
)
def test_the_lowest_rank_goes_first_and_of_one_rank_the_oldest(ranks: list[int], count: int, spans: list[Span]) -> None:
    assert kept(ranks).give_up(count, acked=0) == spans


def test_what_was_acknowledged_is_not_given_up() -> None:
    assert kept([WATCH, WATCH, ACCESS]).give_up(1, acked=BASE + 1) == [Span(12, 12)]


def test_rows_beside_a_gap_become_part_of_it() -> None:
    rows = kept([WATCH, WATCH, ACCESS, ACCESS])
    assert rows.give_up(2, 0) == [Span(11, 12)]
    assert rows.give_up(1, 0) == [Span(13, 13)]  # with the gap that ends at 12
    rows = kept([ACCESS, WATCH, VALUE])
    assert rows.give_up(1, 0) == [Span(12, 12)]
    assert rows.give_up(1, 0) == [Span(11, 12)]  # up to the gap's own end
    assert rows.count == 1


class Rows:
    """A journal's rows in a list, to which is done what the answers say. A gap is a stretch of numbers."""

    def __init__(self, ranks: Sequence[int]) -> None:
        self.rows = [(BASE + n, BASE + n, rank) for n, rank in enumerate(ranks, 1)]

    @property
    def events(self) -> list[tuple[int, int]]:
        return [(rank, seq) for seq, _, rank in self.rows if rank != GAP_RANK]

    def become_gap(self, span: Span) -> None:
        joined = next((row for row in self.rows if row[1] == span.first - 1 and row[2] == GAP_RANK), None)
        first = joined[0] if joined else span.first
        replaced = [row for row in self.rows if first <= row[0] and row[1] <= span.last]
        assert (replaced[0][0], replaced[-1][1]) == (first, span.last)
        place = self.rows.index(replaced[0])
        self.rows[place : place + len(replaced)] = [(first, span.last, GAP_RANK)]

    def trim(self, cut: int) -> None:
        self.rows = [row for row in self.rows if row[1] > cut]


@settings(max_examples=100)
@given(st.data(), st.lists(st.sampled_from([WATCH, ACCESS, VALUE]), min_size=1, max_size=25))
def test_just_as_many_as_are_asked_for_go_in_their_order_and_gaps_never_touch(
    data: st.DataObject, ranks: list[int]
) -> None:
    rows, journal, base, last = Rows(ranks), kept(ranks), BASE, BASE + len(ranks)
    for _ in range(data.draw(st.integers(1, 5))):
        acked = data.draw(st.sampled_from([0, base, *(row[1] for row in rows.rows)]))
        waiting = sorted(event for event in rows.events if event[1] > acked)
        count = data.draw(st.integers(0, len(waiting)))
        due = set(rows.events) - set(waiting[:count])
        for span in journal.give_up(count, acked):
            rows.become_gap(span)
        assert set(rows.events) == due
        assert journal.count == len(due)
        if data.draw(st.booleans()) and len(rows.rows) > 1:
            base = rows.rows[0][1]
            rows.trim(base)
            journal.trim(base)
            assert journal.count == len(rows.events)
        numbers = [seq for first, end, _ in rows.rows for seq in range(first, end + 1)]
        assert numbers == list(range(base + 1, last + 1))
        behind_acked = [rank for _, end, rank in rows.rows if end > acked]
        assert all({one, other} != {GAP_RANK} for one, other in pairwise(behind_acked))
        journal = KeptRows.read(base, last, [(seq, rank) for _, seq, rank in rows.rows])  # as the next start reads it
