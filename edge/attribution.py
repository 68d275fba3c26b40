"""Whose a message of a post is: at which connector, and of which transaction there. Pure, and by evidence only.

Posts leave out the connector, tell numbers that nobody gave them, or none; so each message is held against what the
connectors know. What fits nowhere, or in two places alike, is nobody's: it is never handed to the lowest connector.
"""

from collections.abc import Sequence

from edge import account
from edge.account import Reading
from edge.ocpp_words import MeterSaid, StopSaid, is_given
from edge.transactions import Book, Transaction, account_of


def ended_by(book: Book, told: StopSaid, tag: str = "") -> Transaction | None:
    """The transaction that an end belongs to; ``tag`` is that of the one which runs, where it is known.

    It is the one of that number. Where the number is none that was given, it is the newest that is not over and whose
    meter did not stand higher; or else, as with a number that nobody knows, the only one that is not over, if it began
    before and its tag says so.
    """
    known = _numbered(book, told.transaction)
    if known is not None:
        return known
    open_ones = [one for one in reversed(book.transactions) if not one.over]
    if not is_given(told.transaction):
        fits = (one for one in open_ones if None in (one.meter_wh, told.meter_wh) or _stood_below(one, told))
        found = next(fits, None)
        if found is not None:
            return found
    return _by_tag(open_ones, told, tag)


def _numbered(book: Book, number: str) -> Transaction | None:
    return next((one for one in reversed(book.transactions) if one.number == number), None)


def _stood_below(one: Transaction, told: StopSaid) -> bool:
    return (one.meter_wh or 0) <= (told.meter_wh or 0)


def _by_tag(open_ones: Sequence[Transaction], told: StopSaid, tag: str) -> Transaction | None:
    if len(open_ones) != 1 or not tag or told.tag.lower() != tag:
        return None
    (only,) = open_ones
    if told.at_ms is not None and only.at_ms is not None and told.at_ms < only.at_ms:
        return None
    return only


def measured(book: Book, said: MeterSaid, most_w: float) -> Transaction | None:
    """The transaction that a reading is of. One that names none is of the one that runs; one with a number that nobody
    knows only where its register goes on from there."""
    known = _numbered(book, said.transaction)
    if known is not None or book.live is None or not is_given(said.transaction):
        return known or book.live
    reading = None if said.energy_wh is None else Reading(said.energy_wh, said.at_ms, numbered=False)
    goes_on = reading is not None and account.goes_on(account_of(book.live), reading, most_w)
    return book.live if goes_on else None


def is_past(book: Book, said: MeterSaid) -> bool:
    """Whether a reading was taken before the last transaction ended: it came late, and nothing runs for that."""
    ends_ms = [one.ended_at_ms for one in book.transactions if one.ended_at_ms is not None]
    return bool(ends_ms) and said.at_ms is not None and said.at_ms <= max(ends_ms)
