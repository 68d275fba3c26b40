"""The doors page: open one from afar, hold it open, lock it down. What is shown as done, its device has said."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, Response
from msgspec import Struct
from sqlalchemy import Connection

from cloud.commands.dependencies import Modes
from cloud.commands.desired import NoSuchMode, NoSuchOrder, must_be_confirmed
from cloud.commands.mode_orders import ModeOrder, list_mode_orders
from cloud.commands.service import NoSuchPlace
from cloud.commands.store import Order, PointState, find_order, list_orders, list_points
from cloud.devices.presence import Presence
from cloud.devices.views import last_arrival
from cloud.emergencies.store import ZoneState, list_watched, list_zone_states
from cloud.store.labels import Label
from cloud.web.auth import Right
from cloud.web.context import N_, Context, Reading, RequestContext, form_for, page_for
from cloud.web.domain import Nav
from cloud.web.forms import NO_REASON, NOT_RIGHT, Fields, Guard, NoReason, Said, reason_in, say
from cloud.web.operators import Login
from cloud.web.pages import Pages, see_other, shape_of
from cloud.web.params import Text
from cloud.web.streams import After, LastEventId, stream
from contract.decide import HOUR_MS, Mode
from contract.kinds import MODE_LASTS_MS

ORDERS_SHOWN = 20
DOORS = "doors"
"""Begins the dialects of the doors page; the code of the language follows."""
NEWS_FOR_MS = HOUR_MS
"""How long a door's card tells of the last order to it. After that it stands in the list only."""
NO_SUCH_DOOR = N_("There is no such door, or no device is registered for it. Nothing was done.")
NO_SUCH_MODE = N_("This kind of point has not got that mode. Nothing was done.")
OVER = N_("That is over already: it was ended, or its time was. Nothing was done.")
ENDED = N_("Ended. Below stands which doors have taken it up.")
RENEWED = N_("Renewed. Below stands until when.")
SET: Mapping[Mode, str] = {
    Mode.SCHEDULED: N_("Ordered: back to cards and hours. Below stands which doors have taken it up."),
    Mode.HOLD_OPEN: N_("Ordered: held open. Below stands which doors have taken it up."),
    Mode.LOCKDOWN: N_("Ordered: locked down. Below stands which doors have taken it up."),
    Mode.OUT_OF_SERVICE: N_("Ordered: out of service. Below stands which doors have taken it up."),
}

Locking = Annotated[Login, Depends(page_for(Right.DOORS))]
Mechanic = Annotated[Login, Depends(form_for(Right.DEVICES))]

router = APIRouter()
NAV = (Nav(20, "/doors", N_("Doors")),)


class Doors(Struct, frozen=True):
    """All doors at one moment, and what was ordered of them; ``last`` is the newest event that it knows of."""

    points: list[PointState]
    orders: list[Order]
    emergencies: list[ZoneState]
    standing: list[ModeOrder]
    labels: dict[str, Label]
    last: int
    now_ms: int

    @property
    def unheard(self) -> set[str]:
        """The points whose devices the cloud does not hear."""
        return {point.name for point in self.points if not heard(point)}

    @property
    def shape(self) -> str:
        """Another one whenever the page's forms or lists would be others. States and presences change without it."""
        modes = [(one.name, one.mode, one.drifts, one.why, one.lost_ms) for one in self.points]
        zones = [(one.zone, one.cause, one.ended is None) for one in self.emergencies]
        ends = [(one.id, one.until_ms, one.points) for one in self.standing]
        return shape_of(modes, zones, ends, [(one.id, one.standing(self.now_ms)) for one in self.orders])


def look_at_doors(connection: Connection, now_ms: int) -> Doors:
    known = list_points(connection, now_ms)
    return Doors(
        points=[point for point in known if point.is_door or not point.class_name],
        orders=list_orders(connection, ORDERS_SHOWN),
        emergencies=list_zone_states(connection, now_ms),
        standing=list_mode_orders(connection, now_ms),
        labels={point.name: point.label for point in known},
        last=last_arrival(connection),
        now_ms=now_ms,
    )


class Drift(Struct, frozen=True):
    """A mode that is desired of some points, and those of them that have not taken it up."""

    mode: Mode
    wanted: int
    lacking: list[PointState]


def drifts(points: Sequence[PointState]) -> list[Drift]:
    """Every mode that some door still has to take up."""
    found = []
    for mode in Mode:
        wanted = [point for point in points if point.mode is mode]
        lacking = [point for point in wanted if point.drifts]
        if lacking:
            found.append(Drift(mode, len(wanted), lacking))
    return found


def last_orders(orders: Sequence[Order], now_ms: int) -> dict[str, Order]:
    """The newest order of every point, of those that are not old news; ``orders`` begin with the newest."""
    recent = [one for one in reversed(orders) if now_ms - one.issued_ms < NEWS_FOR_MS]
    return {one.point: one for one in recent if one.point}


@router.get("/doors")
def doors(request: Request, login: Reading, context: Context, order: Text = "", mode: Text = "") -> HTMLResponse:
    done = {**{its.value: text for its, text in SET.items()}, "ended": ENDED, "renewed": RENEWED}
    said = say(request, "good", done[mode]) if mode in done else None
    return doors_page(request, login, context, said, order, just_set=bool(said))


def doors_page(
    request: Request,
    login: Login,
    context: RequestContext,
    said: Said | None,
    order: str = "",
    *,
    just_set: bool = False,
) -> HTMLResponse:
    """The doors, with the outcome of one order. A page on which an answer is still to come asks again by itself."""
    pages: Pages = request.app.state.pages
    now_ms = context.clock()
    with context.store.reading() as connection:
        seen = look_at_doors(connection, now_ms)
        asked = find_order(connection, order) if order else None
        zones = list_watched(connection)
    points, orders, emergencies = seen.points, seen.orders, seen.emergencies
    lacking = [point for point in points if point.drifts and heard(point) and not point.why]
    return pages.page(
        request,
        "doors.html",
        login,
        422 if said and said.tone == "bad" else 200,
        points=points,
        standing=seen.standing,
        unheard=seen.unheard,
        drifts=drifts(points),
        orders=orders,
        order=asked,
        last_orders=last_orders(orders, now_ms),
        emergencies=emergencies,
        sirens_below=True,
        zones=zones,
        drills={one.zone for one in emergencies if one.cause == "drill" and not one.ended},
        in_earnest={one.zone for one in emergencies if one.cause != "drill" and not one.ended},
        awaited=(asked and asked.standing(now_ms) == "sent") or (just_set and lacking),
        labels=seen.labels,
        after=seen.last,
        shape=seen.shape,
        said=said,
        Mode=Mode,
        heard=heard,
        now_ms=now_ms,
    )


def heard(point: PointState) -> bool:
    """Whether the cloud hears its device: only then can it be opened from afar."""
    return point.presence in (Presence.ONLINE, Presence.LATE)


@router.get("/doors/live")
async def doors_live(
    request: Request, login: Reading, context: Context, after: After = None, last_event_id: LastEventId = ""
) -> Response:
    """The stream of the doors page, in its language."""
    pages: Pages = request.app.state.pages
    return stream(request, context, f"{DOORS} {pages.language(request).code}", last_event_id, after)


@router.post("/doors/modes")
def set_mode(request: Request, login: Guard, context: Context, modes: Modes, fields: Fields) -> Response:
    """One point, or without one all doors of the site. What must be confirmed comes from the second step of a form."""

    def act() -> str:
        mode = Mode(fields.get("mode", ""))
        names = [fields["point"]] if "point" in fields else None
        if must_be_confirmed(mode, names) and "confirm" not in fields:
            raise ValueError(mode)
        modes.set_mode(names, mode, login.operator.name, reason_in(fields))
        return f"/doors?mode={mode.value}"

    return _answer(request, login, context, act)


@router.get("/doors/lockdown")
def lockdown(
    request: Request, login: Locking, context: Context, point: Text = "", step: Annotated[int, Query(ge=1, le=2)] = 1
) -> HTMLResponse:
    """The two steps of a lockdown: what it means, then why."""
    return _steps(request, login, context, Mode.LOCKDOWN, point, step)


@router.get("/doors/hold-open")
def hold_open(
    request: Request, login: Locking, context: Context, step: Annotated[int, Query(ge=1, le=2)] = 1
) -> HTMLResponse:
    """The two steps that hold all doors open: what it means, then why."""
    return _steps(request, login, context, Mode.HOLD_OPEN, "", step)


def _steps(request: Request, login: Login, context: RequestContext, mode: Mode, point: str, step: int) -> HTMLResponse:
    """Names the points that the order will reach."""
    pages: Pages = request.app.state.pages
    with context.store.reading() as connection:
        able = [one for one in list_points(connection, context.clock()) if one.has(mode)]
    everywhere = [one for one in able if one.is_door and one.mode is not Mode.OUT_OF_SERVICE]
    points = [one for one in able if one.name == point] if point else everywhere
    if not points:
        raise HTTPException(404)
    hours = MODE_LASTS_MS[mode] // HOUR_MS
    return pages.page(
        request,
        "mode_steps.html",
        login,
        points=points,
        point=point,
        step=step,
        mode=mode,
        hours=hours,
        heard=heard,
        Mode=Mode,
    )


@router.post("/doors/modes/{order}/end")
def end_mode(request: Request, order: str, login: Guard, context: Context, modes: Modes, fields: Fields) -> Response:
    """End what one order set. What was set otherwise since stays."""

    def act() -> str:
        modes.end(order, login.operator.name, reason_in(fields))
        return "/doors?mode=ended"

    return _answer(request, login, context, act)


@router.post("/doors/modes/{order}/renew")
def renew_mode(request: Request, order: str, login: Guard, context: Context, modes: Modes, fields: Fields) -> Response:
    """Have an order last longer, from now on as long as it may."""

    def act() -> str:
        modes.renew(order, login.operator.name, reason_in(fields))
        return "/doors?mode=renewed"

    return _answer(request, login, context, act)


def _answer(request: Request, login: Login, context: RequestContext, act: Callable[[], str]) -> Response:
    """On to where the outcome stands, or the doors again with what was wrong."""
    try:
        return see_other(act())
    except NoSuchPlace:
        wrong = NO_SUCH_DOOR
    except NoReason:
        wrong = NO_REASON
    except NoSuchMode:
        wrong = NO_SUCH_MODE
    except NoSuchOrder:
        wrong = OVER
    except ValueError:  # pydantic's own among them: a field that is not what it should be
        wrong = NOT_RIGHT
    return doors_page(request, login, context, say(request, "bad", wrong))
