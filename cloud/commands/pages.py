"""The form of every command, and the page on which one stands: what is shown as done, its device has said."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException
from fastapi.responses import HTMLResponse, Response

from cloud.commands.dependencies import Commands
from cloud.commands.service import NoSuchCard, NoSuchCommand, NoSuchPlace
from cloud.commands.store import find_order
from cloud.web.auth import Right
from cloud.web.context import N_, ReadingZone, RequestContext, form_for, or_404
from cloud.web.forms import NO_REASON, NOT_RIGHT, Fields, NoReason, attempt, reason_in
from cloud.web.pages import local_path, with_query
from contract.commands import COMMANDS, WrongArgs

WRONG: Mapping[type[Exception], str] = {
    NoReason: NO_REASON,
    NoSuchPlace: N_("There is no such place, or no device is registered for it. Nothing was done."),
    NoSuchCommand: N_("This kind of point does not have that command. Nothing was done."),
    NoSuchCard: N_("Choose whose card is used. Nothing was done."),
    WrongArgs: NOT_RIGHT,
}
Caller = Annotated[RequestContext, Depends(form_for(Right.READ))]
"""Whoever may read. What else a command asks for, its row of the table says."""

router = APIRouter()


@router.post("/commands/{op}/{place}")
def issue(op: str, place: str, context: Caller, commands: Commands, fields: Fields) -> Response:
    """Issue a command, and lead back to the page that its form names, or to the command itself."""
    command = or_404(COMMANDS.get(op))
    if not command.offered:
        raise HTTPException(404)
    context.check_right(Right(command.right))

    def act() -> str:
        reason = reason_in(fields)
        named = (*command.arg_names, "card") if "digest" in command.arg_names else command.arg_names
        args: dict[str, Any] = {name: fields[name] for name in named if name in fields}
        if "now_ms" in command.arg_names:
            args["now_ms"] = context.clock()  # a clock is set to the cloud's own time
        return commands.issue(op, place, args, context.by, reason, typed=False)[0]

    def then(order: str) -> str:
        return with_query(local_path(fields["back"]), {}, order=order) if "back" in fields else f"/orders/{order}"

    return attempt(context, act, then, WRONG)


@router.get("/orders/{command}")
def order(command: str, context: ReadingZone) -> HTMLResponse:
    """What became of one command."""
    with context.store.reading() as connection:
        order = or_404(find_order(connection, command))
    return context.render("order.html", order=order)
