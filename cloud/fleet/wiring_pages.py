"""The pages on which a wiring is changed, and roll-outs are watched and stopped."""

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, Response

from cloud.commands.store import find_desired, list_desired
from cloud.devices.views import list_devices
from cloud.fleet.rolling import CannotRollOut, ask, start
from cloud.fleet.rollout_store import known_wiring, list_rollouts
from cloud.web.auth import Right
from cloud.web.context import N_, Context, Reading, RequestContext, form_for, known_device, page_for
from cloud.web.forms import NO_REASON, Fields, NoReason, Said, reason_in, say
from cloud.web.operators import Login
from cloud.web.pages import Pages, see_other

SHOWN = 20
STARTED = N_("Sent. Below stands what the device makes of it.")
EMPTY = N_("The text is empty. To take the device back to its own file, tick that box. Nothing was changed.")
STOPPED = N_("It is being stopped: what no device has applied yet is taken back.")

Wiring = Annotated[Login, Depends(page_for(Right.DEVICES))]
Changing = Annotated[Login, Depends(form_for(Right.DEVICES))]

router = APIRouter()


@router.get("/rollouts")
def rollouts(request: Request, login: Reading, context: Context, done: str = "") -> HTMLResponse:
    said = {"started": STARTED, "stopped": STOPPED}.get(done)
    return rollouts_page(request, login, context, say(request, "good", said) if said else None)


def rollouts_page(request: Request, login: Login, context: RequestContext, said: Said | None) -> HTMLResponse:
    pages: Pages = request.app.state.pages
    with context.store.reading() as connection:
        found = list_rollouts(connection, SHOWN)
        drifting = [one for one in list_desired(connection) if one.drifts]
        labels = {device.name: device.label for device in list_devices(connection)}
    status = 422 if said and said.tone == "bad" else 200
    return pages.page(
        request,
        "rollouts.html",
        login,
        status,
        rollouts=found,
        live=any(one.live for one in found),
        drifting=drifting,
        labels=labels,
        said=said,
        now_ms=context.clock(),
    )


@router.post("/rollouts/{rollout}/stop")
def stop(request: Request, rollout: str, login: Changing, context: Context, fields: Fields) -> Response:
    try:
        reason = reason_in(fields)
        with context.store.writing() as connection:
            ask(connection, rollout, login.operator.name, reason, context.clock())
    except NoReason:
        return rollouts_page(request, login, context, say(request, "bad", NO_REASON))
    except LookupError:
        raise HTTPException(404) from None
    except CannotRollOut as wrong:
        return rollouts_page(request, login, context, Said("bad", str(wrong)))
    return see_other("/rollouts?done=stopped")


@router.get("/devices/{name}/wiring")
def wiring(request: Request, name: str, login: Wiring, context: Context) -> HTMLResponse:
    return wiring_page(request, login, context, name)


def wiring_page(
    request: Request,
    login: Login,
    context: RequestContext,
    name: str,
    said: Said | None = None,
    typed: str | None = None,
) -> HTMLResponse:
    """The form, filled in with the wiring in force if the cloud knows its text."""
    pages: Pages = request.app.state.pages
    with context.store.reading() as connection:
        device = known_device(connection, name)
        desired = find_desired(connection, name)
        in_force = str(device.state.get("config_hash", ""))
        text = known_wiring(connection, name, in_force) if typed is None else typed
    return pages.page(
        request,
        "wiring.html",
        login,
        422 if said else 200,
        device=device,
        desired=desired,
        in_force=in_force,
        text=text,
        said=said,
        now_ms=context.clock(),
    )


@router.post("/devices/{name}/wiring")
def change(request: Request, name: str, login: Changing, context: Context, fields: Fields) -> Response:
    """A roll-out of one device; back to its own file only if that is ticked. A browser sends its lines with returns
    that no file of ours has."""
    text = fields.get("wiring", "").replace("\r\n", "\n")
    if "own_file" in fields:
        text = ""
    elif not text.strip():
        return wiring_page(request, login, context, name, say(request, "bad", EMPTY), text)
    try:
        reason = reason_in(fields)
        start(context.store, {name: text}, login.operator.name, reason, context.clock())
    except NoReason:
        return wiring_page(request, login, context, name, say(request, "bad", NO_REASON), text)
    except CannotRollOut as wrong:
        return wiring_page(request, login, context, name, Said("bad", str(wrong)), text)
    return see_other("/rollouts?done=started")
