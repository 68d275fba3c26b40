"""The rule. One pure function weighs a grant; it runs on the device and again in the cloud.

What it is asked stands in ``contract.facts``, and the checks that it asks, in their published order, in
``contract.checks``. Who asks the rule imports their words from here.
"""

from collections.abc import Sequence

from msgspec import Struct

from contract.checks import (
    CHECKS,
    CHECKS_OF_ANYBODY,
    CHECKS_OF_GRANT,
    OF_THE_PIN,
    OF_THE_PLACE,
    ROSTER_AGE_LIMIT_MS,
    RULE_VERSION,
    UNSET_CLOCK_DOUBT_MS,
    is_lockdown,
    passage_fault,
)
from contract.facts import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    Direction,
    Facts,
    Grant,
    Mode,
    Request,
    Standing,
    Tier,
    Trust,
    is_home,
    not_before,
)
from contract.reasons import TABLE, Reason

__all__ = [
    "ANYBODY",
    "CHECKS",
    "CHECKS_OF_ANYBODY",
    "CHECKS_OF_GRANT",
    "DAY_MS",
    "HOUR_MS",
    "MINUTE_MS",
    "OF_THE_PLACE",
    "ROSTER_AGE_LIMIT_MS",
    "RULE_VERSION",
    "UNSET_CLOCK_DOUBT_MS",
    "Decision",
    "Direction",
    "Facts",
    "Grant",
    "Mode",
    "Request",
    "Standing",
    "Tier",
    "Trust",
    "concerned",
    "decide",
    "is_home",
    "nobody",
    "not_before",
    "passed",
    "weigh",
]


ANYBODY = Grant(b"", Tier.GUEST, {})
"""Of whom nothing is known: what the checks of the place are asked by, where there is no grant."""


class Decision(Struct, frozen=True):
    """One reason, and the grant it speaks of (None where no grant was found). ``warning`` is what speaks against
    somebody who passes all the same: anti-passback, or on the way out whatever would keep them from coming in."""

    reason: Reason
    grant: Grant | None = None
    warning: Reason | None = None

    @property
    def allowed(self) -> bool:
        return TABLE[self.reason].allows


def decide(request: Request, grant: Grant | None, facts: Facts, now_ms: int) -> Decision:
    """Allow or refuse, with one reason. Total: it has an answer for every value of its arguments.

    ``now_ms`` is the device's wall clock; time never runs below the clock floor, nor before 1970.
    """
    now_ms = not_before(facts, now_ms)
    decision = _first_that_speaks(request, grant, facts, now_ms)
    is_kept_in = request.direction == "out" and not decision.allowed
    return _let_out(request, decision, facts, now_ms) if is_kept_in else decision


def _first_that_speaks(request: Request, grant: Grant | None, facts: Facts, now_ms: int) -> Decision:
    for of_anybody in CHECKS_OF_ANYBODY.values():
        if (reason := of_anybody(request, grant, facts)) is not None:
            return Decision(reason, grant)
    if grant is None:
        return Decision(nobody(facts))
    for check in CHECKS.values():
        if (reason := check(request, grant, facts, now_ms)) is not None:
            return Decision(reason, grant)
    return Decision(passed(request, facts), grant, passage_fault(request, grant, facts))


def _let_out(request: Request, refused: Decision, facts: Facts, now_ms: int) -> Decision:
    """Nobody is kept inside by anything that is known of them, or by nothing being known. A way out that asks for a
    card learns by it who leaves; only the way itself may be shut, as while the other door of a pair stands open."""
    grant = refused.grant or ANYBODY
    for check in OF_THE_PLACE:
        if (reason := CHECKS[check](request, grant, facts, now_ms)) is not None:
            return Decision(reason, refused.grant)
    return Decision(Reason.FREE_EXIT, refused.grant, refused.reason)


def passed(request: Request, facts: Facts) -> Reason:
    """What is said once no check has stopped somebody. Of a lockdown only those who override it come so far."""
    return Reason.OVERRIDE if is_lockdown(request, facts) else Reason.ALLOWED


def nobody(facts: Facts) -> Reason:
    """Why there is no grant."""
    if facts.roster_age_ms is None:
        return Reason.NO_ROSTER
    return Reason.ROSTER_DAMAGED if facts.roster_damaged else Reason.UNKNOWN_CREDENTIAL


def weigh(request: Request, grants: Sequence[Grant], facts: Facts, now_ms: int) -> Decision:
    """Decide over every grant of one credential: the first that allows wins, else the first refusal stands.

    Grants that name the point come before those that do not, so that an ended gym membership is refused as ended and
    not as a home gate's grant that never covered the gym. Of those that refuse, one that holds now comes before one of
    another time, and before all the one that lacks nothing but its PIN: what it lacks can be keyed at once. On the way
    out, where all of them allow, one comes first that nothing speaks against.
    """
    told, rank = None, (False, False, False)
    for grant in concerned(request, grants):
        decision = decide(request, grant, facts, now_ms)
        if decision.allowed and (decision.warning is None or request.direction == "in"):
            return decision
        holds_now = CHECKS_OF_GRANT["window"](request, grant, facts, not_before(facts, now_ms)) is None
        its_rank = decision.allowed, decision.reason in OF_THE_PIN, holds_now
        if told is None or its_rank > rank:
            told, rank = decision, its_rank
    return told or decide(request, None, facts, now_ms)


def concerned(request: Request, grants: Sequence[Grant]) -> Sequence[Grant]:
    """The grants that are weighed: those that name the point, or all if none does."""
    return [grant for grant in grants if request.point in grant.points] or grants
