"""How long each kind of record is held, and how a chain is followed whose beginning was deleted."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from cloud.devices.erasure import read_erased
from cloud.web.sentence import N_, Sentence
from contract.decide import DAY_MS, HOUR_MS, Tier
from contract.events import CHAIN_START, chain, read_gap

WEEK_MS = 7 * DAY_MS
DEFAULT_DAYS: Mapping[str, int] = {
    "events": 180,
    "visits": 30,
    "weeks": 10 * 365,
    "quarantine": 210,
    "sessions": 3 * 365,
    "audit": 3 * 365,
    "breaks": 3 * 365,
    "certificates": 3 * 365,
}
"""``visits`` are the names and cards in events of riders, guests and children, and unknown cards: they are erased, and
the events stay. Permits are held as long after the last visit, links and telephones
as long after their end, and then deleted. ``weeks`` are the weekly counts that
stay of deleted events. What is in quarantine may be a piece of a journal's chain, so it is held no shorter than the
events."""
SHORTEST_DAYS, LONGEST_DAYS = 7, 100 * 365

NO_RECORDS = N_("%(what)s is none of %(names)s")
BAD_DAYS = N_("%(days)s days: give %(least)s to %(most)s")
QUARANTINE_SHORTER = N_("what is in quarantine must be held as long as the events, whose chain may need it")


def term_fault(what: str, days: int, terms: Mapping[str, int]) -> str:
    """Why a kind of record cannot be held so long beside the others; empty if it can."""
    if what not in DEFAULT_DAYS:
        return Sentence(NO_RECORDS, what=repr(what), names=", ".join(DEFAULT_DAYS))
    if not SHORTEST_DAYS <= days <= LONGEST_DAYS:
        return Sentence(BAD_DAYS, days=days, least=SHORTEST_DAYS, most=LONGEST_DAYS)
    if what in ("events", "quarantine") and terms["quarantine"] < terms["events"]:
        return Sentence(QUARANTINE_SHORTER)
    return ""


class Anchor(NamedTuple):
    """The end of the part of a chain that was deleted: its last row, and the link of that. None where the link is not
    known: a row before it was refused, and its bytes are gone."""

    upto: int = 0
    link: bytes | None = CHAIN_START


BROKEN = b""
"""The link of a chain that is broken somewhere before. No hash is equal to it."""
FIRST_STEP_MS, CATCH_UP = HOUR_MS, 2
"""How far the time that retention believes moves when a process begins, and how much faster than time afterwards."""
CHILD_YEARS = 14
VISITING = frozenset({Tier.RIDER, Tier.GUEST})
"""Who has plans of these tiers alone is a visitor."""


def followed(anchor: Anchor, rows: Iterable[tuple[int, bytes]], refused: Mapping[int, bytes]) -> Anchor:
    """The last of these rows of a journal (their numbers and bytes, in order) and its link.

    ``refused`` are the bytes of rows that were not stored, by their numbers; a gap states the link of its last row, and
    an erased event its own.
    """
    for seq, stored in rows:
        gap = read_gap(stored)
        before = over_refused(anchor, (gap.first if gap else seq) - 1, refused)
        anchor = Anchor(gap.last, bytes.fromhex(gap.tip_after)) if gap else Anchor(seq, _link(before.link, stored))
    return anchor


def _link(before: bytes | None, stored: bytes) -> bytes | None:
    erased = read_erased(stored)
    if erased is None:
        return None if before is None else chain(before, stored)
    return erased.link if before in (None, erased.previous) or erased.previous is None else BROKEN


def over_refused(anchor: Anchor, last: int, refused: Mapping[int, bytes]) -> Anchor:
    """The chain continued up to row ``last`` over rows that were refused."""
    upto, link = anchor
    while upto < last and link is not None:
        upto += 1
        stored = refused.get(upto)
        link = None if stored is None else chain(link, stored)
    return Anchor(max(upto, last), link)


def believed_ms(before_ms: int, wall_ms: int, passed_ms: int | None) -> int:
    """The time by which records are old, when it was ``before_ms`` the last time and ``passed_ms`` have passed since by
    a clock that nobody sets; None where the process has begun since.

    It is the wall clock's where that did not jump ahead. One that did is followed at twice the speed of time, so that
    a wrong clock deletes in a day no more than a day's records too many, and one that stood still catches up.
    """
    allowed_ms = FIRST_STEP_MS if passed_ms is None else max(0, passed_ms) * CATCH_UP
    return min(wall_ms, before_ms + allowed_ms)


def is_child(born: str, today: str) -> bool:
    """Whether somebody of this month of birth (``2015-03``; empty for unknown) may be under 14 on a day."""
    if not born:
        return False
    year, month = (int(part) for part in born.split("-"))
    return today[:7] <= f"{year + CHILD_YEARS:04}-{month:02}"
