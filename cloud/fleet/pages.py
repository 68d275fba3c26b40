"""The pages on which devices are let in by their code, replaced and reported lost, and on which wirings are changed and
roll-outs watched and stopped."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Depends, Request
from fastapi.responses import HTMLResponse, Response

from cloud.commands.store import find_desired, list_desired
from cloud.devices.registry import NotRegistered
from cloud.devices.views import list_devices
from cloud.fleet.adoption import Adoptions, NoSuchCode, SameCode
from cloud.fleet.dependencies import Devices, Rollouts, Waiting
from cloud.fleet.service import CannotRollOut, Loss, Position, Registrar
from cloud.fleet.store import exposed_cards, known_wiring, list_rollouts
from cloud.people.store import list_plans
from cloud.points.zone_store import hours_labels, view_zones
from cloud.web.auth import Right
from cloud.web.context import N_, Context, Reading, RequestContext, form_for, known_device, page_for, service
from cloud.web.domain import Nav
from cloud.web.forms import NO_REASON, Fields, Mechanic, NoReason, Said, attempt, reason_in, say
from cloud.web.operators import Login, last_deed
from cloud.web.pages import render, see_other
from cloud.web.params import Text
from contract.adoption import read_code

DONE = N_("Adopted. The device fetches its keys by itself, within seconds.")
REFUSED = N_("Refused. The device can ask again.")
NO_CODE = N_("A code has 12 letters and digits, as the device shows them. Nothing was changed.")
NOBODY = N_("Nobody who waits has this code. After five wrong codes all who wait have to ask again.")
TWICE = N_("Two devices show this code: one imitates the other. Both were refused; find out who is on your network.")
NO_PLACE = N_("Name a new place, or choose the device that is replaced. Nothing was changed.")
TAKEN = N_(
    "That place cannot be given: another device has the name, or it is no name of lower-case letters, digits and "
    "hyphens. Nothing was changed."
)
ADOPTED = ("device.adopted", "device.replaced")


class NoPlace(ValueError):
    """The form names no place for a device."""


NOT_ADOPTED: Mapping[type[Exception], str] = {
    NoPlace: NO_PLACE,
    NoSuchCode: NOBODY,
    SameCode: TWICE,
    NotRegistered: TAKEN,
    ValueError: NO_CODE,
}
NOT_ROLLED_OUT: Mapping[type[Exception], str] = {NoReason: NO_REASON, CannotRollOut: ""}
NOT_THERE = N_("There is no such device. Nothing was changed.")

SHOWN = 20
STARTED = N_("Sent. Below stands what the device makes of it.")
EMPTY = N_("The text is empty. To take the device back to its own file, tick that box. Nothing was changed.")
STOPPED = N_("It is being stopped: what no device has applied yet is taken back.")

Adopting = Annotated[Login, Depends(page_for(Right.ADOPT))]
Confirming = Annotated[Login, Depends(form_for(Right.ADOPT))]
Wiring = Annotated[Login, Depends(page_for(Right.DEVICES))]

router = APIRouter()
NAV = (
    Nav(80, "/rollouts", N_("Wiring"), seldom=True, also="/devices/[^/]+/wiring"),
    Nav(110, "/adoptions", N_("Adopt"), seldom=True, right=Right.ADOPT, also="/devices/[^/]+/lost"),
)


@router.get("/adoptions")
def adoptions(
    request: Request, login: Adopting, context: Context, code: Text = "", done: str = "", device: Text = ""
) -> HTMLResponse:
    """After an adoption the page says what became of the points and zones of that device."""
    said = say(request, "good", {"adopted": DONE, "refused": REFUSED}[done]) if done in ("adopted", "refused") else None
    return adoptions_page(request, login, context, said, {"code": code}, adopted=device)


def adoptions_page(
    request: Request,
    login: Login,
    context: RequestContext,
    said: Said | None,
    typed: Mapping[str, str],
    loss: tuple[str, Loss] | None = None,
    adopted: str = "",
) -> HTMLResponse:
    now_ms, waiting, registrar = context.clock(), service(Adoptions)(request), service(Registrar)(request)
    with context.store.reading() as connection:
        devices, zones = list_devices(connection), view_zones(connection)
        plans, hours = list_plans(connection), hours_labels(connection)
        deed = last_deed(connection, adopted, ADOPTED) if adopted else None
    return render(
        request,
        "adoptions.html",
        login,
        422 if said and said.tone == "bad" else 200,
        said=said,
        now_ms=now_ms,
        devices=devices,
        zones=zones,
        typed=typed,
        loss=loss,
        plans=plans,
        hours=hours,
        adopted=deed,
        waiting=waiting.waiting(now_ms),
        fingerprint=registrar.authority.fingerprint,
    )


@router.post("/adoptions")
def confirm(
    request: Request,
    login: Confirming,
    context: Context,
    registrar: Devices,
    waiting: Waiting,
    fields: Fields,
    background: BackgroundTasks,
) -> Response:
    def act() -> str:
        code, position = read_code(fields.get("code", "")), _position(fields)
        asking = waiting.claim(code, context.clock())
        waiting.answer(asking, registrar.adopt(asking.public_key, asking.wiring, position, login.operator.name))
        if position.replace:
            background.add_task(registrar.cut_off, position.name)
        return position.name

    def again(said: Said) -> Response:
        return adoptions_page(request, login, context, said, fields)

    return attempt(request, act, "/adoptions?done=adopted&device={}", again, NOT_ADOPTED)


@router.post("/adoptions/{number}/refuse")
def refuse(number: str, _login: Confirming, waiting: Waiting) -> Response:
    waiting.refuse(number)
    return see_other("/adoptions?done=refused")


@router.get("/devices/{name}/lost")
def loss_page(request: Request, name: str, login: Adopting, context: Context) -> HTMLResponse:
    """What it means to report a device lost, and why it is to be."""
    return _ask_loss(request, name, login, context)


def _ask_loss(
    request: Request, name: str, login: Login, context: RequestContext, said: Said | None = None
) -> HTMLResponse:
    with context.store.reading() as connection:
        device = known_device(connection, name)
        cards = len(exposed_cards(connection, name))
    return render(request, "lost.html", login, 422 if said else 200, device=device, cards=cards, said=said)


@router.post("/devices/{name}/lost")
def lose(
    request: Request,
    name: str,
    login: Confirming,
    context: Context,
    registrar: Devices,
    fields: Fields,
    background: BackgroundTasks,
) -> Response:
    """The answer is the list of what to do; it is not kept, but can be asked for again."""
    try:
        loss = registrar.lose(name, login.operator.name, reason_in(fields))
    except NotRegistered:
        return adoptions_page(request, login, context, say(request, "bad", NOT_THERE), {})
    except NoReason:
        return _ask_loss(request, name, login, context, say(request, "bad", NO_REASON))
    background.add_task(registrar.cut_off, name)
    return adoptions_page(request, login, context, None, {}, (name, loss))


def _position(fields: Mapping[str, str]) -> Position:
    """Raises ``NoPlace``."""
    name, zh, en, zone = (fields.get(key, "").strip() for key in ("name", "label_zh", "label_en", "zone"))
    replaced = fields.get("replace", "")
    is_replaced = fields.get("place", "replace" if replaced else "new") == "replace"
    position = Position(replaced, replace=True) if is_replaced else Position(name, zh, en, zone)
    if not position.name:
        raise NoPlace
    return position


@router.get("/rollouts")
def rollouts(request: Request, login: Reading, context: Context, done: str = "") -> HTMLResponse:
    said = {"started": STARTED, "stopped": STOPPED}.get(done)
    return rollouts_page(request, login, context, say(request, "good", said) if said else None)


def rollouts_page(request: Request, login: Login, context: RequestContext, said: Said | None) -> HTMLResponse:
    with context.store.reading() as connection:
        found = list_rollouts(connection, SHOWN)
        drifting = [one for one in list_desired(connection) if one.drifts]
        labels = {device.name: device.label for device in list_devices(connection)}
    status = 422 if said and said.tone == "bad" else 200
    return render(
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
def stop(
    request: Request, rollout: str, login: Mechanic, context: Context, rollouts: Rollouts, fields: Fields
) -> Response:
    return attempt(
        request,
        lambda: rollouts.stop(rollout, login.operator.name, reason_in(fields)),
        "/rollouts?done=stopped",
        lambda said: rollouts_page(request, login, context, said),
        NOT_ROLLED_OUT,
    )


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
    with context.store.reading() as connection:
        device = known_device(connection, name)
        desired = find_desired(connection, name)
        in_force = str(device.state.get("config_hash", ""))
        text = known_wiring(connection, name, in_force) if typed is None else typed
    return render(
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
def change(
    request: Request, name: str, login: Mechanic, context: Context, rollouts: Rollouts, fields: Fields
) -> Response:
    """A roll-out of one device; back to its own file only if that is ticked. A browser sends its lines with returns
    that no file of ours has."""
    own_file = "own_file" in fields
    text = "" if own_file else fields.get("wiring", "").replace("\r\n", "\n")

    def act() -> None:
        if not (own_file or text.strip()):
            raise CannotRollOut(EMPTY)
        rollouts.start({name: text}, login.operator.name, reason_in(fields))

    def again(said: Said) -> Response:
        return wiring_page(request, login, context, name, said, text)

    return attempt(request, act, "/rollouts?done=started", again, NOT_ROLLED_OUT)
