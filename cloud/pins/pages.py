"""What a person's page says of their PIN, with the forms that set, make up and clear one."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from cloud.devices.registry import site_of
from cloud.people.members import STAFF_PIN_DIGITS
from cloud.people.pages import person_page
from cloud.pins.service import PinService
from cloud.pins.store import allows_duress, find_pin_holder
from cloud.web.auth import Right
from cloud.web.context import N_, RequestContext, Said, form_for, service
from cloud.web.domain import Panel, Visit
from cloud.web.forms import REJECTED, Clerk, Fields, attempt
from cloud.web.params import Id
from cloud.web.rejected import Rejected

MADE = N_("The PIN, shown only now: %(pin)s. Online doors ask for it within a second.")

Pins = Annotated[PinService, Depends(service(PinService))]
Administrator = Annotated[RequestContext, Depends(form_for(Right.SETUP))]

router = APIRouter(prefix="/people/{person}")


@router.post("/pin")
def set_pin(person: Id, context: Clerk, pins: Pins, fields: Fields) -> Response:
    return _attempt(context, person, partial(pins.set_pin, context.by, person, fields.get("pin", "").strip()))


@router.post("/pin/clear")
def clear_pin(person: Id, context: Clerk, pins: Pins) -> Response:
    return _attempt(context, person, partial(pins.clear_pin, context.by, person))


@router.post("/pin/generate")
def make_pin(person: Id, context: Clerk, pins: Pins) -> Response:
    """The digits stand on this page once: no address of ours holds them."""
    try:
        pin = pins.make_pin(context.by, person)
    except Rejected as rejected:
        return person_page(context, person, context.say("bad", rejected.sentence))
    return person_page(context, person, Said("good", context.language.say(MADE) % {"pin": pin}))


@router.post("/override")
def set_override(person: Id, context: Administrator, pins: Pins, fields: Fields) -> Response:
    may_override = fields.get("override") == "yes"
    return _attempt(context, person, partial(pins.set_override, context.by, person, may_override=may_override))


def _attempt(context: RequestContext, person: int, act: partial[None]) -> Response:
    again = partial(person_page, context, person)
    return attempt(context, act, f"/people/{person}?done=standing", REJECTED, again)


def _pin(visit: Visit, person: int) -> Mapping[str, object] | None:
    found = find_pin_holder(visit.connection, site_of(visit.connection).name, person, visit.now_ms)
    if found is None or found.is_ended:
        return None
    is_short = found.is_staff and 0 < found.digits < STAFF_PIN_DIGITS
    return {"pin": found, "is_short": is_short, "duress": allows_duress(visit.connection)}


PANELS = (Panel("person", 12, "_person_pin.html", lambda visit, person: _pin(visit, person.id), right=Right.DIRECTORY),)
