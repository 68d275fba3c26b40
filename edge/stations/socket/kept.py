"""What a socket keeps over restarts, as a document. Pure."""

import msgspec
from msgspec import Struct

from edge.archetypes.session import Session


class Kept(Struct, frozen=True):
    """What a point keeps over restarts: its session, and the ``latched`` faults that only a person clears."""

    session: Session | None = None
    latched: tuple[str, ...] = ()


class Unreadable(ValueError):
    """What was kept cannot be read; the text says why."""


def write_kept(kept: Kept) -> bytes:
    """The document of what is to be kept, empty for nothing."""
    return msgspec.json.encode(kept) if kept != Kept() else b""


def read_kept(document: bytes) -> Kept:
    """What was kept. Raises ``Unreadable``."""
    if not document:
        return Kept()
    try:
        return msgspec.json.decode(document, type=Kept)
    except (msgspec.DecodeError, ValueError) as wrong:
        raise Unreadable(f"what was kept cannot be read: {wrong}") from None
