"""What happened, as it is stored and sent: the same bytes from the device's journal to the cloud's archive."""

import hashlib
from collections.abc import Iterable
from string import hexdigits
from typing import Any, Literal

from msgspec import Struct, ValidationError, convert, msgpack, structs

from contract.codec import UNREADABLE, Malformed, pack
from contract.decide import Trust

MAX_EVENT_BYTES = 2048
"""A station's data is a few short fields; larger is a fault of ours and is refused when it is recorded."""

CHAIN_BYTES = 32
CHAIN_START = bytes(CHAIN_BYTES)

GAP = "journal.gap"
"""The kind of the event that stands for rows that are no longer there."""
_GAP_MARK = GAP.encode()

Grade = Literal["watch", "access", "value"]
"""What a full journal gives up first: watch-class rows, then access, value last."""

_GRADES: dict[str, Grade] = {
    "device": "watch",
    "reader": "watch",
    "access": "access",
    "door": "access",
    "turnstile": "access",
    "emergency": "access",
}


class Event(Struct, array_like=True, frozen=True):
    """One row of a journal.

    ``at_ms`` is the device's wall clock (UTC), ``mono_ms`` its monotonic clock since boot ``boot``; ``clock`` says how
    far ``at_ms`` is to be believed. Order is always ``seq``. ``kind`` is ``family.what``; ``point`` is empty for the
    device itself. ``data`` never holds card bits, names or numbers of people.
    """

    seq: int
    at_ms: int
    mono_ms: int
    boot: str
    clock: Trust
    point: str
    kind: str
    data: dict[str, Any]


_DECODER = msgpack.Decoder(Event)
"""Made once: the cloud reads 50,000 events a second, and looking their kind up each time costs more than reading."""


def encode_event(event: Event) -> bytes:
    """The stored bytes of an event. Raises ``ValueError`` if they are more than ``MAX_EVENT_BYTES``."""
    stored = pack(event)
    if len(stored) > MAX_EVENT_BYTES:
        raise ValueError(f"event {event.kind} has {len(stored)} bytes, more than {MAX_EVENT_BYTES}")
    return stored


def decode_event(stored: bytes) -> Event:
    """Raises ``Malformed`` for bytes that are no event."""
    if len(stored) > MAX_EVENT_BYTES:
        raise Malformed(f"event of {len(stored)} bytes, more than {MAX_EVENT_BYTES}")
    try:
        return _DECODER.decode(stored)
    except UNREADABLE as wrong:
        raise Malformed(f"Event: {wrong}") from None


def chain(previous: bytes, stored: bytes) -> bytes:
    """The link of a row: SHA-256 over the link before it and the row's stored bytes."""
    return hashlib.sha256(previous + stored).digest()


def links_of(previous: bytes, rows: Iterable[bytes]) -> list[bytes]:
    """The links of these rows, one behind the other, each as ``chain`` has it."""
    # Written out, for it runs 50,000 times a second: a call of ``chain`` would take half as long as the hash.
    links, sha256 = [], hashlib.sha256
    for stored in rows:
        previous = sha256(previous + stored).digest()
        links.append(previous)
    return links


def grade(kind: str) -> Grade:
    """The class of an event kind by its family. A family nobody listed is kept longest."""
    return _GRADES.get(kind.partition(".")[0], "value")


class Gap(Struct, frozen=True):
    """The data of a ``journal.gap``: ``count`` rows, ``first`` to ``last``, are no longer in the journal.

    It stands in the place of row ``last`` and is no link of the chain: the row behind it follows ``tip_after``, the
    link (in hex) that row ``last`` had. ``why``: the journal was ``full``, or the rows were acknowledged once and
    ``let_go``.
    """

    first: int
    last: int
    count: int
    tip_after: str
    why: Literal["full", "let_go"]


def gap_event(last: Event, first: int, tip_after: bytes, why: Literal["full", "let_go"]) -> Event:
    """What stands for rows ``first`` to ``last``. It tells the time of the last of them."""
    gap = Gap(first, last.seq, last.seq - first + 1, tip_after.hex(), why)
    return structs.replace(last, point="", kind=GAP, data=structs.asdict(gap))


def read_gap(stored: bytes) -> Gap | None:
    """What a ``journal.gap`` says; None for any other stored bytes."""
    if _GAP_MARK not in stored:
        return None
    try:
        event = decode_event(stored)
        gap = convert(event.data, Gap)
        is_link = len(bytes.fromhex(gap.tip_after)) == CHAIN_BYTES
    except (Malformed, ValidationError, ValueError):
        return None
    counted = 1 <= gap.first <= gap.last == event.seq and gap.count == gap.last - gap.first + 1
    return gap if event.kind == GAP and counted and is_link else None


def reason_of(event: Event) -> str | None:
    """The word of why, which decisions and some other events have."""
    reason = event.data.get("reason")
    return reason if isinstance(reason, str) else None


def holder_in(field: object) -> bytes | None:
    """A holder as it stands in an event: 16 hex digits, anything else where nobody is known."""
    is_holder = isinstance(field, str) and len(field) == 16 and not field.strip(hexdigits)
    return bytes.fromhex(str(field)) if is_holder else None
