"""What the text of a wiring says of a device's points, for the cloud's own list of them. Pure.

Whether a wiring is sound is judged by its device alone. Here is read what can be read, and nothing is refused.
"""

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from contract.kinds import kind_name, kind_of
from contract.templates import BadKey, Expansion
from contract.toml_text import NotToml, read_toml
from contract.topics import NAME

FREE_EXITS = frozenset({"exit_button", "exit_arm"})
"""The inputs of a point by which anybody is let out."""


class Wired(Struct, frozen=True):
    """A point of a wiring, and its ``kind`` of station. ``class_name`` says of what plans ration what it is; empty for
    a door. ``names_exits``: nobody leaves by it without showing who they are, except in an emergency. ``reads_exits``:
    there is a reader inside, beside which others may leave unnamed."""

    name: str
    zone: str
    class_name: str = ""
    kind: str = ""
    names_exits: bool = False
    reads_exits: bool = False


def wired_device(wiring: str) -> tuple[str, str]:
    """The site and the name that the text gives its device, each empty where it says none that can be."""
    device = _read(wiring).get("device")
    return (_name(device.get("site")), _name(device.get("name"))) if isinstance(device, dict) else ("", "")


def wired_points(wiring: str) -> list[Wired]:
    """The points that a wiring names, with its templates and ranges written out; none of a text that is no wiring."""
    try:
        listed = Expansion(_read(wiring)).document.get("point")
    except BadKey:
        return []
    read = [_point(one) for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return list({one.name: one for one in read if one is not None}.values())


def _read(wiring: str) -> dict[str, Any]:
    try:
        return read_toml(wiring)
    except NotToml:
        return {}


def _point(said: Mapping[str, Any]) -> Wired | None:
    """None of what has no name, and of what only feeds sockets: nobody opens or uses that."""
    name, zone, kind = _name(said.get("name")), _name(said.get("zone")), kind_name(said.get("kind"))
    if not name or kind_of(kind).archetype == "feeder":
        return None
    settings = said.get("settings")
    chosen = _name(settings.get("class")) if isinstance(settings, dict) else ""
    class_name = chosen or next(iter(kind_of(kind).classes), "")
    reads = _reads_exits(said)
    return Wired(name, zone, class_name, kind, names_exits=reads and not _is_free(said), reads_exits=reads)


def _reads_exits(said: Mapping[str, Any]) -> bool:
    """Whether somebody inside has a reader or a scanner."""
    return any("out" in table for key in ("readers", "scanners") if isinstance(table := said.get(key), dict))


def _is_free(said: Mapping[str, Any]) -> bool:
    """Whether a button or a free arm lets anybody out."""
    inputs = said.get("inputs")
    return isinstance(inputs, dict) and not FREE_EXITS.isdisjoint(inputs)


def _name(said: object) -> str:
    return said if isinstance(said, str) and re.fullmatch(NAME, said) else ""
