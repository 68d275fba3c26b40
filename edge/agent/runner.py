"""One point of a device while it runs: its station's state, its effect queue, its wake-ups and its lamps."""

from asyncio import TimerHandle
from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from contract.commands import COMMANDS, SessionStartArgs
from contract.decide import Direction, Grant, Mode
from contract.demands import PinVerdict
from contract.pass_verdicts import PassVerdict
from contract.reasons import TABLE, Reason
from edge.agent.decider import Decider
from edge.agent.effect_queue import EffectQueue
from edge.archetypes.protocol import BARRING, CommandReceived, Decided, Emergency, Input, ModeChanged, Report, Show
from edge.archetypes.station import Station
from edge.config.tables import Point
from edge.machine.clock import Clock


class Runner:
    """One point: its kind, its state, the mode it is set to, its effect queue and its wake-ups."""

    def __init__(
        self,
        point: Point,
        kind: Station,
        settings: Any,
        queue: Callable[["Runner"], EffectQueue],
        clock: Clock,
    ) -> None:
        self.point, self.kind = point, kind
        self.timers: dict[str, TimerHandle] = {}
        self.lamps: dict[str, TimerHandle] = {}
        self.shown: Show | None = None
        self.mode = Mode.SCHEDULED
        self.interlocked_with: tuple[Runner, ...] = ()
        """The points that must be shut while somebody is let in here."""
        self.minute: int | None = None
        """The time of day that the station was last given."""
        self._state = kind.start(point.name, settings)
        self._clock = clock
        self.queue = queue(self)

    @property
    def report(self) -> Report:
        return self.kind.report(self._state)

    @property
    def is_interlocked(self) -> bool:
        """Whether another point of the interlock stands open, is unlocked, or is about to be."""
        return not all(other.report.quiet for other in self.interlocked_with)

    def weigh(
        self,
        decider: Decider,
        digest: bytes,
        direction: Direction,
        *,
        pin: PinVerdict | None = None,
        credential: str = "card",
        pass_verdict: PassVerdict | None = None,
        granted: Sequence[Grant] | None = None,
    ) -> Decided:
        """Have the rule decide about a credential that was shown here."""
        return decider.decide(
            digest,
            self.point.name,
            direction,
            free_exit=self.point.free_exit,
            report=self.report,
            mode=self.mode,
            interlocked=self.is_interlocked,
            pin=pin,
            credential=credential,
            pass_verdict=pass_verdict,
            granted=granted,
        )

    def handle(self, happened: Input) -> bool:
        """Handle one input to completion: the station's step, then its effects in order. False if it has no effect."""
        state, effects = self.kind.step(self._state, happened, self._clock.mono_ms())
        if _bars(happened):
            self.queue.clear()
        self.kind.check(effects)
        self._state = state
        self.queue.put(effects)
        return bool(effects)

    def obey(self, received: CommandReceived, decider: Decider) -> str:
        """Do what an operator commands; the rule weighs first who is let in. Returns a word for why not, an empty one
        if it is done."""
        match received:
            case CommandReceived(op="open_once"):
                reason = decider.for_operator(self.point.name, self.report, self.mode, self.is_interlocked)
                if self.mode is not Mode.SCHEDULED or not TABLE[reason].allows:
                    return reason.value
            case CommandReceived(args=SessionStartArgs(digest=digest)):
                return self._start_session(received, bytes.fromhex(digest), decider)
        return "" if self.handle(received) else COMMANDS[received.op].nothing_done

    def _start_session(self, received: CommandReceived, digest: bytes, decider: Decider) -> str:
        """The device weighs the credential itself: the cloud asks on somebody's behalf, and decides nothing."""
        decided = self.weigh(decider, digest, "in")
        self.handle(replace(decided, order_record=received.order_record))
        reason = decided.decision.reason
        if decided.decision.allowed and reason is not Reason.ALLOWED:  # a mode that holds doors open gives no power
            reason = Reason.OUT_OF_SERVICE
        return "" if reason is Reason.ALLOWED else reason.value

    def close(self) -> None:
        self.queue.close()
        for timer in (*self.timers.values(), *self.lamps.values()):
            timer.cancel()


def _bars(happened: Input) -> bool:
    """Whether what still waits to be driven must not be driven any more."""
    match happened:
        case Emergency(active=active):
            return active
        case ModeChanged(mode=mode):
            return mode in BARRING
    return False
