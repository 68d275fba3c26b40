"""What a person's page says of their bars, and the form that enters one."""

from collections.abc import Mapping
from functools import partial

from fastapi import APIRouter
from fastapi.responses import Response

from cloud.bars.pages import WORDS, Bars, enter_bar
from cloud.bars.store import bars_of_person
from cloud.devices.registry import site_of
from cloud.people.pages import person_page
from cloud.web.domain import Panel, Visit
from cloud.web.forms import REJECTED, Clerk, Fields, attempt
from cloud.web.params import Id

router = APIRouter(prefix="/people/{person}/bars")


@router.post("")
def enter(person: Id, context: Clerk, bar_service: Bars, fields: Fields) -> Response:
    act = partial(enter_bar, context, bar_service, fields, person)
    return attempt(context, act, f"/people/{person}?done=entered", REJECTED, partial(person_page, context, person))


def _bars_of(visit: Visit, person: int) -> Mapping[str, object]:
    found = bars_of_person(visit.connection, site_of(visit.connection).name, person)
    return {"bars": found, **WORDS}


PANELS = (Panel("person", 15, "_person_bars.html", lambda visit, person: _bars_of(visit, person.id)),)
