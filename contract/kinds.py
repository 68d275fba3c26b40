"""Kinds of station as both sides know them: what a kind is, and which modes one of its points can be set to.

A mode that a kind has not got is refused wherever it is ordered: by the cloud, and again by the device. Of a kind that
is not known here nothing is assumed but that it can be in service or out of service.
"""

import re
from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from contract.decide import HOUR_MS, Mode

Archetype = Literal["portal", "session", "feeder", "unknown"]

KIND_NAME = r"[a-z_]{1,40}"
IN_OR_OUT_OF_SERVICE = frozenset({Mode.SCHEDULED, Mode.OUT_OF_SERVICE})
MODE_LASTS_MS: Mapping[Mode, int] = {Mode.HOLD_OPEN: 2 * HOUR_MS, Mode.LOCKDOWN: 4 * HOUR_MS}
"""The longest that one order of a mode may last; a person renews it. The other modes last until another is ordered."""


class Kind(Struct, frozen=True):
    """A kind of station. Its ``name`` is what a wiring calls it, empty if nobody has said."""

    name: str
    archetype: Archetype
    modes: frozenset[Mode] = IN_OR_OUT_OF_SERVICE


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("door", "portal", frozenset(Mode)),
        Kind("turnstile", "portal", frozenset(Mode)),
        Kind("socket", "session"),
        Kind("ev_post", "session"),
        Kind("bank", "feeder"),
    )
}


def kind_name(value: object) -> str:
    """The name of a kind as a wiring or a device gives it; empty if this can be none."""
    return value if isinstance(value, str) and re.fullmatch(KIND_NAME, value) else ""


def kind_of(name: str) -> Kind:
    """The kind of that name. One that is not known here has no modes but the two that every point has."""
    return KINDS.get(name) or Kind(name, "unknown")


def has_mode(kind: str, mode: Mode) -> bool:
    """Whether a point of this kind can be set to this mode: the one rule for the cloud and its devices."""
    return mode in kind_of(kind).modes
