"""What a device asks before anybody knows it: the authority's certificate, and to be adopted.

Nobody is logged in here. What is answered tells nothing: the certificate is public, and a bundle is closed for the key
that asked.
"""

import base64
from typing import Literal

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field

from cloud.fleet.adoption import Asking, NotNow
from cloud.fleet.dependencies import Devices, Waiting
from cloud.keys.ca import MAX_REQUEST_CHARACTERS, BadRequest, read_request
from cloud.web.context import Context, address
from contract.adoption import MAX_WIRING_BYTES, NONCE_BYTES

NONCE = f"^[0-9a-f]{{{2 * NONCE_BYTES}}}$"

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


@router.get("/ca", response_class=PlainTextResponse)
def authority(registrar: Devices) -> str:
    """The certificate of the community's authority (PEM). Whoever asks compares its fingerprint with one they trust."""
    return registrar.authority.certificate


@router.post("/adoptions", status_code=201)
def ask(body: AdoptionIn, request: Request, context: Context, registrar: Devices, waiting: Waiting) -> AdoptionOut:
    """Ask to be adopted; a device that waits already is told its request again."""
    try:
        public_key = read_request(body.request)
        known = registrar.knows(public_key)
        nonce = bytes.fromhex(body.nonce)
        found = waiting.ask(public_key, nonce, body.wiring, address(request), context.clock(), known)
    except BadRequest as wrong:
        raise HTTPException(422, str(wrong)) from None
    except NotNow as wrong:
        raise HTTPException(429, str(wrong)) from None
    return _shown(found)


@router.get("/adoptions/{number}")
def look(number: str, context: Context, waiting: Waiting) -> AdoptionOut:
    found = waiting.find(number, context.clock())
    if found is None:
        raise HTTPException(404, "this request has run out: ask again")
    return _shown(found)


def _shown(one: Asking) -> AdoptionOut:
    state: Literal["waiting", "refused", "confirmed"] = "waiting"
    if one.envelope:
        state = "confirmed"
    elif one.refused:
        state = "refused"
    return AdoptionOut(id=one.id, state=state, until_ms=one.until_ms, bundle=base64.b64encode(one.envelope).decode())
