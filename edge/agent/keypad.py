"""What is keyed at a reader with a keypad, key by key: one grammar for every reader. Pure.

- Digits before a card are the number of a point, with or without ``#``: so a reader that several points share is told
  which of them is meant.
- Digits and ``#`` after a card are the PIN of that card. Where the next card follows at once, what is short enough is
  the number of its point: the next person need not wait.
- Digits and ``#`` without a card are a code. A number and ``#`` before it choose its point.
- ``*`` takes back what was keyed, and so do ten seconds without a key or a card. Digits beyond the longest PIN are
  lost, and lengthen nothing: a key that sticks or bounces holds no reader.

Nothing that was keyed is written down: a state holds it until it means something or is taken back.
"""

from collections.abc import Mapping
from typing import Literal, assert_never

from msgspec import Struct

CLEARS_AFTER_MS = 10_000
"""Time to find the next key, or the card, and too short for the next person."""
LONGEST_NUMBER = 3
"""Digits of a point's number."""
LEAST_DIGITS, MOST_DIGITS = 4, 8
"""Digits of a PIN and of a code."""


class Card(Struct, frozen=True):
    """A card was shown, after the ``number`` of a point; empty if none was keyed."""

    number: str


class Pin(Struct, frozen=True):
    """The PIN of the card that was shown last. It may have any number of digits, of which those beyond one more than
    ``MOST_DIGITS`` are lost: it is too long in any case."""

    digits: str


class Code(Struct, frozen=True):
    """A code of ``LEAST_DIGITS`` to ``MOST_DIGITS``, after the ``number`` of a point; empty if none was keyed."""

    digits: str
    number: str


class TakenBack(Struct, frozen=True):
    """What was keyed is taken back, and whoever waits for a PIN waits no longer."""


Meaning = Card | Pin | Code | TakenBack
Phase = Literal["empty", "digits", "chosen", "pin"]
Symbol = Literal["digit", "end", "end_number", "end_nothing", "card", "clear"]

NEXT: Mapping[tuple[Phase, Symbol], Phase] = {
    ("empty", "digit"): "digits",
    ("digits", "digit"): "digits",
    ("chosen", "digit"): "digits",
    ("pin", "digit"): "pin",
    ("pin", "end_number"): "pin",
    ("digits", "end_number"): "chosen",
    ("empty", "card"): "pin",
    ("digits", "card"): "pin",
    ("chosen", "card"): "pin",
    ("pin", "card"): "pin",
}
"""Where a key or a card leads; what is not here leads to ``empty``."""


class Keyed(Struct, frozen=True):
    """What has been keyed so far, last at ``at_ms``. ``number`` is that of the point that was chosen by ``#``. In the
    phase ``pin`` a card was shown, and the digits after it are its PIN, unless another card follows."""

    phase: Phase = "empty"
    digits: str = ""
    number: str = ""
    at_ms: int = 0

    @property
    def is_full(self) -> bool:
        """Whether more digits than any PIN or code has were keyed."""
        return len(self.digits) > MOST_DIGITS


NOTHING = Keyed()


def press(keyed: Keyed, key: str, now_ms: int) -> tuple[Keyed, Meaning | None]:
    """A digit, ``#`` or ``*``; what it means, if that is known now."""
    keyed = current(keyed, now_ms)
    symbol = _symbol(keyed, key)
    return _follow(keyed, symbol, key, now_ms), _meaning(keyed, symbol)


def show_card(keyed: Keyed, now_ms: int) -> tuple[Keyed, Card]:
    """A card was shown; the digits before it chose its point, as far as they can be a number."""
    keyed = current(keyed, now_ms)
    is_number = keyed.phase == "digits" or len(keyed.digits) <= LONGEST_NUMBER
    return _follow(keyed, "card", "", now_ms), Card((keyed.digits if is_number else "") or keyed.number)


def current(keyed: Keyed, now_ms: int) -> Keyed:
    """The same, or nothing if it is too long ago."""
    return NOTHING if now_ms - keyed.at_ms >= CLEARS_AFTER_MS else keyed


def _symbol(keyed: Keyed, key: str) -> Symbol:
    if key.isdigit():
        return "digit"
    if key != "#":
        return "clear"
    if not keyed.digits:
        return "end_nothing"
    return "end_number" if len(keyed.digits) <= LONGEST_NUMBER else "end"


def _follow(keyed: Keyed, symbol: Symbol, key: str, now_ms: int) -> Keyed:
    phase = NEXT.get((keyed.phase, symbol), "empty")
    match phase:
        case "empty":
            return NOTHING
        case "pin" if symbol == "end_number":
            return Keyed(phase, "", keyed.digits, now_ms)
        case "digits" | "pin" if symbol == "digit" and keyed.is_full:
            return keyed
        case "digits" | "pin":
            digits = "" if symbol == "card" else (keyed.digits + key)[: MOST_DIGITS + 1]
            return Keyed(phase, digits, keyed.number if phase == "digits" else "", now_ms)
        case "chosen":
            return Keyed(phase, "", keyed.digits, now_ms)
        case _:
            assert_never(phase)


def _meaning(keyed: Keyed, symbol: Symbol) -> Meaning | None:
    if keyed.phase == "pin" and symbol in ("end", "end_number"):
        return Pin(keyed.digits)
    if symbol == "end" and len(keyed.digits) <= MOST_DIGITS:
        return Code(keyed.digits, keyed.number)
    return TakenBack() if symbol in ("end", "end_nothing", "clear") else None
