"""What every way has that people pass: a door, a turnstile. A kind states its table, and how its own sensor is read."""

from abc import abstractmethod
from typing import ClassVar, Generic, Literal, TypeVar

from msgspec import Struct

from contract.archetypes import FaultT, PortalKind
from contract.decide import Direction, Mode
from contract.reasons import Reason
from edge.archetypes.protocol import (
    BARRING,
    HOLD_AGAIN_MS,
    HOLD_LEASE_MS,
    LEASE_MARGIN_MS,
    CommandReceived,
    Decided,
    Drive,
    Due,
    Effect,
    Emergency,
    Input,
    ModeChanged,
    Persist,
    Record,
    Rest,
    Show,
    Spend,
    Wake,
    decided,
    no_more,
    refuse,
)
from edge.archetypes.station import StationState, Step, require

MIN_UNLOCK_MS = 3_000
"""The least a fixed release may be (ULC 60839-11-1)."""
MAX_UNLOCK_MS = 59_000
"""With the margin this is the longest lease the keeper gives."""
SLOW_TIMES = 3
"""How many times as long a door is unlocked for somebody who is slow."""


class Passer(Struct, frozen=True):
    """Somebody who may pass once: the holder, empty where no grant names one, and which way. One who is ``slow`` is
    given more time at a door. ``visit`` is what the passage uses, where visits are counted."""

    holder: str
    direction: Direction
    slow: bool = False
    visit: Spend | None = None

    def is_same(self, other: "Passer") -> bool:
        """Whether both are the same person on the same way."""
        return (self.holder, self.direction) == (other.holder, other.direction)


SOMEBODY = Passer("", "in")
"""Whoever an operator lets in from afar."""
HELD_OPEN = "mode"
"""Among the causes that hold a point free, the one that is no emergency: the lock is driven, lease by lease."""


class PortalSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """``unlock_ms``: how long somebody who may pass has to do so. After ``still_after`` unlocks in a row in which the
    sensor never moved, it is suspect."""

    unlock_ms: int = 5_000
    still_after: int = 20

    def __post_init__(self) -> None:
        bounds = f"unlock_ms lies between {MIN_UNLOCK_MS} and {MAX_UNLOCK_MS}"
        require(MIN_UNLOCK_MS <= self.unlock_ms <= MAX_UNLOCK_MS, bounds)
        self.check_positive("still_after")

    def check_positive(self, *names: str) -> None:
        for name in names:
            require(getattr(self, name) > 0, f"{name} is greater than 0")


class PortalState(StationState, frozen=True):
    """``unlocked``: the lock is driven until the relock is due, at ``relock_ms``. ``awaited`` are those who were let in
    and have not passed yet; the next passages are booked on them. ``released_by`` are the causes that hold the way
    free: an emergency, or a mode that holds it open. ``sees_passages``: a sensor says when somebody passes."""

    settings: PortalSettings
    unlocked: bool = False
    relock_ms: int = 0
    awaited: tuple[Passer, ...] = ()
    released_by: frozenset[str] = frozenset()
    mode: Mode = Mode.SCHEDULED
    sees_passages: bool = True

    @property
    def is_leaving(self) -> bool:
        """Whether somebody on the way out is awaited."""
        return any(who.direction == "out" for who in self.awaited)


P = TypeVar("P", bound=PortalState)


class PortalStep(Step[P, FaultT], Generic[P, FaultT]):
    """One step of a portal: what all kinds of portal have in common. A kind adds its own inputs and the hooks
    ``let_in``, ``follow_sensor``, and where it must ``await_nobody`` and ``stop_entry``.

    ``output`` is what frees the way, ``watches`` are the wake-ups that a way held free has no use for, and
    ``still_fault`` is the fault of a sensor that never moves.
    """

    output: ClassVar[str]
    watches: ClassVar[tuple[str, ...]]
    still_fault: FaultT

    @abstractmethod
    def let_in(self, who: Passer) -> None:
        """Free the way once for somebody."""

    @abstractmethod
    def follow_sensor(self) -> None:
        """Take the phase that fits the sensor now. No event says how the sensor came to be so: nobody saw it."""

    def await_nobody(self) -> None:
        """The lock is at rest, and nobody is awaited any more."""
        self.do(unlocked=False, awaited=())

    def handle(self, happened: Input) -> None:
        match happened:
            case Decided(decision=decision) if decision.allowed:
                self._admit(passer(happened, self.state.point), decided(happened), decision.reason)
            case Decided():
                self.do(*refuse(happened))
            case CommandReceived(op="open_once", order_record=command):
                self._admit(SOMEBODY, PortalKind.ordered(**command), Reason.ALLOWED)
            case ModeChanged() if happened.mode is not self.state.mode:
                self._to_mode(happened)
            case Due(name="relock") if self.state.released_by != {HELD_OPEN}:
                self.relock()
            case Due(name="hold_open") if self.state.released_by == {HELD_OPEN}:
                self.keep_open()
            case Emergency(active=active):
                self.release("emergency", active=active)

    def unlock(self, behind: Literal["nothing", "written"] = "written", *, times: int = 1) -> None:
        """Drive the lock until the relock is due: ``times`` as long as usual, and never less than who came before was
        given."""
        left_ms = self.state.relock_ms - self.now_ms if self.state.unlocked else 0
        unlock_ms = min(MAX_UNLOCK_MS, max(left_ms, times * self.state.settings.unlock_ms))
        drive = Drive(self.output, unlock_ms + LEASE_MARGIN_MS, behind)
        self.to("unlock", drive, Wake("relock", unlock_ms), unlocked=True, relock_ms=self.now_ms + unlock_ms)

    def lock(self) -> None:
        self.do(Rest(self.output), Wake("relock", None), unlocked=False)

    def relock(self) -> None:
        """Nobody came: everyone who waited has to badge again."""
        before = self.state
        self.lock()
        if before.phase == "unlocked":
            self.to("relock", awaited=())
        if before.phase == "unlocked" and before.sees_passages:
            self.do(*map(not_entered, before.awaited))
            self.sensor_still(self.still_fault, suspect_after=before.settings.still_after)

    def keep_open(self) -> None:
        """Another lease for a way that is held open, and the wake-up for the next."""
        self.do(Drive(self.output, HOLD_LEASE_MS, "nothing"), Wake("hold_open", HOLD_AGAIN_MS))

    def release(self, cause: str, *, active: bool) -> None:
        """Begin or end a cause that holds the way free. In an emergency nothing is driven, for that would run into its
        lease."""
        causes = self.state.released_by | {cause} if active else self.state.released_by - {cause}
        self.do(released_by=causes)
        if causes:
            self.to("release", *no_more(*self.watches))
            self.await_nobody()
        if causes == {HELD_OPEN}:
            self.keep_open()
        elif causes or cause == HELD_OPEN:
            self.do(Rest(self.output), Wake("hold_open", None))
        if not causes and self.state.phase == "released":
            self.to("restore")
            self.follow_sensor()

    def _admit(self, who: Passer, record: Record, reason: Reason) -> None:
        self.do(record, *([] if self.state.sees_passages else visited(who)))
        if self.state.phase != "released":
            self.let_in(who)
        self.do(Show("green", reason.value))

    def _to_mode(self, change: ModeChanged) -> None:
        hold_open = change.mode is Mode.HOLD_OPEN
        self.do(self.kind.mode_set(mode=change.mode.value, number=change.number), mode=change.mode)
        if hold_open != (HELD_OPEN in self.state.released_by):
            self.release(HELD_OPEN, active=hold_open)
        if change.mode in BARRING:
            self.stop_entry()

    def stop_entry(self) -> None:
        """Whoever was let in and has not entered is not awaited any more; whoever is on the way out is."""
        before = self.state
        self.do(awaited=tuple(who for who in before.awaited if who.direction == "out"), relock_ms=0)
        if before.unlocked and before.is_leaving:
            self.unlock("nothing")
        elif before.unlocked:
            self.to("relock")
            self.lock()
        if before.sees_passages:
            self.do(*(not_entered(who) for who in before.awaited if who.direction == "in"))


def passer(outcome: Decided, point: str = "") -> Passer:
    """Whom a passage on this decision is booked on. The way out uses nothing."""
    grant = outcome.decision.grant
    if grant is None:
        return Passer("", outcome.direction)
    holder, allotment = grant.holder.hex(), grant.allotments.get(point)
    if allotment is None or outcome.direction == "out" or outcome.decision.reason is not Reason.ALLOWED:
        return Passer(holder, outcome.direction, grant.slow)
    visit = Spend(outcome.ticket, holder, allotment.name, {"visits": 1}, over=True)
    return Passer(holder, outcome.direction, grant.slow, visit)


def passed(who: Passer) -> Record:
    """The event of a passage: the arm turned, the door opened."""
    return PortalKind.passed(holder=who.holder, direction=who.direction)


def visited(who: Passer) -> list[Effect]:
    """What a passage uses, and that it is written down. A portal keeps nothing else over a restart."""
    return [] if who.visit is None else [who.visit, Persist(b"")]


def not_entered(who: Passer) -> Record:
    """The event of a way that opened for somebody who did not take it."""
    return PortalKind.not_entered(holder=who.holder, direction=who.direction)
