"""The pages of what is kept of a resident: visits with their reasons, who looked, and charging, which they may stop."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from fastapi.responses import HTMLResponse, Response

from cloud.charging.store import SessionView
from cloud.commands.service import CommandService
from cloud.phones.crowds import CrowdBoard
from cloud.phones.records import looks_at, sessions_of, visits_of
from cloud.phones.service import A_PHONE
from cloud.phones.visit import PATH, PhoneForm, PhoneVisit, Visiting
from cloud.web.context import N_, Said, service
from cloud.web.params import Cursor
from cloud.web.rejected import Rejected

NO_SESSION = N_("That charging has ended already, or is not yours. Nothing was changed.")
NOT_HEARD = N_("The socket cannot be reached at this moment: pull the plug, or ask the guard.")
DONE: Mapping[str, str] = {"stop": N_("The socket was told to stop. It says so here once it has.")}
WHY_STOPPED = "asked for by its holder"
"""What the device's journal holds, whose words are English."""

Commands = Annotated[CommandService, Depends(service(CommandService))]

router = APIRouter(prefix=PATH)


@router.get("/visits")
def visits(visit: Visiting, before: Cursor = None) -> HTMLResponse:
    with visit.store.reading() as connection:
        page = visits_of(connection, visit.person.holder, before)
    return visit.render("me_visits.html", events=page.rows, cursor=page.next)


@router.get("/looks")
def looks(visit: Visiting) -> HTMLResponse:
    with visit.store.reading() as connection:
        seen = looks_at(connection, visit.site, visit.phone.person, visit.now_ms)
    return visit.render("me_looks.html", looks=seen)


@router.get("/gym")
def gym(visit: Visiting, board: Annotated[CrowdBoard, Depends(service(CrowdBoard))]) -> HTMLResponse:
    return visit.render("me_gym.html", crowds=board.crowds())


@router.get("/charging")
def charging(visit: Visiting, done: str = "") -> HTMLResponse:
    return _sessions_page(visit, visit.confirm(DONE, done))


@router.post("/charging/stop")
def stop(
    visit: PhoneForm,
    commands: Commands,
    device: Annotated[str, Form(max_length=80)] = "",
    session: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """Only a session of one's own; what becomes of it the socket says."""

    def act() -> None:
        one = _running(visit, device, session)
        if not one.online or not commands.connected():
            raise Rejected(NOT_HEARD, status=409)
        commands.issue("session_stop", one.point, {"session": one.session}, A_PHONE, WHY_STOPPED)

    return visit.attempt(act, f"{PATH}/charging?done=stop", lambda said: _sessions_page(visit, said))


def _running(visit: PhoneVisit, device: str, session: str) -> SessionView:
    """Raises ``Rejected``."""
    with visit.store.reading() as connection:
        mine = sessions_of(connection, visit.person.holder)
    for one in mine:
        if (one.device, one.session) == (device, session) and not one.reason:
            return one
    raise Rejected(NO_SESSION, status=404)


def _sessions_page(visit: PhoneVisit, said: Said | None) -> HTMLResponse:
    with visit.store.reading() as connection:
        mine = sessions_of(connection, visit.person.holder)
    return visit.render("me_charging.html", said=said, sessions=mine)
