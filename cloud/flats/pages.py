"""The pages of flats: all of them by building and unit, and one with who lives there and what opens only to them."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query
from fastapi.responses import HTMLResponse, Response

from cloud.devices.registry import site_of
from cloud.flats.residents import points_of_flat, with_residents
from cloud.flats.rule import Flat, Tenure
from cloud.flats.service import MAX_NAME, FlatService
from cloud.flats.store import count_flats, find_flat, list_flats
from cloud.web.context import N_, ReadingDirectory, RequestContext, Said, or_404, service
from cloud.web.domain import Nav, NavGroup
from cloud.web.forms import NOTHING_TYPED, REJECTED, Clerk, Fields, attempt
from cloud.web.params import Text
from cloud.web.roles import Part, Right

ROWS = 50
DONE: Mapping[str, str] = {
    "added": N_("The flat is added."),
    "removed": N_("The flat is removed."),
    "changed": N_("Changed. Online doors apply it within a second, offline ones when they reconnect."),
}
TENURES: Mapping[Tenure, str] = {
    Tenure.OWNER: N_("Lived in by its owner"),
    Tenure.TENANT: N_("Let"),
    Tenure.UNKNOWN: N_("Not known"),
}

Flats = Annotated[FlatService, Depends(service(FlatService))]
After = Annotated[str, Query(max_length=MAX_NAME)]

router = APIRouter(prefix="/flats")
NAV = (Nav(NavGroup.PEOPLE, "/flats", N_("Flats"), right=Right.DIRECTORY, parts=(Part.CELL,)),)


@router.get("")
def flats(
    context: ReadingDirectory, building: Text = "", unit: Text = "", text: Text = "", after: After = "", done: str = ""
) -> HTMLResponse:
    found = {"building": building, "unit": unit, "text": text}
    return flats_page(context, context.confirm(DONE, done), found, after)


def flats_page(
    context: RequestContext,
    said: Said | None,
    found: Mapping[str, str] = NOTHING_TYPED,
    after: str = "",
    typed: Mapping[str, str] = NOTHING_TYPED,
) -> HTMLResponse:
    with context.store.reading() as connection:
        site = site_of(connection).name
        listed = list_flats(connection, site, **found, after=after, limit=ROWS + 1)
        views, units = with_residents(connection, site, listed[:ROWS], context.clock()), count_flats(connection, site)
    return context.render(
        "flats.html",
        said=said,
        views=views,
        units=units,
        buildings=sorted({building for building, _ in units if building}),
        found=found,
        typed=typed,
        tenures=TENURES,
        following=listed[ROWS - 1].name if len(listed) > ROWS else "",
    )


@router.post("")
def add(context: Clerk, flat_service: Flats, fields: Fields) -> Response:
    def then(name: str) -> str:
        return f"/flats/{quote(name, safe='')}?done=added"

    again = partial(flats_page, context, typed=fields)
    return attempt(
        context, lambda: flat_service.add(context.by, _flat(fields.get("name", ""), fields)), then, REJECTED, again
    )


@router.post("/{name:path}/remove")
def remove(name: str, context: Clerk, flat_service: Flats) -> Response:
    act = partial(flat_service.remove, context.by, name)
    return attempt(context, act, "/flats?done=removed", REJECTED, partial(flat_page, context, name))


@router.get("/{name:path}")
def flat(name: str, context: ReadingDirectory, done: str = "") -> HTMLResponse:
    return flat_page(context, name, context.confirm(DONE, done))


def flat_page(context: RequestContext, name: str, said: Said | None) -> HTMLResponse:
    with context.store.reading() as connection:
        site = site_of(connection).name
        found = or_404(find_flat(connection, site, name))
        (view,) = with_residents(connection, site, [found], context.clock())
        own = points_of_flat(connection, found)
    return context.render("flat.html", said=said, view=view, own_points=own, tenures=TENURES)


@router.post("/{name:path}")
def change(name: str, context: Clerk, flat_service: Flats, fields: Fields) -> Response:
    return attempt(
        context,
        lambda: flat_service.change(context.by, _flat(name, fields)),
        f"/flats/{quote(name, safe='')}?done=changed",
        REJECTED,
        partial(flat_page, context, name),
    )


def _flat(name: str, fields: Mapping[str, str]) -> Flat:
    """The flat that was typed. Raises ``ValueError`` for a field that is no number, or no tenure."""
    return Flat(
        name,
        fields.get("building", ""),
        fields.get("unit", ""),
        int(fields["floor"]) if "floor" in fields else None,
        fields.get("flat", ""),
        float(fields["area_m2"]) if "area_m2" in fields else None,
        Tenure(fields.get("tenure", "")),
        "vacant" in fields,
    )
