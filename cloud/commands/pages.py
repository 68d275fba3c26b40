"""The form of every command, and the page on which one stands: what is shown as done, its device has said."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response

from cloud.commands.dependencies import Commands
from cloud.commands.service import NoSuchCard, NoSuchCommand, NoSuchPlace
from cloud.commands.store import find_order
from cloud.web import errors
from cloud.web.auth import Right
from cloud.web.context import N_, Context, Reading, check_right, form_for, there
from cloud.web.forms import NO_REASON, NOT_RIGHT, Fields, NoReason, reason_in
from cloud.web.operators import Login
from cloud.web.pages import local_path, render, see_other, with_query
from contract.commands import COMMANDS, WrongArgs

NOTHING_DONE = N_("Nothing was done")
WRONG: Mapping[type[Exception], str] = {
    NoReason: NO_REASON,
    NoSuchPlace: N_("There is no such place, or no device is registered for it. Nothing was done."),
    NoSuchCommand: N_("This kind of point has not got that command. Nothing was done."),
    NoSuchCard: N_("Choose whose card is to be charged on. Nothing was done."),
    WrongArgs: NOT_RIGHT,
}
Caller = Annotated[Login, Depends(form_for(Right.READ))]
"""Whoever may read. What else a command asks for, its row of the table says."""

router = APIRouter()


@router.post("/commands/{op}/{place}")
def issue(
    request: Request, op: str, place: str, login: Caller, context: Context, commands: Commands, fields: Fields
) -> Response:
    """Issue a command, and lead back to the page that its form names, or to the command itself."""
    command = there(COMMANDS.get(op))
    check_right(login, Right(command.right))
    try:
        reason = reason_in(fields)
        named = (*command.arg_names, "card") if "digest" in command.arg_names else command.arg_names
        args: dict[str, Any] = {name: fields[name] for name in named if name in fields}
        if "now_ms" in command.arg_names:
            args["now_ms"] = context.clock()  # a clock is set to the cloud's own time
        ids = commands.issue(op, place, args, login.operator.name, reason, typed=False)
    except tuple(WRONG) as wrong:
        return errors.page(request, 422, NOTHING_DONE, WRONG[type(wrong)])
    back = fields.get("back", "")
    return see_other(with_query(local_path(back), {}, order=ids[0]) if back else f"/orders/{ids[0]}")


@router.get("/orders/{command}")
def order(request: Request, command: str, login: Reading, context: Context) -> HTMLResponse:
    """What became of one command."""
    with context.store.reading() as connection:
        order = there(find_order(connection, command))
    return render(request, "order.html", login, order=order, now_ms=context.clock())
