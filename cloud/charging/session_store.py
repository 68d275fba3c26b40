"""Charging sessions as they are stored: one row each, written with the events that tell of it."""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import Connection, delete, insert, select

from cloud.charging.sessions import SESSION_EVENTS, Session, after, session_of
from cloud.charging.tables import sessions
from cloud.devices.reactions import Reaction, Recorded

_COLUMNS = [sessions.c[name] for name in Session.__struct_fields__]


def note_sessions(connection: Connection, recorded: Sequence[Recorded], now_ms: int) -> None:
    """Fold events that came just now into the rows of their sessions, in their order."""
    folded: dict[tuple[int, str], Session] = {}
    for device, event, _ in recorded:
        name = session_of(event)
        if name is not None:
            known = folded.get((device.id, name)) or _stored(connection, device.id, name)
            folded[device.id, name] = after(known, name, event, now_ms)
    for (device_id, name), session in folded.items():
        connection.execute(delete(sessions).where(*_is(device_id, name)))
        connection.execute(insert(sessions).values(device_id=device_id, **asdict(session)))


SESSIONS = Reaction(SESSION_EVENTS, note_sessions)


def _stored(connection: Connection, device: int, name: str) -> Session | None:
    row = connection.execute(select(*_COLUMNS).where(*_is(device, name))).one_or_none()
    return None if row is None else Session(*row)


def _is(device: int, name: str) -> tuple[Any, Any]:
    return sessions.c.device_id == device, sessions.c.session == name
