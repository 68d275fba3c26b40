"""The people page: members and their plans, and the forms that change them."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, Response

from cloud.people.community import standings_of
from cloud.people.members import Membership, Stated, stated
from cloud.people.memberships import MembershipService
from cloud.people.rosters import spread
from cloud.people.service import PeopleService
from cloud.people.store import find_person, list_people, plans_to_give
from cloud.store.labels import Label
from cloud.web.context import N_, ReadingDirectory, RequestContext, Said, service
from cloud.web.days import window_of
from cloud.web.domain import Nav, NavGroup, Panel, Visit
from cloud.web.forms import NOTHING_TYPED, REJECTED, Clerk, Fields, attempt
from cloud.web.panels import render_panels
from cloud.web.params import Cursor, Id, Text
from cloud.web.query import PanelsOf
from cloud.web.roles import Part, Right

ROWS = 50
DONE: Mapping[str, str] = {
    "person": N_("Added. Now enrol a card."),
    "membership": N_("The plan is added. Online doors apply it within a second, offline ones when they reconnect."),
    "card": N_("The card is enrolled. Online doors apply it within a second, offline ones when they reconnect."),
    "claimed": N_("The card is enrolled by this read alone: its number is not known, nor how other readers report it."),
    "returned": N_("The card came back. It opens nothing, and can be given again."),
    "reset": N_("This person may enter again. Devices that are online know it within a second."),
    **dict.fromkeys(("entered", "appealed"), N_("Noted.")),
    **dict.fromkeys(
        ("renewed", "changed", "ended", "confirmed", "lifted", "standing"),
        N_("Changed. Online doors apply it within a second, offline ones when they reconnect."),
    ),
}
People = Annotated[PeopleService, Depends(service(PeopleService))]
Memberships = Annotated[MembershipService, Depends(service(MembershipService))]

router = APIRouter(prefix="/people")
NAV = (Nav(NavGroup.DAILY, "/people", N_("People"), right=Right.DIRECTORY, parts=(Part.CELL,)),)


@router.get("")
def people(context: ReadingDirectory, text: Text = "", after: Cursor = None) -> HTMLResponse:
    return people_page(context, text=text, after=after or 0)


def people_page(
    context: RequestContext,
    said: Said | None = None,
    *,
    text: str = "",
    after: int = 0,
    typed: Mapping[str, str] = NOTHING_TYPED,
) -> HTMLResponse:
    with context.store.reading() as connection:
        page, plans = list_people(connection, text.strip(), after, ROWS), plans_to_give(connection)
        reached = spread(connection)
    return context.render(
        "people.html",
        page=page,
        plans=plans,
        spread=reached,
        text=text,
        said=said,
        typed=typed,
    )


@router.post("")
def add_person(context: Clerk, people: People, fields: Fields) -> Response:
    def act() -> int:
        membership = _membership(context, 0, fields) if "plan" in fields else None
        name = Label(fields.get("name_zh", ""), fields.get("name_en", ""))
        return people.add_person(context.by, name, fields.get("unit", ""), membership)

    again = partial(people_page, context, typed=fields)
    return attempt(context, act, "/people/{}?done=person".format, REJECTED, again)


@router.get("/{person}", dependencies=[Depends(PanelsOf("person"))])
def person(person: Id, context: ReadingDirectory, done: str = "") -> HTMLResponse:
    return person_page(context, person, context.confirm(DONE, done))


def person_page(context: RequestContext, person: int, said: Said | None) -> HTMLResponse:
    return render_panels(
        context,
        "person",
        lambda visit: find_person(visit.connection, person),
        lambda person: {"title": person.name},
        said=said,
        live=False,
    )


PANELS = (
    Panel(
        "person",
        0,
        "_person_head.html",
        lambda visit, _person: {"spread": spread(visit.connection)},
        right=Right.DIRECTORY,
    ),
    Panel("person", 20, "_person_plans.html", lambda visit, person: _plans(visit, person.id)),
)


def _plans(visit: Visit, person: int) -> Mapping[str, object]:
    return {"plans": plans_to_give(visit.connection), "now": standings_of(visit.connection, [person], visit.now_ms)}


@router.post("/{person}/memberships")
def add_membership(person: Id, context: Clerk, memberships: Memberships, fields: Fields) -> Response:
    return attempt(
        context,
        lambda: memberships.add(context.by, _membership(context, person, fields)),
        f"/people/{person}?done=membership",
        REJECTED,
        partial(person_page, context, person),
    )


@router.post("/{person}/memberships/{membership}")
def change_membership(person: Id, membership: Id, context: Clerk, memberships: Memberships, fields: Fields) -> Response:
    return _set_standing(context, person, fields, partial(memberships.set_standing, context.by, membership))


def _set_standing(
    context: RequestContext, person: int, fields: Mapping[str, str], act: Callable[[Stated], object]
) -> Response:
    return attempt(
        context,
        lambda: act(stated(fields.get("standing", ""))),
        f"/people/{person}?done=standing",
        REJECTED,
        partial(person_page, context, person),
    )


def _membership(context: RequestContext, person: int, fields: Mapping[str, str]) -> Membership:
    """Days of the site's calendar, the last one included. Raises ``Rejected``."""
    window = window_of(fields.get("first_day", ""), fields.get("last_day", ""), context.pages.zone)
    return Membership(0, person, fields.get("plan", ""), "payer" in fields, *window)
