"""What a session at a charging socket outlives: a restart, a power cut, a keeper that was away. Pure.

It goes on only if the gap was short, the meter is good and the load is the one from before. What was drawn before the
gap, and was not kept, is counted in any case as soon as the meter has been read.
"""

from contract.decide import Mode
from contract.kinds.socket import SOCKET
from contract.sessions import Stop
from edge.archetypes.power import Load
from edge.archetypes.protocol import HOLD_LEASE_MS, Show, Wake
from edge.archetypes.session import MINUTE_MS, Session, ended, energy_wh, missed, spent
from edge.archetypes.session_step import KEEP_AGAIN_MS
from edge.archetypes.step import Unreadable, read_kept
from edge.stations.socket.state import KeptSocket, SocketStep

CHECK_MS = 60_000
"""How long the load has to show that it is the one from before an interruption."""
RESUME_WITHIN_MS = 10 * MINUTE_MS
"""After a longer gap nobody knows whose battery hangs there."""
DRAWS_ON_MS = KEEP_AGAIN_MS + HOLD_LEASE_MS
"""No longer does a session draw after it was last kept: then comes the next page, or the lease ends."""


def restore(socket: SocketStep, document: bytes, age_ms: int | None) -> None:
    """Go on from what was kept. What cannot be read may have been a latched fault, and counts as one."""
    if socket.state.undated and socket.state.session is not None:
        _date(socket, socket.state.session, age_ms)
        return
    try:
        kept = read_kept(document, KeptSocket) or KeptSocket()
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
    socket.to("interrupt", interrupted, began_ms=now_ms, counted_ms=now_ms, told_ms=now_ms)
    if resume and session.loaded:
        undated = socket.state.undated
        kept = [] if undated else [socket.keep()]
        watch = Wake("check", RESUME_WITHIN_MS if undated else CHECK_MS)
        socket.do(*kept, watch, Show("red", SOCKET.text("checking")))
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
        socket.do(session=socket.counted(session), kept_ms=socket.now_ms, load=Load())
        socket.do(*spent(session), socket.keep(), Wake("check", CHECK_MS))
        socket.switch_on()


def resume(socket: SocketStep, session: Session) -> None:
    """It is the same load."""
    socket.to("resume", load=Load(over_ms=socket.state.load.over_ms), kept_ms=socket.now_ms)
    shown = Show("green", SOCKET.text("charging"))
    socket.do(SOCKET.resumed(session=session.id), *spent(session), socket.keep(), Wake("check", None), shown)


def _date(socket: SocketStep, session: Session, age_ms: int | None) -> None:
    """Now it is known how long the power was away."""
    if age_ms is None or age_ms > RESUME_WITHIN_MS:
        socket.end(Stop.POWER_LOSS)
    else:
        socket.do(session=missed(session, age_ms), undated=False, counted_ms=socket.now_ms)
        socket.do(socket.keep(), Wake("check", CHECK_MS))
