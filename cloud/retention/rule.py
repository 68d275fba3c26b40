"""How long each kind of record is held, and how a chain is followed whose beginning was deleted."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from contract.decide import DAY_MS
from contract.events import CHAIN_START, chain, read_gap

WEEK_MS = 7 * DAY_MS
DEFAULT_DAYS: Mapping[str, int] = {
    "events": 180,
    "weeks": 10 * 365,
    "quarantine": 210,
    "sessions": 3 * 365,
    "audit": 3 * 365,
}
"""``weeks`` are the weekly counts that stay of deleted events. What is in quarantine may be a piece of a journal's
chain, so it is held no shorter than the events."""
SHORTEST_DAYS, LONGEST_DAYS = 7, 100 * 365


class Anchor(NamedTuple):
    """The end of the part of a chain that was deleted: its last row, and the link of that. None where the link is not
    known: a row before it was refused, and its bytes are gone."""

    upto: int = 0
    link: bytes | None = CHAIN_START


def followed(anchor: Anchor, rows: Iterable[tuple[int, bytes]], refused: Mapping[int, bytes]) -> Anchor:
    """The last of these rows of a journal (their numbers and bytes, in order) and its link.

    ``refused`` are the bytes of rows that were not stored, by their numbers; a gap states the link of its last row.
    """
    upto, link = anchor
    for seq, stored in rows:
        gap = read_gap(stored)
        upto, link = over_refused(Anchor(upto, link), (gap.first if gap else seq) - 1, refused)
        if gap:
            upto, link = gap.last, bytes.fromhex(gap.tip_after)
        else:
            upto, link = seq, None if link is None else chain(link, stored)
    return Anchor(upto, link)


def over_refused(anchor: Anchor, last: int, refused: Mapping[int, bytes]) -> Anchor:
    """The chain continued up to row ``last`` over rows that were refused."""
    upto, link = anchor
    while upto < last and link is not None:
        upto += 1
        stored = refused.get(upto)
        link = None if stored is None else chain(link, stored)
    return Anchor(max(upto, last), link)
