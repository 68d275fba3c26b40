"""Keeps pages fresh: what the feed reads from the database, as lines and pieces of every page that is live."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, HTTPException, Query
from fastapi.responses import Response
from fastapi.sse import EventSourceResponse
from msgspec import Struct
from sqlalchemy import Connection

from cloud.devices.event_views import EventView, last_arrival, list_arrivals
from cloud.devices.registry import site_of
from cloud.store.database import Store
from cloud.store.schema import MAX_INTEGER
from cloud.web.context import ReadingZone, RequestContext, or_404
from cloud.web.domain import LivePage
from cloud.web.feed import MAX_FRAME_EVENTS, Item, LiveFeed, Span
from cloud.web.operators import ended_logins
from cloud.web.pages import Pages
from cloud.web.panels import PanelBoard
from cloud.web.params import Text
from cloud.web.roles import Assignment, Right, Role
from cloud.web.tokens import standing_tokens

After = Annotated[int | None, Query(ge=0, le=MAX_INTEGER)]
LastEventId = Annotated[str, Header(max_length=19)]


class ApiStream(Struct, frozen=True):
    """What the stream of the API tells: every event, and every device by its name."""

    event: Callable[[EventView], Struct]
    devices: Callable[[Connection, int], Mapping[str, Struct]]


class PageSource:
    """What the feed reads: the database, and the templates that turn its rows into lines and pieces.

    A dialect is a page, the rest of its address, the code of a language, and for whom it is: a role, and the part of
    the site that it is for. That of the API has no page.
    """

    def __init__(self, store: Store, pages: Pages, board: PanelBoard, live: Sequence[LivePage], api: ApiStream) -> None:
        self._store, self._pages, self._board, self._api = store, pages, board, api
        self._live = {one.name: one for one in live}

    def newest(self) -> int:
        with self._store.reading() as connection:
            return last_arrival(connection)

    def span(self, after: int) -> Span:
        with self._store.reading() as connection:
            rows = list_arrivals(connection, after, MAX_FRAME_EVENTS)
        if len(rows) == MAX_FRAME_EVENTS:
            after = max(after, rows[0].arrival - 1)
        return Span(after, rows[-1].arrival if rows else after, rows)

    def encode(self, dialect: str, rows: Sequence[EventView]) -> list[Item]:
        page, of, code, assignment = _read(dialect)
        scope = self._pages.scope(assignment)
        seen = [row.seen_in(scope) for row in rows if scope.sees_zone(row.zone)]
        if not page:
            return [Item("event", _json(self._api.event(row)), arrival=row.arrival) for row in seen]
        now_ms = self._board.clock()
        return [
            Item("event", self._pages.fragment(code, "_line.html", event=row, now_ms=now_ms), arrival=row.arrival)
            for row in seen
            if self._live[page].shows(of, row)
        ]

    def status(self, dialect: str) -> list[Item]:
        page, of, code, assignment = _read(dialect)
        scope = self._pages.scope(assignment)
        if not page:
            with self._store.reading(scope) as connection:
                devices = self._api.devices(connection, self._board.clock())
            return [Item("device", _json(one), key=name) for name, one in devices.items()]
        with self._store.reading(scope) as connection:
            visit = self._board.visit(connection, assignment.rule.rights)
            about = self._live[page].find(visit, of)
            if about is None:
                return []
            shown = self._board.look(visit, page, about, of, live=True)

        def item(name: str, template: str, values: Mapping[str, Any]) -> Item:
            made = self._pages.fragment(code, template, **{"now_ms": visit.now_ms, "rights": visit.rights, **values})
            return Item("piece", made, key=name)

        banner = {"banner": self._pages.banner(scope), "sirens_below": self._live[page].shows_emergencies}
        return [
            *(item(piece.name, piece.template, values) for piece, values in shown.pieces()),
            item("shape", "_shape.html", {"shape": shown.shape}),
            item("banner", "_banner.html", banner),
        ]

    def ended(self, logins: Collection[bytes]) -> Collection[bytes]:
        now_ms = self._board.clock()
        with self._store.reading() as connection:
            ended = ended_logins(connection, logins, now_ms)
            return ended - standing_tokens(connection, site_of(connection).name, ended, now_ms)

    def dialect(self, page: str, of: str, code: str, assignment: Assignment) -> str | None:
        """The dialect of a page for somebody; None if they see no such page that is live."""
        live = self._live.get(page)
        if live is None or " " in of or not assignment.may(Right.READ, live.parts):
            return None
        with self._store.reading(self._pages.scope(assignment)) as connection:
            if live.find(self._board.visit(connection, assignment.rule.rights), of) is None:
                return None
        return _written(page, of, code, assignment)


def api_dialect(assignment: Assignment) -> str:
    return _written("", "", "", assignment)


def _written(page: str, of: str, code: str, assignment: Assignment) -> str:
    return f"{page} {of} {code} {assignment.role.value} {assignment.of}"


def _read(dialect: str) -> tuple[str, str, str, Assignment]:
    page, of, code, role, part = dialect.split(" ")
    return page, of, code, Assignment(Role(role), part)


def _json(answer: Struct) -> str:
    return msgspec.json.encode(answer).decode()


def stream(context: RequestContext, dialect: str, last_event_id: str, after: int | None) -> Response:
    """A browser that reconnects by itself sends the last number it saw, which is newer than its address."""
    feed, source = context.service(LiveFeed), context.service(PageSource)
    if not feed.has_room:
        raise HTTPException(503, "no room for another stream: close one, or try again shortly")
    seen = int(last_event_id) if last_event_id.isascii() and last_event_id.isdigit() else None
    since = after if seen is None or seen > MAX_INTEGER else seen
    chunks = feed.watch(source, dialect, since, context.login.id_hash)
    return EventSourceResponse(chunks, headers={"X-Accel-Buffering": "no"})


router = APIRouter()


@router.get("/live")
def live(
    context: ReadingZone,
    page: Text = "overview",
    of: Annotated[str, Query(max_length=400)] = "",
    after: After = None,
    last_event_id: LastEventId = "",
) -> Response:
    """The stream of a page, in the page's language."""
    dialect = or_404(
        context.service(PageSource).dialect(page, of, context.language.code, context.login.operator.assignment)
    )
    return stream(context, dialect, last_event_id, after)
