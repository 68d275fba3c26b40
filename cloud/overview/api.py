"""The routes of `/api/v1` about logins, operators and their audit, devices and events."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import JSONResponse, Response
from msgspec import Struct
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from cloud.devices.event_series import EventFilter
from cloud.devices.event_views import list_events, list_events_after
from cloud.devices.views import list_devices
from cloud.overview.bodies import DeviceAnswer, EventPageAnswer, device_answer, event_answer
from cloud.web import operators
from cloud.web.auth import (
    MAX_NAME,
    MAX_PASSWORD,
    BadName,
    Busy,
    LastAdmin,
    NameTaken,
    Right,
    Role,
    TooManyTries,
    WeakPassword,
    WrongPassword,
)
from cloud.web.bodies import Added, answer_of
from cloud.web.context import Context, RequestContext, address, call_for, known_device, or_404
from cloud.web.live import JSON, After, ApiStream, LastEventId, stream
from cloud.web.operators import AuditEntry, Operator
from cloud.web.params import Cursor, Limit, Reader, Text


def devices_by_name(connection: Connection, now_ms: int) -> dict[str, DeviceAnswer]:
    """Every device as the stream shows it, by name."""
    return {device.name: device_answer(device, now_ms) for device in list_devices(connection)}


API_STREAM = ApiStream(event_answer, devices_by_name)

router = APIRouter(prefix="/api/v1")

Admin = Annotated[RequestContext, Depends(call_for(Right.OPERATORS))]


NOT_GRANTED: Mapping[type[Exception], tuple[int, str]] = {
    WrongPassword: (401, "wrong name or password, or the name rests after wrong tries"),
    TooManyTries: (429, "too many wrong tries from this address: wait five minutes"),
    Busy: (503, "many people log in at this moment: try again in a few seconds"),
    WeakPassword: (422, "a password has 10 to 200 characters"),
    BadName: (422, ""),
    NameTaken: (409, "there is an operator of that name, or of one that looks the same"),
    LastAdmin: (409, "this is the last administrator: add another one first"),
}
"""The status and text of each answer; without one, the text of the exception."""


class LoginIn(BaseModel):
    name: str = Field(max_length=MAX_NAME)
    password: str = Field(max_length=MAX_PASSWORD)


class LoginOut(BaseModel):
    """Send ``token`` as ``Authorization: Bearer …`` until ``expires_ms``."""

    token: str
    expires_ms: int


@router.post("/login")
def log_in(body: LoginIn, request: Request, context: Context) -> LoginOut:
    secret, login = context.authenticator.log_in(body.name, body.password, address(request))
    return LoginOut(token=secret, expires_ms=login.expires_ms)


@router.post("/logout", status_code=204)
def log_out(context: Reader) -> None:
    context.authenticator.log_out(context.login)


@router.get("/stream")
def live_stream(context: Reader, after: After = None, last_event_id: LastEventId = "") -> Response:
    """Server-sent events: `event` (an EventAnswer under its arrival number), `device` (a DeviceAnswer), `resync`."""
    return stream(context, JSON, last_event_id, after)


@router.get("/devices", response_model=answer_of(list[DeviceAnswer]))
def devices(context: Reader) -> list[DeviceAnswer]:
    with context.store.reading() as connection:
        return list(devices_by_name(connection, context.clock()).values())


@router.get("/devices/{name}", response_model=answer_of(DeviceAnswer))
def device(name: str, context: Reader) -> DeviceAnswer:
    with context.store.reading() as connection:
        return device_answer(known_device(connection, name), context.clock())


@router.get("/events", response_model=answer_of(EventPageAnswer))
def events(
    context: Reader,
    device: Text = "",
    point: Text = "",
    kind: Text = "",
    reason: Text = "",
    before: Cursor = None,
    after: Cursor = None,
    limit: Limit = 50,
) -> EventPageAnswer:
    """The newest first, going back with ``before``; or with ``after`` the oldest first, going on."""
    filters = EventFilter(device, point, kind, reason)
    with context.store.reading() as connection:
        if after is None:
            page = list_events(connection, filters, before, limit)
        else:
            page = list_events_after(connection, filters, after, limit)
    return EventPageAnswer([event_answer(one) for one in page.rows], page.next)


class AuditPage(Struct, frozen=True):
    deeds: list[AuditEntry]
    next: int | None


@router.get("/audit", response_model=answer_of(AuditPage))
def audit(context: Reader, before: Cursor = None, limit: Limit = 50) -> AuditPage:
    with context.store.reading() as connection:
        deeds = operators.list_audit(connection, before, limit)
    return AuditPage(deeds, deeds[-1].id if len(deeds) == limit else None)


class OperatorIn(BaseModel):
    name: str = Field(min_length=1, max_length=MAX_NAME, pattern=r"^\S+$")
    password: str
    role: Role


class DisabledIn(BaseModel):
    disabled: bool


@router.get("/operators", response_model=answer_of(list[Operator]))
def list_operators(context: Admin) -> list[Operator]:
    with context.store.reading() as connection:
        return operators.list_operators(connection)


@router.post("/operators", status_code=201)
def add_operator(body: OperatorIn, context: Admin) -> Added:
    added = context.authenticator.add_operator(body.name, body.password, body.role, context.by)
    return Added(id=added)


@router.patch("/operators/{name}", status_code=204)
def change_operator(name: str, body: DisabledIn, context: Admin) -> None:
    """Disabling an operator ends their logins at once. Nobody disables themselves."""
    with context.store.reading() as connection:
        operator, _ = or_404(operators.find_operator(connection, name), "there is no such operator")
    if operator.id == context.login.operator.id:
        raise HTTPException(409, "ask another administrator: nobody disables themselves")
    context.authenticator.set_disabled(operator, body.disabled, context.by)


@router.get("/openapi.json", include_in_schema=False)
def schema(context: Reader) -> JSONResponse:
    """For those who are logged in: before that, nobody is told what runs here."""
    return JSONResponse(context.request.app.openapi())
