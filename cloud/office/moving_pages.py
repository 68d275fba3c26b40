"""The form of a moving day, its preview, and its carrying out."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy import Connection
from starlette.datastructures import FormData

from cloud.devices.registry import site_of
from cloud.office.moving import MovingService, StepPreview
from cloud.office.party_store import view_party
from cloud.office.rule import MOVES_IN, MOVES_OUT, HomeGround
from cloud.office.words import GROUNDS, ROLES, STEPS
from cloud.parties.party import AT_HOME, MemberRole
from cloud.people.store import PersonView, find_person
from cloud.store.labels import Label
from cloud.web.auth import Right
from cloud.web.context import N_, RequestContext, Said, or_404, page_for, service
from cloud.web.days import end_of_day, moment_of_day
from cloud.web.domain import MovingDay, Newcomer
from cloud.web.forms import REJECTED, Clerk, attempt, number_in
from cloud.web.params import Id
from cloud.web.rejected import Rejected

MAX_NEWCOMERS = 40
"""In one form."""
BLANK_ROWS = 2
"""Rows for people to come, below those that are filled in."""
WHO = ("person", "name_zh", "name_en")
"""The fields of a row that say who comes."""
NO_DAY = N_("A moving day needs a day. Nothing was changed.")
HOME_ROLES = {role: text for role, text in ROLES.items() if role in AT_HOME}

Moving = Annotated[MovingService, Depends(service(MovingService))]
Planning = Annotated[RequestContext, Depends(page_for(Right.PEOPLE))]


async def _form(request: Request) -> FormData:
    return await request.form()


Form = Annotated[FormData, Depends(_form)]

router = APIRouter(prefix="/parties/{party}/moving")


@router.get("")
def moving(party: Id, context: Planning) -> HTMLResponse:
    return moving_page(context, party, FormData(), None)


def moving_page(
    context: RequestContext, party: int, form: FormData, said: Said | None, preview: Sequence[StepPreview] = ()
) -> HTMLResponse:
    filled = [number for number in range(MAX_NEWCOMERS) if any(form.get(f"{name}_{number}") for name in WHO)]
    rows = range(min(max(filled, default=-1) + 1 + BLANK_ROWS, MAX_NEWCOMERS))
    with context.store.reading() as connection:
        listed = [_listed(connection, form.get(f"person_{number}")) for number in rows]
        found = or_404(view_party(connection, site_of(connection).name, party, context.clock()))
    return context.render(
        "moving.html",
        party=found,
        form=form,
        said=said,
        preview=preview,
        grounds=GROUNDS,
        roles=HOME_ROLES,
        steps=STEPS,
        rows=rows,
        listed=listed,
        most=MAX_NEWCOMERS,
    )


def _listed(connection: Connection, number: object) -> PersonView | None:
    """Whoever was chosen for a row."""
    try:
        return find_person(connection, number_in({"person": str(number or "")}, "person"))
    except ValueError:
        return None


@router.post("")
def move(party: Id, context: Clerk, moving: Moving, form: Form, again: bool = False) -> Response:
    """The first time it is shown what will be done, the second time it is done. The form comes ``again`` with whoever
    was chosen, and with more rows."""
    if again:
        return moving_page(context, party, form, None)
    shown: list[StepPreview] = []

    def act() -> None:
        day = _moving_day(context, party, form)
        if "carry_out" in form:
            moving.carry_out(context.by, day)
        else:
            shown.extend(moving.preview(day))

    wrong = partial(moving_page, context, party, form)
    answer = attempt(context, act, f"/parties/{party}?done=moved", REJECTED, wrong)
    return moving_page(context, party, form, None, shown) if shown else answer


def _moving_day(context: RequestContext, party: int, form: FormData) -> MovingDay:
    """Raises ``Rejected``, or ``ValueError`` for a field that is not what it should be."""
    zone = context.pages.zone
    texts = {key: value.strip() for key, value in form.items() if isinstance(value, str) and value.strip()}
    if "day" not in texts:
        raise Rejected(NO_DAY, "day")
    leavers = [number_in({"leaver": value}, "leaver") for value in form.getlist("leaver") if isinstance(value, str)]
    newcomers = [_newcomer(context, texts, number) for number in range(MAX_NEWCOMERS)]
    ground = HomeGround(texts["ground"]).value if "ground" in texts else ""
    return MovingDay(
        party,
        tuple(dict.fromkeys(leavers)),
        tuple(one for one in newcomers if one is not None),
        ground,
        moment_of_day(texts["day"], MOVES_OUT, zone),
        moment_of_day(texts["day"], MOVES_IN, zone),
    )


def _newcomer(context: RequestContext, texts: Mapping[str, str], number: int) -> Newcomer | None:
    """Of one line of the form; None where it is empty."""
    person, zh, en, role, last_day = (
        texts.get(f"{name}_{number}", "") for name in ("person", "name_zh", "name_en", "role", "last_day")
    )
    if not (person or zh or en):
        return None
    until_ms = end_of_day(last_day, context.pages.zone) if last_day else 0
    name = None if person else Label(zh, en)
    listed = number_in(texts, f"person_{number}") if person else None
    return Newcomer(MemberRole(role).value, listed, name, until_ms)
