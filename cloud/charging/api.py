"""The routes of `/api/v1` about charging: sessions, orders to sockets, and what everybody may see of a hub."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import Response
from msgspec import Struct

from cloud.charging.hub_page import IfNoneMatch, cacheable
from cloud.charging.hubs import HubAnswer, HubBoard, hub_answer
from cloud.charging.rule import Receipt
from cloud.charging.sessions import Session
from cloud.charging.store import BadCursor, Hub, SessionView, find_session, list_sessions
from cloud.store.labels import Label
from cloud.web.bodies import answer_of
from cloud.web.context import Context, or_404
from cloud.web.params import Limit, Text, ZoneReader

JSON = "json"

router = APIRouter(prefix="/api/v1")


class SessionAnswer(Session, frozen=True, kw_only=True):
    """A session. Times are its device's clock, null where that did not know. ``state`` is running, interrupted, ended,
    or unheard where its end may have been missed; ``reason`` is why it ended."""

    device: str
    state: str
    name: Label | None
    receipt: Receipt | None  # type: ignore[assignment]  # what can be true in it


class SessionPage(Struct, frozen=True):
    """``next`` goes into ``before``; null at the end."""

    sessions: list[SessionAnswer]
    next: str | None


def session_answer(one: SessionView, now_ms: int) -> SessionAnswer:
    session = {name: getattr(one, name) for name in Session.__struct_fields__}
    name = one.person.name if one.person else None
    return SessionAnswer(**session | {"receipt": one.bill}, device=one.device, state=one.state(now_ms), name=name)


@router.get("/sessions", response_model=answer_of(SessionPage))
def sessions(
    context: ZoneReader,
    device: Text = "",
    point: Text = "",
    before: Annotated[str, Query(max_length=80)] = "",
    limit: Limit = 50,
) -> SessionPage:
    """Those that were told of last, first."""
    try:
        with context.store.reading() as connection:
            views = list_sessions(connection, device=device, point=point, before=before, limit=limit)
    except BadCursor:
        raise HTTPException(422, "before is the next of an earlier answer") from None
    shown = [session_answer(one, context.clock()) for one in views]
    return SessionPage(shown, views[-1].cursor if len(views) == limit else None)


@router.get("/sessions/{device}/{session}", response_model=answer_of(SessionAnswer))
def one_session(device: str, session: str, context: ZoneReader) -> SessionAnswer:
    with context.store.reading() as connection:
        view = or_404(find_session(connection, device, session), "there is no such session")
    return session_answer(view, context.clock())


@router.get("/hubs/{hub}", response_model=answer_of(HubAnswer))
def public_hub(context: Context, hub: str, if_none_match: IfNoneMatch = "") -> Response:
    """What is free. Nobody has to log in for it, and it may be kept for some seconds."""
    made = or_404(context.service(HubBoard).page(hub, JSON, _encoded), "there is no such hub")
    return cacheable(made, if_none_match, "application/json")


def _encoded(view: Hub, now_ms: int) -> bytes:
    return msgspec.json.encode(hub_answer(view, now_ms))
