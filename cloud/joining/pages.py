"""From the poster to the open gate: the rider's two pages, which need no login, and the guard's list."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, Response

from cloud.charging.hubs import HubBoard
from cloud.joining.service import JoinService
from cloud.web.context import N_, Context, RequestContext, Said, or_404, page_for, service
from cloud.web.domain import Nav, NavGroup
from cloud.web.forms import NOT_RIGHT, NOTHING_TYPED, REJECTED, Fields, Guard, attempt
from cloud.web.names import UnclearName
from cloud.web.pages import see_other
from cloud.web.params import Id
from cloud.web.qr import draw_address
from cloud.web.rejected import Rejected
from cloud.web.roles import Right

DONE: Mapping[str, str] = {
    "let-in": N_("Let in. The code stands on their page now."),
    "refused": N_("Refused. Their page sends them to you."),
}

Joining = Annotated[JoinService, Depends(service(JoinService))]
OfGuards = Annotated[RequestContext, Depends(page_for(Right.DOORS))]

router = APIRouter()
NAV = (Nav(NavGroup.PEOPLE, "/riders", N_("Riders at the gate"), after="/permits", right=Right.DOORS),)


@router.get("/join/{hub}")
def join(hub: str, context: Context) -> HTMLResponse:
    return _join_page(context, hub, None, NOTHING_TYPED)


@router.post("/join/{hub}")
def ask(hub: str, context: Context, joining: Joining, fields: Fields) -> Response:
    """``company`` is a field that no person sees: who fills it in is a robot."""
    view = or_404(context.service(HubBoard).find(hub))
    try:
        given = fields.get("name", ""), fields.get("phone", "")
        secret = joining.ask(view.name, *given, consents="consent" in fields, is_robot="company" in fields)
    except Rejected as rejected:
        return _join_page(context, hub, context.say("bad", rejected.sentence), fields, rejected.status)
    except UnclearName:
        return _join_page(context, hub, context.say("bad", NOT_RIGHT), fields, 422)
    return see_other(f"/join/{view.name}/{secret}")


@router.get("/join/{hub}/poster")
def poster(hub: str, context: Context) -> HTMLResponse:
    """The sheet for the gate, to print."""
    view, request = or_404(context.service(HubBoard).find(hub)), context.request
    return context.pages.page(
        request, "join_poster.html", hub=view, address=draw_address(request, f"/join/{view.name}")
    )


@router.get("/join/{hub}/{secret}")
def wait(hub: str, secret: str, context: Context, joining: Joining) -> HTMLResponse:
    """It asks for itself again until the guard has answered, and then shows the code."""
    view = or_404(context.service(HubBoard).find(hub))
    state, digits = joining.look(view.name, secret)
    return context.pages.page(context.request, "join_wait.html", hub=view, state=state, digits=digits, phone=None)


@router.get("/riders")
def riders(context: OfGuards, joining: Joining, done: str = "") -> HTMLResponse:
    return _riders_page(context, joining, context.confirm(DONE, done))


@router.post("/riders/{request}/let-in")
def let_in(request: Id, context: Guard, joining: Joining) -> Response:
    again = partial(_riders_page, context, joining)
    return attempt(context, lambda: joining.let_in(context.by, request), "/riders?done=let-in", REJECTED, again)


@router.post("/riders/{request}/refused")
def refuse(request: Id, context: Guard, joining: Joining) -> Response:
    again = partial(_riders_page, context, joining)
    return attempt(context, lambda: joining.refuse(context.by, request), "/riders?done=refused", REJECTED, again)


def _riders_page(context: RequestContext, joining: JoinService, said: Said | None) -> HTMLResponse:
    return context.render("riders.html", said=said, waiting=joining.waiting())


def _join_page(
    context: RequestContext, hub: str, said: Said | None, typed: Mapping[str, str], status: int = 200
) -> HTMLResponse:
    view = or_404(context.service(HubBoard).find(hub))
    return context.pages.page(context.request, "join.html", None, status, hub=view, said=said, typed=typed, phone=None)
