"""A command: one thing that can be done at a board. As JSON it names itself in ``do``."""

import re
from collections.abc import Mapping
from typing import Literal, TypeVar

from msgspec import Struct

Named = TypeVar("Named")
Way = Literal["in", "out"]


class ControlError(ValueError):
    """A command that cannot be carried out. The text says why, and what there is instead."""


def _tag(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


class Command(Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag=_tag):
    """The base of all commands, one struct each."""


def named(name: str, things: Mapping[str, Named], what: str) -> Named:
    """The thing of that name. Raises `ControlError`, which says what there is instead."""
    try:
        return things[name]
    except KeyError:
        raise ControlError(f"no {what} {name!r} here; there is {', '.join(sorted(things)) or 'none'}") from None
