"""The page of a resident's family: who lives with them, and the cards that they may report lost."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, Response

from cloud.parties.party import MemberRole
from cloud.phones.family import FamilyService, households_of, own_cards
from cloud.phones.visit import PATH, PhoneForm, PhoneVisit, Visiting
from cloud.web.context import N_, Said, service
from cloud.web.params import Id
from cloud.web.qr import draw_address
from cloud.web.rejected import Rejected

ROLES: Mapping[MemberRole, str] = {
    MemberRole.OWNER: N_("owner"),
    MemberRole.PAYER: N_("pays"),
    MemberRole.ADULT: N_("adult"),
    MemberRole.CHILD: N_("child"),
    MemberRole.TENANT: N_("tenant"),
    MemberRole.HELPER: N_("helper"),
}
DONE: Mapping[str, str] = {
    "lost": N_("Reported lost. Online doors refuse the card at once, offline ones when they reconnect."),
}

Families = Annotated[FamilyService, Depends(service(FamilyService))]

router = APIRouter(prefix=f"{PATH}/family")


@router.get("")
def family(visit: Visiting, done: str = "") -> HTMLResponse:
    return _page(visit, visit.confirm(DONE, done))


@router.post("/cards/{card}/lost")
def report_lost(card: Id, visit: PhoneForm, families: Families) -> Response:
    def act() -> None:
        families.report_lost(visit.phone.person, card)

    return visit.attempt(act, f"{PATH}/family?done=lost", lambda said: _page(visit, said))


@router.post("/{child}/phone")
def invite_child(child: Id, visit: PhoneForm, families: Families) -> Response:
    """The link is shown once, as a code that the child's telephone scans from this one."""
    try:
        secret = families.invite_child(visit.phone.person, child)
    except Rejected as rejected:
        return _page(visit, visit.say("bad", rejected.sentence))
    return visit.render("me_invite.html", address=draw_address(visit.request, f"/phone/{secret}"))


def _page(visit: PhoneVisit, said: Said | None) -> HTMLResponse:
    with visit.store.reading() as connection:
        homes = households_of(connection, visit.site, visit.phone.person, visit.now_ms)
        mine = [] if homes else own_cards(connection, visit.phone.person)
    return visit.render("me_family.html", said=said, homes=homes, own_cards=mine, roles=ROLES)
