"""The page of permits, which lies open in the gatehouse: who comes today, to which flat, and who is inside."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, Response

from cloud.devices.registry import site_of
from cloud.permits import store
from cloud.permits.forms import asked_in, check_again, check_kind, kinds_for
from cloud.permits.rule import day_of
from cloud.permits.service import Drawn, PermitService
from cloud.permits.store import PermitView
from cloud.permits.words import NO_PERMIT, STATE_WORDS
from cloud.web.context import N_, Forbidden, Reading, RequestContext, Said, or_404, service
from cloud.web.days import end_of_day, read_moment, start_of_day
from cloud.web.domain import Nav, NavGroup
from cloud.web.forms import NOT_RIGHT, NOTHING_TYPED, REJECTED, Clerk, Fields, Guard, attempt
from cloud.web.pages import see_other
from cloud.web.params import Id, Text
from cloud.web.qr import draw
from cloud.web.rejected import Rejected
from cloud.web.roles import Right
from contract.credentials import normal_plate

ROWS = 300
DONE: Mapping[str, str] = {
    "ended": N_("Ended. Online doors refuse it within a second, offline ones when they reconnect."),
    "extended": N_("Extended. Online doors apply it within a second, offline ones when they reconnect."),
    "signed-off": N_("The goods slip is signed off."),
    "left": N_("Noted that they left."),
}
UNKNOWN_PLATE = N_("No permit is known for this plate. Ring the flat and let them in, or draw up a parking space.")

Permits = Annotated[PermitService, Depends(service(PermitService))]

router = APIRouter(prefix="/permits")
NAV = (Nav(NavGroup.PEOPLE, "/permits", N_("Permits")),)


@router.get("")
def show_permits(context: Reading, done: str = "", day: Text = "", plate: Text = "", flat: Text = "") -> HTMLResponse:
    """All of today, or what there is of a plate. Of other days, and by flat, only who may see where people live."""
    if (day or flat) and Right.DIRECTORY not in _rights(context):
        raise Forbidden
    return permits_page(context, context.confirm(DONE, done), day=day, plate=plate, flat=flat)


def permits_page(
    context: RequestContext,
    said: Said | None,
    *,
    typed: Mapping[str, str] = NOTHING_TYPED,
    day: str = "",
    plate: str = "",
    flat: str = "",
) -> HTMLResponse:
    now_ms, zone = context.clock(), context.pages.zone
    since_ms, until_ms = (start_of_day(day, zone), end_of_day(day, zone)) if day else day_of(now_ms, zone)
    with context.store.reading() as connection:
        site = site_of(connection).name
        listed = store.permits_between(connection, site, since_ms, until_ms, ROWS)
        if flat:
            listed = store.permits_of_flat(connection, site, flat, ROWS)
    if plate:
        listed = _of_plate(listed, plate)
        said = said or (None if listed else context.say("bad", UNKNOWN_PLATE))
    shown: dict[str, Any] = {"listed": listed, "kinds": kinds_for(_rights(context))}
    asked = {"typed": typed, "day": day, "plate": plate, "flat": flat}
    return context.render("permits.html", said=said, status=200 if plate else 0, states=STATE_WORDS, **shown, **asked)


def _of_plate(listed: list[PermitView], text: str) -> list[PermitView]:
    try:
        plate = normal_plate(text)
    except ValueError:
        return []
    return [view for view in listed if view.permit.plate == plate]


@router.get("/{permit}/drawn")
def show_drawn(permit: Id, context: Reading, permit_service: Permits) -> Response:
    """The code, for a moment, to whom drew it up: to load this page again draws up nothing."""
    drawn = permit_service.just_drawn(context.by, permit)
    return see_other("/permits") if drawn is None else _code_page(context, permit_service, drawn)


@router.post("")
def draw_up(context: Guard, permit_service: Permits, fields: Fields) -> Response:

    def act() -> Drawn:
        asked = asked_in(fields, context.pages.zone)
        check_kind(asked.kind, _rights(context))
        return permit_service.draw(context.by, asked)

    return _lead_to_code(context, act, fields)


@router.post("/{permit}/again")
def again(permit: Id, context: Guard, permit_service: Permits) -> Response:
    """The same once more: a second delivery by one tap."""

    def act() -> Drawn:
        check_again(permit_service.find(permit), _rights(context))
        return permit_service.again(context.by, permit)

    return _lead_to_code(context, act, NOTHING_TYPED)


@router.post("/{permit}/code")
def show_code(permit: Id, context: Clerk, permit_service: Permits) -> Response:
    """The code and the token once more; it stands in the audit who looked."""
    try:
        told = permit_service.code_of(context.by, permit)
    except Rejected as rejected:
        return permits_page(context, context.say("bad", rejected.sentence))
    return _code_page(context, permit_service, Drawn(permit, told.code, told.token))


@router.post("/{permit}/{step}")
def change(permit: Id, step: str, context: Guard, permit_service: Permits, fields: Fields) -> Response:
    """End it, extend it once, sign a goods slip off, or note that they left."""
    by, zone = context.by, context.pages.zone
    steps = {
        "ended": lambda: permit_service.end(by, permit),
        "extended": lambda: permit_service.extend(by, permit, read_moment(fields.get("until", ""), zone)),
        "signed-off": lambda: permit_service.sign_off(by, permit),
        "left": lambda: permit_service.note_left(by, permit),
    }
    act = or_404(steps.get(step))
    return attempt(context, act, f"/permits?done={step}", REJECTED, partial(permits_page, context))


def _lead_to_code(context: RequestContext, act: Callable[[], Drawn], typed: Mapping[str, str]) -> Response:
    """To the page of a new permit with its code. What is rejected leads back to the form, as it was filled in."""
    try:
        drawn = act()
    except Rejected as rejected:
        return permits_page(context, context.say("bad", rejected.sentence), typed=typed)
    except ValueError as wrong:
        text = wrong.args[0] if wrong.args and type(wrong) is not ValueError else NOT_RIGHT
        return permits_page(context, context.say("bad", text), typed=typed)
    return see_other(f"/permits/{drawn.permit}/drawn")


def _code_page(context: RequestContext, permit_service: PermitService, drawn: Drawn) -> HTMLResponse:
    view = or_404(permit_service.find(drawn.permit), NO_PERMIT)
    picture = draw(drawn.token) if drawn.token else ""
    return context.render("permit_drawn.html", view=view, drawn=drawn, picture=picture)


def _rights(context: RequestContext) -> frozenset[Right]:
    return context.login.rights
