"""The first page: what is so now on the whole site, and what has just happened."""

from collections.abc import Iterable, Mapping, Set
from datetime import datetime
from threading import Lock
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from msgspec import Struct
from sqlalchemy import Connection

from cloud.devices.breaks import BreakView, list_breaks
from cloud.devices.event_series import EventFilter
from cloud.devices.event_views import arrival_before, count_refused, last_arrival, list_events
from cloud.devices.presence import Presence
from cloud.devices.quarantine import count_quarantined, twins
from cloud.devices.views import DeviceView, list_devices
from cloud.overview.metrics import Metrics
from cloud.people.rosters import Spread, spread
from cloud.web.context import N_, Reading
from cloud.web.domain import LivePage, Nav, Panel, Piece, Visit, one_piece
from cloud.web.panels import render_panels

LINES_SHOWN = 40
BREAKS_SHOWN_MS = 7 * 86_400_000
"""How long the first page speaks of rows that are lost or exist twice. The device's own page never forgets them."""
TWINS_SHOWN_MS = 86_400_000


class RefusedToday:
    """Counts refusals since midnight, and every event only once. Any thread may ask."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._lock = Lock()
        self._since_ms = -1
        self._upto = 0
        self._count = 0

    def count(self, connection: Connection, now_ms: int) -> int:
        midnight = datetime.fromtimestamp(now_ms / 1000, self._zone).replace(hour=0, minute=0, second=0, microsecond=0)
        midnight_ms = int(midnight.timestamp() * 1000)
        with self._lock:
            if midnight_ms != self._since_ms:
                self._since_ms, self._count = midnight_ms, 0
                self._upto = arrival_before(connection, midnight_ms)
            newest = last_arrival(connection)
            self._count += count_refused(connection, self._upto, newest, midnight_ms)
            self._upto = max(self._upto, newest)
            return self._count


class Overview(Struct, frozen=True):
    """The state of the site at one moment. ``undeliverable`` says why the newest changes are in no roster; it is empty
    while they are."""

    devices: list[DeviceView]
    spread: Spread
    refused_today: int
    quarantined: int
    now_ms: int
    breaks: list[BreakView]
    twins: Set[str]
    undeliverable: str

    @property
    def newest_roster(self) -> int:
        return self.spread.newest.number if self.spread.newest else 0

    @property
    def offline(self) -> int:
        return sum(device.presence(self.now_ms) in (Presence.OFFLINE, Presence.NEVER) for device in self.devices)

    @property
    def waiting(self) -> int:
        return sum(device.waiting or 0 for device in self.devices)


def find_overview(visit: Visit, _of: str = "") -> Overview:
    connection, now_ms = visit.connection, visit.now_ms
    devices = list_devices(connection)
    return Overview(
        devices=devices,
        spread=spread(connection, devices),
        refused_today=visit.service(RefusedToday).count(connection, now_ms),
        quarantined=count_quarantined(connection),
        now_ms=now_ms,
        breaks=list_breaks(connection, since_ms=now_ms - BREAKS_SHOWN_MS),
        twins=twins(connection, now_ms - TWINS_SHOWN_MS),
        undeliverable=visit.service(Metrics).workings().undeliverable,
    )


def _latest(visit: Visit, _seen: Overview) -> dict[str, Any]:
    return {"events": list_events(visit.connection, EventFilter(), limit=LINES_SHOWN).rows}


def _devices(_visit: Visit, seen: Overview) -> dict[str, Any]:
    return {"shape": [device.name for device in seen.devices]}


def _device_pieces(values: Mapping[str, Any]) -> Iterable[Piece]:
    return (Piece(f"device-{one.name}", "_device.html", {"device": one}) for one in values["overview"].devices)


PANELS = (
    Panel("overview", 0, "_summary.html", pieces=one_piece("tiles", "_tiles.html")),
    Panel("overview", 30, "_latest.html", _latest),
    Panel("overview", 40, "_devices.html", _devices, _device_pieces),
)
LIVE = LivePage("overview", find_overview, lambda _of, _event: True, shows_emergencies=True)

router = APIRouter()
NAV = (Nav(10, "/", N_("Overview"), also="/devices/[^/]+"),)


@router.get("/")
def first_page(context: Reading) -> HTMLResponse:
    return render_panels(
        context,
        "overview",
        find_overview,
        lambda _seen: {"title": "Overview"},
        live=True,
        sirens_below=True,
    )
