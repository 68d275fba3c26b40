"""The page of the zones: what stands where, and whose plan opens it."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, Response

from cloud.hours.store import hours_labels
from cloud.people.store import list_plans
from cloud.points.zone_store import view_zones
from cloud.points.zones import BadZone, ZoneService
from cloud.web.context import N_, Reading, RequestContext, Said, service
from cloud.web.domain import Nav
from cloud.web.forms import Clerk, Fields, attempt

DONE = {
    "added": N_("The zone is added. Choose the plans that open it: until then nobody can enter."),
    "renamed": N_("The zone has its new name."),
    "opened": N_("Opened. Online doors apply it within a second, offline ones when they reconnect."),
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
def zones(context: Reading, done: str = "") -> HTMLResponse:
    return zones_page(context, context.confirm(DONE, done))


def zones_page(context: RequestContext, said: Said | None) -> HTMLResponse:
    with context.store.reading() as connection:
        found, plans, hours = view_zones(connection), list_plans(connection), hours_labels(connection)
    return context.render("zones.html", zones=found, plans=plans, hours=hours, said=said)


@router.post("")
def add(context: Clerk, zones: Zones, fields: Fields) -> Response:
    def act() -> None:
        name = fields.get("name", "").strip()
        if not zones.add(context.by, name, *_labels(fields)):
            raise BadZone(name)

    return attempt(context, act, "/zones?done=added", NOT_DONE, partial(zones_page, context))


@router.post("/{name}")
def rename(name: str, context: Clerk, zones: Zones, fields: Fields) -> Response:
    act = partial(zones.rename, context.by, name, *_labels(fields))
    return attempt(context, act, "/zones?done=renamed", NOT_DONE, partial(zones_page, context))


@router.post("/{name}/plans")
def open_it(name: str, context: Clerk, zones: Zones, fields: Fields) -> Response:
    """Have a plan open the zone."""
    act = partial(zones.open, context.by, [name], {fields.get("plan", ""): fields.get("hours", "")})
    return attempt(context, act, "/zones?done=opened", NOT_DONE, partial(zones_page, context))


def _labels(fields: Mapping[str, str]) -> tuple[str, str]:
    return fields.get("label_zh", "").strip(), fields.get("label_en", "").strip()
