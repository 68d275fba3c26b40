"""What a session at a charging socket outlives: a restart, a power cut, a keeper that was away. Pure.

It goes on only if the gap was short, the meter is good and the load is the one from before. What was drawn before the
gap, and was not kept, is counted in any case as soon as the meter has been read.
"""

from msgspec.structs import replace

from contract.decide import Mode
from contract.kinds.socket import SOCKET
from contract.sessions import Stop
from edge.archetypes.power import Load
from edge.archetypes.protocol import HOLD_LEASE_MS, Keep, Show, Wake
from edge.archetypes.session import (
    KEEP_AGAIN_MS,
    MINUTE_MS,
    RESUME_WITHIN_MS,
    Session,
    ended,
    energy_wh,
    missed,
    spent,
)
from edge.stations.socket.kept import Unreadable, read_kept
from edge.stations.socket.state import (
    SocketState,
    Step,
    counted,
    end,
    is_sure,
    keep,
    settled,
    switch_off,
    switch_on,
    to,
    trip,
)

CHECK_MS = 60_000
"""How long the load has to show that it is the one from before an interruption."""
DRAWS_ON_MS = KEEP_AGAIN_MS + HOLD_LEASE_MS
"""No longer does a session draw after it was last kept: then comes the next page, or the lease ends."""


def found(state: SocketState, document: bytes, age_ms: int | None, now_ms: int) -> Step:
    """What was kept. What cannot be read may have been a latched fault, and counts as one."""
    if state.undated and state.session is not None:
        return _dated(state, state.session, age_ms, now_ms)
    try:
        kept = read_kept(document)
    except Unreadable:
        return trip(state, "kept_unreadable", Stop.POWER_LOSS, now_ms)
    state, session = settled(replace(state, faults=state.faults | set(kept.latched))), kept.session
    if session is None:
        return state, []
    if session.ended and state.over is not None:
        return state, []
    if session.ended:
        # Whether its end was written down in time nobody knows, so it is written again.
        state = replace(state, over=session, stop=session.ended)
        return state, [ended(session, state.settings.tariff), Wake("forget", MINUTE_MS)]
    may_resume = state.settings.resume and state.mode is not Mode.OUT_OF_SERVICE and state.phase == "free"
    if age_ms is None and may_resume and session.loaded:
        return _undated(state, session, now_ms)
    if age_ms is None or age_ms > RESUME_WITHIN_MS or not may_resume:
        return interrupt(state, missed(session, DRAWS_ON_MS), now_ms, resume=False)
    return interrupt(state, missed(session, age_ms), now_ms, resume=True)


def interrupt(state: SocketState, session: Session, now_ms: int, *, resume: bool) -> Step:
    """The power was away. It comes back only for a load that has been seen, and was allowed to."""
    interrupted = SOCKET.interrupted(session=session.id, energy_wh=energy_wh(session), ms=session.used_ms)
    state, off = switch_off(replace(state, session=session), now_ms)
    state = replace(to(state, "interrupt"), began_ms=now_ms, counted_ms=now_ms, told_ms=now_ms)
    if resume and session.loaded:
        return state, [*off, interrupted, keep(state), Wake("check", CHECK_MS), Show("red", SOCKET.text("checking"))]
    if session.loaded and state.meter.sample is None:
        # What is kept stays as it is, or a second restart would take it for fresh.
        return replace(state, closing=True), [*off, interrupted]
    state, effects = end(state, Stop.POWER_LOSS, now_ms)
    return state, [*off, interrupted, *effects]


def seen_open(state: SocketState, session: Session, now_ms: int) -> Step:
    """The meter is good and the relay is open: count what was drawn unseen, and look at the load."""
    if state.closing:
        return end(state, Stop.POWER_LOSS, now_ms)
    if state.phase != "checking" or state.undated or not is_sure(state):
        return state, []
    state = replace(state, session=counted(state, session, now_ms), kept_ms=now_ms, load=Load())
    kept = [*spent(session), keep(state), Wake("check", CHECK_MS)]
    state, switched = switch_on(state, now_ms)
    return state, kept + switched


def resumed(state: SocketState, session: Session, now_ms: int) -> Step:
    """It is the same load."""
    state = replace(to(state, "resume"), load=Load(over_ms=state.load.over_ms), kept_ms=now_ms)
    told = SOCKET.resumed(session=session.id)
    return state, [told, *spent(session), keep(state), Wake("check", None), Show("green", SOCKET.text("charging"))]


def _undated(state: SocketState, session: Session, now_ms: int) -> Step:
    """After a power cut nobody knows the time until the cloud is heard. What was kept stays as it is: it alone tells
    how long ago that was."""
    state, effects = interrupt(state, session, now_ms, resume=True)
    told = [effect for effect in effects if not isinstance(effect, Keep)]
    return replace(state, undated=True), [*told, Wake("check", RESUME_WITHIN_MS)]


def _dated(state: SocketState, session: Session, age_ms: int | None, now_ms: int) -> Step:
    """Now it is known how long the power was away."""
    if age_ms is None or age_ms > RESUME_WITHIN_MS:
        return end(state, Stop.POWER_LOSS, now_ms)
    state = replace(state, session=missed(session, age_ms), undated=False, counted_ms=now_ms)
    return state, [keep(state), Wake("check", CHECK_MS)]
