"""What a device keeps of a zone over restarts and power cuts, and how it goes on from it.

The journal is the record of what passed: a page has the news, and the passages up to a row that is on the disk. What
was recorded behind that row is read from the journal again, so page and journal can never disagree.
"""

from collections.abc import Iterator
from typing import Annotated, Protocol

from msgspec import Meta, Struct

from contract import codec
from contract.codec import Malformed
from contract.events import Event, decode_event
from contract.zone_news import ZoneNews
from edge.counting.counter import MAX_OWN, OwnPassage
from edge.journal.journal import Batch

PREFIX = "zone."
"""What the documents of zones are called, before the zone's name."""
AT_ONCE, AT_ONCE_BYTES = 1_000, 1 << 20


class ZonePage(Struct, frozen=True):
    """A zone as it is written down: the ``own`` passages behind the news, by rows of this ``journal``, up to row
    ``upto``."""

    news: ZoneNews
    journal: str
    upto: Annotated[int, Meta(ge=0)]
    own: Annotated[list[OwnPassage], Meta(max_length=MAX_OWN)]


class JournalRows(Protocol):
    """The rows of a journal."""

    def batch(self, after_seq: int, upto: int, max_events: int, max_bytes: int) -> Batch | None:
        """Those behind ``after_seq``; None if there is none. Raises ``JournalError``."""


def read_page(stored: bytes | None) -> ZonePage | None:
    """What was written down; None for nothing, and for what cannot be read: then the zone is unknown until the next
    news."""
    if stored is None:
        return None
    try:
        return codec.unpack(stored, ZonePage)
    except Malformed:
        return None


def events_behind(journal: JournalRows, after_seq: int, last_seq: int) -> Iterator[tuple[int, Event]]:
    """The events behind a row, each with its row. Gaps, and what cannot be read, are passed over."""
    while after_seq < last_seq:
        batch = journal.batch(after_seq, last_seq, AT_ONCE, AT_ONCE_BYTES)
        if batch is None:
            return
        for stored in batch.events:
            try:
                event = decode_event(stored)
            except Malformed:
                continue
            if event.seq > after_seq:
                yield event.seq, event
        after_seq = max(after_seq, batch.last)
