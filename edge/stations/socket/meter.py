"""What a charging socket makes of its instruments: what is drawn, and what is wrong. Pure."""

from msgspec.structs import replace

from contract.kinds.socket import SOCKET
from contract.sessions import Stop
from edge.archetypes.faults import moved
from edge.archetypes.power import OVER_POWER_MS, Load, Sample, followed, heard, is_frozen, is_same, stops
from edge.archetypes.protocol import Effect, Show, Wake
from edge.archetypes.session import (
    KEEP_AGAIN_MS,
    MINUTE_MS,
    PROGRESS_AGAIN_MS,
    Session,
    draw,
    energy_wh,
    progress,
    spent,
)
from edge.stations.socket.interruptions import resumed, seen_open
from edge.stations.socket.state import OFF_W, SocketState, Step, end, keep, switch_off, to, trip, with_fault

OFF_SETTLES_MS = 3_000
STRAY_SAMPLES = 2
PERSISTS_MS = 10_000
"""Power that is still there so long after the bank was cut can only be ended at the breaker."""
COOLER_C = 5.0
"""A warning is given again only after the socket has cooled down by so much."""
TEMPERATURE_C = -40.0, 150.0
"""What a thermistor can say."""


def metered(state: SocketState, sample: Sample | None, now_ms: int) -> Step:
    if sample is None:
        return state, []
    state = replace(state, meter=heard(state.meter, sample, now_ms))
    frozen = _is_frozen(state, sample, now_ms)
    state, effects = with_fault(state, "meter_lost", present=frozen)
    effects.append(Wake("meter", state.settings.lost_ms))
    if frozen:
        return state, effects
    if state.session is None or not state.driven:
        state, more = _unwanted(state, sample, now_ms)
        if state.session is not None and sample.power_w <= OFF_W:
            state, back = seen_open(state, state.session, now_ms)
            more += back
    else:
        state, more = _drawn(state, state.session, sample, now_ms)
    return state, more + effects


def _is_frozen(state: SocketState, sample: Sample, now_ms: int) -> bool:
    """Whether the meter was found frozen and still is, or goes on saying what it said before the power went off."""
    if "meter_lost" in state.faults and is_frozen(state.meter, now_ms):
        return True
    off_ms = state.switched_ms
    silent = off_ms is not None and now_ms - off_ms >= state.settings.lost_ms
    return silent and _is_old(state, sample)


def _is_old(state: SocketState, sample: Sample) -> bool:
    """Power that is exactly what it was before it went off is nothing new about the relay: the meter stands still."""
    off_ms = state.switched_ms
    return not state.driven and off_ms is not None and state.meter.since_ms < off_ms and sample.power_w > OFF_W


def _unwanted(state: SocketState, sample: Sample, now_ms: int) -> Step:
    """Power where there should be none: the relay has not opened. Once the bank is cut, only the breaker is left."""
    off_ms = state.switched_ms
    if off_ms is None or now_ms - off_ms < OFF_SETTLES_MS or _is_old(state, sample):
        return state, []
    if sample.power_w <= OFF_W:
        return with_fault(replace(state, stray=0), "power_persists", present=False)
    state = replace(state, stray=state.stray + 1)
    if "relay_stuck" in state.faults:
        return with_fault(state, "power_persists", present=now_ms - off_ms >= PERSISTS_MS)
    if state.stray < STRAY_SAMPLES:
        return state, []
    return trip(replace(state, switched_ms=now_ms), "relay_stuck", Stop.RELAY_STUCK, now_ms)


def _drawn(state: SocketState, session: Session, sample: Sample, now_ms: int) -> Step:
    """A sample of a session that runs: count it, then judge it."""
    elapsed_ms = max(0, now_ms - state.counted_ms)
    before_w, limits = session.power_w, state.limits
    # Until the meter says something new it may stand still since before this session, at somebody else's watt-hours.
    is_new = session.register_wh is not None or state.meter.since_ms >= state.began_ms
    register_wh = sample.energy_wh if is_new else None
    session = draw(session, register_wh, sample.power_w, elapsed_ms, limits.power_w, state.settings.tariff)
    was_over = state.load.over_ms is not None
    load = followed(state.load, limits, sample.power_w, before_w, now_ms)
    state = replace(state, session=session, load=load, counted_ms=now_ms)
    over: list[Effect] = []
    if was_over != (load.over_ms is not None):
        over = [Wake("over_power", None if was_over else OVER_POWER_MS)]
    state, effects = _judged(state, session, sample, now_ms)
    return state, over + effects


def _judged(state: SocketState, session: Session, sample: Sample, now_ms: int) -> Step:
    stop = stops(state.load, state.limits, now_ms, plugged=state.plugged is True)
    if session.used_mwh >= session.limit_wh * 1000:
        return end(state, Stop.ENERGY_LIMIT, now_ms)
    if session.used_ms >= session.limit_ms:
        return end(state, Stop.TIME_LIMIT, now_ms)
    if stop is Stop.OVER_POWER:
        return end(state, stop, now_ms)
    if state.phase == "starting":
        return _seen(state, session, sample, now_ms) if sample.power_w >= state.limits.start_w else (state, [])
    if state.phase == "checking":
        return resumed(state, session, now_ms) if is_same(state.load, now_ms) else (state, [])
    if is_frozen(state.meter, now_ms):
        state, effects = end(state, Stop.METER_LOST, now_ms)
        state, noted = with_fault(state, "meter_lost", present=True)
        return state, effects + noted
    if stop is not None:
        return _full(state, session, now_ms) if stop is Stop.FULL else end(state, stop, now_ms)
    return _gone_on(replace(state, session=replace(session, power_w=sample.power_w)), now_ms)


def _seen(state: SocketState, session: Session, sample: Sample, now_ms: int) -> Step:
    """Something draws power: from now on it is counted."""
    session = replace(session, loaded=True, power_w=sample.power_w)
    state = replace(to(state, "load"), session=session, load=Load(over_ms=state.load.over_ms), kept_ms=now_ms)
    state, noted = moved(state, SOCKET, "relay_open")
    return state, [Wake("load", None), *spent(session), keep(state), Show("green", SOCKET.text("charging")), *noted]


def _gone_on(state: SocketState, now_ms: int) -> Step:
    session = state.session
    if session is None:
        return state, []
    effects = spent(session)
    if now_ms - state.told_ms >= PROGRESS_AGAIN_MS:
        state = replace(state, told_ms=now_ms)
        effects.append(progress(session))
    if now_ms - state.kept_ms >= KEEP_AGAIN_MS:
        state = replace(state, kept_ms=now_ms)
        effects.append(keep(state))
    return state, effects


def _full(state: SocketState, session: Session, now_ms: int) -> Step:
    """Only a contact can tell that a full battery still occupies the socket; without one, it is free."""
    tariff = state.settings.tariff
    if not state.plugged:
        state, effects = end(state, Stop.FULL, now_ms, "full")
        return state, [*effects, Wake("cool", tariff.idle_grace_minutes * MINUTE_MS)]
    session = replace(session, ended=Stop.FULL.value)
    state, effects = switch_off(replace(state, session=session), now_ms)
    state = replace(to(state, "full"), stop=session.ended)
    full = SOCKET.full(session=session.id, energy_wh=energy_wh(session), ms=session.used_ms)
    idle = Wake("idle", (tariff.idle_grace_minutes + 1) * MINUTE_MS)
    return state, [*effects, *spent(session), keep(state), full, idle, Show("green", session.ended)]


def felt(state: SocketState, celsius: float | None, now_ms: int) -> Step:
    """A socket gets hot before it burns."""
    watched = list[Effect]([] if state.has_thermometer else [Wake("thermometer", state.settings.lost_ms)])
    state = replace(state, has_thermometer=True)
    if celsius is None or not TEMPERATURE_C[0] <= celsius <= TEMPERATURE_C[1]:
        return state, watched
    state, effects = with_fault(replace(state, temperature_c=celsius), "thermometer_lost", present=False)
    effects.append(Wake("thermometer", state.settings.lost_ms))
    if celsius >= state.settings.cut_c and "over_temp" not in state.faults:
        state, tripped = trip(state, "over_temp", Stop.OVER_TEMP, now_ms)
        return state, tripped + effects
    if celsius >= state.settings.warn_c and state.driven and state.session is not None and not state.warned:
        warning = SOCKET.warned(session=state.session.id, what="temperature", temperature_c=celsius)
        return replace(state, warned=True), [*effects, warning, Show("red", SOCKET.text("hot"))]
    return replace(state, warned=state.warned and celsius > state.settings.warn_c - COOLER_C), effects
