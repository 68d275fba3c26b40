"""The page of the zones: what stands where, and whose plan opens it."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy import Connection

from cloud.people.store import list_plans
from cloud.points.zone_store import hours_labels, view_zones
from cloud.points.zones import BadZone, create_zone, open_for, rename_zone
from cloud.web.auth import Right
from cloud.web.context import N_, Context, Reading, RequestContext, form_for
from cloud.web.domain import Nav
from cloud.web.forms import Fields, Said, say
from cloud.web.operators import Login
from cloud.web.pages import Pages, see_other

DONE = {
    "added": N_("The zone is made. Say whose plan opens it, or nobody gets in there."),
    "renamed": N_("The zone has its new name."),
    "opened": N_("Opened. Doors on the line know within a second, others once they are back."),
}

NOT_SO = N_(
    "There is such a zone already, or no such zone, or it is no name of lower-case letters, digits and hyphens. "
    "Nothing was changed."
)

Clerk = Annotated[Login, Depends(form_for(Right.PEOPLE))]

router = APIRouter(prefix="/zones")
NAV = (Nav(60, "/zones", N_("Zones"), seldom=True),)


@router.get("")
def zones(request: Request, login: Reading, context: Context, done: str = "") -> HTMLResponse:
    return zones_page(request, login, context, say(request, "good", DONE[done]) if done in DONE else None)


def zones_page(request: Request, login: Login, context: RequestContext, said: Said | None) -> HTMLResponse:
    pages: Pages = request.app.state.pages
    with context.store.reading() as connection:
        found, plans, hours = view_zones(connection), list_plans(connection), hours_labels(connection)
    status = 422 if said and said.tone == "bad" else 200
    return pages.page(request, "zones.html", login, status, zones=found, plans=plans, hours=hours, said=said)


@router.post("")
def add(request: Request, login: Clerk, context: Context, fields: Fields) -> Response:
    labels = fields.get("label_zh", "").strip(), fields.get("label_en", "").strip()

    def act(connection: Connection) -> None:
        name = fields.get("name", "").strip()
        if not create_zone(connection, context.clock(), login.operator.name, name, *labels):
            raise BadZone(name)

    return _answer(request, login, context, act, "added")


@router.post("/{name}")
def rename(request: Request, name: str, login: Clerk, context: Context, fields: Fields) -> Response:
    labels = fields.get("label_zh", "").strip(), fields.get("label_en", "").strip()
    return _answer(
        request,
        login,
        context,
        lambda connection: rename_zone(connection, context.clock(), login.operator.name, name, *labels),
        "renamed",
    )


@router.post("/{name}/plans")
def open_it(request: Request, name: str, login: Clerk, context: Context, fields: Fields) -> Response:
    """Have a plan open the zone."""
    openings = {fields.get("plan", ""): fields.get("hours", "")}
    return _answer(
        request,
        login,
        context,
        lambda connection: open_for(connection, context.clock(), login.operator.name, name, openings),
        "opened",
    )


def _answer(
    request: Request, login: Login, context: RequestContext, act: Callable[[Connection], None], done: str
) -> Response:
    """The page, or the page with what was wrong; what is refused leaves no trace."""
    try:
        with context.store.writing() as connection:
            act(connection)
    except BadZone:
        return zones_page(request, login, context, say(request, "bad", NOT_SO))
    return see_other(f"/zones?done={done}")
