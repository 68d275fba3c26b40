"""Unknown cards that were held at readers a moment ago: one of them may be given to somebody by its digest alone."""

from msgspec import Struct
from sqlalchemy import Connection

from cloud.devices.event_series import EventFilter
from cloud.devices.event_views import EventView, list_events
from contract.decide import MINUTE_MS
from contract.reasons import Reason
from contract.sealing import DIGEST_BYTES

CLAIMED_WITHIN_MS = 5 * MINUTE_MS
MAX_SHOWN = 10
_UNKNOWN = EventFilter(kind="access.refused", reason=Reason.UNKNOWN_CREDENTIAL.value)


class UnknownRead(Struct, frozen=True):
    """An unknown card at a point. Nothing is known of it but its digest, in the form that this reader reports."""

    arrival: int
    point: str
    at_ms: int
    digest: bytes


def unknown_reads(connection: Connection, point: str, now_ms: int) -> list[UnknownRead]:
    """Those of the last five minutes at a point, the newest first; each card once."""
    wanted = EventFilter(point=point, kind=_UNKNOWN.kind, reason=_UNKNOWN.reason)
    found = [_read(one, now_ms) for one in list_events(connection, wanted, limit=MAX_SHOWN).rows]
    return list({one.digest: one for one in reversed(found) if one is not None}.values())[::-1]


def find_unknown_read(connection: Connection, arrival: int, now_ms: int) -> UnknownRead | None:
    """The one that arrived under this number, if it may still be claimed."""
    rows = list_events(connection, _UNKNOWN, before=arrival + 1, limit=1).rows
    return _read(rows[0], now_ms) if rows and rows[0].arrival == arrival else None


def _read(event: EventView, now_ms: int) -> UnknownRead | None:
    """Its time is that of its receipt: a device's clock may be wrong, and one that was offline told it late. What was
    keyed or scanned is no card: whoever guessed a code must not be given it."""
    if "credential" in event.data:
        return None
    try:
        digest = bytes.fromhex(str(event.data.get("digest")))
    except ValueError:
        return None
    if len(digest) != DIGEST_BYTES or event.replay or not 0 <= now_ms - event.received_ms < CLAIMED_WITHIN_MS:
        return None
    return UnknownRead(event.arrival, event.point, event.received_ms, digest)
