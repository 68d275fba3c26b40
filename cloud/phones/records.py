"""What is kept of somebody: their visits, who looked at these, and their sessions. Nobody else's, whoever pays."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from cloud.authority.store import GivenMovements, given_of
from cloud.charging.store import SessionView, list_sessions
from cloud.devices.event_series import EventFilter
from cloud.devices.event_views import EventPage, EventView, list_events
from cloud.web.looks import LookView, list_looks

VISITS_SHOWN = 30
SESSIONS_SHOWN = 20
LOOKS_SHOWN = 100
MAX_EXPORTED = 5_000
"""Events of one person in a file: a year of ten a day and more."""


class Looks(NamedTuple):
    """Who looked at somebody's movements, and to which authority they were given."""

    by_operators: list[LookView]
    by_authorities: list[GivenMovements]


def visits_of(connection: Connection, holder: bytes, before: int | None) -> EventPage:
    """The newest first, of those older than the cursor."""
    return list_events(connection, EventFilter(holder=holder), before, VISITS_SHOWN)


def looks_at(connection: Connection, site: str, person: int, now_ms: int) -> Looks:
    """What an authority's embargo hides is not among them before its day."""
    seen = list_looks(connection, site, person, LOOKS_SHOWN)
    return Looks(seen, given_of(connection, site, person, now_ms))


def sessions_of(connection: Connection, holder: bytes) -> list[SessionView]:
    """The newest first."""
    return list_sessions(connection, holder=holder, limit=SESSIONS_SHOWN)


def all_events_of(connection: Connection, holder: bytes) -> Sequence[EventView]:
    """All that is kept, as far as it goes into one file."""
    return list_events(connection, EventFilter(holder=holder), None, MAX_EXPORTED).rows
