"""The way from a card to a decision: the frame's digest, its grants, the facts of this moment, and the rule."""

import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import Protocol
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from contract.credentials import canonical
from contract.decide import RULE_VERSION, Decision, Direction, Facts, Grant, Mode, Request, Tier, Trust, decide, weigh
from contract.demands import NO_DEMAND, Demand, PinVerdict
from contract.kinds import has_mode
from contract.occupancy import Whereabouts, ZoneCount
from contract.pass_verdicts import PassVerdict
from contract.pins import pin_verdict
from contract.quantities import Accounts, Allotment
from contract.reasons import Reason
from contract.recorded_facts import InUse, pack_facts
from contract.resets import may_reset
from contract.schedules import ALWAYS, wall_clock
from contract.sealing import CredentialDigester, DigestKey
from contract.zone_rules import PageZone
from edge.archetypes.protocol import Decided, Report, Weighed
from edge.config.tables import Point
from edge.machine.clock import Clock
from edge.roster.file import RosterDamaged

TICKET_BYTES = 8
NOTHING_LEFT = (Reason.QUOTA_SPENT, Reason.QUOTA_ELSEWHERE, Reason.ALL_IN_USE)
"""Refusals after which what others have left is asked for."""

log = logging.getLogger(__name__)


class RosterInUse(Protocol):
    """The roster by which this device decides."""

    @property
    def number(self) -> int:
        """Its number, 0 before the first."""

    @property
    def site_page(self) -> bytes:
        """The hash of what its rows share, empty before the first."""

    @property
    def issued_ms(self) -> int | None:
        """When it was issued, None before the first."""

    @property
    def zone(self) -> ZoneInfo | None:
        """The site's time zone, None before the first."""

    @property
    def demands(self) -> Mapping[str, Demand]:
        """What points ask of who enters, besides a grant, by point."""

    @property
    def pass_keys(self) -> Sequence[bytes]:
        """The public keys of the cloud that sign carried passes, the newest first."""

    @property
    def revoked(self) -> Set[bytes]:
        """The ids of the carried passes that were withdrawn before their end."""

    def counted(self, point: str) -> tuple[str, PageZone] | None:
        """The zone that counts and that a point leads into, by name, and its rule."""

    def find(self, digest: bytes) -> list[Grant]:
        """What a credential is granted. Raises ``RosterDamaged``."""


class UseHere(Protocol):
    """What was used here, and what may be."""

    def used(self, holder: str, allotments: Iterable[Allotment]) -> Mapping[str, Accounts] | None:
        """By allotment; None if nobody knows."""

    def seek(self, holder: str, allotment: Allotment, *, refused: bool) -> None:
        """Somebody uses it here now, or was refused it: what is left of it elsewhere is wanted here."""


class CountsHere(Protocol):
    """How many are inside a zone, and who, as far as this device knows."""

    def count(self, zone: str, limit: int, holder: bytes) -> ZoneCount | None:
        """How many, as this holder asks to be let in; None if nobody knows. ``limit`` is the fire limit."""

    def whereabouts(self, zone: str, holder: bytes) -> Whereabouts | None:
        """Where somebody is, None if nobody knows."""

    def let_in(self, zone: str, holder: bytes) -> None:
        """Somebody may pass into the zone now."""

    def seek(self, zone: str) -> None:
        """Somebody was refused, as this device has no place left: one of another device is wanted here."""


class Decider:
    """The rule as this device asks it: with its roster, its clocks and its points. ``failures`` counts decisions that
    our own fault turned into a refusal."""

    def __init__(
        self,
        roster: RosterInUse,
        clock: Clock,
        digest_key: DigestKey | None,
        *,
        points: Mapping[str, Point] | None = None,
        ledger: UseHere | None = None,
        counts: CountsHere | None = None,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """``points`` are the device's, by name. Without a ledger nobody knows what was used, and without ``counts``
        nobody how many are inside."""
        self.failures = 0
        self._roster, self._clock = roster, clock
        self._digest_key = digest_key
        self._digester = None if digest_key is None else CredentialDigester(digest_key)
        self._ledger, self._counts, self._random_bytes = ledger, counts, random_bytes
        self._zones = {name: point.zone for name, point in (points or {}).items()}
        self._held = {name for name, point in (points or {}).items() if has_mode(point.kind, Mode.HOLD_OPEN)}
        """The points that the mode holds open for everybody."""

    def digest_of(self, bits: str) -> bytes | None:
        """The digest of this card, empty before there is a key for it; None if the frame is no valid card."""
        try:
            card = canonical(bits)
        except ValueError:  # longer than any frame: noise
            return None
        return None if card is None else self.digest_of_card(card)

    def digest_of_card(self, card: bytes) -> bytes:
        """The same for a card that came over a line, by its canonical bytes."""
        return b"" if self._digester is None else self._digester.digest(card)

    def decide(
        self,
        digest: bytes,
        point: str,
        direction: Direction,
        *,
        free_exit: bool,
        report: Report,
        mode: Mode = Mode.SCHEDULED,
        interlocked: bool = False,
        pin: PinVerdict | None = None,
        credential: str = "card",
        pass_verdict: PassVerdict | None = None,
        granted: Sequence[Grant] | None = None,
    ) -> Decided:
        """Whether the holder of the credential with this digest may pass; ``pin`` is what became of the digits that
        were keyed with it, ``credential`` its kind, and ``pass_verdict`` what became of the signed pass that was shown.
        ``granted`` is what was looked up for that already, or stands in no roster."""
        request = Request(point, digest, direction, pin, pass_verdict)
        decision, resets, facts = self._weigh(request, free_exit, report, mode, interlocked, granted)
        return Decided(
            decision,
            direction,
            digest,
            self._roster.number,
            RULE_VERSION,
            ticket=self._random_bytes(TICKET_BYTES).hex(),
            minute=None if report.offline_limit_ms is None else self.minute(),
            resets=resets,
            weighed=None if facts is None else Weighed(decision.reason, facts),
            credential=credential,
        )

    def knows(self, digest: bytes) -> bool:
        """Whether somebody has this credential, as far as the roster can be read."""
        return self._find(digest) != []

    def grants_of(self, card: bytes) -> Sequence[Grant]:
        """What a credential is granted, by its canonical bytes, as far as the roster can be read."""
        return self._find(self.digest_of_card(card)) or []

    @property
    def pass_keys(self) -> Sequence[bytes]:
        """The keys of the cloud that sign carried passes, as the roster says."""
        return self._roster.pass_keys

    @property
    def revoked(self) -> Set[bytes]:
        """The ids of carried passes that were withdrawn, as the roster says."""
        return self._roster.revoked

    def pin_verdict(self, digest: bytes, digits: str) -> PinVerdict:
        """Whether these digits are the PIN of this credential, by any of its grants."""
        if self._digest_key is None:
            return PinVerdict.WRONG
        verdicts = {
            pin_verdict(self._digest_key, digest, digits, grant.pin, may_signal_duress=grant.may_signal_duress)
            for grant in self._find(digest) or []
        }
        return next((one for one in (PinVerdict.RIGHT, PinVerdict.DURESS) if one in verdicts), PinVerdict.WRONG)

    def for_operator(self, point: str, report: Report, mode: Mode, interlocked: bool = False) -> Reason:
        """What the rule says of an operator who opens from afar: they need no card, and all else holds for them."""
        can_be_held = point in self._held
        facts = Facts(
            ZoneInfo("UTC"),
            Trust.SYNCED,
            0,
            0,
            False,
            report.busy,
            report.faulted,
            mode,
            can_be_held=can_be_held,
            interlocked=interlocked,
        )
        return decide(Request(point, b""), Grant(b"", Tier.STAFF, {point: ALWAYS}), facts, 0).reason

    def may_reset(self, digest: bytes, zone: str) -> bytes | None:
        """The holder whose grant lets them end an emergency of this zone; None for everybody else."""
        now_ms = self._clock.now_ms()
        facts = self._facts("", now_ms, False, Report(""), Mode.SCHEDULED, {}, False, roster_damaged=False)
        grants = self._find(digest) or []
        return next((grant.holder for grant in grants if may_reset(grant, zone, facts, now_ms)), None)

    def minute(self) -> int | None:
        """The site's time of day in minutes since midnight; None while nobody knows it."""
        if self._clock.trust is Trust.UNSET or self._roster.zone is None:
            return None
        local = wall_clock(self._roster.zone, self._clock.now_ms())
        return None if local is None else local.hour * 60 + local.minute

    def _weigh(
        self,
        request: Request,
        free_exit: bool,
        report: Report,
        mode: Mode,
        interlocked: bool,
        granted: Sequence[Grant] | None,
    ) -> tuple[Decision, bool, bytes | None]:
        """What the rule says, whether who asks may clear the faults of this zone, and the facts that it rests on; None
        where the rule did not come to speak."""
        try:
            rows = self._find(request.digest) if granted is None else granted
            grants = rows or []
            now_ms = self._clock.now_ms()
            used = self._used(grants, request.point)
            point = request.point
            facts = self._facts(point, now_ms, free_exit, report, mode, used, interlocked, roster_damaged=rows is None)
            counted = self._roster.counted(point)
            if counted is not None:
                facts = self._counted(facts, *counted, grants)
            decision = weigh(request, grants, facts, now_ms)
            self._seek(decision, point)
            if counted is not None:
                self._expect(decision, request, counted[0])
            resets = self._resets(point, grants, facts, now_ms)
            return decision, resets, self._recorded(request, grants, facts, now_ms)
        except Exception:  # the boundary behind which a fault of ours is a refusal, or a free way out, and is counted
            log.exception("a decision at %s failed", request.point)
            self.failures += 1
            leaves = request.direction == "out" and (free_exit or not interlocked)
            return Decision(Reason.FREE_EXIT if leaves else Reason.INTERNAL_ERROR), False, None

    def _recorded(self, request: Request, grants: Sequence[Grant], facts: Facts, now_ms: int) -> bytes:
        """What the event of the decision says of its facts."""
        roster = InUse(self._roster.number, self._roster.site_page)
        return pack_facts(request, grants, facts, now_ms, RULE_VERSION, roster, self._clock.error_ms)

    def _find(self, digest: bytes) -> list[Grant] | None:
        """What the credential is granted; None if the page that says so is damaged."""
        if not digest:
            return []
        try:
            return self._roster.find(digest)
        except RosterDamaged as damage:
            log.warning("somebody cannot be looked up: %s", damage)
            return None

    def _counted(self, facts: Facts, zone: str, rule: PageZone, grants: Sequence[Grant]) -> Facts:
        """The facts with what is known of the zone that the point leads into, which counts."""
        holder, counts = (grants[0].holder if grants else b""), self._counts
        count = None if counts is None else counts.count(zone, rule.limit, holder)
        where = None if counts is None or not holder else counts.whereabouts(zone, holder)
        return replace(facts, counted=rule, zone_count=count, whereabouts=where)

    def _expect(self, decision: Decision, request: Request, zone: str) -> None:
        """Whoever may pass into a zone that counts takes a place there until they have passed, or have not."""
        if self._counts is None:
            return
        if decision.allowed and request.direction == "in":
            self._counts.let_in(zone, decision.grant.holder if decision.grant else b"")
        elif decision.reason is Reason.ZONE_AT_LIMIT:
            self._counts.seek(zone)

    def _resets(self, point: str, grants: Sequence[Grant], facts: Facts, now_ms: int) -> bool:
        """Whether one of the grants lets its holder clear the faults of the point's zone."""
        zone = self._zones.get(point, "")
        for grant in grants:  # noqa: SIM110 - any() takes as long as four checks of the rule
            if zone in grant.resets and may_reset(grant, zone, facts, now_ms):
                return True
        return False

    def _seek(self, decision: Decision, point: str) -> None:
        """Where what is left of an allotment matters now, it is wanted here."""
        grant = decision.grant
        if self._ledger is None or grant is None or point not in grant.allotments:
            return
        refused = decision.reason in NOTHING_LEFT
        if refused or decision.reason is Reason.ALLOWED:
            self._ledger.seek(grant.holder.hex(), grant.allotments[point], refused=refused)

    def _used(self, grants: Sequence[Grant], point: str) -> Mapping[str, Accounts] | None:
        """What was used by whom these grants allot something here. All grants of a credential are of one holder; where
        a roster says otherwise nobody knows whose use counts."""
        holders = {grant.holder for grant in grants if point in grant.allotments}
        if not holders:
            return {}
        if self._ledger is None or len(holders) > 1:
            return None
        allotments = (grant.allotments[point] for grant in grants if point in grant.allotments)
        return self._ledger.used(holders.pop().hex(), allotments)

    def _facts(
        self,
        point: str,
        now_ms: int,
        free_exit: bool,
        report: Report,
        mode: Mode,
        used: Mapping[str, Accounts] | None,
        interlocked: bool,
        *,
        roster_damaged: bool,
    ) -> Facts:
        issued_ms, limit_ms = self._roster.issued_ms, report.offline_limit_ms
        return Facts(
            zone=self._roster.zone or ZoneInfo("UTC"),
            clock=self._clock.trust,
            clock_floor_ms=self._clock.floor_ms,
            roster_age_ms=None if issued_ms is None else max(0, now_ms - issued_ms),
            free_exit=free_exit,
            busy=report.busy,
            faulted=report.faulted,
            mode=mode,
            roster_damaged=roster_damaged,
            offline=limit_ms is not None and now_ms - self._clock.last_contact_ms >= limit_ms,
            used=used,
            reserved_for=bytes.fromhex(report.reserved_for),
            can_be_held=point in self._held,
            demand=self._roster.demands.get(point, NO_DEMAND),
            interlocked=interlocked,
        )
