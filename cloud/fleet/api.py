"""The routes of `/api/v1` by which devices are let in, and that change how they are wired.

Nobody is logged in where a device asks to be adopted. What is answered tells nothing: the authority's certificate is
public, and a bundle is closed for the key that asked.
"""

import base64
from collections.abc import Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field

from cloud.commands.api import Ordered
from cloud.commands.rule import DesiredState
from cloud.commands.store import list_desired
from cloud.fleet.adoption import Asking, NotNow
from cloud.fleet.dependencies import Devices, Rollouts, Waiting
from cloud.fleet.rollouts import MAX_DEVICES, Rollout
from cloud.fleet.service import CannotRollOut, NoSuchRollout, RolloutOver
from cloud.fleet.store import find_rollout, list_rollouts
from cloud.keys.ca import MAX_REQUEST_CHARACTERS, BadRequest, read_request
from cloud.web.bodies import ReasonIn, answer_of
from cloud.web.context import Context, address, or_404
from cloud.web.params import ACCEPTED, ConfigReader, Limit, Mechanic, Reason
from contract.adoption import MAX_WIRING_BYTES, NONCE_BYTES
from contract.messages import MAX_WIRING_CHARACTERS

NONCE = f"^[0-9a-f]{{{2 * NONCE_BYTES}}}$"

Wiring = Annotated[str, Field(max_length=MAX_WIRING_CHARACTERS)]
"""The text of a whole configuration file; empty to go back to the file that the device has."""


NOT_SHOWN = "wiring", "number", "former"
"""Of the devices of a roll-out."""
NOT_DONE: Mapping[type[Exception], int] = {
    BadRequest: 422,
    NotNow: 429,
    CannotRollOut: 422,
    RolloutOver: 409,
    NoSuchRollout: 404,
}
"""Why nothing was changed. The console catches these itself, to show them above the form."""

router = APIRouter(prefix="/api/v1")


class AdoptionIn(BaseModel):
    """``request`` is a certificate request (PEM) by the device's key, ``nonce`` (hex) what its code of today commits to
    beside the key, ``wiring`` its configuration file if it has one."""

    request: str = Field(max_length=MAX_REQUEST_CHARACTERS)
    nonce: str = Field(pattern=NONCE)
    wiring: str = Field(default="", max_length=MAX_WIRING_BYTES)


class AdoptionOut(BaseModel):
    """``bundle`` is base64, and empty unless somebody confirmed the device's code."""

    id: str
    state: Literal["waiting", "refused", "confirmed"]
    until_ms: int
    bundle: str = ""


class RolloutIn(BaseModel):
    """``wirings`` by device. The ``canary`` is the first by name unless it is named."""

    wirings: Annotated[dict[str, Wiring], Field(min_length=1, max_length=MAX_DEVICES)]
    reason: Reason
    canary: Annotated[str, Field(max_length=40)] = ""


class WiringOut(BaseModel):
    """What is desired of a device and what it says. ``desired`` and ``in_force`` name wirings by their hash; an empty
    one is its own file, or is not known. It ``drifts`` since ``since_ms``."""

    device: str
    desired: str
    in_force: str
    status: str
    why: str
    drifts: bool
    since_ms: int


@router.get("/ca", response_class=PlainTextResponse)
def authority(registrar: Devices) -> str:
    """The certificate of the community's authority (PEM). Whoever asks compares its fingerprint with one they trust."""
    return registrar.authority.certificate


@router.post("/adoptions", status_code=201)
def ask(body: AdoptionIn, request: Request, context: Context, registrar: Devices, waiting: Waiting) -> AdoptionOut:
    """Ask to be adopted; a device that waits already is told its request again."""
    public_key = read_request(body.request)
    known, nonce = registrar.knows(public_key), bytes.fromhex(body.nonce)
    return _shown(waiting.ask(public_key, nonce, body.wiring, address(request), context.clock(), known))


@router.get("/adoptions/{number}")
def look(number: str, context: Context, waiting: Waiting) -> AdoptionOut:
    return _shown(or_404(waiting.find(number, context.clock()), "this request has run out: ask again"))


def _shown(asking: Asking) -> AdoptionOut:
    state: Literal["waiting", "refused", "confirmed"] = "waiting"
    if asking.envelope:
        state = "confirmed"
    elif asking.refused:
        state = "refused"
    return AdoptionOut(
        id=asking.id, state=state, until_ms=asking.until_ms, bundle=base64.b64encode(asking.envelope).decode()
    )


@router.post("/rollouts", status_code=ACCEPTED)
def begin(body: RolloutIn, context: Mechanic, rollouts: Rollouts) -> Ordered:
    """Bring wirings to devices: to the canary first, and to all others once it has kept its own."""
    return Ordered(id=rollouts.start(body.wirings, context.by, body.reason, canary=body.canary).id)


@router.get("/rollouts", response_model=answer_of(list[Rollout], without=NOT_SHOWN))
def rollouts(context: ConfigReader, limit: Limit = 20) -> list[Rollout]:
    """The newest first."""
    with context.store.reading() as connection:
        return list_rollouts(connection, limit)


@router.get("/rollouts/{rollout}", response_model=answer_of(Rollout, without=NOT_SHOWN))
def one_rollout(rollout: str, context: ConfigReader) -> Rollout:
    with context.store.reading() as connection:
        return or_404(find_rollout(connection, rollout), "there is no such roll-out")


@router.post("/rollouts/{rollout}/stop", status_code=ACCEPTED)
def stop(rollout: str, body: ReasonIn, context: Mechanic, rollouts: Rollouts) -> Ordered:
    """Stop it within seconds: what was sent and is not applied is taken back."""
    rollouts.stop(rollout, context.by, body.reason)
    return Ordered(id=rollout)


@router.get("/wirings")
def wirings(context: ConfigReader) -> list[WiringOut]:
    """Every device of which something is desired, or that has reported."""
    with context.store.reading() as connection:
        return [_wiring(desired) for desired in list_desired(connection)]


def _wiring(desired: DesiredState) -> WiringOut:
    reported = desired.reported
    return WiringOut(
        device=desired.device,
        desired=desired.wiring_hash,
        in_force=reported.wiring_hash if reported else "",
        status=reported.status if reported else "",
        why=reported.why if reported else "",
        drifts=desired.drifts,
        since_ms=desired.wired_ms,
    )
