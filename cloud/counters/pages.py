"""How many are inside: one page for whoever counts a room, and one for everybody that says how full it is."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException
from fastapi.responses import HTMLResponse, Response

from cloud.counters.board import list_counts
from cloud.counters.service import BadNumber, CounterService, NotCounted
from cloud.people.store import find_person
from cloud.store.database import Store
from cloud.web.context import N_, Context, ReadingZone, RequestContext, Said, form_for, or_404, service
from cloud.web.domain import Nav, NavGroup
from cloud.web.forms import Fields, Guard, attempt
from cloud.web.pages import see_other
from cloud.web.params import Id
from cloud.web.roles import Part, Right
from contract.events import holder_in

DONE = {
    "counted": N_("Counted. Devices that are online know it within a second."),
    "emptied": N_("Reset: nobody is inside."),
    "reset": N_("This person may enter again. Devices that are online know it within a second."),
}
KEPT_S = 5
"""How long a browser, or whatever stands between, may show the same public page."""
NOT_A_NUMBER = N_("Write how many are inside, a whole number from 0. Nothing was changed.")
NOT_DONE: Mapping[type[Exception], str] = {BadNumber: NOT_A_NUMBER}

Counter = Annotated[RequestContext, Depends(form_for(Right.COUNT, Part.ZONE))]
Counters = Annotated[CounterService, Depends(service(CounterService))]

router = APIRouter()
NAV = (Nav(NavGroup.ESTATE, "/inside", N_("Inside"), parts=(Part.ZONE,)),)


@router.get("/inside")
def inside(context: ReadingZone, done: str = "") -> HTMLResponse:
    """How many are inside each zone that counts."""
    return inside_page(context, context.confirm(DONE, done))


def inside_page(context: RequestContext, said: Said | None, typed: Mapping[str, str] | None = None) -> HTMLResponse:
    with context.store.reading() as connection:
        counts = list_counts(connection, context.clock())
    return context.render("inside.html", counts=counts, said=said, typed=typed or {})


@router.post("/inside/{zone}")
def count(zone: str, context: Counter, counters: Counters, fields: Fields) -> Response:
    """Somebody has counted the room."""
    check_seen(context, zone)

    def act() -> None:
        counters.correct(context.by, zone, number_inside(fields.get("inside", "")))

    again = partial(inside_page, context, typed={zone: fields.get("inside", "")})
    return attempt(context, act, "/inside?done=counted", NOT_DONE, again)


@router.post("/inside/{zone}/empty")
def empty(zone: str, context: Guard, counters: Counters) -> Response:
    """Nobody is inside."""
    check_seen(context, zone)
    act = partial(counters.empty, context.by, zone)
    return attempt(context, act, "/inside?done=emptied", NOT_DONE, partial(inside_page, context))


@router.post("/inside/{zone}/reset")
def reset(zone: str, context: Guard, counters: Counters, fields: Fields) -> Response:
    """Nobody holds this person to be inside or outside any more: they may go in."""
    check_seen(context, zone)
    holder = holder_in(fields.get("holder"))
    if holder is None:
        raise HTTPException(422)
    counters.forget(context.by, zone, holder)
    return see_other("/inside?done=reset")


@router.post("/people/{person}/inside/{zone}/reset")
def reset_person(person: Id, zone: str, context: Guard, counters: Counters) -> Response:
    """The same from the page of a person, which says of no zone whether they are inside."""
    check_seen(context, zone)
    with context.store.reading() as connection:
        holder = or_404(find_person(connection, person)).holder
    counters.forget(context.by, zone, holder)
    return see_other(f"/people/{person}?done=reset")


def number_inside(typed: str) -> int:
    """The number that was typed. Raises ``BadNumber``."""
    if not typed.strip().isdecimal() or len(typed.strip()) > 6:
        raise BadNumber(f"{typed!r} is no number")
    return int(typed)


def check_seen(context: RequestContext, zone: str) -> None:
    """Raises ``NotCounted`` for a zone that does not count, or that whoever asks does not see."""
    with context.store.reading() as connection:
        if zone not in {one.zone for one in list_counts(connection, context.clock())}:
            raise NotCounted(zone)


@router.get("/full/{zone}")
def full(zone: str, context: Context) -> HTMLResponse:
    """How full a zone is, for everybody: how many, and never who."""
    with context.service(Store).reading() as connection:
        view = next((one for one in list_counts(connection, context.clock()) if one.zone == zone), None)
    answer = context.pages.page(context.request, "full.html", count=or_404(view))
    answer.headers.update({"Cache-Control": f"public, max-age={KEPT_S}", "Vary": "Accept-Language, Cookie"})
    return answer
