"""The people page: members, their plans and cards, and the forms that change them."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response

from cloud.people.members import Membership
from cloud.people.rosters import spread
from cloud.people.service import PeopleService
from cloud.people.store import Card, PersonView, find_person, list_people, list_plans
from cloud.store.labels import Label
from cloud.web.auth import Right
from cloud.web.context import N_, Context, Reading, RequestContext, form_for, service
from cloud.web.domain import Nav, Panel, Visit
from cloud.web.forms import NOT_RIGHT, Fields, Said, attempt, confirm
from cloud.web.operators import Login
from cloud.web.pages import Pages, render
from cloud.web.panels import render_panels
from cloud.web.params import Cursor, Id, Text
from cloud.web.rejected import Rejected
from contract.credentials import FORMATS
from contract.decide import Standing

ROWS = 50
FIRST_DAY, LAST_DAY = date(1970, 1, 2), date(9998, 12, 30)
"""What can be written in milliseconds, in every zone."""
DONE: Mapping[str, str] = {
    "person": N_("Added. Now enrol a card."),
    "membership": N_("The plan is given. Doors on the line know within a second, others once they are back."),
    "card": N_("The card is enrolled. Doors on the line know within a second, others once they are back."),
    "standing": N_("Changed. Doors on the line know within a second, others once they are back."),
}
NOT_CHANGED: Mapping[type[Exception], str] = {Rejected: "", ValueError: NOT_RIGHT}
NO_DAY = N_("The first and the last day are dates, such as 2027-01-31. Nothing was changed.")

Clerk = Annotated[Login, Depends(form_for(Right.PEOPLE))]
People = Annotated[PeopleService, Depends(service(PeopleService))]

router = APIRouter(prefix="/people")
NAV = (Nav(50, "/people", N_("People")),)


@router.get("")
def people(request: Request, login: Reading, context: Context, text: Text = "", after: Cursor = None) -> HTMLResponse:
    return people_page(request, login, context, text, after or 0)


def people_page(
    request: Request,
    login: Login,
    context: RequestContext,
    text: str = "",
    after: int = 0,
    said: Said | None = None,
    typed: Mapping[str, str] | None = None,
) -> HTMLResponse:
    with context.store.reading() as connection:
        found, plans = list_people(connection, text.strip(), after, ROWS), list_plans(connection)
        reached = spread(connection)
    return render(
        request,
        "people.html",
        login,
        422 if said else 200,
        found=found,
        plans=plans,
        spread=reached,
        text=text,
        said=said,
        typed=typed or {},
        now_ms=context.clock(),
    )


@router.post("")
def add_person(request: Request, login: Clerk, context: Context, people: People, fields: Fields) -> Response:
    def act() -> int:
        membership = _membership(request, 0, fields) if "plan" in fields else None
        name = Label(fields.get("name_zh", ""), fields.get("name_en", ""))
        return people.add_person(login.operator.name, name, fields.get("unit", ""), membership)

    def again(said: Said) -> Response:
        return people_page(request, login, context, said=said, typed=fields)

    return attempt(request, act, "/people/{}?done=person", again, NOT_CHANGED)


@router.get("/{person}")
def person(request: Request, person: Id, login: Reading, context: Context, done: str = "") -> HTMLResponse:
    return person_page(request, login, context, person, confirm(request, DONE, done))


def person_page(
    request: Request, login: Login, context: RequestContext, person: int, said: Said | None
) -> HTMLResponse:
    return render_panels(
        request,
        login,
        context,
        "person",
        lambda visit: find_person(visit.connection, person),
        lambda person: {"title": person.name},
        status=422 if said and said.tone == "bad" else 200,
        said=said,
        live=False,
    )


def _head(visit: Visit, _person: PersonView) -> dict[str, Any]:
    return {"spread": spread(visit.connection)}


def _cards(_visit: Visit, _person: PersonView) -> dict[str, Any]:
    return {"formats": list(FORMATS), "standings": list(Standing)}


def _plans(visit: Visit, _person: PersonView) -> dict[str, Any]:
    return {"plans": list_plans(visit.connection)}


PANELS = (
    Panel("person", 0, "_person_head.html", _head),
    Panel("person", 10, "_person_cards.html", _cards),
    Panel("person", 20, "_person_plans.html", _plans),
)


@router.post("/{person}/memberships")
def add_membership(
    request: Request, person: Id, login: Clerk, context: Context, people: People, fields: Fields
) -> Response:
    return attempt(
        request,
        lambda: people.add_membership(login.operator.name, _membership(request, person, fields)),
        f"/people/{person}?done=membership",
        lambda said: person_page(request, login, context, person, said),
        NOT_CHANGED,
    )


@router.post("/{person}/cards")
def add_card(request: Request, person: Id, login: Clerk, context: Context, people: People, fields: Fields) -> Response:
    def act() -> None:
        facility = int(fields["facility"]) if "facility" in fields else None
        card = Card(fields.get("format", ""), facility, int(fields.get("number", "")))
        people.add_card(login.operator.name, person, card, fields.get("label", ""))

    def again(said: Said) -> Response:
        return person_page(request, login, context, person, said)

    return attempt(request, act, f"/people/{person}?done=card", again, NOT_CHANGED)


@router.post("/{person}/cards/{card}")
def change_card(
    request: Request, person: Id, card: Id, login: Clerk, context: Context, people: People, fields: Fields
) -> Response:
    return attempt(
        request,
        lambda: people.set_card_standing(login.operator.name, card, Standing(fields.get("standing", ""))),
        "/people/{}?done=standing",
        lambda said: person_page(request, login, context, person, said),
        NOT_CHANGED,
    )


@router.post("/{person}/memberships/{membership}")
def change_membership(
    request: Request, person: Id, membership: Id, login: Clerk, context: Context, people: People, fields: Fields
) -> Response:
    return attempt(
        request,
        lambda: people.set_membership_standing(login.operator.name, membership, Standing(fields.get("standing", ""))),
        "/people/{}?done=standing",
        lambda said: person_page(request, login, context, person, said),
        NOT_CHANGED,
    )


def _membership(request: Request, person: int, fields: Mapping[str, str]) -> Membership:
    """Days of the site's calendar, the last one included. Raises ``Rejected``."""
    first, last = (_day(fields.get(name, "")) for name in ("first_day", "last_day"))
    return Membership(
        0,
        person,
        fields.get("plan", ""),
        "payer" in fields,
        from_ms=_start_of(request, first) if first else 0,
        until_ms=_start_of(request, last + timedelta(days=1)) if last else 0,
    )


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text) if text else None
    except ValueError:
        raise Rejected(NO_DAY, "first_day") from None
    if found is not None and not FIRST_DAY <= found <= LAST_DAY:
        raise Rejected(NO_DAY, "first_day")
    return found


def _start_of(request: Request, day: date) -> int:
    pages: Pages = request.app.state.pages
    return int(datetime.combine(day, time(), pages.zone).timestamp() * 1000)
