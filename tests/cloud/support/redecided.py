"""Decisions as devices record them, for tests that decide them again."""

from collections.abc import Sequence
from typing import Any

from cloud.redecide.rule import NOWHERE
from contract.archetypes import ServingKind
from contract.decide import RULE_VERSION, Facts, Grant, Request, Trust, weigh
from contract.events import Event
from contract.reasons import TABLE, Reason
from contract.recorded_facts import InUse, pack_facts

POINT = "gym-turnstile"


def decision_event(
    request: Request,
    grants: Sequence[Grant],
    facts: Facts,
    now_ms: int,
    roster: InUse,
    *,
    reason: Reason | None = None,
    rule: int = RULE_VERSION,
    seq: int = 1,
) -> Event:
    """What a device records that decides by these; with a ``reason``, one that says something else."""
    said = weigh(request, grants, facts, now_ms).reason if reason is None else reason
    data: dict[str, Any] = {
        "reason": said.value,
        "digest": request.digest.hex(),
        "facts": pack_facts(request, grants, facts, now_ms, rule, roster, 120),
    }
    kind = ServingKind.allowed if TABLE[said].allows else ServingKind.refused
    at_ms = max(0, now_ms, facts.clock_floor_ms)
    return Event(seq, at_ms, 1000 * seq, "b7", facts.clock, request.point, kind.kind, data)


def without_roster(now_ms: int, said: Reason = Reason.NO_ROSTER, seq: int = 1) -> Event:
    """At a device that has no roster yet, where the rule has one answer to every card."""
    facts = Facts(NOWHERE, Trust.SYNCED, 0, None)
    return decision_event(Request(POINT, bytes(16)), [], facts, now_ms, InUse(0, b""), reason=said, seq=seq)
