"""Drills, and the list of who was inside a zone: for the guard who stands at the gate with a sheet of paper."""

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy import Connection

from cloud.emergencies.muster import LOOK_BACK_MS
from cloud.emergencies.muster_store import muster, tick
from cloud.emergencies.store import Zone, ZoneState, list_watched, list_zone_states
from cloud.web import operators
from cloud.web.auth import Right
from cloud.web.context import Context, Reading, page_for
from cloud.web.forms import Fields, Guard
from cloud.web.operators import Login
from cloud.web.pages import Pages, see_other
from contract.events import holder_in

Drilling = Annotated[Login, Depends(page_for(Right.DOORS))]

router = APIRouter(prefix="/zones")


def _zone(connection: Connection, name: str) -> Zone:
    """Raises a 404 if no device watches over a zone of this name."""
    found = next((zone for zone in list_watched(connection) if zone.name == name), None)
    if found is None:
        raise HTTPException(404)
    return found


@router.get("/{zone}/drill")
def drill(
    request: Request,
    zone: str,
    login: Drilling,
    context: Context,
    on: Annotated[int, Query(ge=0, le=1)] = 1,
    step: Annotated[int, Query(ge=1, le=2)] = 1,
) -> HTMLResponse:
    """The two steps of a drill: what it means, then why."""
    pages: Pages = request.app.state.pages
    with context.store.reading() as connection:
        found = _zone(connection, zone)
    return pages.page(request, "drill.html", login, zone=found, on=on, step=step)


@router.get("/{zone}/muster")
def list_inside(request: Request, zone: str, login: Reading, context: Context) -> HTMLResponse:
    """Who was inside when it began; without an emergency or a drill, who is inside now."""
    pages: Pages = request.app.state.pages
    now_ms = context.clock()
    with context.store.reading() as connection:
        found = _zone(connection, zone)
        state = _concerning(connection, zone, now_ms)
        listed = (
            muster(connection, zone, now_ms, state.began_ms, state.noted_ms)
            if state
            else muster(connection, zone, now_ms, now_ms, now_ms)
        )
    return pages.page(request, "muster.html", login, zone=found, state=state, muster=listed, now_ms=now_ms)


@router.post("/{zone}/muster")
def account_for(zone: str, login: Guard, context: Context, fields: Fields) -> Response:
    """Somebody has been seen outside, or was ticked off by mistake."""
    holder, seen = holder_in(fields.get("holder")), fields.get("seen") == "1"
    if holder is None:
        raise HTTPException(422)
    now_ms = context.clock()
    with context.store.writing() as connection:
        _zone(connection, zone)
        if _concerning(connection, zone, now_ms) is not None:
            tick(connection, zone, holder, login.operator.name, now_ms, seen=seen)
            action = "muster.seen" if seen else "muster.unseen"
            operators.record(connection, now_ms, login.operator.name, action, zone, holder=holder.hex())
    return see_other(f"/zones/{zone}/muster")


def _concerning(connection: Connection, zone: str, now_ms: int) -> ZoneState | None:
    """The emergency that a list of this moment is about: one that stands, or was over less than a day ago."""
    state = next(iter(list_zone_states(connection, now_ms, zone)), None)
    if state is None or state.ended is None:
        return state
    return state if now_ms - (state.ended.ended_ms or 0) < LOOK_BACK_MS else None
