"""The pages on which devices are let in by their code, replaced and reported lost, and on which wirings are changed and
roll-outs watched and stopped."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Depends
from fastapi.responses import HTMLResponse, Response

from cloud.commands.store import find_desired, list_desired
from cloud.devices.registry import NotRegistered, site_of
from cloud.devices.views import list_devices
from cloud.fleet.adoption import Adoptions, NoSuchCode, SameCode
from cloud.fleet.dependencies import Devices, Rollouts, Waiting
from cloud.fleet.service import CannotRollOut, Loss, Position, Registrar
from cloud.fleet.store import exposed_cards, known_wiring, list_rollouts
from cloud.hours.store import hours_labels
from cloud.people.store import list_plans
from cloud.points.zone_store import view_zones
from cloud.web.auth import Right
from cloud.web.context import N_, ReadingConfig, RequestContext, Said, form_for, known_device, page_for
from cloud.web.domain import Nav, NavGroup
from cloud.web.forms import NO_REASON, NOTHING_TYPED, Fields, Mechanic, NoReason, attempt, reason_in
from cloud.web.operators import last_entry
from cloud.web.pages import see_other
from cloud.web.params import Text
from contract.adoption import read_code

WAITED = {
    "adopted": N_("Adopted. The device fetches its keys by itself, within seconds."),
    "refused": N_("Refused. The device can ask again."),
}
"""What is said once a device that waited has been answered."""
NO_CODE = N_("A code has 12 letters and digits, as the device shows them. Nothing was changed.")
NOBODY = N_("No waiting device has this code. After five wrong codes all waiting devices have to ask again.")
TWICE = N_("Two devices show this code: one imitates the other. Both were refused; check who is on your network.")
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
CHANGED = {
    "started": N_("Sent. The state of each device is shown below."),
    "stopped": N_("Stopping: changes that no device has applied yet are withdrawn."),
}
EMPTY = N_("The text is empty. To return the device to its own file, tick that box. Nothing was changed.")

Adopting = Annotated[RequestContext, Depends(page_for(Right.ADOPT))]
Confirming = Annotated[RequestContext, Depends(form_for(Right.ADOPT))]
Wiring = Annotated[RequestContext, Depends(page_for(Right.DEVICES))]

router = APIRouter()
NAV = (
    Nav(NavGroup.DEVICES, "/rollouts", N_("Wiring"), right=Right.CONFIG, also="/devices/[^/]+/wiring"),
    Nav(NavGroup.DEVICES, "/adoptions", N_("Adopt"), right=Right.ADOPT, also="/devices/[^/]+/lost"),
)


@router.get("/adoptions")
def adoptions(context: Adopting, code: Text = "", done: str = "", device: Text = "") -> HTMLResponse:
    """After an adoption the page says what became of the points and zones of that device."""
    return adoptions_page(context, context.confirm(WAITED, done), typed={"code": code}, adopted=device)


def adoptions_page(
    context: RequestContext,
    said: Said | None = None,
    *,
    typed: Mapping[str, str] = NOTHING_TYPED,
    loss: tuple[str, Loss] | None = None,
    adopted: str = "",
) -> HTMLResponse:
    now_ms, waiting, registrar = context.clock(), context.service(Adoptions), context.service(Registrar)
    with context.store.reading() as connection:
        devices, zones = list_devices(connection), view_zones(connection)
        plans, hours = list_plans(connection), hours_labels(connection)
        entry = last_entry(connection, adopted, ADOPTED) if adopted else None
    return context.render(
        "adoptions.html",
        said=said,
        now_ms=now_ms,
        devices=devices,
        zones=zones,
        typed=typed,
        loss=loss,
        plans=plans,
        hours=hours,
        adopted=entry,
        waiting=waiting.waiting(now_ms),
        fingerprint=registrar.authority.fingerprint,
    )


@router.post("/adoptions")
def confirm(
    context: Confirming,
    registrar: Devices,
    waiting: Waiting,
    fields: Fields,
    background: BackgroundTasks,
) -> Response:
    def act() -> str:
        code, position = read_code(fields.get("code", "")), _position(fields)
        asking = waiting.claim(code, context.clock())
        waiting.answer(asking, registrar.adopt(asking.public_key, asking.wiring, position, context.by))
        if position.replace:
            background.add_task(registrar.cut_off, position.name)
        return position.name

    again = partial(adoptions_page, context, typed=fields)
    return attempt(context, act, "/adoptions?done=adopted&device={}".format, NOT_ADOPTED, again)


@router.post("/adoptions/{number}/refuse")
def refuse(number: str, _context: Confirming, waiting: Waiting) -> Response:
    waiting.refuse(number)
    return see_other("/adoptions?done=refused")


@router.get("/devices/{name}/lost")
def loss_page(name: str, context: Adopting) -> HTMLResponse:
    """What it means to report a device lost, and why it is to be."""
    return _ask_loss(context, name)


def _ask_loss(context: RequestContext, name: str, said: Said | None = None) -> HTMLResponse:
    with context.store.reading() as connection:
        device, cards = known_device(connection, name), len(exposed_cards(connection, site_of(connection).name, name))
    return context.render("lost.html", device=device, cards=cards, said=said)


@router.post("/devices/{name}/lost")
def lose(name: str, context: Confirming, registrar: Devices, fields: Fields, background: BackgroundTasks) -> Response:
    """The answer is the list of what to do; it is not kept, but can be asked for again."""
    try:
        loss = registrar.lose(name, context.by, reason_in(fields))
    except NotRegistered:
        return adoptions_page(context, context.say("bad", NOT_THERE))
    except NoReason:
        return _ask_loss(context, name, context.say("bad", NO_REASON))
    background.add_task(registrar.cut_off, name)
    return adoptions_page(context, loss=(name, loss))


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
def rollouts(context: ReadingConfig, done: str = "") -> HTMLResponse:
    return rollouts_page(context, context.confirm(CHANGED, done))


def rollouts_page(context: RequestContext, said: Said | None) -> HTMLResponse:
    with context.store.reading() as connection:
        listed = list_rollouts(connection, SHOWN)
        drifting = [one for one in list_desired(connection) if one.drifts]
        labels = {device.name: device.label for device in list_devices(connection)}
    return context.render(
        "rollouts.html",
        rollouts=listed,
        live=any(one.live for one in listed),
        drifting=drifting,
        labels=labels,
        said=said,
    )


@router.post("/rollouts/{rollout}/stop")
def stop(rollout: str, context: Mechanic, rollouts: Rollouts, fields: Fields) -> Response:
    return attempt(
        context,
        lambda: rollouts.stop(rollout, context.by, reason_in(fields)),
        "/rollouts?done=stopped",
        NOT_ROLLED_OUT,
        partial(rollouts_page, context),
    )


@router.get("/devices/{name}/wiring")
def wiring(name: str, context: Wiring) -> HTMLResponse:
    return wiring_page(context, name)


def wiring_page(
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
    return context.render(
        "wiring.html",
        device=device,
        desired=desired,
        in_force=in_force,
        text=text,
        said=said,
    )


@router.post("/devices/{name}/wiring")
def change(name: str, context: Mechanic, rollouts: Rollouts, fields: Fields) -> Response:
    """A roll-out of one device; back to its own file only if that is ticked. A browser sends its lines with returns
    that no file of ours has."""
    own_file = "own_file" in fields
    text = "" if own_file else fields.get("wiring", "").replace("\r\n", "\n")

    def act() -> None:
        if not (own_file or text.strip()):
            raise CannotRollOut(EMPTY)
        rollouts.start({name: text}, context.by, reason_in(fields))

    again = partial(wiring_page, context, name, typed=text)
    return attempt(context, act, "/rollouts?done=started", NOT_ROLLED_OUT, again)
