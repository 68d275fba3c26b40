"""The routes of `/api/v1` about charging: sessions, orders to sockets, and what everybody may see of a hub."""

from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from cloud.charging.hub_page import IfNoneMatch, cacheable
from cloud.charging.hubs import HubBoard, hub_json
from cloud.charging.rule import Condition
from cloud.charging.store import BadCursor, Hub, SessionView, find_session, list_sessions
from cloud.web.bodies import Words, plain
from cloud.web.context import Context, there
from cloud.web.params import Limit, Reader, Text

JSON = "json"
NAME = r"^[0-9a-f]{16}$"

router = APIRouter(prefix="/api/v1")


class ReceiptLineOut(BaseModel):
    """What was used at one pair of prices, in fen, milliseconds and milliwatt-hours."""

    fen_per_hour: int
    fen_per_kwh: int
    ms: int
    mwh: int
    fen: int


class ReceiptOut(BaseModel):
    """What a session costs by the tariff, in fen. Nothing is booked by it yet."""

    fen: int
    free_minutes: int
    lines: list[ReceiptLineOut]
    idle_minutes: int
    idle_fen: int


class SessionOut(BaseModel):
    """A session. Times are its device's clock, null where that did not know. ``state`` is running, interrupted, ended,
    or unheard where its end may have been missed; ``reason`` is why it ended."""

    session: str
    device: str
    point: str
    kind: str
    state: Literal["running", "interrupted", "ended", "unheard"]
    holder: str | None
    name: Words | None
    began_by: str
    began_ms: int | None
    told_ms: int
    ended_ms: int | None
    reason: str
    energy_wh: int
    power_w: int | None
    lasted_ms: int
    receipt: ReceiptOut | None


class SessionsOut(BaseModel):
    """``next`` goes into ``before``; null at the end."""

    sessions: list[SessionOut]
    next: str | None


class SocketOut(BaseModel):
    """A socket or post. ``likely_free_ms`` is when one that charges is likely free, null where nobody knows."""

    name: str
    label: Words
    class_name: Annotated[str, Field(alias="class")]
    state: Condition
    heard_ms: int | None
    likely_free_ms: int | None


class HubOut(BaseModel):
    """What everybody may see of a hub. ``heard_ms`` is when the device that has been silent longest was last heard;
    ``unheard`` counts sockets of which nobody knows anything now. Free ones come first in every class."""

    name: str
    label: Words
    as_of_ms: int
    heard_ms: int | None
    free: int
    busy: int
    fault: int
    unheard: int
    sockets: list[SocketOut]


def session_json(one: SessionView, now_ms: int) -> dict[str, Any]:
    """A ``SessionOut`` as plain values."""
    name = {"zh": one.person.name.zh, "en": one.person.name.en} if one.person else None
    holder = one.holder.hex() if one.holder else None
    return {**plain(one), "state": one.state(now_ms), "holder": holder, "name": name}


@router.get("/sessions", response_model=SessionsOut)
def sessions(
    _login: Reader,
    context: Context,
    device: Text = "",
    point: Text = "",
    before: Annotated[str, Query(max_length=80)] = "",
    limit: Limit = 50,
) -> dict[str, Any]:
    """Those that were told of last, first."""
    try:
        with context.store.reading() as connection:
            found = list_sessions(connection, device=device, point=point, before=before, limit=limit)
    except BadCursor:
        raise HTTPException(422, "before is the next of an earlier answer") from None
    shown = [session_json(one, context.clock()) for one in found]
    return {"sessions": shown, "next": found[-1].cursor if len(found) == limit else None}


@router.get("/sessions/{device}/{session}", response_model=SessionOut)
def one_session(device: str, session: str, _login: Reader, context: Context) -> dict[str, Any]:
    with context.store.reading() as connection:
        found = find_session(connection, device, session)
    return session_json(there(found, "there is no such session"), context.clock())


@router.get("/hubs/{hub}", response_model=HubOut)
def public_hub(request: Request, hub: str, if_none_match: IfNoneMatch = "") -> Response:
    """What is free. Nobody has to log in for it, and it may be kept for some seconds."""
    board: HubBoard = request.app.state.hubs
    made = there(board.page(hub, JSON, _encoded), "there is no such hub")
    return cacheable(made, if_none_match, "application/json")


def _encoded(found: Hub, now_ms: int) -> bytes:
    return msgspec.json.encode(hub_json(found, now_ms))
