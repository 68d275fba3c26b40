"""The words between a charging post's line and its station: in them a post of OCPP 1.6J and one of 2.0.1 look alike.

What a post says of a whole transaction is said again after an outage, as often as it likes and long after; so these
words carry the post's own time, which may be wrong, beside the time at which they were heard. A value that cannot be is
None: unknown is never zero.
"""

import re
from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

PORT = "ocpp"
"""The line of a point that a post is connected to."""

SEPARATORS = re.compile(r"[:\- ]")
TAG = re.compile(rf"(0[xX])?[0-9A-Fa-f]{{2}}({SEPARATORS.pattern}?[0-9A-Fa-f]{{2}})*")
UID_BYTES = (4, 7, 10)
"""How long the number of a card is; its idTag has twice as many hexadecimal digits (ISO 14443-3)."""
MAX_NUMBER = (1 << 31) - 1

Version = Literal["1.6", "2.0.1"]
Status = Literal["available", "occupied", "charging", "sated", "suspended", "reserved", "unavailable", "faulted"]
"""``sated``: the car takes nothing more; ``suspended``: the post gives nothing for now."""
Turned = Literal["wrong_password", "wrong_protocol"]
Word = Literal["accepted", "blocked", "expired", "invalid", "concurrent"]
"""What is said of a card. The letter of both versions is the same, but for its capital."""
Wish = Literal[
    "heartbeat_s",
    "meter_s",
    "measurands",
    "begin_measurands",
    "end_measurands",
    "ping_s",
    "plug_in_within_s",
    "local_list",
    "offline_by_list",
    "list_before_asking",
    "offline_for_strangers",
    "stop_strangers",
    "ask_for_remote",
    "attempts",
    "retry_s",
]
"""What a post is asked to be set to; each version has names of its own for it."""


def card_bytes(tag: str) -> bytes | None:
    """The canonical bytes (see ``credentials.canonical``) of the card behind an idTag; None if it is no card's number.

    Posts write the number of a card as hexadecimal digits in either case, some with signs between the bytes or with
    ``0x`` before them: ``04:A1:B2:C3``.
    """
    if not TAG.fullmatch(tag.strip()):
        return None
    number = bytes.fromhex(SEPARATORS.sub("", tag.strip().lower().removeprefix("0x")))
    return bytes([8 * len(number)]) + number if len(number) in UID_BYTES else None


def number_of(ticket: str, connector: int) -> str:
    """A transaction number for a decision: 31 bits, which is what posts keep. Its last two digits are the connector, so
    that whoever hears of it after a restart still knows where it is."""
    return str((1 + int(ticket, 16) % 21_000_000) * 100 + connector)


def connector_of(number: str) -> int | None:
    """The connector that a transaction number names, or None if it is none of ours."""
    return int(number) % 100 if number.isdecimal() and 100 < int(number) < 1 << 31 else None


def is_given(number: str) -> bool:
    """Whether a transaction can have this number. Posts that were not told one yet, or lost it, say 0, -1, or what
    -1 is to them in 32 or 64 bits."""
    if not number.removeprefix("-").isdecimal():
        return bool(number)
    return 0 < int(number) <= MAX_NUMBER


def remote_number(ticket: str) -> int:
    """The number of an order to begin (2.0.1 wants one) for the ticket of its decision."""
    return int(ticket, 16) % (MAX_NUMBER + 1)


class Connected(Struct, frozen=True):
    """The post is there. ``leads``: this connector is the lowest that is wired, and speaks for the whole post.
    ``replaced``: another connection of the same name was there until now, and is closed."""

    version: Version
    connector: int
    leads: bool
    replaced: bool = False


class Left(Struct, frozen=True):
    """The connection ended, or its post answers no more."""


class Booted(Struct, frozen=True):
    """The post has started, and says what it is."""

    vendor: str
    model: str
    firmware: str


class Beat(Struct, frozen=True):
    """The post is alive."""


class Alive(Struct, frozen=True):
    """The line to the post is alive: a message, a ping, or the answer to one came within the last seconds."""


class TurnedAway(Struct, frozen=True):
    """Somebody was turned away who connected under the post's name: a stranger, or the post wrongly set up."""

    why: Turned


class StatusReported(Struct, frozen=True):
    """How the connector is. ``whole``: this was said of the post, not of one connector of it. A status is told as it
    comes about, so its time tells how wrong the post's clock is."""

    status: Status
    at_ms: int | None = None
    received_ms: int = 0
    whole: bool = False


class CardShown(Struct, frozen=True):
    """Somebody has held a card to the post. Answer by ``Verdict``. ``quiet``: only what would be said is asked, for
    the post has several connectors and names none; nobody is let in or refused by that."""

    call: str
    tag: str
    quiet: bool = False


class StartReported(Struct, frozen=True):
    """A transaction began, just now or while the post was alone. Answer by ``Verdict``. ``transaction`` is empty where
    its number is ours to give. ``remote`` is the number of the order that it began on, if it names one; it may then
    name no tag."""

    call: str
    tag: str
    transaction: str
    at_ms: int | None
    received_ms: int
    meter_wh: float | None
    remote: int | None = None


class MeterReported(Struct, frozen=True):
    """What the post's meter reads: a register, and the power of then. Empty ``transaction``: it names none. ``at_ms``
    is when it was read, by the post's clock; ``begin_wh`` what it told again of the beginning."""

    transaction: str
    energy_wh: float | None
    power_w: float | None
    at_ms: int | None = None
    begin_wh: float | None = None


class StopReported(Struct, frozen=True):
    """A transaction ended. Answer by ``Verdict``. ``nobodys``: every connector of the post is told, for nothing says
    whose it is; it is kept until a beginning fits."""

    call: str
    transaction: str
    tag: str
    at_ms: int | None
    received_ms: int
    meter_wh: float | None
    reason: str
    begin_wh: float | None = None
    nobodys: bool = False


What = Literal["connector", "frame", "power", "start", "status", "transaction"]


class Nonsense(Struct, frozen=True):
    """The post said what cannot be; ``what`` names it, and repeats nothing."""

    what: What


class Done(Struct, frozen=True):
    """What became of an order: ``accepted``, or why not."""

    order: str
    how: str

    @property
    def accepted(self) -> bool:
        return self.how == "accepted"


class Configured(Struct, frozen=True):
    """The post was asked to be set up. ``refused`` are the wishes that it does not grant; the lists it takes have at
    most ``list_total`` cards, ``list_chunk`` a message."""

    refused: tuple[str, ...]
    list_total: int | None
    list_chunk: int | None


class ListVersion(Struct, frozen=True):
    """The number of the list that the post holds; None if it holds none and never will."""

    version: int | None


FromPost = (
    Connected
    | Left
    | Booted
    | Beat
    | Alive
    | TurnedAway
    | StatusReported
    | CardShown
    | StartReported
    | MeterReported
    | StopReported
    | Nonsense
    | Done
    | Configured
    | ListVersion
)


class Verdict(Struct, frozen=True):
    """The answer to a call: what is said of the card, and the number of the transaction that began."""

    call: str
    word: Word
    transaction: str = ""


class Unended(Struct, frozen=True):
    """A transaction that is not over: the tag that it began with, empty where that is not remembered, and what its
    registers stand at."""

    tag: str
    registers_wh: tuple[float, ...]


class Standing(Struct, frozen=True):
    """What a connector's station knows, for the server, which decides by it whose a message is; the post hears nothing
    of it. ``numbers`` are those of all its transactions. ``awaited`` are the tickets on which one may begin,
    ``plugged`` is that a car is there for which nothing runs, ``open`` that somebody may begin."""

    numbers: tuple[str, ...] = ()
    unended: tuple[Unended, ...] = ()
    awaited: tuple[str, ...] = ()
    plugged: bool = False
    open: bool = False


class NumberedOrder(Struct, frozen=True):
    """An order with a name of its own. Answered by ``Done``."""

    order: str


class StartRemotely(NumberedOrder, frozen=True):
    """Begin a transaction for this tag."""

    tag: str


class StopRemotely(NumberedOrder, frozen=True):
    """End a transaction."""

    transaction: str


class SetOperative(NumberedOrder, frozen=True):
    """Let the connector serve people, or serve nobody."""

    operative: bool


class Listed(Struct, frozen=True):
    """A card of the list. ``gone``: it leaves the list. ``until_ms`` is the end of its right, 0 where it has none."""

    tag: str
    until_ms: int = 0
    gone: bool = False


class UpdateList(NumberedOrder, frozen=True):
    """Send a list, or what changed since the version before."""

    version: int
    full: bool
    cards: tuple[Listed, ...]


class AskListVersion(Struct, frozen=True):
    """Answered by ``ListVersion``."""


class Configure(Struct, frozen=True):
    """Set the post up. Answered by ``Configured``."""

    wishes: Mapping[Wish, str]


class SayAgain(Struct, frozen=True):
    """Have the post say its status or its meter once more."""

    what: Literal["status", "meter"]


OneCall = StartRemotely | StopRemotely | SetOperative | UpdateList | AskListVersion | SayAgain
"""An order that is one call of OCPP. To configure a post takes as many as there are wishes."""
Order = OneCall | Configure
ToPost = Verdict | Standing | Order
