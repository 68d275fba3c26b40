"""What devices tell of their charging sessions, folded into one record a session.

A device may tell of an end twice, after a restart, or of an end whose beginning a power cut has eaten: the first end
counts, and every event says enough to stand alone. A device that does not know the time tells when nothing was. Pure.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeGuard

from msgspec import Struct
from msgspec.structs import replace

from contract.decide import Trust
from contract.events import Event, holder_in

MAX_WH = 1_000_000
MAX_MS = 10 * 24 * 3_600_000
"""Beyond these nothing that a socket or post says of one session can be true."""
MAX_WORD = 40
LATE_END = "ev_post.late_end"
UNKNOWN = "unknown"
"""The reason of an end that gave none."""


class Session(Struct, frozen=True):
    """One session as far as it is known. Times are the device's wall clock (UTC ms), energy in watt-hours. ``reason``
    is why it ended, empty while it runs; ``interrupted`` while its device has yet to say whether it goes on.

    A time that its device did not know is None, and for ``told_ms`` the time at which word of it came."""

    session: str
    point: str
    holder: bytes | None = None
    kind: str = ""
    began_by: str = ""
    began_ms: int | None = None
    told_ms: int = 0
    energy_wh: int = 0
    power_w: int | None = None
    lasted_ms: int = 0
    interrupted: bool = False
    ended_ms: int | None = None
    reason: str = ""
    receipt: Mapping[str, Any] = {}

    @property
    def is_over(self) -> bool:
        return bool(self.reason)


def session_of(event: Event) -> str | None:
    """Which session an event tells of; None if of none."""
    named = event.data.get("session")
    return named if event.kind in _FOLDS and is_session(named) else None


def known_time(event: Event) -> int | None:
    """When it was, None where its device did not know."""
    return None if event.clock is Trust.UNSET else event.at_ms


def is_session(named: object) -> TypeGuard[str]:
    """Whether this can be the name of a session: 16 hex digits."""
    return isinstance(named, str) and len(named) == 16 and not named.strip("0123456789abcdef")


def after(stored: Session | None, session: str, event: Event, came_ms: int) -> Session:
    """The session as it stands after one more event of its own, which reached us at ``came_ms``. Whatever cannot be
    true in it is left out."""
    before = stored or Session(session, event.point)
    if before.is_over and event.kind != LATE_END:
        return before
    at_ms, holder = known_time(event), holder_in(event.data.get("holder"))
    before = replace(before, told_ms=came_ms if at_ms is None else at_ms, holder=before.holder or holder)
    return _FOLDS[event.kind](before, event)


def _started(session: Session, event: Event) -> Session:
    data = event.data
    return replace(
        session,
        kind=_word(data.get("class")),
        began_by=_word(data.get("by")),
        began_ms=session.began_ms or known_time(event),
    )


def _progress(session: Session, event: Event) -> Session:
    return replace(_measured(session, event.data), interrupted=False)


def _interrupted(session: Session, event: Event) -> Session:
    return replace(_measured(session, event.data), interrupted=True, power_w=None)


def _ended(session: Session, event: Event) -> Session:
    session, receipt = _closed(session, event.data), event.data.get("receipt")
    ended_ms, began_ms = known_time(event), session.began_ms
    if began_ms is None and ended_ms is not None:
        began_ms = ended_ms - session.lasted_ms
    return replace(
        session,
        kind=session.kind or _word(event.data.get("class")),
        began_ms=began_ms,
        ended_ms=ended_ms,
        reason=_word(event.data.get("reason")) or UNKNOWN,
        power_w=None,
        interrupted=False,
        receipt=receipt if isinstance(receipt, dict) else {},
    )


def _ended_late(session: Session, event: Event) -> Session:
    """A post tells what a session drew that had been given up. If its end never reached us, it is over all the same."""
    session = replace(_measured(session, event.data), power_w=None, interrupted=False)
    return replace(session, reason=session.reason or UNKNOWN)


def _measured(session: Session, data: Mapping[str, Any]) -> Session:
    """Energy and time never run backwards while it runs."""
    return replace(
        session,
        energy_wh=max(session.energy_wh, number_in(data.get("energy_wh"), MAX_WH) or 0),
        lasted_ms=max(session.lasted_ms, number_in(data.get("ms"), MAX_MS) or 0),
        power_w=number_in(data.get("power_w"), MAX_WH),
    )


def _closed(session: Session, data: Mapping[str, Any]) -> Session:
    """At the end both ends of the register are known: they have the last word, also where they say less."""
    session = _measured(session, data)
    energy_wh = number_in(data.get("energy_wh"), MAX_WH)
    return session if energy_wh is None else replace(session, energy_wh=energy_wh)


_FOLDS: Mapping[str, Callable[[Session, Event], Session]] = {
    "session.started": _started,
    "session.progress": _progress,
    "session.resumed": _progress,
    "session.interrupted": _interrupted,
    "session.warned": lambda session, _event: session,
    "session.ended": _ended,
    LATE_END: _ended_late,
}
SESSION_EVENTS = frozenset(_FOLDS)


def number_in(value: object, most: int, least: int = 0) -> int | None:
    """A number from ``least`` to ``most``, rounded; None for anything else that a device may say."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= most:
        return None
    return round(value)


def _word(value: object) -> str:
    return value[:MAX_WORD] if isinstance(value, str) else ""
