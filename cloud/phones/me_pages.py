"""The first page of a resident's telephone: their pass, and the way to everything else."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response
from msgspec import Struct

from cloud.cards.pass_worker import pass_worker
from cloud.cards.phone_keys import offer_in
from cloud.cards.slots import slots_ahead
from cloud.permits.kinds import PermitKind
from cloud.permits.service import PermitAsked, PermitService
from cloud.phones.service import PhoneService
from cloud.phones.start_pages import Offered
from cloud.phones.visit import PATH, PhoneForm, PhoneVisit, Visiting, log_in, log_out
from cloud.web.context import N_, Said, service
from cloud.web.pages import see_other
from cloud.web.rejected import Rejected
from contract.cose import key_id_of

DONE: Mapping[str, str] = {
    "key": N_("The phone has a new key. Doors know it within a second, offline ones when they reconnect."),
}


class Section(Struct, frozen=True):
    """A page that the first one leads to."""

    path: str
    text: str


SECTIONS: Sequence[Section] = (
    Section(f"{PATH}/family", N_("My family and its cards")),
    Section(f"{PATH}/visitors", N_("My visitors")),
    Section(f"{PATH}/gym", N_("How full it is")),
    Section(f"{PATH}/charging", N_("My charging")),
    Section(f"{PATH}/visits", N_("My visits")),
    Section(f"{PATH}/looks", N_("Who looked at me")),
    Section(f"{PATH}/data", N_("My data")),
)

Permits = Annotated[PermitService, Depends(service(PermitService))]
Phones = Annotated[PhoneService, Depends(service(PhoneService))]

router = APIRouter(prefix=PATH)


@router.get("")
def me(visit: Visiting, phones: Phones, done: str = "") -> HTMLResponse:
    return _home(visit, phones, visit.confirm(DONE, done))


@router.get("/pass")
def pass_alone(visit: Visiting, phones: Phones) -> HTMLResponse:
    """What the telephone keeps for flight mode: nothing on it is anybody else's business."""
    return visit.render("me_pass.html", **_pass(visit, phones))


@router.get("/clock")
def clock(visit: Visiting) -> JSONResponse:
    """What the server's clock says, and by which key it knows the telephone."""
    return JSONResponse({"now_ms": visit.now_ms, "key": key_id_of(visit.phone.key).hex()})


@router.get("/worker.js")
def worker(v: str = "") -> FileResponse:
    """The script that keeps the pass for flight mode. ``v`` has browsers ask anew with every release."""
    return pass_worker(PATH)


@router.post("/key")
def replace_key(visit: PhoneForm, phones: Phones, key: Offered = "", proof: Offered = "") -> Response:
    """A telephone that has lost its key gets another, and another login with it."""
    try:
        secret = phones.replace_key(visit.phone, visit.secret, offer_in(key, proof))
    except Rejected as rejected:
        return _home(visit, phones, visit.say("bad", rejected.sentence))
    answer = see_other(f"{PATH}?done=key")
    log_in(visit.request, answer, secret)
    return answer


@router.post("/code")
def draw_code(visit: PhoneForm, phones: Phones, permit_service: Permits) -> Response:
    """A telephone that keeps no key has a code besides, for a gate that has no scanner: until midnight, as a guest of
    their own."""
    try:
        drawn = permit_service.invite(visit.phone.person, PermitAsked(kind=PermitKind.GUEST, code=True))
    except Rejected as rejected:
        return _home(visit, phones, visit.say("bad", rejected.sentence))
    return see_other(f"{PATH}/visitors/{drawn.permit}/drawn")


@router.post("/logout")
def leave(visit: PhoneForm, phones: Phones) -> Response:
    phones.end_phone("phone", visit.phone.person, visit.phone.id)
    answer = see_other(PATH)
    log_out(answer)
    return answer


def _home(visit: PhoneVisit, phones: PhoneService, said: Said | None) -> HTMLResponse:
    links = [(one.path, one.text, "") for one in SECTIONS]
    return visit.render("me.html", said=said, links=links, **_pass(visit, phones))


def _pass(visit: PhoneVisit, phones: PhoneService) -> dict[str, Any]:
    held = phones.held_key(visit.phone)
    slots = slots_ahead(visit.phone.key, held, visit.now_ms) if held else []
    return {"key_id": key_id_of(visit.phone.key).hex(), "slots": slots}
