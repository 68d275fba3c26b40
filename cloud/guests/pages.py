"""The page of a link that an inviter sent: opened once, then the guest's pass and code."""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import FileResponse, HTMLResponse, Response

from cloud.cards.pass_worker import pass_worker
from cloud.cards.phone_keys import offer_in
from cloud.guests.rule import InvitationState
from cloud.guests.service import ELSEWHERE, ENDED, GuestService
from cloud.web.context import Context, RequestContext, service
from cloud.web.forms import Fields
from cloud.web.login_pages import set_cookie
from cloud.web.pages import see_other
from cloud.web.rejected import Rejected
from contract.decide import DAY_MS

COOKIE, PATH = "hg_guest", "/guest"
KEPT_S = 30 * DAY_MS // 1000
"""Longer than a resident may invite somebody for."""
SAID = {InvitationState.ELSEWHERE: ELSEWHERE, InvitationState.OVER: ENDED}

Guests = Annotated[GuestService, Depends(service(GuestService))]

router = APIRouter(prefix=PATH)


@router.get("/worker.js")
def worker(v: str = "", page: str = "") -> FileResponse:
    """The script that keeps the ``page`` of a pass for flight mode. No link is called so."""
    return pass_worker(PATH)


@router.get("/{secret}")
def link(secret: str, context: Context, guests: Guests) -> HTMLResponse:
    """To look at a link uses nothing up: chat programs do so before their users."""
    try:
        shown = guests.look(secret, context.request.cookies.get(COOKIE, ""))
    except Rejected as rejected:
        return _trouble(context, rejected)
    if shown.state in SAID:
        return _trouble(context, Rejected(SAID[shown.state], status=410))
    return context.pages.page(context.request, "guest.html", secret=secret, answer=shown, said=None, phone=None)


@router.post("/{secret}")
def open_link(secret: str, context: Context, guests: Guests, fields: Fields) -> Response:
    """The browser keeps what shows that it was this telephone: the link leads back to its pass."""
    try:
        page = guests.open(secret, offer_in(fields.get("key", ""), fields.get("proof", "")))
    except Rejected as rejected:
        return _trouble(context, rejected)
    answer = see_other(f"{PATH}/{secret}")
    set_cookie(context.request, answer, COOKIE, page, KEPT_S, path=f"{PATH}/{secret}")
    return answer


def _trouble(context: RequestContext, rejected: Rejected) -> HTMLResponse:
    said = context.say("bad", rejected.sentence)
    shown = {"answer": None, "said": said, "phone": None}
    return context.pages.page(context.request, "guest.html", None, rejected.status, **shown)
