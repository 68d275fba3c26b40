"""What it means to decide again. Pure.

An event of a decision has its facts, and the cloud has kept the roster that it names: so the same rule must give the
same reason once more. That is *replay*, and any difference means that a device, its disk or the cloud is not what it
should be. *Hindsight* asks the same of the roster that the cloud had issued by then: where a withdrawn card still
opened because the news had not reached the door. That is nobody's fault, and only counted.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from contract.codec import Malformed
from contract.decide import RULE_VERSION, Grant, Trust, weigh
from contract.demands import NO_DEMAND, Demand
from contract.events import Event, reason_of
from contract.reasons import TABLE, Reason
from contract.recorded_facts import RecordedFacts, facts_in
from contract.sealing import DIGEST_BYTES
from contract.zone_rules import PageZone

NOWHERE = ZoneInfo("UTC")
"""The zone of a device without a roster."""


class Redecided(StrEnum):
    """What came of deciding once more: of the replay, then in hindsight."""

    SAME = "same"
    DIFFERENT = "different"
    NOT_JUDGED = "not_judged"
    HINDSIGHT_SAME = "hindsight_same"
    WOULD_REFUSE = "would_refuse"
    WOULD_ALLOW = "would_allow"
    HINDSIGHT_UNKNOWN = "hindsight_unknown"


class Why(StrEnum):
    """Why a decision cannot be weighed again."""

    OTHER_RULE = "other_rule"
    STATION = "station"
    DEVICE_FAULT = "device_fault"
    ERASED = "erased"
    UNREADABLE = "unreadable"
    ROSTER_GONE = "roster_gone"
    OTHER_ROSTER = "other_roster"
    CLOCK_UNSET = "clock_unset"
    USE_UNKNOWN = "use_unknown"


class Held(NamedTuple):
    """What a roster says of one credential at one point."""

    zone: ZoneInfo = NOWHERE
    grants: Sequence[Grant] = ()
    demand: Demand = NO_DEMAND
    counted: PageZone | None = None


class Issue(NamedTuple):
    """A roster as it was issued."""

    number: int
    issued_ms: int


class Archive(Protocol):
    """The rosters that the cloud has kept."""

    def issue(self, number: int) -> Issue | None:
        """The roster of this number."""

    def issued_by(self, at_ms: int) -> Issue | None:
        """The newest roster at this time; None if none of that time is kept."""

    def held(self, number: int, site_page: bytes, point: str, digest: bytes) -> Sequence[Held] | Why:
        """What the roster of this number says, as devices read it whose site page has a hash that begins so. Devices
        of two versions may have the same site page, and other rows."""

    def newest_held(self, number: int, point: str, digest: bytes) -> Held | Why:
        """The same as devices read it that read all of it."""


class Judgement(Struct, frozen=True):
    """Of one event: the verdict of the replay, why there is none, and the same in hindsight. ``said`` is the device's
    reason, ``ours`` the replay's; None where it was not judged. ``roster`` is the one that the event names, 0 for
    none."""

    said: str
    roster: int
    rule: int = 0
    verdict: Redecided = Redecided.NOT_JUDGED
    why: Why | None = None
    ours: Reason | None = None
    hindsight: Redecided | None = None
    hindsight_why: Why | None = None


def judge(event: Event, archive: Archive) -> Judgement:
    """Decide again what this event tells of."""
    said, roster = reason_of(event) or "", event.data.get("roster")
    judgement = Judgement(said, roster if isinstance(roster, int) else 0)
    try:
        facts, digest = facts_in(event.data, event.at_ms), _digest(event)
    except ValueError:
        return replace(judgement, why=Why.UNREADABLE)
    if facts is None:
        return replace(judgement, why=_why_without_facts(event, said))
    judgement = replace(judgement, roster=facts.roster, rule=facts.rule)
    if facts.rule != RULE_VERSION:
        return replace(judgement, why=Why.OTHER_RULE)
    if digest is None:
        return replace(judgement, why=Why.ERASED)
    held = _held(facts, event.point, digest, archive)
    if isinstance(held, Why):
        return replace(judgement, why=held)
    reasons = [_reason(facts, event.point, digest, one) for one in held]
    ours = next((reason for reason in reasons if reason == said), reasons[0])
    verdict = Redecided.SAME if ours == said else Redecided.DIFFERENT
    hindsight, why = _in_hindsight(facts, event.point, digest, ours, archive)
    return replace(judgement, verdict=verdict, ours=ours, hindsight=hindsight, hindsight_why=why)


def _digest(event: Event) -> bytes | None:
    """Of the credential: empty where the device could not make one, None where it was erased. Raises ``ValueError``."""
    written = event.data.get("digest")
    if written is None:
        return None
    digest = bytes.fromhex(written if isinstance(written, str) else "?")
    if len(digest) not in (0, DIGEST_BYTES):
        raise Malformed(f"a digest of {len(digest)} bytes")
    return digest


def _why_without_facts(event: Event, said: str) -> Why:
    """A station that refuses for a reason of its own, or a device in which something failed, has none to give."""
    if event.data.get("rule") != RULE_VERSION:
        return Why.OTHER_RULE
    return Why.DEVICE_FAULT if said == Reason.INTERNAL_ERROR else Why.STATION


def _held(facts: RecordedFacts, point: str, digest: bytes, archive: Archive) -> Sequence[Held] | Why:
    """What the device could read when it decided."""
    if facts.roster_age_ms is None:
        return [Held()]
    issue = archive.issue(facts.roster)
    if issue is None:
        return Why.ROSTER_GONE
    if facts.issued_ms not in (None, issue.issued_ms):
        return Why.OTHER_ROSTER
    held = archive.held(facts.roster, facts.site_page, point, digest)
    if isinstance(held, Why) or not facts.roster_damaged:
        return held
    return [one._replace(grants=()) for one in held]


def _reason(facts: RecordedFacts, point: str, digest: bytes, held: Held) -> Reason:
    grants = facts.grants(point, held.grants)
    weighed = facts.facts(held.zone, grants, held.demand, held.counted)
    return weigh(facts.request(point, digest), grants, weighed, facts.now_ms).reason


def _in_hindsight(
    facts: RecordedFacts, point: str, digest: bytes, ours: Reason, archive: Archive
) -> tuple[Redecided, Why | None]:
    """The same by the roster that the cloud had issued when the device decided. What a card used is known of the
    quantities alone that it was asked about."""
    if facts.clock is Trust.UNSET:
        return Redecided.HINDSIGHT_UNKNOWN, Why.CLOCK_UNSET
    issue = archive.issued_by(facts.now_ms)
    if issue is None:
        return Redecided.HINDSIGHT_UNKNOWN, Why.ROSTER_GONE
    if issue.number <= facts.roster:
        return Redecided.HINDSIGHT_SAME, None
    held = archive.newest_held(issue.number, point, digest)
    if isinstance(held, Why):
        return Redecided.HINDSIGHT_UNKNOWN, held
    asked = {grant.allotments[point].name for grant in held.grants if point in grant.allotments}
    if facts.used is not None and asked - facts.used.keys():
        return Redecided.HINDSIGHT_UNKNOWN, Why.USE_UNKNOWN
    newer = replace(facts, roster_age_ms=facts.now_ms - issue.issued_ms, roster_damaged=False)
    allows = TABLE[_reason(newer, point, digest, held)].allows
    if allows == TABLE[ours].allows:
        return Redecided.HINDSIGHT_SAME, None
    return (Redecided.WOULD_ALLOW if allows else Redecided.WOULD_REFUSE), None
