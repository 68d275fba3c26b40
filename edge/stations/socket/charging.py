"""A session that runs at a charging socket: what its instruments say of it, and how it outlives an interruption. Pure.

It goes on only if the gap was short, the meter is good and the load is the one from before. What was drawn before the
gap, and was not kept, is counted in any case as soon as the meter has been read.
"""

from msgspec.structs import replace

from contract.decide import Mode
from contract.kinds.socket import SOCKET
from contract.sessions import Stop
from edge.archetypes.power import OVER_POWER_MS, Load, Sample, followed, is_frozen, is_same, sampled, stops
from edge.archetypes.protocol import HOLD_LEASE_MS, Show, Wake
from edge.archetypes.session import MINUTE_MS, Session, draw, ended, energy_wh, missed, spent
from edge.archetypes.session_step import KEEP_AGAIN_MS
from edge.archetypes.station import Unreadable, read_document
from edge.stations.socket.state import OFF_W, SocketState, SocketStep, StoredSocket

OFF_SETTLES_MS = 3_000
STRAY_SAMPLES = 2
PERSISTS_MS = 10_000
"""Power that is still there so long after the bank was cut can only be ended at the breaker."""
COOLER_C = 5.0
"""A warning is given again only after the socket has cooled down by so much."""
TEMPERATURE_C = -40.0, 150.0
"""What a thermistor can say."""
CHECK_MS = 60_000
"""How long the load has to show that it is the one from before an interruption."""
RESUME_WITHIN_MS = 10 * MINUTE_MS
"""After a longer gap nobody knows whose battery hangs there."""
DRAWS_ON_MS = KEEP_AGAIN_MS + HOLD_LEASE_MS
"""No longer does a session draw after it was last kept: then comes the next page, or the lease ends."""


def read_meter(socket: SocketStep, sample: Sample | None) -> None:
    if sample is None:
        return
    socket.do(meter=sampled(socket.state.meter, sample, socket.now_ms))
    frozen = _is_frozen(socket.state, sample, socket.now_ms)
    socket.set_fault("meter_lost", present=frozen)
    if not frozen:
        socket.ahead(_use_sample, sample)
    socket.do(Wake("meter", socket.state.settings.lost_ms))


def _use_sample(socket: SocketStep, sample: Sample) -> None:
    if socket.state.session is not None and socket.state.driven:
        _draw(socket, socket.state.session, sample)
        return
    _look_for_stray_power(socket, sample)
    if socket.state.session is not None and sample.power_w <= OFF_W:
        see_open(socket, socket.state.session)


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


def _look_for_stray_power(socket: SocketStep, sample: Sample) -> None:
    """Power where there should be none: the relay has not opened. Once the bank is cut, only the breaker is left."""
    off_ms = socket.state.switched_ms
    if off_ms is None or socket.now_ms - off_ms < OFF_SETTLES_MS or _is_old(socket.state, sample):
        return
    is_stray = sample.power_w > OFF_W
    socket.do(stray=socket.state.stray + 1 if is_stray else 0)
    if "relay_stuck" in socket.state.faults or not is_stray:
        socket.set_fault("power_persists", present=is_stray and socket.now_ms - off_ms >= PERSISTS_MS)
    elif socket.state.stray >= STRAY_SAMPLES:
        socket.do(switched_ms=socket.now_ms)
        socket.trip("relay_stuck", Stop.RELAY_STUCK)


def _draw(socket: SocketStep, session: Session, sample: Sample) -> None:
    """A sample of a session that runs: count it, then judge it."""
    state, limits = socket.state, socket.state.limits
    elapsed_ms = max(0, socket.now_ms - state.counted_ms)
    # Until the meter says something new it may stand still since before this session, at somebody else's watt-hours.
    is_new = session.register_wh is not None or state.meter.since_ms >= state.began_ms
    register_wh = sample.energy_wh if is_new else None
    drawn = draw(session, register_wh, sample.power_w, elapsed_ms, limits.power_w, state.settings.tariff)
    load = followed(state.load, limits, sample.power_w, session.power_w, socket.now_ms)
    socket.do(session=drawn, load=load, counted_ms=socket.now_ms)
    if (state.load.over_ms is None) != (load.over_ms is None):
        socket.do(Wake("over_power", OVER_POWER_MS if state.load.over_ms is None else None))
    _judge(socket, drawn, sample)


def _judge(socket: SocketStep, session: Session, sample: Sample) -> None:
    state, limits = socket.state, socket.state.limits
    stop = stops(state.load, limits, socket.now_ms, plugged=state.plugged is True)
    if session.used_mwh >= session.limit_wh * 1000:
        socket.end(Stop.ENERGY_LIMIT)
    elif session.used_ms >= session.limit_ms:
        socket.end(Stop.TIME_LIMIT)
    elif stop is Stop.OVER_POWER:
        socket.end(stop)
    elif state.phase == "starting":
        if sample.power_w >= limits.start_w:
            _see_load(socket, session, sample)
    elif state.phase == "checking":
        if is_same(state.load, socket.now_ms):
            resume(socket, session)
    elif is_frozen(state.meter, socket.now_ms):
        socket.end(Stop.METER_LOST)
        socket.set_fault("meter_lost", present=True)
    elif stop is Stop.FULL:
        _fill(socket, session)
    elif stop is not None:
        socket.end(stop)
    else:
        session = replace(session, power_w=sample.power_w)
        socket.do(*spent(session), session=session)
        socket.note_progress(session)


def _see_load(socket: SocketStep, session: Session, sample: Sample) -> None:
    """Something draws power: from now on it is counted."""
    session = replace(session, loaded=True, power_w=sample.power_w)
    socket.to("load", session=session, load=Load(over_ms=socket.state.load.over_ms), persisted_ms=socket.now_ms)
    socket.do(Wake("load", None), *spent(session), socket.persist(), socket.show("green", "charging"))
    socket.moved("relay_open")


def _fill(socket: SocketStep, session: Session) -> None:
    """Only a contact can tell that a full battery still occupies the socket; without one, it is free."""
    grace_minutes = socket.state.settings.tariff.idle_grace_minutes
    if not socket.state.plugged:
        socket.end(Stop.FULL, "full")
        socket.do(Wake("cool", grace_minutes * MINUTE_MS))
        return
    session = replace(session, ended=Stop.FULL.value)
    socket.do(session=session)
    socket.switch_off()
    socket.to("full", stop=session.ended)
    full = SOCKET.full(session=session.id, energy_wh=energy_wh(session), ms=session.used_ms)
    idle = Wake("idle", (grace_minutes + 1) * MINUTE_MS)
    socket.do(*spent(session), socket.persist(), full, idle, Show("green", session.ended))


def read_thermometer(socket: SocketStep, celsius: float | None) -> None:
    """A socket gets hot before it burns."""
    state, settings = socket.state, socket.state.settings
    if celsius is None or not TEMPERATURE_C[0] <= celsius <= TEMPERATURE_C[1]:
        if not state.has_thermometer:
            socket.do(Wake("thermometer", settings.lost_ms), has_thermometer=True)
        return
    socket.do(has_thermometer=True, temperature_c=celsius)
    if celsius >= settings.cut_c and "over_temp" not in state.faults:
        socket.trip("over_temp", Stop.OVER_TEMP)
    socket.set_fault("thermometer_lost", present=False)
    socket.do(Wake("thermometer", settings.lost_ms))
    session = socket.state.session
    if celsius >= settings.warn_c and state.driven and session is not None and not state.warned:
        warning = SOCKET.warned(session=session.id, what="temperature", temperature_c=celsius)
        socket.do(warning, socket.show("red", "hot"), warned=True)
    else:
        socket.do(warned=state.warned and celsius > settings.warn_c - COOLER_C)


# After the power was away


def restore(socket: SocketStep, document: bytes, age_ms: int | None) -> None:
    """Go on from what was kept. What cannot be read may have been a latched fault, and counts as one."""
    if socket.state.undated and socket.state.session is not None:
        _date(socket, socket.state.session, age_ms)
        return
    try:
        kept = read_document(document, StoredSocket) or StoredSocket()
    except Unreadable:
        socket.trip("kept_unreadable", Stop.POWER_LOSS)
        return
    socket.do(faults=socket.state.faults | set(kept.latched))
    socket.settle()
    state, session = socket.state, kept.session
    if session is None or (session.ended and state.over is not None):
        return
    may_resume = state.settings.resume and state.mode is not Mode.OUT_OF_SERVICE and state.phase == "free"
    if session.ended:
        # Whether its end was written down in time nobody knows, so it is written again.
        again = ended(session, state.settings.tariff)
        socket.do(again, Wake("forget", MINUTE_MS), over=session, stop=session.ended)
    elif age_ms is None and may_resume and session.loaded:
        # After a power cut nobody knows the time until the cloud is heard. What was kept stays as it is: it alone tells
        # how long ago that was.
        socket.do(undated=True)
        interrupt(socket, session, resume=True)
    elif age_ms is None or age_ms > RESUME_WITHIN_MS or not may_resume:
        interrupt(socket, missed(session, DRAWS_ON_MS), resume=False)
    else:
        interrupt(socket, missed(session, age_ms), resume=True)


def interrupt(socket: SocketStep, session: Session, *, resume: bool) -> None:
    """The power was away. It comes back only for a load that has been seen, and was allowed to."""
    now_ms = socket.now_ms
    socket.do(session=session)
    socket.switch_off()
    interrupted = SOCKET.interrupted(session=session.id, energy_wh=energy_wh(session), ms=session.used_ms)
    socket.to("interrupt", interrupted, began_ms=now_ms, counted_ms=now_ms, reported_ms=now_ms)
    if resume and session.loaded:
        undated = socket.state.undated
        kept = [] if undated else [socket.persist()]
        watch = Wake("check", RESUME_WITHIN_MS if undated else CHECK_MS)
        socket.do(*kept, watch, socket.show("red", "checking"))
    elif session.loaded and socket.state.meter.sample is None:
        # What is kept stays as it is, or a second restart would take it for fresh.
        socket.do(closing=True)
    else:
        socket.end(Stop.POWER_LOSS)


def see_open(socket: SocketStep, session: Session) -> None:
    """The meter is good and the relay is open: count what was drawn unseen, and look at the load."""
    if socket.state.closing:
        socket.end(Stop.POWER_LOSS)
    elif socket.state.phase == "checking" and not socket.state.undated and socket.state.is_sure:
        socket.do(session=socket.counted(session), persisted_ms=socket.now_ms, load=Load())
        socket.do(*spent(session), socket.persist(), Wake("check", CHECK_MS))
        socket.switch_on()


def resume(socket: SocketStep, session: Session) -> None:
    """It is the same load."""
    socket.to("resume", load=Load(over_ms=socket.state.load.over_ms), persisted_ms=socket.now_ms)
    socket.do(SOCKET.resumed(session=session.id), *spent(session), socket.persist())
    socket.do(Wake("check", None), socket.show("green", "charging"))


def _date(socket: SocketStep, session: Session, age_ms: int | None) -> None:
    """Now it is known how long the power was away."""
    if age_ms is None or age_ms > RESUME_WITHIN_MS:
        socket.end(Stop.POWER_LOSS)
    else:
        socket.do(session=missed(session, age_ms), undated=False, counted_ms=socket.now_ms)
        socket.do(socket.persist(), Wake("check", CHECK_MS))
