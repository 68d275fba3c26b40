"""What devices tell of their charging sessions, folded into one record a session.

A device may tell of an end twice, after a restart, or of an end whose beginning a power cut has eaten: the first end
counts, and every event says enough to stand alone. Pure.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeGuard

from msgspec import Struct
from msgspec.structs import replace

from contract.events import Event

FAMILY = "session."
MAX_WH = 1_000_000
MAX_MS = 10 * 24 * 3_600_000
"""Beyond these nothing that a socket or post says of one session can be true."""
MAX_WORD = 40


class Session(Struct, frozen=True):
    """One session as far as it is known. Times are the device's wall clock (UTC ms), energy in watt-hours. ``reason``
    is why it ended, empty while it runs; ``interrupted`` while its device has yet to say whether it goes on."""

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


def session_of(event: Event) -> str | None:
    """Which session an event tells of; None if of none."""
    named = event.data.get("session")
    told = event.kind.startswith(FAMILY) and event.kind[len(FAMILY) :] in _TOLD
    return named if told and is_session(named) else None


def is_session(named: object) -> TypeGuard[str]:
    """Whether this can be the name of a session: 16 hex digits."""
    return isinstance(named, str) and len(named) == 16 and not named.strip("0123456789abcdef")


def after(known: Session | None, session: str, event: Event) -> Session:
    """The session as it stands after one more event of its own. Whatever cannot be true in it is left out."""
    before = known or Session(session, event.point)
    if before.ended_ms is not None:
        return before
    holder = holder_in(event.data.get("holder"))
    before = replace(before, told_ms=event.at_ms, holder=before.holder or holder)
    return _TOLD[event.kind[len(FAMILY) :]](before, event)


def _started(known: Session, event: Event) -> Session:
    data = event.data
    return replace(
        known, kind=_word(data.get("class")), began_by=_word(data.get("by")), began_ms=known.began_ms or event.at_ms
    )


def _progress(known: Session, event: Event) -> Session:
    return replace(_measured(known, event.data), interrupted=False)


def _interrupted(known: Session, event: Event) -> Session:
    return replace(_measured(known, event.data), interrupted=True, power_w=None)


def _ended(known: Session, event: Event) -> Session:
    known, receipt = _measured(known, event.data), event.data.get("receipt")
    began_ms = known.began_ms if known.began_ms is not None else event.at_ms - known.lasted_ms
    return replace(
        known,
        kind=known.kind or _word(event.data.get("class")),
        began_ms=began_ms,
        ended_ms=event.at_ms,
        reason=_word(event.data.get("reason")) or "unknown",
        power_w=None,
        interrupted=False,
        receipt=receipt if isinstance(receipt, dict) else {},
    )


def _measured(known: Session, data: Mapping[str, Any]) -> Session:
    """Energy and time never run backwards."""
    return replace(
        known,
        energy_wh=max(known.energy_wh, number_in(data.get("energy_wh"), MAX_WH) or 0),
        lasted_ms=max(known.lasted_ms, number_in(data.get("ms"), MAX_MS) or 0),
        power_w=number_in(data.get("power_w"), MAX_WH),
    )


_TOLD: Mapping[str, Callable[[Session, Event], Session]] = {
    "started": _started,
    "progress": _progress,
    "resumed": _progress,
    "interrupted": _interrupted,
    "warned": lambda known, _event: known,
    "ended": _ended,
}


def holder_in(said: object) -> bytes | None:
    """A holder as it stands in an event: 16 hex digits, anything else where nobody is known."""
    if not isinstance(said, str) or len(said) != 16:
        return None
    try:
        return bytes.fromhex(said)
    except ValueError:
        return None


def number_in(said: object, most: int) -> int | None:
    """A number from 0 to ``most``, rounded; None for anything else that a device may say."""
    if not isinstance(said, int | float) or isinstance(said, bool) or not 0 <= said <= most:
        return None
    return round(said)


def _word(said: object) -> str:
    return said[:MAX_WORD] if isinstance(said, str) else ""
