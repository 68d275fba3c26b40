"""What a card is called: as people write it, as readers send it, and as devices know it. Pure."""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

from contract import credentials
from contract.demands import Assurance
from contract.sealing import DigestKey, credential_digest

MAX_BATCH = 2_000
"""Numbers that are taken into stock at once."""


class CardState(StrEnum):
    """Where a card is. One that was given back may be given again; one that is void never."""

    STOCK = "stock"
    ISSUED = "issued"
    RETURNED = "returned"
    VOID = "void"


CAN_BE_GIVEN = (CardState.STOCK, CardState.RETURNED)


class CardKind(StrEnum):
    """What a credential is to whoever carries it: a card or fob, a tag on a vehicle, a printed token, a plate, a
    code, the key of a telephone."""

    CARD = "card"
    TAG = "tag"
    TOKEN = "token"  # noqa: S105 - a kind of credential
    PLATE = "plate"
    CODE = "code"
    PHONE = "phone"


WITH_PIN = (CardKind.CARD, CardKind.TAG)
"""What is held to the reader of a keypad, so that digits behind it are its PIN. A code has none."""


class Recipient(Struct, frozen=True):
    """Who gets a card: a person, a party as its family card, or a permit; none of them for one that goes into stock."""

    person: int | None = None
    party: int | None = None
    permit: int | None = None


class Card(NamedTuple):
    """A card as people write it: format, facility (None where the format has none) and number."""

    format: str
    facility: int | None
    number: int

    def canonical(self) -> bytes:
        """The bytes that stand for it. Raises ``ValueError`` or ``KeyError`` if there can be no such card."""
        canonical = credentials.canonical(credentials.encode(self.format, number=self.number, facility=self.facility))
        if canonical is None:
            raise ValueError(f"{self.format} makes no valid card of {self.number}")
        return canonical

    def digest(self, key: DigestKey) -> bytes:
        """Raises ``ValueError`` or ``KeyError`` if there can be no such card."""
        return credential_digest(key, self.canonical())

    def text(self) -> str:
        return f"{self.format}:{'' if self.facility is None else self.facility}:{self.number}"

    @classmethod
    def from_text(cls, text: str) -> "Card":
        name, facility, number = text.split(":")
        return cls(name, int(facility) if facility else None, int(number))

    @classmethod
    def of_frame(cls, frame: str) -> "Card":
        """The card of which a reader sends this frame. Raises ``ValueError`` if it is none."""
        valid = (one for one in credentials.read(frame).candidates if one.parity != "failed")
        read = next(valid, None)
        if read is None:
            raise ValueError("no card sends this frame")
        return cls(read.format, read.facility, read.number)


def form_digests(key: DigestKey, card: Card) -> tuple[bytes, ...]:
    """The digests of every form in which readers report the card, its own first. Raises as ``Card.digest``."""
    return tuple(credential_digest(key, form) for form in credentials.forms(card.canonical()))


def cards_written(text: str) -> list[Card]:
    """Every card that a text can be the number of: the number alone, or facility and number as they are printed, parted
    by a colon, comma or slash."""
    parts = re.split("[:,/]", text.strip())
    if not all(part.isascii() and part.isdigit() and len(part) <= MAX_DIGITS for part in parts) or len(parts) > 2:
        return []
    *facility, number = map(int, parts)
    written = (Card(name, facility[0] if facility else None, number) for name in credentials.FORMATS)
    return [card for card in written if _can_be(card)]


def _can_be(card: Card) -> bool:
    try:
        card.canonical()
    except ValueError:
        return False
    return True


def assurance_of(card: Card) -> Assurance:
    """How hard it is to pretend to hold the card. Raises as ``Card.digest``."""
    return Assurance.COPYABLE if credentials.is_copyable(card.canonical()) else Assurance.CARD


class BadBatch(ValueError):
    """Numbers that cannot be taken into stock. ``lines`` are those that are wrong, counted from 1."""

    def __init__(self, lines: Sequence[int]) -> None:
        super().__init__(", ".join(map(str, lines)))
        self.lines = lines


class BatchLine(NamedTuple):
    """A card of a batch, and what is printed on it."""

    card: Card
    label: str


def read_batch(text: str, format_name: str, facility: int | None) -> list[BatchLine]:
    """The cards of a batch, one a line: the number, or facility and number parted by a colon, and behind it what is
    printed on the card where that is something else. Raises ``BadBatch``."""
    found, wrong = list[BatchLine](), list[int]()
    for count, line in enumerate(text.splitlines(), 1):
        words = line.strip("\ufeff \t").split(maxsplit=1)
        if not words:
            continue
        try:
            card = _read_number(words[0], format_name, facility)
            card.canonical()
        except (ValueError, KeyError):
            wrong.append(count)
            continue
        found.append(BatchLine(card, words[1].strip() if len(words) > 1 else end_of_number(card)))
    if len(found) > MAX_BATCH:
        wrong.append(MAX_BATCH + 1)
    if wrong:
        raise BadBatch(wrong)
    return found


def end_of_number(card: Card) -> str:
    """What a clerk recognizes a card by where nothing else is known: its last digits, and never all of them, for whole
    numbers stand encrypted in the database."""
    digits = str(card.number)
    return f"...{digits[-4:] if len(digits) >= LONG_NUMBER else digits[-2:]}"


LONG_NUMBER = 8
"""Digits from which on the last four do not say most of a number."""


def _read_number(text: str, format_name: str, facility: int | None) -> Card:
    before, colon, number = text.rpartition(":")
    if not (number.isascii() and number.isdigit() and len(number) <= MAX_DIGITS):
        raise ValueError("a number is written in digits")
    return Card(format_name, int(before) if colon else facility, int(number))


MAX_DIGITS = 25
"""A 10-byte UID has as many."""
