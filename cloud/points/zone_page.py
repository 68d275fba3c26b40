"""The page of the zones: what stands where, and whose plan opens it."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, Response
from msgspec import convert

from cloud.hours.store import hours_labels
from cloud.people.store import list_plans
from cloud.points.rule import AntiPassback, Counted, SiteZone, ZoneKind
from cloud.points.setup_store import list_site_zones
from cloud.points.zone_store import view_zones
from cloud.points.zones import TAKEN, BadZone, ZoneService
from cloud.store.labels import Label
from cloud.web.context import N_, ReadingConfig, RequestContext, Said, service
from cloud.web.domain import Nav, NavGroup
from cloud.web.forms import REJECTED, Clerk, Fields, attempt
from cloud.web.names import clean_text
from cloud.web.roles import Right

DONE = {
    "changed": N_("The zone is changed."),
    "removed": N_("The zone is removed."),
    "added": N_("The zone is added. Choose the plans that open it: until then nobody can enter."),
    "opened": N_("Opened. Online doors apply it within a second, offline ones when they reconnect."),
}

KINDS: Mapping[str, str] = {
    ZoneKind.OPEN: N_("Not counted"),
    ZoneKind.COUNTED: N_("Counted"),
    ZoneKind.HUB: N_("Riders' hub"),
    ZoneKind.ROOF: N_("Roof"),
    ZoneKind.YARD: N_("Yard"),
}
COUNTED: Mapping[str, str] = {Counted.PEOPLE: N_("People"), Counted.VEHICLES: N_("Vehicles")}

MAX_LABEL = 60
ANTI_PASSBACK: Mapping[str, str] = {
    AntiPassback.NONE: N_("may enter again"),
    AntiPassback.SOFT: N_("is noted, and may enter again"),
    AntiPassback.TIMED: N_("is refused for some minutes"),
    AntiPassback.HARD: N_("is refused until they have left"),
}
"""What becomes of somebody who is inside already."""

FIELDS = "kind", "counts", "parent", "capacity", "fire_limit", "closes", "anti_passback", "timed_s"

Zones = Annotated[ZoneService, Depends(service(ZoneService))]

router = APIRouter(prefix="/zones")
NAV = (Nav(NavGroup.ESTATE, "/zones", N_("Zones"), right=Right.CONFIG),)


@router.get("")
def zones(context: ReadingConfig, done: str = "") -> HTMLResponse:
    return zones_page(context, context.confirm(DONE, done))


def zones_page(context: RequestContext, said: Said | None) -> HTMLResponse:
    with context.store.reading() as connection:
        found, plans, hours = view_zones(connection), list_plans(connection), hours_labels(connection)
        known = {zone.name: zone for zone in list_site_zones(connection)}
    return context.render(
        "zones.html",
        zones=found,
        known=known,
        plans=plans,
        hours=hours,
        kinds=KINDS,
        counted=COUNTED,
        anti_passback=ANTI_PASSBACK,
        said=said,
    )


@router.post("")
def add(context: Clerk, zones: Zones, fields: Fields) -> Response:
    def act() -> None:
        name = fields.get("name", "").strip()
        if not zones.add(context.by, name, *_labels(fields)):
            raise BadZone(TAKEN, name=name)

    return attempt(context, act, "/zones?done=added", REJECTED, partial(zones_page, context))


@router.post("/{name}")
def change(name: str, context: Clerk, zones: Zones, fields: Fields) -> Response:
    """Say what the zone is, and how many it holds."""

    def act() -> None:
        zones.change(context.by, _zone(name, fields))

    return attempt(context, act, "/zones?done=changed", REJECTED, partial(zones_page, context))


@router.post("/{name}/remove")
def remove(name: str, context: Clerk, zones: Zones) -> Response:
    act = partial(zones.remove, context.by, name)
    return attempt(context, act, "/zones?done=removed", REJECTED, partial(zones_page, context))


@router.post("/{name}/plans")
def open_it(name: str, context: Clerk, zones: Zones, fields: Fields) -> Response:
    """Have a plan open the zone."""
    act = partial(zones.open, context.by, [name], {fields.get("plan", ""): fields.get("hours", "")})
    return attempt(context, act, "/zones?done=opened", REJECTED, partial(zones_page, context))


def _zone(name: str, fields: Mapping[str, str]) -> SiteZone:
    """Raises ``ValueError``, msgspec's among them."""
    zh, en = (clean_text(label, MAX_LABEL) for label in _labels(fields))
    label = Label(zh, en).named(name)
    said = {key: fields[key] for key in FIELDS if key in fields}
    return convert({"name": name, "label": {"zh": label.zh, "en": label.en}, **said}, SiteZone, strict=False)


def _labels(fields: Mapping[str, str]) -> tuple[str, str]:
    return fields.get("label_zh", "").strip(), fields.get("label_en", "").strip()
