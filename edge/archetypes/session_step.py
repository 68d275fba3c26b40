"""One step of a point at which people charge: what a socket and a post do alike, and what they record of a session."""

from abc import abstractmethod
from typing import TypeVar

from contract.archetypes import FaultT, SessionKind
from contract.decide import Mode
from contract.reasons import Reason
from edge.archetypes.protocol import Decided, Effect, Persist, Show, Wake, decided, refuse
from edge.archetypes.session import MINUTE_MS, Session, progress
from edge.archetypes.station import StationState, Step

KEEP_AGAIN_MS = 30_000
PROGRESS_AGAIN_MS = 5 * MINUTE_MS
RESERVED_MS = 5 * MINUTE_MS
"""How long a socket or post that gets free waits for the one person who waited for it."""


class SessionState(StationState, frozen=True):
    """The part of a state that both have. ``waiting`` is the holder who waits for the end of the session,
    ``reserved_for`` the one for whom a free point is held, ``stop`` why the last session ended. ``counted_ms``,
    ``persisted_ms`` and ``reported_ms`` are when time was last counted, the session last persisted, and its progress
    last reported."""

    waiting: str = ""
    reserved_for: str = ""
    mode: Mode = Mode.SCHEDULED
    counted_ms: int = 0
    persisted_ms: int = 0
    reported_ms: int = 0
    stop: str = ""


S = TypeVar("S", bound=SessionState)


class SessionStep(Step[S, FaultT]):
    """One step of a point at which people charge."""

    @abstractmethod
    def persist(self) -> Persist:
        """What must outlive a restart, as it stands now."""

    def turn_away(self, session: Session | None, asked: Decided) -> None:
        """Refuse somebody. One person may wait for the end of another's session, so that what gets free is theirs for
        a while."""
        holder = "" if asked.decision.grant is None else asked.decision.grant.holder.hex()
        is_taken = asked.decision.reason is Reason.BUSY and session is not None and not self.state.waiting
        if session is None or not is_taken or holder in ("", session.holder):
            self.do(*refuse(asked))
            return
        waits = SessionKind.waiting(session=session.id, holder=holder)
        self.do(decided(asked), waits, Show("red", "waiting"), waiting=holder)

    def hold_for_who_waits(self) -> None:
        """What is free again is held for whoever waited."""
        if self.state.waiting:
            self.do(Wake("reserved", RESERVED_MS), waiting="", reserved_for=self.state.waiting)

    def note_progress(self, session: Session, *before_keeping: Effect) -> None:
        """Tell of a session that runs, and keep it, each every so often."""
        if self.now_ms - self.state.reported_ms >= PROGRESS_AGAIN_MS:
            self.do(progress(session), reported_ms=self.now_ms)
        if self.now_ms - self.state.persisted_ms >= KEEP_AGAIN_MS:
            self.do(*before_keeping, self.persist(), persisted_ms=self.now_ms)
