"""What a charging socket is: its table of phases, its settings and its state, and how it goes on, off and out. Pure.

Safety acts first and is written down afterwards. A fault that is latched outlives restarts, until somebody with the
right clears it on site.
"""

from typing import Literal

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from contract.kinds.socket import SOCKET, Fault, Phase
from contract.reasons import Reason
from contract.sessions import Stop
from edge.archetypes.power import Load, Meter
from edge.archetypes.protocol import HOLD_AGAIN_MS, HOLD_LEASE_MS, Drive, Persist, Rest, Send, Show, Wake, no_more
from edge.archetypes.session import (
    HOUR_MS,
    MINUTE_MS,
    ClassName,
    LimitChoices,
    Limits,
    Session,
    Tariff,
    draw,
    ended,
    limits_of,
    spent,
)
from edge.archetypes.session_step import SessionState, SessionStep
from edge.archetypes.station import require
from edge.stations.bank import Clear, Cut, Supply, Want

Trigger = Literal["start", "load", "interrupt", "resume", "full", "end", "fail", "clear", "alarm", "restore"]

NEXT: dict[tuple[Phase, Trigger], Phase] = {
    ("free", "start"): "starting",
    ("finished", "start"): "starting",
    ("starting", "load"): "charging",
    ("charging", "full"): "finished",
    ("free", "interrupt"): "checking",
    ("charging", "interrupt"): "checking",
    ("checking", "resume"): "charging",
    ("starting", "end"): "free",
    ("charging", "end"): "free",
    ("checking", "end"): "free",
    ("finished", "end"): "free",
    ("free", "fail"): "faulted",
    ("finished", "fail"): "faulted",
    ("faulted", "clear"): "free",
    ("free", "alarm"): "emergency",
    ("finished", "alarm"): "emergency",
    ("faulted", "alarm"): "emergency",
    ("emergency", "restore"): "free",
}
"""Where a trigger leads. A pair that does not stand here leaves the phase as it is. What fails or alarms while a
session runs ends it first."""

LATCHED: frozenset[Fault] = frozenset({"relay_stuck", "over_temp", "leakage", "kept_unreadable"})
"""Faults that outlive restarts, until they are cleared on site."""
BLOCKING = LATCHED | {"meter_lost", "thermometer_lost", "bank_lost"}
"""Faults with which nothing begins."""
OFF_W = 5.0
"""More than this after switching off is no leakage of a filter: the relay has not opened."""
NORMAL_STOPS = frozenset({Stop.USER, Stop.CARD, Stop.REMOTE, Stop.FULL})
"""Ends of a session that somebody wanted."""
MAX_CUT_C = 70.0
MAX_LOST_MS = 30_000
MAX_OFFLINE_MS = 72 * HOUR_MS


class SocketSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """``class``: whose limits hold; ``limits``: which of them change. ``bank``: the point of the contactor upstream.
    ``warn_c``, ``cut_c``: the temperature that warns, and the one that cuts. An instrument that says nothing good for
    ``lost_ms`` is lost. ``resume``: whether a session goes on after a short interruption. Without the cloud for
    ``offline_limit_ms`` nothing begins and what runs ends. ``tariff`` is what a session costs."""

    class_name: ClassName = field(default="phone", name="class")
    limits: LimitChoices = LimitChoices()
    bank: str = ""
    warn_c: float = 60
    cut_c: float = 70
    lost_ms: int = 30_000
    resume: bool = True
    offline_limit_ms: int = 12 * HOUR_MS
    tariff: Tariff = Tariff()

    def __post_init__(self) -> None:
        limits_of(self.class_name, self.limits)
        heat = f"warn_c lies above 0 and below cut_c, and cut_c is at most {MAX_CUT_C:.0f}"
        require(0 < self.warn_c < self.cut_c <= MAX_CUT_C, heat)
        require(0 < self.lost_ms <= MAX_LOST_MS, f"lost_ms lies between 1 and {MAX_LOST_MS}")
        bounds = f"offline_limit_ms lies between {MINUTE_MS} and {MAX_OFFLINE_MS}"
        require(MINUTE_MS <= self.offline_limit_ms <= MAX_OFFLINE_MS, bounds)


class StoredSocket(Struct, frozen=True):
    """What a socket keeps over restarts: its session, and the ``latched`` faults that only a person clears."""

    session: Session | None = None
    latched: tuple[str, ...] = ()


class SocketState(SessionState, frozen=True):
    """``session`` is the one that runs, or whose full battery still occupies the socket; ``over`` the one before it,
    kept until its end is surely written down. ``driven`` says that we drive the relay, since or until ``switched_ms``
    (None before the first levels), ``undated`` that nobody knows yet how long an interruption was, ``closing`` that the
    session goes on no more and ends as soon as its meter has been read, or is lost. ``began_ms`` is when it began or
    was interrupted. ``stray`` counts samples of power while we do not drive. ``cloud_authenticated`` says that the
    wait for the cloud has begun. ``supply`` is what the bank says."""

    settings: SocketSettings
    phase: Phase = "free"
    session: Session | None = None
    over: Session | None = None
    driven: bool = False
    undated: bool = False
    closing: bool = False
    switched_ms: int | None = None
    began_ms: int = 0
    meter: Meter = Meter()
    load: Load = Load()
    stray: int = 0
    temperature_c: float | None = None
    has_thermometer: bool = False
    warned: bool = False
    plugged: bool | None = None
    leaking: bool = False
    supply: Supply | None = None
    cloud_authenticated: bool = False

    @property
    def limits(self) -> Limits:
        return limits_of(self.settings.class_name, self.settings.limits)

    @property
    def is_sure(self) -> bool:
        """Whether everything is known that a session needs: the meter speaks, and the bank may be live."""
        supplied = not self.settings.bank or (self.supply is not None and self.supply.ready)
        calm = self.phase not in ("faulted", "emergency") and not self.faults & BLOCKING
        return calm and supplied and self.meter.sample is not None


class SocketStep(SessionStep[SocketState, Fault]):
    """One step of a socket, as far as all its rules need it: how it goes on, off and out."""

    kind = SOCKET
    table = NEXT

    def settle(self) -> None:
        """Take the phase of a socket without a session that fits what is wrong with it."""
        self.to("fail" if self.state.faults & BLOCKING else "clear")

    def set_fault(self, fault: Fault, *, present: bool) -> None:
        super().set_fault(fault, present=present)
        if self.state.session is None:
            self.settle()

    def persist(self) -> Persist:
        kept = StoredSocket(self.state.session or self.state.over, tuple(sorted(self.state.faults & LATCHED)))
        return Persist(b"" if kept == StoredSocket() else msgspec.json.encode(kept))

    def to_bank(self, message: Want | Cut | Clear) -> list[Send]:
        return [Send(self.state.settings.bank, message)] if self.state.settings.bank else []

    def switch_on(self) -> None:
        """Power has a value: it waits until what was recorded and kept of it is on the disk."""
        drive = Drive("relay", HOLD_LEASE_MS, "durable")
        self.do(*self.to_bank(Want(True)), drive, Wake("lease", HOLD_AGAIN_MS))
        self.do(driven=True, switched_ms=self.now_ms, counted_ms=self.now_ms, stray=0)

    def switch_off(self) -> None:
        """What is at rest already is told to rest once more."""
        if self.state.driven:
            self.do(driven=False, switched_ms=self.now_ms, stray=0)
        asleep = no_more("lease", "load", "check", "over_power", "idle")
        self.do(Rest("relay"), *self.to_bank(Want(False)), *asleep, load=Load())

    def counted(self, session: Session) -> Session:
        """The session with what it drew unseen, before it was interrupted, if its meter has been read since."""
        state = self.state
        sample = state.meter.sample
        if state.driven or session.ended or not session.loaded or sample is None:
            return session
        away_ms = max(0, self.now_ms - state.counted_ms)
        idle = replace(session, loaded=False)
        drawn = draw(idle, sample.energy_wh, 0, away_ms, state.limits.power_w, state.settings.tariff)
        return replace(drawn, loaded=True)

    def end(self, stop: Stop, trigger: Trigger = "end") -> None:
        """The power goes first; then it is written down. A session that is full has its reason already."""
        session = self.state.session
        if session is None:
            return
        over = replace(self.counted(session), ended=session.ended or stop.value)
        self.switch_off()
        self.to(trigger, session=None, over=over, stop=over.ended, undated=False, closing=False)
        self.do(*spent(over), self.persist(), ended(over, self.state.settings.tariff), Wake("forget", MINUTE_MS))
        self.hold_for_who_waits()
        self.settle()
        self.do(Show("green" if over.ended in NORMAL_STOPS else "red", over.ended))

    def trip(self, fault: Fault, stop: Stop) -> None:
        """Off, and it stays off: a latched fault. The page on which the session has ended has the fault on it too."""
        is_new = fault not in self.state.faults
        cut = self.to_bank(Cut()) if fault == "relay_stuck" else []
        self.do(Rest("relay"), *cut, waiting="", faults=self.state.faults | {fault})
        self.end(stop)
        self.settle()
        noted = [SOCKET.fault(fault, present=True)] if is_new else []
        self.do(self.persist(), *noted, Show("red", Reason.FAULTED.value))
