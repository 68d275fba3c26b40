"""The page of a device: its health, its journal, what can be ordered of it, and its last events."""

from typing import Any

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse

from cloud.commands.store import PointState
from cloud.devices.breaks import count_lost, list_breaks
from cloud.devices.event_series import EventFilter
from cloud.devices.event_views import list_events
from cloud.devices.views import DeviceView, list_devices
from cloud.people.rosters import newest_roster_number
from cloud.web.context import N_, Reading
from cloud.web.domain import LivePage, Panel, Visit, no_pieces, one_piece
from cloud.web.panels import render_panels
from cloud.web.params import Cursor
from cloud.web.query import PanelsOf

ROWS = 50
ROWS_OF_POINT = 20
DONE = {"point": N_("Changed. Online devices apply it within a second, offline ones when they reconnect.")}


def find_device_view(visit: Visit, name: str) -> DeviceView | None:
    return next(iter(list_devices(visit.connection, name)), None)


def _health(visit: Visit, _device: DeviceView) -> dict[str, Any]:
    return {"newest_roster": newest_roster_number(visit.connection)}


def _journal(visit: Visit, device: DeviceView) -> dict[str, Any] | None:
    """Where it is broken, if it is."""
    broken = list_breaks(visit.connection, device=device.name, limit=ROWS)
    if not broken:
        return None
    lost = count_lost(visit.connection, device.name)
    return {"broken": broken, "lost": lost, "shape": (len(broken), lost)}


def _events_of_device(visit: Visit, device: DeviceView) -> dict[str, Any]:
    before = int(visit.query.get("before") or 0) or None
    events = list_events(visit.connection, EventFilter(device=device.name), before, ROWS)
    return {"events": events, "nothing": N_("This device has not sent an event yet.")}


def _events_of_point(visit: Visit, point: PointState) -> dict[str, Any]:
    events = list_events(visit.connection, EventFilter(point=point.name), limit=ROWS_OF_POINT)
    return {"events": events, "nothing": N_("No event here yet.")}


PANELS = (
    Panel("device", 0, "_device_head.html", pieces=one_piece("device-title", "_device_title.html")),
    Panel("device", 10, "_device_facts.html", _health, one_piece("device-facts", "_device_facts.html")),
    Panel("device", 30, "_device_orders.html"),
    Panel("device", 50, "_journal.html", _journal, no_pieces),
    Panel("device", 70, "_events_of.html", _events_of_device, asks=("before",)),
    Panel("point", 70, "_events_of.html", _events_of_point),
)
LIVE = LivePage("device", find_device_view, lambda name, event: event.device == name)

router = APIRouter()


@router.get("/devices/{name}", dependencies=[Depends(PanelsOf("device"))])
def device(name: str, context: Reading, before: Cursor = None, done: str = "") -> HTMLResponse:
    return render_panels(
        context,
        "device",
        lambda visit: find_device_view(visit, name),
        lambda device: {"title": device.label},
        of=name,
        said=context.confirm(DONE, done),
        live=before is None,
    )
