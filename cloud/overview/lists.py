"""The pages that list: events, one device, quarantine, audit."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from cloud.devices.breaks import count_lost, list_breaks
from cloud.devices.views import (
    DeviceView,
    EventFilter,
    last_arrival,
    list_devices,
    list_events,
    list_quarantined,
    list_tallies,
    list_zones,
    newest_roster_number,
)
from cloud.overview.metrics import Metrics
from cloud.people.rosters import spread
from cloud.web.context import N_, Context, Reading, RequestContext, known_device
from cloud.web.domain import Nav
from cloud.web.forms import Said, say
from cloud.web.operators import Login, first_broken_deed, list_deeds
from cloud.web.pages import Pages, shape_of
from cloud.web.params import Cursor, Text
from cloud.web.streams import After, LastEventId, stream
from contract.kinds import vocabulary
from contract.reasons import Reason

ROWS = 50
PLACED = N_("Changed. Devices on the line know within a second, others once they are back.")
DEVICE = "device"
"""Begins the dialects of the pages of devices; the name and the code of the language follow."""

router = APIRouter()
NAV = (
    Nav(40, "/events", N_("Events")),
    Nav(70, "/rosters", N_("Rosters"), seldom=True),
    Nav(90, "/quarantine", N_("Quarantine"), seldom=True),
    Nav(100, "/audit", N_("Audit"), seldom=True),
)


@router.get("/events")
def events(
    request: Request,
    login: Reading,
    context: Context,
    device: Text = "",
    point: Text = "",
    kind: Text = "",
    reason: Text = "",
    before: Cursor = None,
) -> HTMLResponse:
    pages: Pages = request.app.state.pages
    wanted = EventFilter(device, point, kind, reason)
    with context.store.reading() as connection:
        found = list_events(connection, wanted, before, ROWS)
        known = list_devices(connection)
    return pages.page(
        request,
        "events.html",
        login,
        wanted=wanted,
        found=found,
        devices=known,
        kinds=[*sorted(vocabulary().families), *sorted(vocabulary().events)],
        reasons=list(Reason),
        now_ms=context.clock(),
    )


@router.get("/devices/{name}")
def device(
    request: Request, name: str, login: Reading, context: Context, before: Cursor = None, done: str = ""
) -> HTMLResponse:
    return device_page(request, login, context, name, say(request, "good", PLACED) if done == "point" else None, before)


def device_page(
    request: Request,
    login: Login,
    context: RequestContext,
    name: str,
    said: Said | None = None,
    before: int | None = None,
) -> HTMLResponse:
    pages: Pages = request.app.state.pages
    with context.store.reading() as connection:
        shown = known_device(connection, name)
        found = list_events(connection, EventFilter(device=name), before, ROWS)
        broken, lost = list_breaks(connection, device=name, limit=ROWS), count_lost(connection, name)
        newest, zones = newest_roster_number(connection), list_zones(connection)
        last = last_arrival(connection)
    return pages.page(
        request,
        "device.html",
        login,
        422 if said and said.tone == "bad" else 200,
        device=shown,
        found=found,
        broken=broken,
        lost=lost,
        newest_roster=newest,
        zones=zones,
        is_newest=before is None,
        after=last,
        shape=device_shape(shown, len(broken), lost),
        said=said,
        now_ms=context.clock(),
    )


def device_shape(device: DeviceView, broken: int, lost: int) -> str:
    """Another one whenever the forms of its page, or what is said of its journal, would be others."""
    points = [(point.name, point.label, point.zone_name, point.class_name) for point in device.points]
    return shape_of(points, device.unplaced, device.lost_ms, broken, lost)


@router.get("/devices/{name}/live")
async def device_live(
    request: Request, name: str, login: Reading, context: Context, after: After = None, last_event_id: LastEventId = ""
) -> Response:
    """The stream of a device's page, in its language."""
    pages: Pages = request.app.state.pages
    with context.store.reading() as connection:
        known_device(connection, name)
    return stream(request, context, f"{DEVICE} {name} {pages.language(request).code}", last_event_id, after)


@router.get("/rosters")
def rosters(request: Request, login: Reading, context: Context) -> HTMLResponse:
    """The newest rosters, each with the points that have it and the devices that lack it."""
    pages: Pages = request.app.state.pages
    with context.store.reading() as connection:
        found = spread(connection)
    metrics: Metrics = request.app.state.metrics
    stuck = metrics.workings().undeliverable
    return pages.page(request, "rosters.html", login, spread=found, stuck=stuck, now_ms=context.clock())


@router.get("/quarantine")
def quarantine(request: Request, login: Reading, context: Context, before: Cursor = None) -> HTMLResponse:
    pages: Pages = request.app.state.pages
    with context.store.reading() as connection:
        rows = list_quarantined(connection, before, ROWS)
        tallies = list_tallies(connection)
    cursor = rows[-1].id if len(rows) == ROWS else None
    return pages.page(request, "quarantine.html", login, rows=rows, tallies=tallies, cursor=cursor)


@router.get("/audit")
def audit(
    request: Request, login: Reading, context: Context, before: Cursor = None, check: Annotated[bool, Query()] = False
) -> HTMLResponse:
    """With ``check``, the whole chain is followed from its first row."""
    pages: Pages = request.app.state.pages
    with context.store.reading() as connection:
        rows = list_deeds(connection, before, ROWS)
        broken = first_broken_deed(connection) if check else None
    cursor = rows[-1].id if len(rows) == ROWS else None
    return pages.page(request, "audit.html", login, rows=rows, cursor=cursor, checked=check, broken=broken)
