"""The words between an agent and its stations: inputs are facts that have happened, effects are done in order."""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from contract.archetypes import DecisionFields, ServingKind
from contract.commands import NoArgs
from contract.decide import Decision, Direction, Mode
from contract.event_types import Record as Record
from contract.quantities import Unit
from contract.reasons import Reason

LEASE_MARGIN_MS = 1_000
"""A station rests its outputs itself; the lease ends this much later, so that one that runs out tells of trouble."""
HOLD_LEASE_MS, HOLD_AGAIN_MS = 10_000, 5_000
"""A point that is held open renews its lease, so that it falls shut soon after an agent that hangs."""


class Weighed(Struct, frozen=True):
    """What the rule itself said of somebody, and the ``facts`` that it said so by (see ``contract.recorded_facts``)."""

    reason: Reason
    facts: bytes


class Decided(Struct, frozen=True):
    """The rule has spoken about somebody at this point, whose credential has this ``digest``.

    ``credential`` is what kind of one it is, a card or one of ``contract.archetypes.CREDENTIALS``.
    ``roster`` is the number of the roster it rests on, ``rule`` the version of the rule. ``ticket`` is 16 hex digits,
    new for every decision: what begins with this one is called by it. ``minute`` is the site's time of day, in minutes
    since midnight, for a point that reports an ``offline_limit_ms``; None while nobody knows it. ``about`` is what an
    ``Ask`` was about, ``order_record`` the order of an operator who asked from afar. ``resets``: somebody stands here
    whose grant lets them clear the faults of this zone. ``weighed`` is what the rule said: a station may have a reason
    of its own to refuse. It is None where no rule was asked. ``shown_s`` is the moment (UTC seconds) that the pass of a
    telephone was signed for; None where none was good.
    """

    decision: Decision
    direction: Direction
    digest: bytes
    roster: int
    rule: int
    ticket: str = ""
    minute: int | None = None
    about: str = ""
    order_record: dict[str, Any] | None = None
    resets: bool = False
    weighed: Weighed | None = None
    credential: str = "card"
    shown_s: int | None = None


class Levels(Struct, frozen=True):
    """Where every wired input stands now: at the start, and whenever the keeper has come back."""

    active: Mapping[str, bool]


class Edge(Struct, frozen=True):
    """An input has changed, debounced."""

    name: str
    active: bool


class Due(Struct, frozen=True):
    """A wake-up that the station asked for."""

    name: str


class Emergency(Struct, frozen=True):
    """The zone's emergency began or was reset. The keeper has acted already; the station only follows."""

    active: bool
    cause: str = ""


class CannotRecord(Struct, frozen=True):
    """What the station wanted to drive or send waited for its record to be durable, in vain; it was not done.
    ``output`` is the output that was not driven, or the port that was told nothing."""

    output: str


class CommandReceived(Struct, frozen=True):
    """A command of an operator to this point, one that its kind has (see ``contract.commands``), with its arguments.
    ``order_record`` is what to record once it is done; a station that finds nothing to do answers with no effect."""

    op: str
    order_record: dict[str, Any]
    args: Struct = NoArgs()


class ModeChanged(Struct, frozen=True):
    """The point is set to another mode, by the desired document of this ``number``. No mode bars the way out."""

    mode: Mode
    number: int


class Reading(Struct, frozen=True):
    """What an instrument says, by name and unit (``power_w``). None if it does not answer or says what cannot be:
    unknown is never zero."""

    instrument: str
    values: Mapping[str, float] | None


class Received(Struct, frozen=True):
    """A message from ``port``: another point of this device, or a line of this one's."""

    port: str
    message: Any


class Restored(Struct, frozen=True):
    """At the start, ahead of the first levels: what this point last kept, and how long ago. After a power cut nobody
    knows that until the cloud is heard: then it is None, and the same is told again with its age."""

    document: bytes
    age_ms: int | None


class QuotaSpent(Struct, frozen=True):
    """The holder of this session has nothing left of the allotment that it is spent from."""

    session: str


class CloudAuthenticated(Struct, frozen=True):
    """The cloud has just been heard, in words that nobody else can say. Told at most once a minute."""


class TimeOfDay(Struct, frozen=True):
    """The site's wall clock shows another ``minute`` of the day. Told, while the time is known, behind what a point
    measures that reports an ``offline_limit_ms``."""

    minute: int


Input = (
    Decided
    | Levels
    | Edge
    | Due
    | Emergency
    | CannotRecord
    | CommandReceived
    | ModeChanged
    | Reading
    | Received
    | Restored
    | QuotaSpent
    | CloudAuthenticated
    | TimeOfDay
)


class Drive(Struct, frozen=True):
    """Leave rest for at most ``lease_ms``. ``behind`` says what the records before it must have reached: ``nothing``
    for what may never wait, ``written`` for free passage, ``durable`` for what has a value."""

    output: str
    lease_ms: int
    behind: Literal["nothing", "written", "durable"] = "written"


class Rest(Struct, frozen=True):
    """Return an output to its safe level."""

    output: str


class Show(Struct, frozen=True):
    """Tell the person at the point: a lamp, and a text by its id (a reason or a station's own word)."""

    lamp: Literal["green", "red"]
    text: str


class Wake(Struct, frozen=True):
    """Ask for ``Due(name)`` after a time; a new one replaces the old one of that name, None takes it back."""

    name: str
    after_ms: int | None


class Send(Struct, frozen=True):
    """Say something to ``port``: another point of this device by its name, or a line of this point's. ``behind`` is as
    for ``Drive``: a word that gives value waits until it is ``durable`` what was recorded and kept of it."""

    port: str
    message: Any
    behind: Literal["nothing", "durable"] = "nothing"


class Persist(Struct, frozen=True):
    """Keep this over restarts and power cuts, in place of what was kept before; empty to keep nothing. What is behind
    it and waits for ``durable`` waits for this too."""

    document: bytes


class Spend(Struct, frozen=True):
    """What a session has used so far, in all, in parts of each unit. It is written down with the next ``Persist``;
    saying it twice spends nothing twice. One that is ``over`` uses no more."""

    session: str
    holder: str
    allotment: str
    used: Mapping[Unit, int]
    over: bool = False


class Ask(Struct, frozen=True):
    """Have the rule weigh a credential that came over a line, by its canonical bytes (see ``credentials``). The answer
    is ``Decided`` with the same ``about``."""

    card: bytes
    about: str


Effect = Record | Drive | Rest | Show | Wake | Send | Persist | Spend | Ask


class Report(Struct, frozen=True):
    """What a station offers the rule and the screen. ``faults`` are those that are there now, each a word. While it is
    ``quiet`` nobody passes and nothing is held open, so that its outputs may go to rest and its program start over.

    Of a session: ``user`` is the digest (hex) of the credential that began it, ``reserved_for`` the holder (hex) whom
    alone a free point waits for. A point with ``offline_limit_ms`` begins nothing new once the cloud has not been heard
    for so long. ``live`` is what a screen shows of this moment, and says nothing about a person.
    """

    phase: str
    busy: bool = False
    faulted: bool = False
    faults: frozenset[str] = frozenset()
    quiet: bool = True
    user: str = ""
    reserved_for: str = ""
    offline_limit_ms: int | None = None
    live: Mapping[str, Any] = {}


def no_more(*names: str) -> list[Wake]:
    """Take back wake-ups."""
    return [Wake(name, None) for name in names]


BARRING = frozenset({Mode.LOCKDOWN, Mode.OUT_OF_SERVICE})
"""Modes in which nobody gets in. The rule refuses who asks; a station bars who was let in a moment before."""


def decided(outcome: Decided) -> Record:
    """The event of a decision: the reason, whom it speaks of and what it rests on. Facts speak for the rule alone:
    where a station has refused for a reason of its own, direction, roster and rule stand there by themselves."""
    grant, reason, weighed = outcome.decision.grant, outcome.decision.reason, outcome.weighed
    data: DecisionFields = {"reason": reason.value, "digest": outcome.digest.hex()}
    if weighed is not None and weighed.reason is reason:
        data["facts"] = weighed.facts
    else:
        data |= {"direction": outcome.direction, "roster": outcome.roster, "rule": outcome.rule}
    if outcome.credential != "card":
        data["credential"] = outcome.credential
    if grant is not None:
        data["holder"] = grant.holder.hex()
    if outcome.decision.warning is not None:
        data["warning"] = outcome.decision.warning.value
    if outcome.shown_s is not None:
        data["shown_s"] = outcome.shown_s
    return ServingKind.allowed(**data) if outcome.decision.allowed else ServingKind.refused(**data)


def refuse(outcome: Decided) -> list[Effect]:
    """What every station does for somebody who may not pass: record why, and say so."""
    return [decided(outcome), Show("red", outcome.decision.reason.value)]
