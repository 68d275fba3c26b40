"""The page of all points with its filters, the page of one, and what is ordered there of modes.

What is shown as done, a device has said.
"""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import HTMLResponse, Response

from cloud.commands.dependencies import Modes
from cloud.commands.desired import NoSuchMode, NoSuchOrder, must_be_confirmed
from cloud.commands.rule import TooLong
from cloud.commands.service import NoSuchPlace
from cloud.commands.store import list_points
from cloud.points.filter import PATHS, group_of, read_filter
from cloud.points.panels import find_one_point, list_chosen
from cloud.web.context import N_, ReadingZone, RequestContext, or_404, page_for
from cloud.web.domain import Nav, NavGroup
from cloud.web.forms import NO_REASON, NOT_RIGHT, Fields, Guard, NoReason, attempt, reason_in
from cloud.web.pages import local_path, with_query
from cloud.web.panels import render_panels
from cloud.web.params import Text
from cloud.web.query import PanelsOf
from cloud.web.roles import Part, Right
from contract.decide import Mode
from contract.kinds import MODE_LASTS_MS

TITLES: Mapping[str, str] = {"/doors": N_("Doors"), "/charging": N_("Charging"), "/points": N_("All points")}
STEPS = {"/doors/lockdown": Mode.LOCKDOWN, "/doors/hold-open": Mode.HOLD_OPEN}
SHOWN_AT = {path: group for group, path in PATHS.items()}
DONE: Mapping[str, str] = {
    Mode.SCHEDULED: N_("Sent: back to cards and hours. The state shown changes once the device confirms it."),
    Mode.HOLD_OPEN: N_("Sent: held open. The state shown changes once the device confirms it."),
    Mode.LOCKDOWN: N_("Sent: locked down. The state shown changes once the device confirms it."),
    Mode.OUT_OF_SERVICE: N_("Sent: out of service. The state shown changes once the device confirms it."),
    "ended": N_("Sent: the mode ends. The state shown changes once the device confirms it."),
    "renewed": N_("Renewed. The new end is shown with the mode."),
    "asked": N_("Changed. Online doors apply it within a second, offline ones when they reconnect."),
}
WRONG: Mapping[type[Exception], str] = {
    NoSuchPlace: N_("There is no such point, or no device is registered for it. Nothing was done."),
    NoReason: NO_REASON,
    TooLong: N_("This mode cannot last so long: give fewer minutes. Nothing was done."),
    NoSuchMode: N_("This kind of point does not have that mode. Nothing was done."),
    NoSuchOrder: N_("It has ended already. Nothing was done."),
    ValueError: NOT_RIGHT,
}
"""The text for each error; the first that fits counts."""

Locking = Annotated[RequestContext, Depends(page_for(Right.DOORS))]

router = APIRouter()
NAV = (
    Nav(NavGroup.DAILY, "/doors", N_("Doors"), also="/orders/.+|/zones/.+", parts=(Part.ZONE,)),
    Nav(NavGroup.ESTATE, "/points", N_("All points"), parts=(Part.ZONE,)),
)


@router.get("/doors", dependencies=[Depends(PanelsOf("points"))])
@router.get("/charging", dependencies=[Depends(PanelsOf("points"))])
@router.get("/points", dependencies=[Depends(PanelsOf("points"))])
def points(
    context: ReadingZone, mode: Text = "", show: Text = "", only: Text = "", zone: Text = "", text: Text = ""
) -> HTMLResponse:
    """The points of the site, or those that the address asks for."""
    path = context.request.url.path
    asked = {"show": SHOWN_AT.get(path) or show, "only": only, "zone": zone, "text": text}
    point_filter = or_404(read_filter(asked))
    return render_panels(
        context,
        "points",
        lambda visit: list_chosen(visit, point_filter),
        lambda _points: {"title": TITLES[path]},
        of=point_filter.query,
        said=context.confirm(DONE, mode),
        live=True,
        sirens_below=True,
    )


@router.get("/points/{name}", dependencies=[Depends(PanelsOf("point"))])
def point(name: str, context: ReadingZone, mode: Text = "") -> HTMLResponse:
    """One point: its state, what can be ordered of it, and what happened there."""
    return render_panels(
        context,
        "point",
        lambda visit: find_one_point(visit, name),
        lambda point: {"title": point.label, "section": PATHS.get(group_of(point), "/points")},
        of=name,
        said=context.confirm(DONE, mode),
        live=True,
    )


@router.post("/doors/modes")
def set_mode(context: Guard, modes: Modes, fields: Fields) -> Response:
    """One point, or without one all doors of the site. What must be confirmed comes from the second step of a form."""

    def act() -> None:
        mode = Mode(fields.get("mode", ""))
        names = [fields["point"]] if "point" in fields else None
        if must_be_confirmed(mode, names) and "confirm" not in fields:
            raise ValueError(mode)
        minutes = _minutes_in(fields) if mode in MODE_LASTS_MS else None
        modes.set_mode(names, mode, context.by, reason_in(fields), minutes)

    return attempt(context, act, _back(fields, fields.get("mode", "")), WRONG)


@router.post("/doors/modes/{order}/end")
def end_mode(order: str, context: Guard, modes: Modes, fields: Fields) -> Response:
    """End what one order set. What was set otherwise since stays."""
    return attempt(context, lambda: modes.end(order, context.by, reason_in(fields)), _back(fields, "ended"), WRONG)


@router.post("/doors/modes/{order}/renew")
def renew_mode(order: str, context: Guard, modes: Modes, fields: Fields) -> Response:
    """Have an order last longer: these minutes from now on, or without them as long as it may."""

    def act() -> None:
        modes.renew(order, context.by, reason_in(fields), _minutes_in(fields))

    return attempt(context, act, _back(fields, "renewed"), WRONG)


@router.get("/doors/lockdown")
@router.get("/doors/hold-open")
def steps(context: Locking, point: Text = "", step: Annotated[int, Query(ge=1, le=2)] = 1) -> HTMLResponse:
    """The two steps to a grave mode: what it means at the points that the order will reach, then why. Only all doors
    together take them to be held open."""
    mode = STEPS[context.request.url.path]
    name = point if mode is Mode.LOCKDOWN else ""
    with context.store.reading() as connection:
        able = [one for one in list_points(connection, context.clock()) if one.registered and one.has(mode)]
    everywhere = [one for one in able if one.archetype == "portal" and one.mode is not Mode.OUT_OF_SERVICE]
    reached = [one for one in able if one.name == name] if name else everywhere
    return context.render(
        "mode_steps.html",
        points=or_404(reached or None),
        point=name,
        step=step,
        mode=mode,
    )


def _minutes_in(fields: Mapping[str, str]) -> int | None:
    """Raises ``ValueError`` for what is no number."""
    return int(fields["minutes"]) if "minutes" in fields else None


def _back(fields: Mapping[str, str], done: str) -> str:
    """The page that the form stood on, which then says what was done."""
    return with_query(local_path(fields.get("back", "/doors")), {}, mode=done)
