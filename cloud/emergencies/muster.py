"""Who was inside a zone when its emergency began, by the readers: the list that a guard reads out. Pure."""

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

LOOK_BACK_MS = 24 * 3_600_000
"""Whoever went in longer ago has most likely left by a button, which knows nobody's name."""


class Pass(Struct, frozen=True):
    """Somebody went through a reader's door of the zone."""

    holder: bytes
    direction: Literal["in", "out"]
    at_ms: int


class Inside(Struct, frozen=True):
    """Somebody to account for: inside since ``in_ms``; at ``out_ms`` a reader saw them leave, after it began."""

    holder: bytes
    in_ms: int
    out_ms: int | None = None


def inside(passes: Iterable[Pass], began_ms: int) -> list[Inside]:
    """Whoever the readers let in before ``began_ms`` and did not see leaving by then, and whoever went in later: those
    who are in longest come first."""
    found: dict[bytes, Inside] = {}
    for one in sorted(passes, key=lambda one: one.at_ms):
        if one.direction == "in":
            found[one.holder] = Inside(one.holder, one.at_ms)
        elif one.at_ms < began_ms:
            found.pop(one.holder, None)
        elif one.holder in found:
            there = found[one.holder]
            found[one.holder] = Inside(there.holder, there.in_ms, one.at_ms)
    return sorted(found.values(), key=lambda one: (one.out_ms is not None, one.in_ms, one.holder))
