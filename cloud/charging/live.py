"""What the charging pages show of this moment, and the pieces that their stream keeps fresh."""

from typing import Any

from msgspec import Struct
from sqlalchemy import Connection

from cloud.charging.store import Hub, SessionView, list_hubs, list_sessions
from cloud.devices.views import last_arrival
from cloud.emergencies.store import ZoneState, list_zone_states
from cloud.web.feed import Item
from cloud.web.pages import Pages

CHARGING = "charging"
"""Begins the dialects of the charging pages; the code of the language follows."""
SESSIONS_SHOWN = 10


class Charging(Struct, frozen=True):
    """All hubs at one moment; ``last`` is the newest event that it knows of."""

    hubs: list[Hub]
    sessions: list[SessionView]
    emergencies: list[ZoneState]
    last: int
    now_ms: int


def look_at_charging(connection: Connection, now_ms: int) -> Charging:
    return Charging(
        hubs=list_hubs(connection, now_ms),
        sessions=list_sessions(connection, limit=SESSIONS_SHOWN),
        emergencies=list_zone_states(connection, now_ms),
        last=last_arrival(connection),
        now_ms=now_ms,
    )


def charging_items(pages: Pages, code: str, seen: Charging) -> list[Item]:
    """The cards of the charging pages. Nothing in them counts seconds, or all of them would be sent every time."""

    def item(event: str, template: str, key: str, **context: Any) -> Item:
        made = pages.fragment(code, template, now_ms=seen.now_ms, **context)
        return Item(event, made, key=f"{event} {key}")

    hubs = [item("hub", "_hub.html", hub.name, hub=hub) for hub in seen.hubs]
    sockets = [item("socket", "_socket.html", one.name, socket=one) for hub in seen.hubs for one in hub.sockets]
    return [*hubs, *sockets, item("sessions", "_sessions.html", "", sessions=seen.sessions, live_list=True)]
