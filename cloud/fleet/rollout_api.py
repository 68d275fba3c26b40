"""The routes of `/api/v1` that change how devices are wired, and tell how far they are."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException
from msgspec import structs
from pydantic import BaseModel, Field

from cloud.commands.api import Ordered
from cloud.commands.store import DesiredView, list_desired
from cloud.fleet.rolling import CannotRollOut, ask, start
from cloud.fleet.rollout_store import find_rollout, list_rollouts
from cloud.fleet.rollouts import MAX_DEVICES, Rollout
from cloud.web.auth import Right
from cloud.web.context import Context, call_for, there
from cloud.web.operators import Login
from cloud.web.params import ACCEPTED, Limit, Reader, Reason
from contract.messages import MAX_WIRING_CHARACTERS

router = APIRouter(prefix="/api/v1")

Mechanic = Annotated[Login, Depends(call_for(Right.DEVICES))]
Wiring = Annotated[str, Field(max_length=MAX_WIRING_CHARACTERS)]
"""The text of a whole configuration file; empty to go back to the file that the device has."""


class RolloutIn(BaseModel):
    """``wirings`` by device. The ``canary`` is the first by name unless it is named."""

    wirings: Annotated[dict[str, Wiring], Field(min_length=1, max_length=MAX_DEVICES)]
    reason: Reason
    canary: Annotated[str, Field(max_length=40)] = ""


class StopIn(BaseModel):
    reason: Reason


class LegOut(BaseModel):
    """A device of a roll-out: unsent, sent, applied, refused, reverted, or kept with the wiring it had."""

    device: str
    state: str
    why: str


class RolloutOut(BaseModel):
    """``state``: canary, rest, done or stopped."""

    id: str
    by: str
    reason: str
    canary: str
    started_ms: int
    state: str
    why: str
    ended_ms: int | None
    legs: list[LegOut]


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


def rollout_json(rollout: Rollout) -> dict[str, Any]:
    """A ``RolloutOut`` as plain values."""
    legs = [{"device": leg.device, "state": leg.state, "why": leg.why} for leg in rollout.legs]
    return {**structs.asdict(rollout), "legs": legs}


def wiring_json(one: DesiredView) -> dict[str, Any]:
    """A ``WiringOut`` as plain values."""
    told = one.reported
    return {
        "device": one.device,
        "desired": one.wiring_hash,
        "in_force": told.wiring_hash if told else "",
        "status": told.status if told else "",
        "why": told.why if told else "",
        "drifts": one.drifts,
        "since_ms": one.wired_ms,
    }


@router.post("/rollouts", status_code=ACCEPTED)
def begin(body: RolloutIn, login: Mechanic, context: Context) -> Ordered:
    """Bring wirings to devices: to the canary first, and to all others once it has kept its own."""
    try:
        by = login.operator.name
        started = start(context.store, body.wirings, by, body.reason, context.clock(), canary=body.canary)
    except CannotRollOut as wrong:
        raise HTTPException(422, str(wrong)) from None
    return Ordered(id=started.id)


@router.get("/rollouts", response_model=list[RolloutOut])
def rollouts(_login: Reader, context: Context, limit: Limit = 20) -> list[dict[str, Any]]:
    """The newest first."""
    with context.store.reading() as connection:
        return [rollout_json(one) for one in list_rollouts(connection, limit)]


@router.get("/rollouts/{rollout}", response_model=RolloutOut)
def one_rollout(rollout: str, _login: Reader, context: Context) -> dict[str, Any]:
    with context.store.reading() as connection:
        found = find_rollout(connection, rollout)
    return rollout_json(there(found, "there is no such roll-out"))


@router.post("/rollouts/{rollout}/stop", status_code=ACCEPTED)
def stop(rollout: str, body: StopIn, login: Mechanic, context: Context) -> Ordered:
    """Stop it within seconds: what was sent and is not applied is taken back."""
    try:
        with context.store.writing() as connection:
            ask(connection, rollout, login.operator.name, body.reason, context.clock())
    except LookupError:
        raise HTTPException(404, "there is no such roll-out") from None
    except CannotRollOut as wrong:
        raise HTTPException(409, str(wrong)) from None
    return Ordered(id=rollout)


@router.get("/wirings", response_model=list[WiringOut])
def wirings(_login: Reader, context: Context) -> list[dict[str, Any]]:
    """Every device of which something is desired, or that has reported."""
    with context.store.reading() as connection:
        return [wiring_json(one) for one in list_desired(connection)]
