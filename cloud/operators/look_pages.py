"""Where a purpose is given for a look at a person's movements, and what the person's page shows of both."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, Response

from cloud.devices.event_series import EventFilter
from cloud.devices.event_views import last_refused, list_events
from cloud.devices.registry import site_of
from cloud.people.store import PersonView, find_person
from cloud.web.context import ReadingZone, RequestContext, Said, form_for, or_404, page_for, service
from cloud.web.domain import Panel, Visit
from cloud.web.forms import REJECTED, Fields, attempt
from cloud.web.looks import LookService, Purpose, list_looks, person_in_event, read_purpose
from cloud.web.pages import local_path
from cloud.web.params import Id, Text
from cloud.web.roles import Part, Right

PASSAGES_SHOWN = 50
LOOKS_SHOWN = 20

Looking = Annotated[RequestContext, Depends(page_for(Right.MOVEMENTS))]
LookForm = Annotated[RequestContext, Depends(form_for(Right.MOVEMENTS))]
EventLookForm = Annotated[RequestContext, Depends(form_for(Right.READ, Part.ZONE))]
Looks = Annotated[LookService, Depends(service(LookService))]

router = APIRouter()


@router.get("/people/{person}/look")
def purpose_of_person(person: Id, context: Looking, back: Text = "") -> HTMLResponse:
    with context.store.reading() as connection:
        or_404(find_person(connection, person))
    return purpose_page(context, None, f"/people/{person}/look", back or f"/people/{person}")


@router.post("/people/{person}/look")
def look_at_person(person: Id, context: LookForm, look_service: Looks, fields: Fields) -> Response:
    return _look(context, f"/people/{person}/look", fields, partial(look_service.look_at_person, person=person))


@router.get("/events/{arrival}/look")
def purpose_of_event(arrival: Id, context: ReadingZone) -> HTMLResponse:
    with context.store.reading() as connection:
        or_404(person_in_event(connection, site_of(connection).name, arrival))
    return purpose_page(context, None, f"/events/{arrival}/look", f"/events?before={arrival + 1}")


@router.post("/events/{arrival}/look")
def look_at_event(arrival: Id, context: EventLookForm, look_service: Looks, fields: Fields) -> Response:
    return _look(context, f"/events/{arrival}/look", fields, partial(look_service.look_at_event, arrival=arrival))


def purpose_page(context: RequestContext, said: Said | None, action: str, back: str) -> HTMLResponse:
    """Asks for a purpose; ``back`` is the page that is shown with it."""
    return context.render("look.html", said=said, action=action, back=local_path(back), purposes=list(Purpose))


def _look(context: RequestContext, action: str, fields: dict[str, str], look: Callable[..., None]) -> Response:
    back = local_path(fields.get("back", "/"))

    def act() -> None:
        purpose = read_purpose(fields.get("purpose", ""), fields.get("case", ""))
        look(context.login, context.scope, purpose=purpose)

    return attempt(context, act, back, REJECTED, lambda said: purpose_page(context, said, action, back))


def _movements(visit: Visit, person: PersonView) -> dict[str, Any]:
    """The last passages, once a purpose is given; until then, where it is given."""
    if person.holder not in visit.scope.looked_at:
        return {"passages": None, "refused": None, "purposes": list(Purpose)}
    passages = list_events(visit.connection, EventFilter(holder=person.holder), limit=PASSAGES_SHOWN)
    return {"passages": passages.rows, "refused": last_refused(visit.connection, person.holder), "purposes": ()}


def _looks_at(visit: Visit, person: PersonView) -> dict[str, Any]:
    return {"seen_by": list_looks(visit.connection, site_of(visit.connection).name, person.id, LOOKS_SHOWN)}


PANELS = (
    Panel("person", 40, "_movements.html", _movements, right=Right.MOVEMENTS),
    Panel("person", 80, "_looks.html", _looks_at, right=Right.AUDIT),
)
