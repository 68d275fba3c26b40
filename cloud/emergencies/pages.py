"""Drills, and the list of who was inside a zone: for the guard who stands at the gate with a sheet of paper."""

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query
from fastapi.responses import HTMLResponse, Response

from cloud.emergencies.service import MusterService
from cloud.emergencies.store import emergency_of, find_watched, muster
from cloud.web.auth import Right
from cloud.web.context import ReadingZone, RequestContext, or_404, page_for, service
from cloud.web.forms import Fields, Guard
from cloud.web.pages import see_other
from contract.events import holder_in

Drilling = Annotated[RequestContext, Depends(page_for(Right.DOORS))]

Musters = Annotated[MusterService, Depends(service(MusterService))]

router = APIRouter(prefix="/zones")


@router.get("/{zone}/drill")
def drill(
    zone: str,
    context: Drilling,
    on: Annotated[int, Query(ge=0, le=1)] = 1,
    step: Annotated[int, Query(ge=1, le=2)] = 1,
) -> HTMLResponse:
    """The two steps of a drill: what it means, then why."""
    with context.store.reading() as connection:
        watched = or_404(find_watched(connection, zone))
    return context.render("drill.html", zone=watched, on=on, step=step)


@router.get("/{zone}/muster")
def list_inside(zone: str, context: ReadingZone) -> HTMLResponse:
    """Who was inside when it began; without an emergency or a drill, who is inside now."""
    now_ms = context.clock()
    with context.store.reading() as connection:
        watched = or_404(find_watched(connection, zone))
        state = emergency_of(connection, zone, now_ms)
        began_ms, noted_ms = (state.began_ms, state.noted_ms) if state else (now_ms, now_ms)
        listed = muster(connection, zone, now_ms, began_ms, noted_ms)
    return context.render("muster.html", zone=watched, state=state, muster=listed, now_ms=now_ms)


@router.post("/{zone}/muster")
def account_for(zone: str, context: Guard, musters: Musters, fields: Fields) -> Response:
    """Somebody has been seen outside, or was ticked off by mistake."""
    holder = holder_in(fields.get("holder"))
    if holder is None:
        raise HTTPException(422)
    musters.account_for(context.by, zone, holder, seen=fields.get("seen") == "1")
    return see_other(f"/zones/{zone}/muster")
