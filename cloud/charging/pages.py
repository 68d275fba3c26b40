"""The pages of charging sessions: all of them, and one with its receipt."""

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from cloud.charging.store import BadCursor, find_session, list_sessions
from cloud.commands.store import list_points
from cloud.web.context import N_, Context, Reading, there
from cloud.web.domain import Nav
from cloud.web.pages import render, see_other, with_query
from cloud.web.params import Text

ROWS = 50

router = APIRouter(prefix="/charging")
NAV = (Nav(30, "/charging", N_("Charging")),)


@router.get("/sessions")
def sessions(
    request: Request,
    login: Reading,
    context: Context,
    point: Text = "",
    before: Annotated[str, Query(max_length=80)] = "",
) -> HTMLResponse:
    try:
        with context.store.reading() as connection:
            found = list_sessions(connection, point=point, before=before, limit=ROWS)
            sockets = [one for one in list_points(connection, context.clock()) if one.charges]
    except BadCursor:
        raise HTTPException(404) from None
    cursor = found[-1].cursor if len(found) == ROWS else None
    values: dict[str, Any] = {"sessions": found, "cursor": cursor, "sockets": sockets, "point": point}
    return render(request, "sessions.html", login, **values, now_ms=context.clock())


@router.get("/sessions/{device}/{session}")
def one_session(request: Request, device: str, session: str, login: Reading, context: Context) -> HTMLResponse:
    with context.store.reading() as connection:
        found = there(find_session(connection, device, session))
    return render(request, "charged.html", login, session=found, now_ms=context.clock())


@router.get("/sockets/{point}")
def socket(request: Request, point: str, _login: Reading) -> RedirectResponse:
    """The address of a socket's page in the days when only sockets had one."""
    return see_other(with_query(f"/points/{point}", request.query_params))
