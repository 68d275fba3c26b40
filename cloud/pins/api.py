"""The routes of `/api/v1` about PINs, and about who overrides a lockdown."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from cloud.pins.rule import PIN_DIGITS
from cloud.pins.service import PinService
from cloud.web.bodies import Strict
from cloud.web.context import RequestContext, call_for, service
from cloud.web.params import Clerk, Id
from cloud.web.roles import Right

Pins = Annotated[PinService, Depends(service(PinService))]
Administrator = Annotated[RequestContext, Depends(call_for(Right.SETUP))]

router = APIRouter(prefix="/api/v1/people/{person}")


class PinIn(Strict):
    pin: str = Field(max_length=PIN_DIGITS[-1])


class PinMade(BaseModel):
    """A PIN that was made up: it is told this once."""

    pin: str


class OverrideIn(Strict):
    override: bool


@router.put("/pin", status_code=204)
def set_pin(person: Id, body: PinIn, context: Clerk, pins: Pins) -> None:
    """For all cards that they have now."""
    pins.set_pin(context.by, person, body.pin)


@router.post("/pin/generate", status_code=201)
def make_pin(person: Id, context: Clerk, pins: Pins) -> PinMade:
    return PinMade(pin=pins.make_pin(context.by, person))


@router.delete("/pin", status_code=204)
def clear_pin(person: Id, context: Clerk, pins: Pins) -> None:
    pins.clear_pin(context.by, person)


@router.put("/override", status_code=204)
def set_override(person: Id, body: OverrideIn, context: Administrator, pins: Pins) -> None:
    """Whether somebody of the staff passes a lockdown with card and PIN."""
    pins.set_override(context.by, person, may_override=body.override)
