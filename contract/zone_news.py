"""The news of a zone: what the cloud tells each device at it of how many are inside, and who; and what devices answer.

A device counts its own passages over the news. ``seen`` says up to which row of each journal the cloud has counted, so
nobody is counted twice and nobody is left out. How many each device may still admit up to the fire limit is divided by
the cloud: the rooms of all devices together are never more than the free places (``cloud.counters.rooms``).
"""

import struct
from collections.abc import Iterable
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct

from contract.messages import JournalId, Message, Name, Number, Time
from contract.occupancy import MAX_INSIDE

MAX_DEVICES = 200
"""Of one zone."""
MAX_NAMED = 4_000
"""Of so many the news says who they are: 40,000 bytes, some 54 KiB as it travels. Where more are inside it says only
how many, and nobody is held to be inside or not."""

Seen = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
Many = Annotated[int, Meta(ge=0, le=MAX_INSIDE)]

_ENTRY = struct.Struct(">8sH")
_LONGEST_S = 0xFFFF


class SeenRow(Struct, array_like=True, frozen=True):
    """How far a device's passages are counted in: a journal, and the last row of it. 0 is before the first."""

    journal: JournalId
    seq: Seen


class ZoneNews(Message, frozen=True, kw_only=True):
    """``dn/zone`` (retained): how a zone stands for the device that it is sent to.

    ``number`` only grows, with the cloud's clock. ``seen`` says by device how far it is counted in. Passages of before
    ``counted_ms`` change no count any more: somebody has counted the room since, or emptied it; those of before
    ``emptied_ms`` no name. ``names`` are those inside (see ``pack_names``), None where they are too many.

    ``room`` is how many more this device may admit than ``seen`` has of it, None where there is no fire limit; it may
    be below 0. ``division`` numbers it. With ``asks`` the device is to answer with ``RoomTaken`` once this is written
    down.
    """

    zone: Name
    number: Number
    issued_ms: Time
    seen: Annotated[dict[Name, SeenRow], Meta(max_length=MAX_DEVICES)]
    inside: Many
    count_doubt: Many = 0
    names_doubt: Many = 0
    counted_ms: Time = 0
    emptied_ms: Time = 0
    names: Annotated[bytes, Meta(max_length=MAX_NAMED * _ENTRY.size)] | None = b""
    room: Annotated[int, Meta(ge=-MAX_INSIDE, le=MAX_INSIDE)] | None = None
    division: Annotated[int, Meta(ge=0, le=1 << 48)] = 0
    asks: bool = False


class RoomTaken(Message, frozen=True, kw_only=True):
    """``up/room``: this device goes by the ``division`` of a zone's places from now on, and by none before it: it is
    written down there. ``wants``: somebody stands here for whom it has no place left, and others may have some."""

    zone: Name
    division: Annotated[int, Meta(ge=0, le=1 << 48)]
    wants: bool = False


class Named(NamedTuple):
    """Somebody inside, and since how many seconds before the news."""

    holder: bytes
    ago_s: int


def pack_names(named: Iterable[Named]) -> bytes | None:
    """Who is inside, ten bytes each: the holder, and for how many seconds, at most some 18 hours. None for too many."""
    entries = [_ENTRY.pack(one.holder, min(max(0, one.ago_s), _LONGEST_S)) for one in named]
    return b"".join(entries) if len(entries) <= MAX_NAMED else None


def unpack_names(packed: bytes) -> list[Named]:
    """Raises ``ValueError`` for bytes that are no whole entries."""
    if len(packed) % _ENTRY.size:
        raise ValueError(f"{len(packed)} bytes are no whole names")
    return [Named(*entry) for entry in _ENTRY.iter_unpack(packed)]
