"""The contactor upstream of a bank of sockets: closed while one of them wants it, and read back.

It is what makes a welded relay or a fire really mean dead. Its sockets say what they want, it tells them whether their
supply stands. It is cut by a socket whose relay does not open, and by a contactor that does not do as it is told; both
are latched over restarts, until a person on site clears them.
"""

from typing import Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from contract.decide import Mode
from contract.kinds.bank import BANK, Fault, Phase
from edge.archetypes.faults import Faulty, set_fault
from edge.archetypes.phases import next_phase
from edge.archetypes.protocol import (
    HOLD_AGAIN_MS,
    HOLD_LEASE_MS,
    Drive,
    Due,
    Edge,
    Effect,
    Emergency,
    Found,
    Input,
    Keep,
    Levels,
    ModeChanged,
    Received,
    Report,
    Rest,
    Send,
    Wake,
)
from edge.archetypes.station import Station

Trigger = Literal["want", "closed", "idle", "fail", "clear", "alarm", "restore"]

NEXT: dict[tuple[Phase, Trigger], Phase] = {
    ("off", "want"): "closing",
    ("closing", "closed"): "live",
    ("closing", "idle"): "off",
    ("live", "idle"): "off",
    ("off", "fail"): "faulted",
    ("closing", "fail"): "faulted",
    ("live", "fail"): "faulted",
    ("faulted", "clear"): "off",
    ("off", "alarm"): "emergency",
    ("closing", "alarm"): "emergency",
    ("live", "alarm"): "emergency",
    ("faulted", "alarm"): "emergency",
    ("emergency", "restore"): "off",
}
"""Where a trigger leads. A pair that does not stand here leaves the phase as it is."""

INPUTS = {"feedback": True}
OUTPUTS = {"contactor": True}
MAX_SOCKETS = 64
MAX_FEEDBACK_MS = 5_000
REST_AFTER_MS = 8_000
"""A relay breaks the load before its contactor does, and one that does not open shows on its meter while it is live."""


class Want(Struct, frozen=True):
    """A socket says whether it wants the bank to be live."""

    on: bool


class Cut(Struct, frozen=True):
    """A socket cannot switch off: the bank is to be dead until a person has been there."""


class Clear(Struct, frozen=True):
    """``by`` has been there, with the right to say so."""

    by: str


class Supply(Struct, frozen=True):
    """The bank says whether it is live, and whether it may be: whoever wants it can have it."""

    live: bool
    ready: bool


class BankSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """``feedback_ms``: within this time the contactor's auxiliary contact follows its coil."""

    feedback_ms: int = 1_000

    def __post_init__(self) -> None:
        if not 0 < self.feedback_ms <= MAX_FEEDBACK_MS:
            raise ValueError(f"feedback_ms lies between 1 and {MAX_FEEDBACK_MS}")


class BankState(Faulty, frozen=True):
    """``sockets`` are those that have been heard, ``wants`` those that want it live. ``closed`` is what the auxiliary
    contact says, ``driven`` what we do, ``told`` what the sockets were last told."""

    point: str
    settings: BankSettings
    phase: Phase = "off"
    sockets: frozenset[str] = frozenset()
    wants: frozenset[str] = frozenset()
    driven: bool = False
    closed: bool = False
    mode: Mode = Mode.SCHEDULED
    told: Supply | None = None


Step = tuple[BankState, list[Effect]]


def start(point: str, settings: BankSettings) -> BankState:
    return BankState(point, settings)


def report(state: BankState) -> Report:
    faulted = state.phase in ("faulted", "emergency")
    return Report(state.phase, faulted=faulted, faults=state.faults, quiet=not state.driven)


def step(state: BankState, happened: Input, now_ms: int) -> Step:
    """Take one input to completion, and tell the sockets if their supply has changed by it."""
    state, effects = _step(state, happened)
    supply = Supply(state.phase == "live", _is_ready(state))
    if supply == state.told:
        return state, effects
    return replace(state, told=supply), effects + [Send(socket, supply) for socket in sorted(state.sockets)]


def _step(state: BankState, happened: Input) -> Step:
    match happened:
        case Received(port=port, message=Want(on=on)):
            return _wanted(state, port, on)
        case Received(port=port, message=Cut()):
            return _cut(state, port)
        case Received(message=Clear(by=by)):
            return _clear(state, by)
        case Edge(name="feedback", active=closed):
            return _fed_back(replace(state, closed=closed))
        case Levels(active=active):
            return _levels(replace(state, closed=active.get("feedback", False)))
        case Emergency(active=active):
            return _emergency(state, active)
        case ModeChanged(mode=mode, number=number) if mode is not state.mode:
            return _to_mode(state, mode, number)
        case Found(document=document):
            return _found(state, document)
        case Due(name="lease") if state.driven:
            return state, _lease()
        case Due(name="idle") if not state.wants:
            return _rest(state)
        case Due(name="feedback") if state.driven != state.closed:
            return _mismatch(state)
    return state, []


def _to(state: BankState, trigger: Trigger) -> BankState:
    return replace(state, phase=next_phase(NEXT, state.phase, trigger))


def _is_ready(state: BankState) -> bool:
    return state.phase in ("off", "closing", "live") and state.mode is not Mode.OUT_OF_SERVICE


def _wanted(state: BankState, port: str, on: bool) -> Step:
    if port not in state.sockets and len(state.sockets) >= MAX_SOCKETS:
        return state, []
    first = [] if port in state.sockets or state.told is None else [Send(port, state.told)]
    wants = state.wants | {port} if on else state.wants - {port}
    state = replace(state, sockets=state.sockets | {port}, wants=wants)
    if wants:
        state, closing = _drive(state)
        return state, [*first, *closing]
    return state, [*first, *([Wake("idle", REST_AFTER_MS)] if state.driven else [])]


def _drive(state: BankState) -> Step:
    if state.driven:
        return state, [Wake("idle", None)]
    if not _is_ready(state):
        return state, []
    state = _to(replace(state, driven=True), "want")
    state = _to(state, "closed") if state.closed else state
    return state, [*_lease(), Wake("idle", None), Wake("feedback", state.settings.feedback_ms)]


def _lease() -> list[Effect]:
    return [Drive("contactor", HOLD_LEASE_MS, "nothing"), Wake("lease", HOLD_AGAIN_MS)]


def _rest(state: BankState) -> Step:
    rested: list[Effect] = [Rest("contactor"), Wake("lease", None), Wake("idle", None)]
    return _to(replace(state, driven=False), "idle"), [*rested, Wake("feedback", state.settings.feedback_ms)]


def _fed_back(state: BankState) -> Step:
    """The auxiliary contact has moved. One that falls open under its coil has lost the bank at once."""
    if state.driven and state.closed:
        return _to(state, "closed"), [Wake("feedback", None)]
    if state.driven and state.phase == "live":
        return _mismatch(state)
    return state, [Wake("feedback", state.settings.feedback_ms if state.closed != state.driven else None)]


def _mismatch(state: BankState) -> Step:
    return _fail(state, "contactor_open" if state.driven else "contactor_welded")


def _cut(state: BankState, port: str) -> Step:
    if "cut" in state.faults:
        return state, []
    state, effects = _fail(state, "cut")
    return state, [*effects, BANK.cut(by=port)]


def _fail(state: BankState, fault: Fault) -> Step:
    """Dead first; then it is said, and kept over restarts."""
    state, rested = _rest(state)
    state, noted = set_fault(_to(state, "fail"), BANK, fault, present=True)
    return state, [*rested, *noted, _keep(state)]


def _keep(state: BankState) -> Keep:
    return Keep(msgspec.json.encode(sorted(state.faults)) if state.faults else b"")


def _found(state: BankState, document: bytes) -> Step:
    """What cannot be read may have been a cut, and counts as one."""
    try:
        faults = frozenset(msgspec.json.decode(document, type=list[str])) if document else frozenset[str]()
    except (msgspec.DecodeError, ValueError):
        return _fail(state, "kept_unreadable")
    return replace(_to(state, "fail") if faults else state, faults=faults), []


def _clear(state: BankState, by: str) -> Step:
    """A contactor that is closed without us stays a fault, whoever says what."""
    if not state.faults or state.closed:
        return state, []
    cleared = [BANK.fault_cleared(fault=fault, by=by) for fault in sorted(state.faults)]
    state = _to(replace(state, faults=frozenset()), "clear")
    return state, [*cleared, _keep(state)]


def _emergency(state: BankState, active: bool) -> Step:
    if active:
        state, rested = _rest(state)
        return replace(_to(state, "alarm"), wants=frozenset()), rested
    state = _to(state, "restore")
    return (_to(state, "fail") if state.faults else state), []


def _levels(state: BankState) -> Step:
    """The keeper came back: the contactor is at rest, and whoever wants it gets it again."""
    state, effects = _rest(state)
    if state.wants:
        state, closing = _drive(state)
        effects += closing
    return state, effects


def _to_mode(state: BankState, mode: Mode, number: int) -> Step:
    state = replace(state, mode=mode)
    recorded: list[Effect] = [BANK.mode_set(mode=mode.value, number=number)]
    if mode is not Mode.OUT_OF_SERVICE:
        return state, recorded
    state, rested = _rest(state)
    return state, rested + recorded


KIND = Station(BANK, INPUTS, OUTPUTS, BankSettings, start, step, report)
