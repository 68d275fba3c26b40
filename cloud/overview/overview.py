"""The first page: what is so now on the whole site, and what has just happened."""

from collections.abc import Iterable, Mapping, Set
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from msgspec import Struct
from sqlalchemy import Connection

from cloud.devices.breaks import BreakView, list_breaks
from cloud.devices.event_series import EventFilter
from cloud.devices.event_views import list_events
from cloud.devices.presence import Presence
from cloud.devices.quarantine import count_quarantined, twins
from cloud.devices.refusals import count_refused, local_day
from cloud.devices.registry import site_of
from cloud.devices.views import DeviceView, list_devices
from cloud.overview.metrics import Metrics
from cloud.people.rosters import Spread, spread
from cloud.redecide.store import differing_devices
from cloud.web.context import N_, OwnPage
from cloud.web.domain import LivePage, Nav, NavGroup, Panel, Piece, Visit, one_piece
from cloud.web.pages import see_other
from cloud.web.panels import render_panels
from cloud.web.query import PanelsOf
from cloud.web.roles import Right

LINES_SHOWN = 40
BREAKS_SHOWN_MS = 7 * 86_400_000
"""How long the first page speaks of rows that are lost or exist twice. The device's own page never forgets them."""
TWINS_SHOWN_MS = 86_400_000
DIFFERENCES_SHOWN_MS = 7 * 86_400_000


class Overview(Struct, frozen=True):
    """The state of the site at one moment. ``undeliverable`` says why the newest changes are in no roster; it is empty
    while they are. ``differing`` are devices that decided otherwise than their rule, by how often."""

    devices: list[DeviceView]
    spread: Spread
    refused_today: int
    quarantined: int
    now_ms: int
    breaks: list[BreakView]
    twins: Set[str]
    undeliverable: str
    shows_config: bool
    differing: Mapping[str, int]

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
        refused_today=_refused_today(connection, now_ms),
        quarantined=count_quarantined(connection),
        now_ms=now_ms,
        breaks=list_breaks(connection, since_ms=now_ms - BREAKS_SHOWN_MS),
        twins=twins(connection, now_ms - TWINS_SHOWN_MS),
        undeliverable=visit.service(Metrics).workings().undeliverable,
        shows_config=Right.CONFIG in visit.rights,
        differing=differing_devices(connection, site_of(connection).name, now_ms - DIFFERENCES_SHOWN_MS),
    )


def _refused_today(connection: Connection, now_ms: int) -> int:
    site = site_of(connection)
    return count_refused(connection, site.name, local_day(now_ms, ZoneInfo(site.zone)))


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
NAV = (Nav(NavGroup.DAILY, "/", N_("Overview"), also="/devices/[^/]+"),)


@router.get("/", dependencies=[Depends(PanelsOf("overview"))])
def first_page(context: OwnPage) -> Response:
    """Whoever sees only a part of the site is led to the first page of theirs."""
    assignment = context.login.operator.assignment
    if not assignment.may(Right.READ):
        return see_other(next((one.path for one in context.pages.nav(assignment)), "/account"))
    return render_panels(
        context,
        "overview",
        find_overview,
        lambda _seen: {"title": "Overview"},
        live=True,
        sirens_below=True,
    )
