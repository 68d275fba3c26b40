"""Events from which person and card were erased. Pure.

A journal's chain is over the bytes of its events, and what is erased can be hashed no more. So the link before an
erased event and its own stand in the place of its bytes: the chain before must lead to the one, and goes on from the
other.
"""

from typing import NamedTuple

from msgspec.structs import replace

from contract.codec import Malformed
from contract.events import CHAIN_START, GAP, Event, chain, decode_event, encode_event

MARK = b"\xc1"
"""No event begins so: MessagePack never uses this byte."""
UNKNOWN = b"\xff" * len(CHAIN_START)
"""In the place of a link that nobody knows."""
PERSONAL = ("holder", "digest", "by")
_LINK_BYTES = len(CHAIN_START)


class Erased(NamedTuple):
    """What stands in the place of an event's bytes: the link before it, its own link, and what else it says."""

    previous: bytes | None
    link: bytes | None
    rest: bytes

    def was(self, stored: bytes) -> bool:
        """Whether these are the bytes that were erased, as far as anybody can know."""
        return self.previous is None or chain(self.previous, stored) == self.link


def is_event(stored: bytes) -> bool:
    """Whether these bytes are an event that is whole: no gap, not erased, and not spoilt in the database."""
    try:
        return decode_event(stored).kind != GAP
    except Malformed:
        return False


def erase(stored: bytes, previous: bytes | None) -> bytes:
    """An event without its person and card; ``previous`` is the link before it. Raises ``Malformed``."""
    event = decode_event(stored)
    rest = replace(event, data={name: value for name, value in event.data.items() if name not in PERSONAL})
    link = UNKNOWN if previous is None else chain(previous, stored)
    return b"".join((MARK, previous or UNKNOWN, link, encode_event(rest)))


def read_erased(stored: bytes) -> Erased | None:
    """None for an event that is whole."""
    if not stored.startswith(MARK):
        return None
    previous, link = stored[1 : 1 + _LINK_BYTES], stored[1 + _LINK_BYTES : 1 + 2 * _LINK_BYTES]
    known = [None if one == UNKNOWN else one for one in (previous, link)]
    return Erased(known[0], known[1], stored[1 + 2 * _LINK_BYTES :])


def decode_stored(stored: bytes) -> Event:
    """An event as the cloud stores it, whole or erased. Raises ``Malformed``."""
    erased = read_erased(stored)
    return decode_event(stored if erased is None else erased.rest)
