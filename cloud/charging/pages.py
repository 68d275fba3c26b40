"""The charging page: what every socket is doing, and the orders that begin and end a session from afar.

Whether a session begins or ends, its device says; until then an order is only sent.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy import Connection

from cloud.charging.live import CHARGING, look_at_charging
from cloud.charging.rule import Condition
from cloud.charging.store import BadCursor, Socket, find_session, list_sessions, list_sockets
from cloud.commands.dependencies import Modes
from cloud.commands.service import NoSuchPlace
from cloud.commands.store import find_order, list_orders, list_points
from cloud.devices.views import last_arrival
from cloud.people.store import PersonView, list_people
from cloud.web.context import N_, Context, Reading, RequestContext, there
from cloud.web.domain import Nav, Panel
from cloud.web.forms import NO_REASON, NOT_RIGHT, Fields, Guard, NoReason, Said, reason_in, say
from cloud.web.operators import Login
from cloud.web.pages import Pages, see_other
from cloud.web.params import Text
from cloud.web.streams import After, LastEventId, stream
from contract.decide import Mode, Standing

ROWS = 50
SESSIONS_SHOWN = 10
ORDERS_SHOWN = 5
PEOPLE_SHOWN = 10
SESSIONS_OF_PERSON = 20
SERVICE = frozenset({Mode.OUT_OF_SERVICE, Mode.SCHEDULED})
NO_DEVICE = N_("No device is registered for it. Nothing was done.")


router = APIRouter(prefix="/charging")
NAV = (Nav(30, "/charging", N_("Charging")),)


def _charged_by(connection: Connection, person: PersonView) -> Mapping[str, object]:
    return {"sessions": list_sessions(connection, holder=person.holder, limit=SESSIONS_OF_PERSON)}


PERSON_PANEL = Panel("person", "_charged_by.html", _charged_by)


@router.get("")
def charging(request: Request, login: Reading, context: Context) -> HTMLResponse:
    pages: Pages = request.app.state.pages
    with context.store.reading() as connection:
        seen = look_at_charging(connection, context.clock())
    return pages.page(request, "charging.html", login, seen=seen, after=seen.last, now_ms=seen.now_ms)


@router.get("/live")
async def live(
    request: Request, login: Reading, context: Context, after: After = None, last_event_id: LastEventId = ""
) -> Response:
    """The stream of the charging pages, in the page's language."""
    pages: Pages = request.app.state.pages
    return stream(request, context, f"{CHARGING} {pages.language(request).code}", last_event_id, after)


@router.get("/sessions")
def sessions(
    request: Request,
    login: Reading,
    context: Context,
    point: Text = "",
    before: Annotated[str, Query(max_length=80)] = "",
) -> HTMLResponse:
    pages: Pages = request.app.state.pages
    try:
        with context.store.reading() as connection:
            found = list_sessions(connection, point=point, before=before, limit=ROWS)
            sockets = list_sockets(connection, context.clock())
    except BadCursor:
        raise HTTPException(404) from None
    cursor = found[-1].cursor if len(found) == ROWS else None
    values: dict[str, Any] = {"sessions": found, "cursor": cursor, "sockets": sockets, "point": point}
    return pages.page(request, "sessions.html", login, **values, now_ms=context.clock())


@router.get("/sessions/{device}/{session}")
def one_session(request: Request, device: str, session: str, login: Reading, context: Context) -> HTMLResponse:
    pages: Pages = request.app.state.pages
    with context.store.reading() as connection:
        found = there(find_session(connection, device, session))
    return pages.page(request, "charged.html", login, session=found, now_ms=context.clock())


@router.get("/sockets/{point}")
def socket(
    request: Request, point: str, login: Reading, context: Context, who: Text = "", order: Text = ""
) -> Response:
    return socket_page(request, point, login, context, None, who=who, order=order)


def socket_page(
    request: Request,
    point: str,
    login: Login,
    context: RequestContext,
    said: Said | None,
    *,
    who: str = "",
    order: str = "",
) -> HTMLResponse:
    """A socket with what may be ordered of it. ``who`` looks for the person whose card is to be charged on."""
    pages: Pages = request.app.state.pages
    now_ms = context.clock()
    with context.store.reading() as connection:
        found = _socket(context, point)
        asked = find_order(connection, order) if order else None
        orders = [one for one in list_orders(connection, ROWS, device=found.device) if one.point == point]
        charged = list_sessions(connection, point=point, limit=SESSIONS_SHOWN)
        people = list_people(connection, who.strip(), limit=PEOPLE_SHOWN).people if who.strip() else []
        after = last_arrival(connection)
        steered = next((one for one in list_points(connection, now_ms) if one.name == point), None)
    cards = [(person, card) for person in people for card in person.cards if card.standing == Standing.ACTIVE]
    return pages.page(
        request,
        "socket.html",
        login,
        422 if said else 200,
        socket=found,
        steered=steered,
        order=asked,
        awaited=asked and asked.standing(now_ms) == "sent",
        orders=orders[:ORDERS_SHOWN],
        sessions=charged,
        who=who,
        cards=cards,
        said=said,
        after=after,
        Condition=Condition,
        Mode=Mode,
        now_ms=now_ms,
    )


def _socket(context: RequestContext, point: str) -> Socket:
    """Raises a 404 if no socket has this name."""
    with context.store.reading() as connection:
        found = list_sockets(connection, context.clock())
    return there(next((one for one in found if one.name == point), None))


@router.post("/sockets/{point}/service")
def service(request: Request, point: str, login: Guard, context: Context, modes: Modes, fields: Fields) -> Response:
    """Take it out of service, or back into it. A device that is not heard takes that up when it is back."""

    _socket(context, point)
    try:
        mode = Mode(fields.get("mode", ""))
        if mode not in SERVICE:
            raise ValueError(mode)
        modes.set_mode([point], mode, login.operator.name, reason_in(fields))
        return see_other(f"/charging/sockets/{point}")
    except NoSuchPlace:
        wrong = NO_DEVICE
    except NoReason:
        wrong = NO_REASON
    except ValueError:
        wrong = NOT_RIGHT
    return socket_page(request, point, login, context, say(request, "bad", wrong))
