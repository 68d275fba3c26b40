"""The routes of `/api/v1` that order something from afar, and tell what became of it."""

from collections.abc import Callable, Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, Field

from cloud.commands.dependencies import Commands, Modes
from cloud.commands.desired import ModeChange, NoSuchMode, NoSuchOrder, must_be_confirmed
from cloud.commands.rule import ModeOrder, TooLong, held_points
from cloud.commands.rule import mode_orders as orders_of
from cloud.commands.service import CommandService, NoSuchCard, NoSuchCommand, NoSuchPlace
from cloud.commands.store import Order, PointState, find_order, list_desired, list_orders, list_points
from cloud.web.auth import Right
from cloud.web.bodies import ReasonIn, answer_of
from cloud.web.context import RequestContext, or_404
from cloud.web.params import ACCEPTED, Guard, Limit, Reader, Reason, ZoneReader
from contract.commands import COMMANDS, WrongArgs
from contract.decide import Mode

router = APIRouter(prefix="/api/v1")

Minutes = Annotated[int | None, Field(ge=1, le=24 * 60)]

NOT_ORDERED: Mapping[type[Exception], int] = {
    NoSuchPlace: 404,
    NoSuchOrder: 404,
    NoSuchCard: 404,
    NoSuchCommand: 422,
    WrongArgs: 422,
    NoSuchMode: 422,
    TooLong: 422,
}
"""Why nothing was ordered. The console catches these itself, to show them above the form."""


class CommandIn(BaseModel, extra="allow"):
    """Why, and beside it the arguments of the command by their names (see ``contract.commands``): ``on`` of a drill,
    ``session`` of a stop, ``now_ms`` of a clock. A start takes the number of a ``card`` in this register; its device
    decides whether its holder may. ``op`` is given where the address does not say it."""

    op: Annotated[str, Field(max_length=40)] = ""
    reason: Reason


class PlacedCommandIn(CommandIn):
    """``place`` is the name of a point, a device or a zone, as the command asks."""

    place: Annotated[str, Field(max_length=80)]


class ModeIn(BaseModel):
    """``points`` names them, or is ``all`` doors of the site. A lockdown must be confirmed, and so must holding all
    doors open. These two end by themselves, after ``minutes`` or after the most that they may last."""

    points: Literal["all"] | Annotated[list[str], Field(min_length=1, max_length=500)]
    mode: Mode
    reason: Reason
    confirm: bool = False
    minutes: Minutes = None


class RenewIn(ReasonIn):
    """``minutes`` from now on; without them the most that the mode may last."""

    minutes: Minutes = None


class CommandsIssued(BaseModel):
    """Ask for ``/api/v1/commands/ID`` to see what became of it. ``ids`` are several in a zone of several devices."""

    id: str
    ids: list[str]


class Ordered(BaseModel):
    """What was ordered, by its name."""

    id: str


POINT_FIELDS = (
    *("name", "label", "device", "presence", "phase", "emergency", "mode", "in_force", "drifts", "lost_ms", "kind"),
    *("until_ms", "order"),
)
"""Of a ``PointState``, what the API shows."""


def _issue(
    op: str, scope: str, place: str, body: CommandIn, context: RequestContext, commands: CommandService
) -> CommandsIssued:
    command = COMMANDS.get(op)
    if command is None or not command.offered or scope not in ("", command.scope):
        raise NoSuchCommand(f"there is no command {op}")
    context.check_right(Right(command.right))
    ids = commands.issue(op, place, body.model_extra or {}, context.by, body.reason)
    return CommandsIssued(id=ids[0], ids=ids)


@router.post("/commands", status_code=ACCEPTED)
def issue(body: PlacedCommandIn, context: Reader, commands: Commands) -> CommandsIssued:
    """Issue any command of the table. It is done when the command's state says so."""
    return _issue(body.op, "", body.place, body, context, commands)


def _at(scope: str, op: str) -> Callable[..., CommandsIssued]:
    """The same at an address that says what the command is for, and which one it is unless the body does."""

    def issue_here(place: str, body: CommandIn, context: Reader, commands: Commands) -> CommandsIssued:
        return _issue(op or body.op, scope, place, body, context, commands)

    return issue_here


for _path, _scope, _op in (
    ("/points/{place}/open", "point", "open_once"),
    ("/points/{place}/start", "point", "session_start"),
    ("/points/{place}/stop", "point", "session_stop"),
    ("/zones/{place}/drill", "zone", "drill"),
    ("/devices/{place}/commands", "device", ""),
):
    router.add_api_route(_path, _at(_scope, _op), methods=["POST"], status_code=ACCEPTED)


@router.get("/commands", response_model=answer_of(list[Order]))
def orders(context: ZoneReader, device: Annotated[str, Query(max_length=80)] = "", limit: Limit = 50) -> list[Order]:
    """The newest first."""
    with context.store.reading() as connection:
        return [one.as_of(context.clock()) for one in list_orders(connection, limit, device=device)]


@router.get("/commands/{command}", response_model=answer_of(Order))
def one_order(command: str, context: ZoneReader) -> Order:
    with context.store.reading() as connection:
        return or_404(find_order(connection, command), "there is no such command").as_of(context.clock())


@router.get("/points", response_model=answer_of(list[PointState], only=POINT_FIELDS))
def points(context: ZoneReader) -> list[PointState]:
    with context.store.reading() as connection:
        return [one for one in list_points(connection, context.clock()) if one.registered]


@router.post("/modes", status_code=ACCEPTED, response_model=answer_of(ModeChange))
def set_mode(body: ModeIn, context: Guard, modes: Modes) -> ModeChange:
    """Set points to a mode, at once where a device is heard, else when it is back."""
    names = None if body.points == "all" else body.points
    if must_be_confirmed(body.mode, names) and not body.confirm:
        raise HTTPException(422, "this keeps people out, or lets everybody in at every door: send confirm = true")
    return modes.set_mode(names, body.mode, context.by, body.reason, body.minutes)


@router.get("/modes", response_model=answer_of(list[ModeOrder]))
def mode_orders(context: Reader) -> list[ModeOrder]:
    """Every order that holds points open or locks them down, the oldest first."""
    with context.store.reading() as connection:
        return orders_of(held_points(list_desired(connection), context.clock()))


@router.post("/modes/{order}/end", status_code=ACCEPTED, response_model=answer_of(ModeChange))
def end_mode(order: str, body: ReasonIn, context: Guard, modes: Modes) -> ModeChange:
    """End what one order set, and no more: what was set otherwise since stays."""
    return modes.end(order, context.by, body.reason)


@router.post("/modes/{order}/renew", status_code=ACCEPTED, response_model=answer_of(ModeChange))
def renew_mode(order: str, body: RenewIn, context: Guard, modes: Modes) -> ModeChange:
    """Have an order last longer, from now on."""
    return modes.renew(order, context.by, body.reason, body.minutes)
