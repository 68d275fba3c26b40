"""From the poster to the open gate: the rider's two pages, which need no login, and the guard's list."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response

from cloud.cards.pass_worker import pass_worker
from cloud.cards.phone_keys import Offer, offer_in
from cloud.charging.hubs import HubBoard
from cloud.joining.rule import KEPT_MS
from cloud.joining.service import JoinService
from cloud.web.context import N_, Context, RequestContext, Said, or_404, page_for, service
from cloud.web.domain import Nav, NavGroup
from cloud.web.forms import NOT_RIGHT, NOTHING_TYPED, REJECTED, Fields, Guard, attempt
from cloud.web.login_pages import set_cookie
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

COOKIE, PATH = "hg_join", "/join"

Joining = Annotated[JoinService, Depends(service(JoinService))]
OfGuards = Annotated[RequestContext, Depends(page_for(Right.DOORS))]

router = APIRouter()
NAV = (Nav(NavGroup.PEOPLE, "/riders", N_("Riders at the gate"), after="/permits", right=Right.DOORS),)


@router.get("/join/clock.json")
def clock(context: Context) -> JSONResponse:
    """What the server's clock says: a telephone's own may be off. No hub is called so."""
    return JSONResponse({"now_ms": context.clock()})


@router.get("/join/worker.js")
def worker(v: str = "", page: str = "") -> FileResponse:
    """The script that keeps the ``page`` of a pass for flight mode. No hub is called so."""
    return pass_worker(PATH)


@router.get("/join/{hub}")
def join(hub: str, context: Context, joining: Joining, anew: bool = False) -> HTMLResponse:
    """The form; to a telephone that was let in not long ago a single button, unless it wants to fill it in ``anew``."""
    if not anew and joining.knows(hub, context.request.cookies.get(COOKIE, "")):
        return _again_page(context, hub, None)
    return _join_page(context, hub, None, NOTHING_TYPED)


@router.post("/join/{hub}")
def ask(hub: str, context: Context, joining: Joining, fields: Fields) -> Response:
    """``company`` is a field that no person sees: who fills it in is a robot."""
    view = or_404(context.service(HubBoard).find(hub))
    try:
        given = fields.get("name", ""), fields.get("phone", ""), _offer_in(fields)
        secret = joining.ask(view.name, *given, consents="consent" in fields, is_robot="company" in fields)
    except Rejected as rejected:
        return _join_page(context, hub, context.say("bad", rejected.sentence), fields, rejected.status)
    except UnclearName:
        return _join_page(context, hub, context.say("bad", NOT_RIGHT), fields, 422)
    return _to_their_page(context, view.name, secret)


@router.post("/join/{hub}/again")
def again(hub: str, context: Context, joining: Joining, fields: Fields) -> Response:
    """It needs no token of a form: who has not the private half of the telephone's key can do nothing with it."""
    view = or_404(context.service(HubBoard).find(hub))
    try:
        secret = joining.again(view.name, context.request.cookies.get(COOKIE, ""), _offer_in(fields))
    except Rejected as rejected:
        return _join_page(context, hub, context.say("bad", rejected.sentence), NOTHING_TYPED, rejected.status)
    return _to_their_page(context, view.name, secret)


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
    answer = joining.look(view.name, secret)
    return context.pages.page(context.request, "join_wait.html", hub=view, answer=answer, phone=None)


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


def _again_page(context: RequestContext, hub: str, said: Said | None) -> HTMLResponse:
    view = or_404(context.service(HubBoard).find(hub))
    return context.pages.page(context.request, "join_again.html", hub=view, said=said, phone=None)


def _to_their_page(context: RequestContext, hub: str, secret: str) -> Response:
    """The browser keeps the way to it, for the next time at this gate."""
    answer = see_other(f"{PATH}/{hub}/{secret}")
    set_cookie(context.request, answer, COOKIE, secret, KEPT_MS // 1000, path=f"{PATH}/{hub}")
    return answer


def _offer_in(fields: Mapping[str, str]) -> Offer | None:
    return offer_in(fields.get("key", ""), fields.get("proof", ""))


def _join_page(
    context: RequestContext, hub: str, said: Said | None, typed: Mapping[str, str], status: int = 200
) -> HTMLResponse:
    view = or_404(context.service(HubBoard).find(hub))
    return context.pages.page(context.request, "join.html", None, status, hub=view, said=said, typed=typed, phone=None)
