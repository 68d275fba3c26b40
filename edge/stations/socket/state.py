"""What a charging socket is: its table of phases, its settings and its state, and how it goes on, off and out. Pure.

Safety acts first and is written down afterwards. A fault that is latched outlives restarts, until somebody with the
right clears it on site.
"""

from typing import Literal

from msgspec import Struct, field
from msgspec.structs import replace

from contract.decide import Mode
from contract.kinds.socket import SOCKET, Fault, Phase
from contract.reasons import Reason
from contract.sessions import Stop
from edge.archetypes.faults import Faulty, set_fault
from edge.archetypes.phases import next_phase
from edge.archetypes.power import Load, Meter
from edge.archetypes.protocol import HOLD_AGAIN_MS, HOLD_LEASE_MS, Drive, Effect, Keep, Rest, Send, Show, Wake
from edge.archetypes.session import (
    HOUR_MS,
    MINUTE_MS,
    RESERVED_MS,
    Chosen,
    ClassName,
    Limits,
    Session,
    Tariff,
    draw,
    ended,
    limits_of,
    spent,
)
from edge.stations.bank import Clear, Cut, Supply, Want
from edge.stations.socket.kept import Kept, write_kept

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
    limits: Chosen = Chosen()
    bank: str = ""
    warn_c: float = 60
    cut_c: float = 70
    lost_ms: int = 30_000
    resume: bool = True
    offline_limit_ms: int = 12 * HOUR_MS
    tariff: Tariff = Tariff()

    def __post_init__(self) -> None:
        limits_of(self.class_name, self.limits)
        if not 0 < self.warn_c < self.cut_c <= MAX_CUT_C:
            raise ValueError(f"warn_c lies above 0 and below cut_c, and cut_c is at most {MAX_CUT_C:.0f}")
        if not 0 < self.lost_ms <= MAX_LOST_MS:
            raise ValueError(f"lost_ms lies between 1 and {MAX_LOST_MS}")
        if not MINUTE_MS <= self.offline_limit_ms <= MAX_OFFLINE_MS:
            raise ValueError(f"offline_limit_ms lies between {MINUTE_MS} and {MAX_OFFLINE_MS}")


class SocketState(Faulty, frozen=True):
    """``session`` is the one that runs, or whose full battery still occupies the socket; ``over`` the one before it,
    kept until its end is surely written down. ``driven`` says that we drive the relay, since or until ``switched_ms``
    (None before the first levels), ``undated`` that nobody knows yet how long an interruption was, ``closing`` that the
    session goes on no more and ends as soon as its meter has been read, or is lost. ``counted_ms``, ``kept_ms`` and
    ``told_ms`` are when time was last counted, the session last kept, and its progress last told. ``stray`` counts
    samples of power while we do not drive. ``hears_cloud`` says that the wait for the cloud has begun. ``supply`` is
    what the bank says; ``stop`` why the last session ended."""

    point: str
    settings: SocketSettings
    limits: Limits
    phase: Phase = "free"
    session: Session | None = None
    over: Session | None = None
    driven: bool = False
    undated: bool = False
    closing: bool = False
    switched_ms: int | None = None
    began_ms: int = 0
    counted_ms: int = 0
    kept_ms: int = 0
    told_ms: int = 0
    meter: Meter = Meter()
    load: Load = Load()
    stray: int = 0
    temperature_c: float | None = None
    has_thermometer: bool = False
    warned: bool = False
    plugged: bool | None = None
    leaking: bool = False
    supply: Supply | None = None
    waiting: str = ""
    reserved_for: str = ""
    mode: Mode = Mode.SCHEDULED
    hears_cloud: bool = False
    stop: str = ""


Step = tuple[SocketState, list[Effect]]


def to(state: SocketState, trigger: Trigger) -> SocketState:
    return replace(state, phase=next_phase(NEXT, state.phase, trigger))


def settled(state: SocketState) -> SocketState:
    """The phase of a socket without a session that fits what is wrong with it."""
    return to(state, "fail" if state.faults & BLOCKING else "clear")


def is_sure(state: SocketState) -> bool:
    """Whether everything is known that a session needs: the meter speaks, and the bank may be live."""
    supplied = not state.settings.bank or (state.supply is not None and state.supply.ready)
    calm = state.phase not in ("faulted", "emergency") and not state.faults & BLOCKING
    return calm and supplied and state.meter.sample is not None


def with_fault(state: SocketState, fault: Fault, *, present: bool) -> Step:
    state, noted = set_fault(state, SOCKET, fault, present=present)
    return (settled(state) if state.session is None else state), noted


def keep(state: SocketState) -> Keep:
    return Keep(write_kept(Kept(state.session or state.over, tuple(sorted(state.faults & LATCHED)))))


def to_bank(state: SocketState, message: Want | Cut | Clear) -> list[Effect]:
    return [Send(state.settings.bank, message)] if state.settings.bank else []


def switch_on(state: SocketState, now_ms: int) -> Step:
    """Power has a value: it waits until what was recorded and kept of it is on the disk."""
    state = replace(state, driven=True, switched_ms=now_ms, counted_ms=now_ms, stray=0)
    return state, [*to_bank(state, Want(True)), Drive("relay", HOLD_LEASE_MS, "durable"), Wake("lease", HOLD_AGAIN_MS)]


def switch_off(state: SocketState, now_ms: int) -> Step:
    """What is at rest already is told to rest once more."""
    if state.driven:
        state = replace(state, driven=False, switched_ms=now_ms, stray=0)
    state = replace(state, load=Load())
    asleep = (Wake(name, None) for name in ("lease", "load", "check", "over_power", "idle"))
    return state, [Rest("relay"), *to_bank(state, Want(False)), *asleep]


def counted(state: SocketState, session: Session, now_ms: int) -> Session:
    """The session with what it drew unseen, before it was interrupted, if its meter has been read since."""
    sample = state.meter.sample
    if state.driven or session.ended or not session.loaded or sample is None:
        return session
    away_ms = max(0, now_ms - state.counted_ms)
    idle = replace(session, loaded=False)
    drawn = draw(idle, sample.energy_wh, 0, away_ms, state.limits.power_w, state.settings.tariff)
    return replace(drawn, loaded=True)


def end(state: SocketState, stop: Stop, now_ms: int, trigger: Trigger = "end") -> Step:
    """The power goes first; then it is written down. A session that is full has its reason already."""
    if state.session is None:
        return state, []
    over = replace(counted(state, state.session, now_ms), ended=state.session.ended or stop.value)
    state, effects = switch_off(state, now_ms)
    state = replace(to(state, trigger), session=None, over=over, stop=over.ended, undated=False, closing=False)
    effects += [*spent(over), keep(state), ended(over, state.settings.tariff), Wake("forget", MINUTE_MS)]
    if state.waiting:
        state = replace(state, waiting="", reserved_for=state.waiting)
        effects.append(Wake("reserved", RESERVED_MS))
    return settled(state), [*effects, Show("green" if over.ended in NORMAL_STOPS else "red", over.ended)]


def trip(state: SocketState, fault: Fault, stop: Stop, now_ms: int) -> Step:
    """Off, and it stays off: a latched fault. The page on which the session has ended has the fault on it too."""
    dead: list[Effect] = [Rest("relay"), *(to_bank(state, Cut()) if fault == "relay_stuck" else [])]
    state, noted = set_fault(replace(state, waiting=""), SOCKET, fault, present=True)
    state, effects = end(state, stop, now_ms)
    return settled(state), [*dead, *effects, keep(state), *noted, Show("red", Reason.FAULTED.value)]
