"""Paging a whole roster anew: what the tree of a roster, which is rebuilt only where it changed, must come to."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from contract.messages import MAX_ROSTER_PAGES
from contract.roster import (
    MAX_PAGE_ROWS,
    MAX_PREFIX_BITS,
    MERGE_BELOW,
    MERGE_UP_TO,
    SPLIT_ABOVE,
    WHOLE,
    Prefix,
    Row,
    Undeliverable,
    pack_page,
    prefix_of,
)


def paginate(rows: Sequence[Row], before: Iterable[Prefix] = (WHOLE,)) -> list[bytes]:
    """All pages of a roster, in prefix order. ``rows`` are sorted, no two of one ``key``. Raises ``Undeliverable``.

    ``before`` are the prefixes of the roster it follows, in order. They are kept wherever they still fit, so that a
    small change leaves all other pages as they are.
    """
    prefixes = _merged(rows, [half for prefix in before for half in _split(rows, prefix)])
    if len(prefixes) > MAX_ROSTER_PAGES:
        raise Undeliverable(f"{len(prefixes)} pages, and a manifest names {MAX_ROSTER_PAGES}")
    fullest = max((_held(rows, prefix) for prefix in prefixes), default=0)
    if fullest > MAX_PAGE_ROWS:
        raise Undeliverable(f"{fullest} rows on one page, and a device takes {MAX_PAGE_ROWS}")
    return [pack_page(prefix, rows[_within(rows, prefix)]) for prefix in prefixes]


def _within(rows: Sequence[Row], prefix: Prefix) -> slice:
    first = bisect_left(rows, prefix.value, key=lambda row: prefix_of(row.digest))
    return slice(first, bisect_left(rows, prefix.end, lo=first, key=lambda row: prefix_of(row.digest)))


def _held(rows: Sequence[Row], prefix: Prefix) -> int:
    span = _within(rows, prefix)
    return int(span.stop) - int(span.start)


def _split(rows: Sequence[Row], prefix: Prefix) -> list[Prefix]:
    if prefix.bits == MAX_PREFIX_BITS or _held(rows, prefix) <= SPLIT_ABOVE:
        return [prefix]
    return [part for half in prefix.halves() for part in _split(rows, half)]


def _merged(rows: Sequence[Row], prefixes: list[Prefix]) -> list[Prefix]:
    """Join sibling pages of which one has become too small, as long as the joined page is far from splitting again."""
    done: list[Prefix] = []
    for prefix in prefixes:
        done.append(prefix)
        while len(done) > 1 and _should_join(rows, done[-2], done[-1]):
            right = done.pop()
            done[-1] = right.parent()
    return done


def _should_join(rows: Sequence[Row], left: Prefix, right: Prefix) -> bool:
    if left.bits != right.bits or left.parent() != right.parent():
        return False
    held = _held(rows, left), _held(rows, right)
    return min(held) < MERGE_BELOW and sum(held) <= MERGE_UP_TO
