"""Charging sessions as they are stored: one row each, written with the events that tell of it."""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import Connection, delete, insert, select

from cloud.charging.sessions import Session, after
from cloud.store.schema import sessions
from contract.events import Event

_COLUMNS = [sessions.c[name] for name in Session.__struct_fields__]


def note_sessions(connection: Connection, told: Sequence[tuple[int, str, Event]], now_ms: int) -> None:
    """Fold events that came just now, each with its device (by id) and session, into the rows of their sessions, in
    their order."""
    folded: dict[tuple[int, str], Session] = {}
    for device, name, event in told:
        known = folded.get((device, name)) or _stored(connection, device, name)
        folded[device, name] = after(known, name, event, now_ms)
    for (device, name), session in folded.items():
        connection.execute(delete(sessions).where(*_is(device, name)))
        connection.execute(insert(sessions).values(device_id=device, **asdict(session)))


def _stored(connection: Connection, device: int, name: str) -> Session | None:
    row = connection.execute(select(*_COLUMNS).where(*_is(device, name))).one_or_none()
    return None if row is None else Session(*row)


def _is(device: int, name: str) -> tuple[Any, Any]:
    return sessions.c.device_id == device, sessions.c.session == name
