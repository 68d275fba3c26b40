"""The routes of `/api/v1` about logins, the audit, devices and events."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from msgspec import Struct
from msgspec.structs import asdict, replace
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from cloud.devices.event_series import EventFilter
from cloud.devices.event_views import EventPage, list_events, list_events_after
from cloud.devices.views import list_devices
from cloud.overview.asked import asked_holder
from cloud.overview.bodies import DeviceAnswer, EventPageAnswer, device_answer, event_answer
from cloud.overview.event_csv import EventExportService, csv_response
from cloud.overview.line_text import LineText, Listing, search_events
from cloud.web import operators
from cloud.web.assignments import BadAssignment
from cloud.web.auth import (
    MAX_NAME,
    MAX_PASSWORD,
    BadName,
    Busy,
    CodeNeeded,
    LastAdmin,
    NameTaken,
    NoOperator,
    TooManyTries,
    WeakPassword,
    WrongPassword,
)
from cloud.web.bodies import answer_of
from cloud.web.browsers import browser_of
from cloud.web.context import Context, RequestContext, address, agent_of, known_device, service
from cloud.web.live import After, ApiStream, LastEventId, api_dialect, stream
from cloud.web.operators import AuditEntry
from cloud.web.params import AuditReader, Cursor, Limit, OwnCall, Reader, Text, ZoneReader
from cloud.web.second_factor import TooManyCodes, WrongCode


def devices_by_name(connection: Connection, now_ms: int) -> dict[str, DeviceAnswer]:
    """Every device as the stream shows it, by name."""
    return {device.name: device_answer(device, now_ms) for device in list_devices(connection)}


API_STREAM = ApiStream(event_answer, devices_by_name)

router = APIRouter(prefix="/api/v1")

NOT_GRANTED: Mapping[type[Exception], tuple[int, str]] = {
    WrongPassword: (401, "wrong name or password, or the name rests after wrong tries"),
    TooManyTries: (429, "too many wrong tries from this address: wait five minutes"),
    CodeNeeded: (401, "this operator has a second factor: send the code of their app as code"),
    WrongCode: (401, "not the code of this moment, or it was used already"),
    TooManyCodes: (429, "too many wrong codes: wait 15 minutes"),
    Busy: (503, "many people log in at this moment: try again in a few seconds"),
    WeakPassword: (422, "a password has 10 to 200 characters"),
    BadName: (422, ""),
    NameTaken: (409, "there is an operator of that name, or of one that looks the same"),
    LastAdmin: (409, "this is the last administrator: add another one first"),
    BadAssignment: (422, ""),
    NoOperator: (404, "there is no such operator"),
}
"""The status and text of each answer; without one, the text of the exception."""


class LoginIn(BaseModel):
    name: str = Field(max_length=MAX_NAME)
    password: str = Field(max_length=MAX_PASSWORD)
    code: str = Field("", max_length=40)


class LoginOut(BaseModel):
    """Send ``token`` as ``Authorization: Bearer …`` until ``expires_ms``."""

    token: str
    expires_ms: int


@router.post("/login")
def log_in(body: LoginIn, request: Request, context: Context) -> LoginOut:
    browser = browser_of(agent_of(request))
    secret, login = context.authenticator.log_in(body.name, body.password, address(request), browser, body.code)
    return LoginOut(token=secret, expires_ms=login.expires_ms)


@router.post("/logout", status_code=204)
def log_out(context: OwnCall) -> None:
    context.authenticator.log_out(context.login)


@router.get("/stream")
def live_stream(context: ZoneReader, after: After = None, last_event_id: LastEventId = "") -> Response:
    """Server-sent events: `event` (an EventAnswer under its arrival number), `device` (a DeviceAnswer), `resync`."""
    return stream(context, api_dialect(context.login.operator.assignment), last_event_id, after)


@router.get("/devices", response_model=answer_of(list[DeviceAnswer]))
def devices(context: Reader) -> list[DeviceAnswer]:
    with context.store.reading() as connection:
        return list(devices_by_name(connection, context.clock()).values())


@router.get("/devices/{name}", response_model=answer_of(DeviceAnswer))
def device(name: str, context: Reader) -> DeviceAnswer:
    with context.store.reading() as connection:
        return device_answer(known_device(connection, name), context.clock())


class _Wanted(NamedTuple):
    """What a call asks for of events."""

    context: RequestContext
    filters: EventFilter
    person: int | None
    text: str

    def page(self, listing: Listing, cursor: int | None, limit: int) -> EventPage:
        """Raises ``PurposeNeeded`` or ``Forbidden``."""
        text = LineText.of(self.context.language, self.text)
        with self.context.store.reading() as connection:
            holder = asked_holder(self.context, connection, self.person)
            return search_events(connection, replace(self.filters, holder=holder), text, cursor, limit, listing)

    @property
    def narrowed(self) -> dict[str, str]:
        asked = {**asdict(self.filters), "text": self.text, "person": self.person}
        return {name: str(value) for name, value in asked.items() if value}


def _wanted(
    context: ZoneReader,
    device: Text = "",
    point: Text = "",
    kind: Text = "",
    reason: Text = "",
    person: Cursor = None,
    since_ms: Cursor = None,
    until_ms: Cursor = None,
    text: Text = "",
) -> _Wanted:
    filters = EventFilter(device, point, kind, reason, None, since_ms or 0, until_ms or 0)
    return _Wanted(context, filters, person, text)


EventsWanted = Annotated[_Wanted, Depends(_wanted)]
Exports = Annotated[EventExportService, Depends(service(EventExportService))]


@router.get("/events", response_model=answer_of(EventPageAnswer))
def events(wanted: EventsWanted, before: Cursor = None, after: Cursor = None, limit: Limit = 50) -> EventPageAnswer:
    """The newest first, going back with ``before``; or with ``after`` the oldest first, going on. A page of a ``text``
    may be short and have a next one. Those of one person need a purpose: `POST /people/{person}/looks`."""
    page = wanted.page(list_events, before, limit) if after is None else wanted.page(list_events_after, after, limit)
    return EventPageAnswer([event_answer(one) for one in page.rows], page.next)


@router.get("/events.csv", response_class=PlainTextResponse)
def events_csv(wanted: EventsWanted, exports: Exports, bom: bool = False) -> Response:
    """The newest of the same events as a file, in the language that is accepted."""
    answer = csv_response(partial(wanted.page, list_events), wanted.context.language, bom=bom)
    exports.note(wanted.context.by, wanted.narrowed)
    return answer


class AuditPage(Struct, frozen=True):
    deeds: list[AuditEntry]
    next: int | None


@router.get("/audit", response_model=answer_of(AuditPage))
def audit(context: AuditReader, before: Cursor = None, limit: Limit = 50) -> AuditPage:
    with context.store.reading() as connection:
        deeds = operators.list_audit(connection, before, limit)
    return AuditPage(deeds, deeds[-1].id if len(deeds) == limit else None)


@router.get("/openapi.json", include_in_schema=False)
def schema(context: OwnCall) -> JSONResponse:
    """For those who are logged in: before that, nobody is told what runs here."""
    return JSONResponse(context.request.app.openapi())
