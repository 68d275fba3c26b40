"""The page of a resident's visitors: whom they invite, and what they may do about it. A code is shown for a moment."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, Response
from msgspec import structs

from cloud.guests.service import GuestService
from cloud.permits.forms import asked_in
from cloud.permits.kinds import KINDS
from cloud.permits.service import Drawn, PermitService
from cloud.permits.words import NO_PERMIT, STATE_WORDS
from cloud.phones.visit import PATH, PhoneForm, PhoneVisit, Visiting
from cloud.web.context import N_, Said, or_404, service
from cloud.web.days import end_of_day, read_moment, start_of_day
from cloud.web.forms import NOT_RIGHT, NOTHING_TYPED, Fields
from cloud.web.names import UnclearName
from cloud.web.pages import see_other
from cloud.web.params import Id
from cloud.web.qr import draw_address
from cloud.web.rejected import Rejected

DONE: Mapping[str, str] = {
    "ended": N_("Ended. Online doors refuse it within a second, offline ones when they reconnect."),
    "extended": N_("Extended. Online doors apply it within a second, offline ones when they reconnect."),
}
SHOWN = 30

Guests = Annotated[GuestService, Depends(service(GuestService))]
Permits = Annotated[PermitService, Depends(service(PermitService))]

router = APIRouter(prefix=f"{PATH}/visitors")


@router.get("")
def visitors(visit: Visiting, permit_service: Permits, done: str = "") -> HTMLResponse:
    return _page(visit, permit_service, visit.confirm(DONE, done))


@router.post("")
def invite(visit: PhoneForm, permit_service: Permits, fields: Fields) -> Response:
    """Somebody is invited for today, or for the days that are filled in."""

    def act() -> Drawn:
        zone = visit.context.pages.zone
        asked = asked_in({**fields, "code": "1"}, zone)
        first, last = fields.get("first_day", ""), fields.get("last_day", "") or fields.get("first_day", "")
        from_ms, until_ms = start_of_day(first, zone) if first else 0, end_of_day(last, zone) if last else 0
        asked = structs.replace(asked, code=not KINDS[asked.kind].has_goods, agreed=False, card=None)
        asked = structs.replace(asked, from_ms=from_ms, until_ms=until_ms)
        return permit_service.invite(visit.phone.person, asked)

    return _lead_to_code(visit, permit_service, act, fields)


@router.get("/{permit}/drawn")
def show_drawn(permit: Id, visit: Visiting, permit_service: Permits) -> Response:
    """The code, for a moment: to load this page again invites nobody."""
    drawn = permit_service.just_drawn(_by(visit), permit)
    if drawn is None:
        return see_other(f"{PATH}/visitors")
    view = or_404(permit_service.find(permit), NO_PERMIT)
    return visit.render("me_visitor.html", view=view, drawn=drawn, link=None)


@router.post("/{permit}/again")
def again(permit: Id, visit: PhoneForm, permit_service: Permits) -> Response:
    """The same once more, with a new code: a second delivery by one tap."""
    person = visit.phone.person
    return _lead_to_code(visit, permit_service, lambda: permit_service.again(_by(visit), permit, person), NOTHING_TYPED)


@router.post("/{permit}/link")
def make_link(permit: Id, visit: PhoneForm, permit_service: Permits, guests: Guests) -> Response:
    """The link is shown once: it is sent to the visitor, or their telephone scans it from this one."""
    try:
        secret = guests.make_link(visit.phone.person, permit)
    except Rejected as rejected:
        return _page(visit, permit_service, visit.say("bad", rejected.sentence))
    view = or_404(permit_service.find(permit), NO_PERMIT)
    return visit.render("me_visitor.html", view=view, drawn=None, link=draw_address(visit.request, f"/guest/{secret}"))


@router.post("/{permit}/replaced")
def replace_link(permit: Id, visit: PhoneForm, permit_service: Permits, guests: Guests) -> Response:
    """The visitor's telephone is lost: another link and code, and the ones before end."""
    try:
        drawn, secret = guests.replace(visit.phone.person, permit)
    except Rejected as rejected:
        return _page(visit, permit_service, visit.say("bad", rejected.sentence))
    view = or_404(permit_service.find(drawn.permit), NO_PERMIT)
    link = draw_address(visit.request, f"/guest/{secret}")
    return visit.render("me_visitor.html", view=view, drawn=drawn, link=link)


@router.post("/{permit}/ended")
def end(permit: Id, visit: PhoneForm, permit_service: Permits) -> Response:
    def act() -> None:
        permit_service.end(_by(visit), permit, visit.phone.person)

    return visit.attempt(act, f"{PATH}/visitors?done=ended", lambda said: _page(visit, permit_service, said))


@router.post("/{permit}/extended")
def extend(permit: Id, visit: PhoneForm, permit_service: Permits, fields: Fields) -> Response:
    def act() -> None:
        until_ms = read_moment(fields.get("until", ""), visit.context.pages.zone)
        permit_service.extend(_by(visit), permit, until_ms, visit.phone.person)

    return visit.attempt(act, f"{PATH}/visitors?done=extended", lambda said: _page(visit, permit_service, said))


def _lead_to_code(
    visit: PhoneVisit, permit_service: PermitService, act: Callable[[], Drawn], typed: Mapping[str, str]
) -> Response:
    try:
        drawn = act()
    except (Rejected, ValueError) as error:
        return _page(visit, permit_service, visit.say("bad", _said(error)), typed)
    return see_other(f"{PATH}/visitors/{drawn.permit}/drawn")


def _said(error: Exception) -> str:
    if isinstance(error, Rejected):
        return error.sentence
    return str(error.args[0]) if isinstance(error, UnclearName) else NOT_RIGHT


def _page(
    visit: PhoneVisit, permit_service: PermitService, said: Said | None, typed: Mapping[str, str] = NOTHING_TYPED
) -> HTMLResponse:
    listed = permit_service.of_inviter(visit.phone.person)[:SHOWN]
    found: dict[str, Any] = {
        "homes": permit_service.homes_of_inviter(visit.phone.person),
        "listed": listed,
        "opened": visit.context.service(GuestService).opened([view.permit.id for view in listed]),
        "kinds": {kind: rule for kind, rule in KINDS.items() if rule.by_inviter},
    }
    return visit.render("me_visitors.html", said=said, states=STATE_WORDS, typed=typed, **found)


def _by(visit: PhoneVisit) -> str:
    return f"person {visit.phone.person}"
