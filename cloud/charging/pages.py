"""The pages of charging sessions: all of them, and one with its receipt."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query
from fastapi.responses import HTMLResponse, RedirectResponse

from cloud.charging.store import BadCursor, find_session, list_sessions
from cloud.commands.store import list_points
from cloud.web.context import N_, ReadingZone, or_404
from cloud.web.domain import Nav, NavGroup
from cloud.web.pages import see_other, with_query
from cloud.web.params import Text
from cloud.web.query import PanelsOf
from cloud.web.roles import Part

ROWS = 50

router = APIRouter(prefix="/charging")
NAV = (Nav(NavGroup.ESTATE, "/charging", N_("Charging"), parts=(Part.ZONE,)),)


@router.get("/sessions")
def sessions(
    context: ReadingZone,
    point: Text = "",
    before: Annotated[str, Query(max_length=80)] = "",
) -> HTMLResponse:
    try:
        with context.store.reading() as connection:
            views = list_sessions(connection, point=point, before=before, limit=ROWS)
            sockets = [one for one in list_points(connection, context.clock()) if one.charges]
    except BadCursor:
        raise HTTPException(404) from None
    cursor = views[-1].cursor if len(views) == ROWS else None
    values: dict[str, Any] = {"sessions": views, "cursor": cursor, "sockets": sockets, "point": point}
    return context.render("sessions.html", **values)


@router.get("/sessions/{device}/{session}")
def one_session(device: str, session: str, context: ReadingZone) -> HTMLResponse:
    with context.store.reading() as connection:
        view = or_404(find_session(connection, device, session))
    return context.render("charged.html", session=view)


@router.get("/sockets/{point}", dependencies=[Depends(PanelsOf("point"))])
def socket(point: str, context: ReadingZone) -> RedirectResponse:
    """The address of a socket's page in the days when only sockets had one."""
    return see_other(with_query(f"/points/{point}", context.request.query_params))
