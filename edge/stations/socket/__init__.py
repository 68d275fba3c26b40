"""A charging socket: a relay behind a meter, and if wired a thermometer, a contact of the plug, a leakage monitor and a
contactor upstream (kind ``bank``).

The relay is driven by lease and only for a session; the meter lies before it, so that it sees what a relay does that
does not open. Every doubt cuts: unknown is never zero. The table of its phases stands at the top of ``state``,
what follows from a reading in ``meter``, and what a session outlives in ``interruptions``; here is who
may begin and end one.
"""

from msgspec.structs import replace

from contract.commands import SessionStopArgs
from contract.decide import Decision, Mode
from contract.kinds.socket import SOCKET
from contract.reasons import Reason
from contract.sessions import Stop, stop_of_emergency
from edge.archetypes.faults import kept_still
from edge.archetypes.power import Load, Meter, believed
from edge.archetypes.protocol import (
    BARRING,
    HOLD_AGAIN_MS,
    HOLD_LEASE_MS,
    CannotRecord,
    CloudHeard,
    CommandReceived,
    Decided,
    Drive,
    Due,
    Edge,
    Effect,
    Emergency,
    Found,
    Input,
    Levels,
    ModeChanged,
    QuotaSpent,
    Reading,
    Received,
    Report,
    Rest,
    Show,
    TimeOfDay,
    Wake,
    decided,
    refuse,
)
from edge.archetypes.session import (
    MINUTE_MS,
    Session,
    at_minute,
    energy_wh,
    idle_fen,
    is_holders,
    limits_of,
    of_decision,
    running,
    spent,
    started,
    turned_away,
)
from edge.archetypes.station import Station
from edge.stations.bank import Clear, Cut, Supply, Want
from edge.stations.socket.interruptions import found, interrupt
from edge.stations.socket.meter import felt, metered
from edge.stations.socket.state import (
    LATCHED,
    OFF_W,
    SocketSettings,
    SocketState,
    Step,
    end,
    is_sure,
    keep,
    settled,
    switch_off,
    switch_on,
    to,
    to_bank,
    trip,
    with_fault,
)

INPUTS = {"leakage": False, "plug": False}
OUTPUTS = {"relay": True, "green": False, "red": False}
INSTRUMENTS = {"meter": True, "thermometer": False}

TAP_AGAIN_MS = 3_000
"""A second tap within this time is the same tap."""
STILL_AFTER = 3
"""Sessions in a row in which nothing drew power, before the relay itself is suspect."""


def start(point: str, settings: SocketSettings) -> SocketState:
    return SocketState(point, settings, limits_of(settings.class_name, settings.limits))


def report(state: SocketState) -> Report:
    session = state.session
    return Report(
        state.phase,
        busy=session is not None,
        faulted=not is_sure(state),
        faults=state.faults,
        quiet=state.phase in ("free", "finished", "faulted"),
        user="" if session is None else session.digest,
        reserved_for=state.reserved_for,
        offline_limit_ms=state.settings.offline_limit_ms,
        live=_live(state),
    )


def step(state: SocketState, happened: Input, now_ms: int) -> Step:
    """Take one input to completion. Inputs that mean nothing to a socket change nothing."""
    match happened:
        case Reading(instrument="meter"):
            return metered(state, believed(happened.values), now_ms)
        case Reading(instrument="thermometer", values=values):
            return felt(state, None if values is None else values.get("temperature_c"), now_ms)
        case Decided():
            return _decided(state, happened, now_ms)
        case Emergency(active=active, cause=cause):
            return _emergency(state, active, cause, now_ms)
        case Edge(name="leakage", active=leaking):
            state = replace(state, leaking=leaking)
            return trip(state, "leakage", Stop.LEAKAGE, now_ms) if leaking else (state, [])
        case Edge(name="plug", active=plugged):
            return _plugged(replace(state, plugged=plugged), now_ms)
        case Received(port=state.settings.bank, message=Supply() as supply):
            return _supplied(replace(state, supply=supply), now_ms)
        case CommandReceived(told=told, args=SessionStopArgs(session=named)) if named == running(state.session):
            state, effects = end(state, Stop.OPERATOR, now_ms)
            return state, [*effects, SOCKET.ordered(**told)]
        case QuotaSpent(session=name) if state.driven and state.session is not None and state.session.id == name:
            return end(state, Stop.QUOTA, now_ms)
        case CannotRecord():
            return end(state, Stop.CANNOT_RECORD, now_ms)
        case ModeChanged(mode=mode) if mode is not state.mode:
            return _to_mode(state, happened, now_ms)
        case CloudHeard():
            return replace(state, hears_cloud=True), [Wake("offline", state.settings.offline_limit_ms)]
        case TimeOfDay(minute=minute) if state.session is not None:
            uncounted_ms = max(0, now_ms - state.counted_ms)
            return replace(state, session=at_minute(state.session, minute, uncounted_ms)), []
        case Found(document=document, age_ms=age_ms):
            return found(state, document, age_ms, now_ms)
        case Levels():
            return _levels(state, happened, now_ms)
        case Due(name=name):
            return _due(state, name, now_ms)
    return state, []


def _due(state: SocketState, name: str, now_ms: int) -> Step:
    match name:
        case "lease" if state.driven:
            return _again(state, now_ms)
        case "over_power" if state.load.over_ms is not None:
            return end(state, Stop.OVER_POWER, now_ms)
        case "meter":
            # What it last said is no longer so; and after an interruption nobody can tell whether the load is the same.
            state, effects = end(state, _if_checking(state, Stop.METER_LOST), now_ms)
            state, noted = with_fault(replace(state, meter=Meter()), "meter_lost", present=True)
            return state, effects + noted
        case "thermometer":
            state, effects = end(state, _if_checking(state, Stop.METER_LOST), now_ms)
            state, noted = with_fault(replace(state, temperature_c=None), "thermometer_lost", present=True)
            return state, effects + noted
        case "load" if state.phase == "starting":
            return _nothing_drew(state, now_ms)
        case "check" if state.phase == "checking":
            return end(state, Stop.POWER_LOSS, now_ms)
        case "offline":
            return end(state, Stop.OFFLINE_LIMIT, now_ms)
        case "idle" if state.session is not None and state.session.ended:
            return _idled(state, state.session, now_ms)
        case "cool" if state.phase == "finished" and state.session is None:
            return to(state, "end"), []
        case "reserved":
            return replace(state, reserved_for=""), []
        case "forget":
            state = replace(state, over=None)
            return state, [keep(state)]
    return state, []


def _if_checking(state: SocketState, stop: Stop) -> Stop:
    return Stop.POWER_LOSS if state.phase == "checking" or state.closing else stop


def _decided(state: SocketState, asked: Decided, now_ms: int) -> Step:
    session, reason = state.session, asked.decision.reason
    if is_holders(session, asked):
        return _tapped_again(state, now_ms)
    if asked.decision.allowed:
        return _begin(state, asked, now_ms)
    if reason is Reason.FAULTED and asked.resets and asked.told is None:
        return _clear(state, asked)
    waiting, told = turned_away(session, state.waiting, asked)
    return replace(state, waiting=waiting), told


def _tapped_again(state: SocketState, now_ms: int) -> Step:
    """The holder is back with the card that began it. That ends it, whatever the rule says of the card by now."""
    return (state, []) if now_ms - state.began_ms < TAP_AGAIN_MS else end(state, Stop.CARD, now_ms)


def _begin(state: SocketState, asked: Decided, now_ms: int) -> Step:
    grant = asked.decision.grant
    barred = _bar(state, asked.decision)
    if grant is None or barred is not None:
        return state, refuse(replace(asked, decision=Decision(barred or Reason.NOT_ENTITLED, grant)))
    session = of_decision(
        asked,
        grant,
        state.point,
        by="card" if asked.told is None else "operator",
        class_name=state.settings.class_name,
        limit_ms=state.limits.session_ms,
        limit_wh=state.limits.session_wh,
    )
    state = replace(to(state, "start"), session=session, over=None, reserved_for="", stop="")
    state = replace(state, began_ms=now_ms, told_ms=now_ms, kept_ms=now_ms, load=Load(), warned=False)
    told: list[Effect] = [] if asked.told is None else [SOCKET.ordered(**asked.told)]
    told += [decided(asked), started(session), *spent(session), keep(state)]
    state, switched = switch_on(state, now_ms)
    forgotten = (Wake(name, None) for name in ("reserved", "cool", "forget"))
    shown = Show("green", SOCKET.text("starting"))
    return state, [*told, *switched, Wake("load", state.limits.start_ms), shown, *forgotten]


def _bar(state: SocketState, decision: Decision) -> Reason | None:
    """Why nothing begins, although the rule allows it: it may have been asked a moment too early."""
    if state.session is not None:
        return Reason.BUSY
    if not is_sure(state):
        return Reason.FAULTED
    if state.mode in BARRING or decision.reason is not Reason.ALLOWED:
        return Reason.OUT_OF_SERVICE
    return None


def _clear(state: SocketState, asked: Decided) -> Step:
    """Faults are cleared at the socket itself, and only if nothing is wrong any more as far as can be seen."""
    sample, hot_c = state.meter.sample, state.temperature_c
    cool = hot_c is None or hot_c < state.settings.warn_c
    if sample is None or sample.power_w > OFF_W or state.leaking or not cool or state.phase == "emergency":
        return state, refuse(asked)
    by = "" if asked.decision.grant is None else asked.decision.grant.holder.hex()
    latched = sorted(LATCHED & state.faults)
    state = settled(replace(state, faults=state.faults - LATCHED, stray=0))
    cleared = [SOCKET.fault_cleared(fault=fault, by=by) for fault in latched]
    shown = Show("green", SOCKET.text("fault_cleared"))
    return state, [decided(asked), *cleared, keep(state), *to_bank(state, Clear(by)), shown]


def _again(state: SocketState, now_ms: int) -> Step:
    """The next lease, if there is time left. Time is spent although the meter is silent."""
    if state.session is None:
        return state, []
    session = state.session
    unread_ms = now_ms - state.counted_ms if session.loaded else 0
    session = replace(session, used_ms=session.used_ms + unread_ms)
    if session.used_ms >= session.limit_ms:
        return end(state, Stop.TIME_LIMIT, now_ms)
    return state, [*spent(session), Drive("relay", HOLD_LEASE_MS, "nothing"), Wake("lease", HOLD_AGAIN_MS)]


def _nothing_drew(state: SocketState, now_ms: int) -> Step:
    """Nothing is plugged in, or the relay does not close: after some in a row it is the relay that is suspect."""
    state, effects = end(state, Stop.NO_LOAD, now_ms)
    if state.plugged is False:
        return state, effects
    state, noted = kept_still(state, SOCKET, "relay_open", suspect_after=STILL_AFTER)
    return state, effects + noted


def _plugged(state: SocketState, now_ms: int) -> Step:
    if state.plugged:
        return state, []
    if state.phase in ("charging", "checking") or (state.session is not None and state.session.ended):
        return end(state, Stop.PULLED, now_ms)
    return (to(state, "end"), [Wake("cool", None)]) if state.phase == "finished" else (state, [])


def _idled(state: SocketState, session: Session, now_ms: int) -> Step:
    """Another minute in which a full battery keeps the socket from others."""
    tariff, effects = state.settings.tariff, list[Effect]([Wake("idle", MINUTE_MS)])
    if not tariff.idle_fen_per_minute or not (state.waiting or tariff.idle_always):
        return state, effects
    if not session.idle_minutes:
        idle = SOCKET.idle(session=session.id, fen_per_minute=tariff.idle_fen_per_minute, cap_fen=tariff.idle_cap_fen)
        effects += [idle, Show("red", SOCKET.text("idle"))]
    session = replace(session, idle_minutes=session.idle_minutes + 1)
    state = replace(state, session=session)
    if idle_fen(session, tariff) < tariff.idle_cap_fen:
        return state, [*effects, keep(state)]
    state, over = end(state, Stop.FULL, now_ms)
    return state, effects + over


def _emergency(state: SocketState, active: bool, cause: str, now_ms: int) -> Step:
    if not active:
        return settled(to(state, "restore")), []
    state = replace(state, waiting="", reserved_for="")
    if state.session is None:
        state, effects = switch_off(state, now_ms)
    else:
        state, effects = end(state, stop_of_emergency(cause), now_ms)
    return to(state, "alarm"), effects


def _to_mode(state: SocketState, wanted: ModeChanged, now_ms: int) -> Step:
    state, effects = replace(state, mode=wanted.mode), list[Effect]()
    if wanted.mode is Mode.OUT_OF_SERVICE:
        state, effects = end(replace(state, waiting=""), Stop.OPERATOR, now_ms)
    return state, [*effects, SOCKET.mode_set(mode=wanted.mode.value, number=wanted.number)]


def _supplied(state: SocketState, now_ms: int) -> Step:
    """A bank that may not be live takes its sockets with it."""
    ready = state.supply is not None and state.supply.ready
    state, effects = (state, []) if ready else end(state, Stop.BANK_LOST, now_ms)
    state, noted = with_fault(state, "bank_lost", present=not ready)
    return state, effects + noted


def _levels(state: SocketState, levels: Levels, now_ms: int) -> Step:
    """The keeper has come, or come back: the relay is at rest, whatever we drove."""
    active, settings, was_driven = levels.active, state.settings, state.driven
    state = replace(state, plugged=active.get("plug"), leaking=active.get("leakage", False))
    state = replace(state, driven=False, switched_ms=now_ms, stray=0)
    effects: list[Effect] = [Rest("relay"), *to_bank(state, Want(False))]
    if not state.hears_cloud:
        state = replace(state, hears_cloud=True)
        effects.append(Wake("offline", settings.offline_limit_ms))
    if state.meter.sample is None:
        effects.append(Wake("meter", settings.lost_ms))
    if "relay_stuck" in state.faults:
        effects += to_bank(state, Cut())
    if state.session is not None and was_driven:
        state, more = interrupt(state, state.session, now_ms, resume=settings.resume)
        effects += more
    if state.leaking:
        state, more = trip(state, "leakage", Stop.LEAKAGE, now_ms)
        effects += more
    return state, effects


def _live(state: SocketState) -> dict[str, object]:
    """What a screen shows of this moment; nothing of a person."""
    sample, session = state.meter.sample, state.session
    shown: dict[str, object] = {
        "class": state.settings.class_name,
        "power_w": None if sample is None else sample.power_w,
        "temperature_c": state.temperature_c,
        "reason": state.stop,
        "waiting": bool(state.waiting),
        "reserved": bool(state.reserved_for),
    }
    if session is None:
        return shown
    left_min = max(0, session.limit_ms - session.used_ms) // MINUTE_MS
    return {
        **shown,
        "session": session.id,
        "energy_wh": energy_wh(session),
        "minutes": session.used_ms // MINUTE_MS,
        "minutes_left": left_min,
        "free_at_minutes": _free_in_min(state, session, left_min),
    }


def _free_in_min(state: SocketState, session: Session, left_min: int) -> int:
    """When the socket is likely free: at the latest when its limits are reached, sooner if the load tails off."""
    if session.ended:
        return 0
    if session.power_w > 0:
        left_min = min(left_min, int((session.limit_wh - energy_wh(session)) * 60 / session.power_w))
    if state.load.low_ms is not None:
        low_ms = state.counted_ms - state.load.low_ms
        left_min = min(left_min, max(0, state.limits.full_ms - low_ms) // MINUTE_MS)
    return max(0, left_min)


KIND = Station(SOCKET, INPUTS, OUTPUTS, SocketSettings, start, step, report, instruments=INSTRUMENTS)
