"""The messages of the wire contract, one Struct a channel, each with its schema version and its limits."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from contract.decide import Mode, Trust
from contract.quantities import MAX_PARTS, Unit, UseKey
from contract.topics import NAME

MAX_BATCH_EVENTS = 500
MAX_BATCH_BYTES = 64 * 1024
MAX_WANTED_PAGES = 64
MAX_ROSTER_PAGES = 38_000
"""As many hashes as fit in a manifest of ``MAX_PAYLOAD_BYTES``: about 3.8 million rows."""
MAX_INDEX_PAGES = 2_048
"""As many index pages as a manifest of 64 KiB names: some 20 million rows."""
MAX_PAYLOAD_BYTES = 1024 * 1024
"""No message of the contract is larger; a larger payload is dropped unread."""

MAX_WIRING_CHARACTERS = 64 * 1024
MAX_LIFETIME_MS = 30_000
"""The longest that a command may wait for its device."""
MAX_LOG_LINES = 400
MAX_LATER_MS = 60_000
"""The longest that an overloaded cloud asks a device to wait."""

MAX_NUMBER = MAX_TIME_MS = 1 << 48
"""The highest number of a document, and the latest time (the year 10889). Documents are numbered one by one: what lies
beyond was written by a fault or a thief, and once it is adopted nothing would ever be newer."""
Number = Annotated[int, Meta(ge=1, le=MAX_NUMBER)]
Time = Annotated[int, Meta(ge=0, le=MAX_TIME_MS)]
Hash = Annotated[bytes, Meta(min_length=16, max_length=16)]
Link = Annotated[bytes, Meta(min_length=32, max_length=32)]
JournalId = Annotated[str, Meta(pattern=r"^[0-9a-f]{16}\Z")]
Seq = Annotated[int, Meta(ge=1, le=(1 << 63) - 1)]
Name = Annotated[str, Meta(pattern=rf"^{NAME}\Z")]
CommandId = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
Words = Annotated[str, Meta(max_length=200)]
Op = Annotated[str, Meta(pattern=r"^[a-z_]{1,40}\Z")]
"""What a command asks for, see ``commands``: a device answers for one that it does not know."""
Holder = Annotated[str, Meta(pattern=r"^[0-9a-f]{16}\Z")]
AllotmentName = Annotated[str, Meta(pattern=rf"^{NAME}(@[0-9]{{1,12}})?\Z")]
"""As the site page has it; behind an @ the beginning of the term, where it is another in every term."""
Parts = Annotated[int, Meta(ge=0, le=MAX_PARTS)]
Allowance = Annotated[int, Meta(ge=-MAX_PARTS, le=MAX_PARTS)]
"""It is below 0 where more was returned than was taken."""


class Message(Struct, frozen=True, kw_only=True):
    """What every message has: the version of its schema, which stands last."""

    version: int = 1


class EventBatch(Struct, array_like=True, frozen=True):
    """``up/events``: the stored bytes of rows ``first`` to ``last`` of a journal, between links ``prev`` and ``tip``.
    A ``journal.gap`` among them stands for all the rows it names.

    ``replay`` marks rows that were made while the device was offline: they ring no bell. ``seal`` is the device's
    signature over the tip (see ``sealing.tip_statement``).
    """

    version: int
    journal: JournalId
    first: Seq
    last: Seq
    prev: Link
    tip: Link
    replay: bool
    events: Annotated[list[bytes], Meta(min_length=1, max_length=MAX_BATCH_EVENTS)]
    seal: bytes


class Ack(Message, frozen=True):
    """``dn/ack``: all rows up to ``upto`` are committed; ``rewind`` asks for ``upto + 1`` again.

    With ``fork``, what the cloud holds behind ``upto`` is another past than the device's: the device opens a new
    journal and sends what it has behind ``upto`` there. ``now_ms`` is the cloud's clock (UTC): authenticated, so it may
    move the device's.

    With ``later_ms`` the cloud has dropped what was sent, for too much comes at once: the device waits so long, and
    sends it again. ``upto`` is 0 then, which says nothing of rows: software that does not know the field goes on as if
    nothing had come.
    """

    journal: JournalId
    upto: Annotated[int, Meta(ge=0)]
    now_ms: Time
    rewind: bool = False
    fork: bool = False
    later_ms: Annotated[int, Meta(ge=0, le=MAX_LATER_MS)] = 0


class RosterState(Struct, frozen=True):
    """Which roster a device uses: 0 before the first. While it fetches pages, ``got`` of ``wanted`` are there.

    ``reads`` are the versions of roster pages that the device's software reads (``roster.PAGE_VERSIONS``);
    software that says nothing reads version 1 only. A device is sent no other.
    """

    version: int = 0
    issued_ms: int = 0
    count: int = 0
    refused: str = ""
    got: int = 0
    wanted: int = 0
    reads: Annotated[tuple[int, ...], Meta(min_length=1, max_length=8)] = (1,)


class State(Message, frozen=True):
    """``up/state`` (retained): what a device is and does; its will is one too. ``connection`` counts up with every
    connection of this device, so that the will of an older one is ignored. ``points`` holds each station's report, and
    its ``kind``."""

    online: bool
    connection: int
    boot: str = ""
    software: str = ""
    roster: RosterState = RosterState()
    config_hash: str = ""
    points: dict[str, dict[str, Any]] = {}


class Beat(Message, frozen=True):
    """``up/beat``: health, every 30 s; one may be lost. Times in milliseconds, ``oldest_ms`` is how long
    some event or other has been waiting for its ack, 0 if none is; ``clock_error_ms`` how far ``at_ms`` may be off,
    None if nobody knows."""

    at_ms: int
    uptime_ms: int
    clock: Trust
    journal_rows: int
    waiting: int
    oldest_ms: int
    unlogged: int
    faults: dict[str, str] = {}
    clock_error_ms: int | None = None


class Live(Message, frozen=True):
    """``up/live``: what screens show of this moment, by point; every two seconds while it changes; one may be
    lost. It rests on nobody's word but the broker's, so nothing is decided by it."""

    at_ms: int
    points: dict[str, dict[str, Any]] = {}


class Want(Message, frozen=True):
    """``up/want``: the pages a device lacks, by hash."""

    pages: Annotated[list[Hash], Meta(min_length=1, max_length=MAX_WANTED_PAGES)]


class Manifest(Message, frozen=True):
    """``dn/roster`` (retained): which pages make up a device's roster, in the order of their prefixes.

    Who reads version 2 of pages or a later one is sent ``index_pages``, which name the pages
    (``roster_index.IndexPage``) and are fetched like them; ``pages`` is empty then. Who reads version 1 only is sent
    ``pages``.

    Times are UTC milliseconds. ``expires_ms`` bars adopting the manifest later, never using it. ``count`` is the number
    of rows in all pages.
    """

    device: Name
    number: Number
    issued_ms: Time
    expires_ms: Time
    site_page: Hash
    pages: Annotated[list[Hash], Meta(max_length=MAX_ROSTER_PAGES)]
    count: Annotated[int, Meta(ge=0)]
    index_pages: Annotated[list[Hash], Meta(max_length=MAX_INDEX_PAGES)] = []


class Desired(Message, frozen=True):
    """``dn/config`` (retained): how a device is to be. A higher ``number`` replaces the whole document.

    ``modes`` are taken up at once and kept over restarts; a point that is not named is scheduled. ``until`` says by
    point when its mode ends (UTC ms): the device ends it by itself, and at the latest after what ``kinds`` allows, also
    where nothing is said. ``wiring`` is the text of a configuration file, empty to leave the device its own;
    ``wiring_hash`` names it (see ``sealing``).
    """

    device: Name
    number: Number
    issued_ms: Time
    modes: dict[str, Mode] = {}
    wiring: Annotated[str, Meta(max_length=MAX_WIRING_CHARACTERS)] = ""
    wiring_hash: str = ""
    until: dict[str, int] = {}


class Reported(Message, frozen=True):
    """``up/reported`` (retained): what became of the desired document ``number``, and what is in force.

    ``waiting``: for a quiet moment; ``trying``: under its health check; ``reverted``: it failed that. ``why`` is a
    sentence for the operator. Modes are in force whatever becomes of the wiring.
    """

    number: int
    status: Literal["applied", "waiting", "trying", "refused", "reverted"]
    at_ms: int
    modes: dict[str, Mode] = {}
    wiring_hash: str = ""
    why: str = ""


class Command(Message, frozen=True):
    """``dn/command`` (never retained): do something once, now, on behalf of the operator ``by`` for a ``reason``.

    It is for the live connection of the device with this number, and lives ``lifetime_ms`` from its receipt. An ``id``
    that has been seen is answered with its stored result. ``point`` is empty for the device itself.
    """

    id: CommandId
    device: Name
    op: Op
    by: Annotated[str, Meta(min_length=1, max_length=80)]
    reason: Words
    connection: int
    lifetime_ms: Annotated[int, Meta(ge=1, le=MAX_LIFETIME_MS)]
    issued_ms: Time
    point: str = ""
    args: dict[str, Any] = {}


class Result(Message, frozen=True):
    """``up/result`` (never retained): how a command ended. ``unknown``: the device stopped between beginning and end,
    and a person has to look. ``why`` is a word, ``data`` what was asked for."""

    id: CommandId
    outcome: Literal["done", "refused", "failed", "unknown"]
    at_ms: int
    why: str = ""
    data: dict[str, Any] = {}


class Renewal(Message, frozen=True):
    """``up/renew``: a certificate request (PEM) by the device's own key."""

    request: Annotated[str, Meta(max_length=4096)]


class Certificate(Message, frozen=True):
    """``dn/certificate``: the certificate (PEM) that was asked for, good until ``not_after_ms``."""

    certificate: Annotated[str, Meta(max_length=16_384)]
    not_after_ms: int


class _OfQuantity(Message, frozen=True, kw_only=True):
    """What the messages about one quantity of a holder in one period have in common."""

    holder: Holder
    allotment: AllotmentName
    unit: Unit
    period: Parts

    @property
    def key(self) -> UseKey:
        return UseKey(self.holder, self.allotment, self.unit, self.period)


class Usage(_OfQuantity, frozen=True, kw_only=True):
    """``up/usage``: what a device has of a holder's quantity in a period, as it is written down there. It may be lost,
    repeated, or overtaken: it says what is so, not what changed.

    ``number`` is that of the newest allowance it has had, 0 before the first, and ``allowance`` what it may still count
    on of that: it only gets less until there is a higher number. ``used`` was used here in all, ``returned`` given back
    here, of what is in use at the same time. ``wants``: somebody is here, so what others do not need is asked for.
    """

    number: Annotated[int, Meta(ge=0, le=MAX_NUMBER)]
    allowance: Allowance
    used: Parts
    returned: Parts = 0
    wants: bool = False


class Lend(_OfQuantity, frozen=True, kw_only=True):
    """``dn/lend`` (never retained): what the cloud lends a device of a holder's quantity in a period, in parts of the
    unit. ``allowance`` may be used there in that period in all; a higher ``number`` replaces it, an older one says
    nothing, and 0 is that of a device that was lent nothing yet. ``used`` and ``returned`` are what the cloud knows of
    this device.

    ``keep``: what of the allowance is unused is wanted elsewhere. A device at which it is being used keeps up to so
    much, any other what it has used. ``closed``: no other device has anything left.
    """

    number: Annotated[int, Meta(ge=0, le=MAX_NUMBER)]
    allowance: Allowance
    used: Parts
    returned: Parts = 0
    keep: Allowance | None = None
    closed: bool = False
