"""The page of the zones: what stands where, and whose plan opens it."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response

from cloud.people.store import list_plans
from cloud.points.zone_store import hours_labels, view_zones
from cloud.points.zones import BadZone, ZoneService
from cloud.web.context import N_, Context, Reading, RequestContext, service
from cloud.web.domain import Nav
from cloud.web.forms import Clerk, Fields, Said, attempt, confirm
from cloud.web.operators import Login
from cloud.web.pages import render

DONE = {
    "added": N_("The zone is made. Say whose plan opens it, or nobody gets in there."),
    "renamed": N_("The zone has its new name."),
    "opened": N_("Opened. Doors on the line know within a second, others once they are back."),
}

NOT_SO = N_(
    "There is such a zone already, or no such zone, or it is no name of lower-case letters, digits and hyphens. "
    "Nothing was changed."
)

NOT_DONE: Mapping[type[Exception], str] = {BadZone: NOT_SO}

Zones = Annotated[ZoneService, Depends(service(ZoneService))]

router = APIRouter(prefix="/zones")
NAV = (Nav(60, "/zones", N_("Zones"), seldom=True),)


@router.get("")
def zones(request: Request, login: Reading, context: Context, done: str = "") -> HTMLResponse:
    return zones_page(request, login, context, confirm(request, DONE, done))


def zones_page(request: Request, login: Login, context: RequestContext, said: Said | None) -> HTMLResponse:
    with context.store.reading() as connection:
        found, plans, hours = view_zones(connection), list_plans(connection), hours_labels(connection)
    status = 422 if said and said.tone == "bad" else 200
    return render(request, "zones.html", login, status, zones=found, plans=plans, hours=hours, said=said)


@router.post("")
def add(request: Request, login: Clerk, context: Context, zones: Zones, fields: Fields) -> Response:
    def act() -> None:
        name = fields.get("name", "").strip()
        if not zones.add(login.operator.name, name, *_labels(fields)):
            raise BadZone(name)

    return attempt(request, act, "/zones?done=added", lambda said: zones_page(request, login, context, said), NOT_DONE)


@router.post("/{name}")
def rename(request: Request, name: str, login: Clerk, context: Context, zones: Zones, fields: Fields) -> Response:
    return attempt(
        request,
        lambda: zones.rename(login.operator.name, name, *_labels(fields)),
        "/zones?done=renamed",
        lambda said: zones_page(request, login, context, said),
        NOT_DONE,
    )


@router.post("/{name}/plans")
def open_it(request: Request, name: str, login: Clerk, context: Context, zones: Zones, fields: Fields) -> Response:
    """Have a plan open the zone."""
    openings = {fields.get("plan", ""): fields.get("hours", "")}
    return attempt(
        request,
        lambda: zones.open(login.operator.name, [name], openings),
        "/zones?done=opened",
        lambda said: zones_page(request, login, context, said),
        NOT_DONE,
    )


def _labels(fields: Mapping[str, str]) -> tuple[str, str]:
    return fields.get("label_zh", "").strip(), fields.get("label_en", "").strip()
