"""The words between an agent and its stations.

A station is a pure state machine for one point: ``step(state, input, now_ms) -> (state, effects)``. A module of this
folder is one kind of station, found by the name that a config gives as ``kind``. It offers:

- ``INPUTS``, ``OUTPUTS``: the names a config may wire, each with whether it must;
- ``Settings``: a Struct of its settings, every one with a default and a unit;
- ``start(point, settings) -> state``, ``step(state, input, now_ms)`` and ``report(state) -> Report``.

``now_ms`` is the monotonic clock. Inputs are facts that have happened; effects are done in order by the agent.
"""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from contract.decide import Decision, Direction

LEASE_MARGIN_MS = 1_000
"""A station rests its outputs itself; the lease ends this much later, so that one that runs out tells of trouble."""


class Decided(Struct, frozen=True):
    """The rule has spoken about somebody at this point, whose credential has this ``digest``.

    ``roster`` is the number of the roster it rests on, ``rule`` the version of the rule.
    """

    decision: Decision
    direction: Direction
    digest: bytes
    roster: int
    rule: int


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


class CannotRecord(Struct, frozen=True):
    """What the station wanted to drive waited for its record to be durable, in vain; it was not driven."""

    output: str


Input = Decided | Levels | Edge | Due | Emergency | CannotRecord


class Record(Struct, frozen=True):
    """Write an event. ``kind`` is ``family.what``."""

    kind: str
    data: dict[str, Any] = {}


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


Effect = Record | Drive | Rest | Show | Wake


class Report(Struct, frozen=True):
    """What a station offers the rule and the screen. ``faults`` maps a fault to what is known of it."""

    phase: str
    busy: bool = False
    faulted: bool = False
    faults: Mapping[str, str] = {}


def decided(found: Decided) -> Record:
    """The event of a decision: the reason, whom it speaks of and what it rests on."""
    grant = found.decision.grant
    data: dict[str, Any] = {
        "reason": found.decision.reason.value,
        "direction": found.direction,
        "digest": found.digest.hex(),
        "roster": found.roster,
        "rule": found.rule,
    }
    if grant is not None:
        data["holder"] = grant.holder.hex()
    return Record("access.allowed" if found.decision.allowed else "access.refused", data)


def refuse(found: Decided) -> list[Effect]:
    """What every station does for somebody who may not pass: record why, and say so."""
    return [decided(found), Show("red", found.decision.reason.value)]
