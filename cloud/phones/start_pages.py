"""Where a link leads: a telephone is registered with one tap."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form
from fastapi.responses import HTMLResponse, Response

from cloud.cards.phone_keys import MAX_OFFER, offer_in
from cloud.phones import visit
from cloud.phones.service import PhoneService
from cloud.phones.visit import PATH
from cloud.web.context import Context, RequestContext, service
from cloud.web.pages import see_other
from cloud.web.rejected import Rejected

Phones = Annotated[PhoneService, Depends(service(PhoneService))]
Offered = Annotated[str, Form(max_length=MAX_OFFER)]

router = APIRouter(prefix="/phone")


@router.get("/{secret}")
def start(secret: str, context: Context, phones: Phones) -> HTMLResponse:
    """To look at a link uses nothing up: chat programs do so before their users."""
    return _page(context, phones, secret)


@router.post("/{secret}")
def register(secret: str, context: Context, phones: Phones, key: Offered = "", proof: Offered = "") -> Response:
    try:
        registered = phones.register(secret, offer_in(key, proof))
    except Rejected as rejected:
        return _page(context, phones, secret, rejected)
    answer = see_other(PATH)
    visit.log_in(context.request, answer, registered.secret)
    return answer


def _page(context: RequestContext, phones: PhoneService, secret: str, wrong: Rejected | None = None) -> HTMLResponse:
    link = None
    try:
        link = phones.find_link(secret)
    except Rejected as rejected:
        wrong = rejected
    said = None if wrong is None else context.say("bad", wrong.sentence)
    shown = {"link": link, "secret": secret, "said": said, "phone": None}
    return context.pages.page(context.request, "phone_start.html", None, wrong.status if wrong else 200, **shown)
