"""Opens a live stream for a request: the console's and the API's alike."""

from typing import Annotated

from fastapi import Header, HTTPException, Query, Request
from fastapi.responses import Response
from fastapi.sse import EventSourceResponse

from cloud.store.schema import MAX_INTEGER
from cloud.web.context import RequestContext, secret_of, service
from cloud.web.feed import LiveFeed

JSON = "json"
"""The dialect of the API's stream; the others are the codes of the console's languages."""

After = Annotated[int | None, Query(ge=0, le=MAX_INTEGER)]
LastEventId = Annotated[str, Header(max_length=19)]


def stream(request: Request, context: RequestContext, dialect: str, last_event_id: str, after: int | None) -> Response:
    """A browser that reconnects by itself sends the last number it saw, which is newer than its address."""
    feed, source = service(LiveFeed)(request), request.app.state.source
    if not feed.has_room:
        raise HTTPException(503, "no room for another stream: close one, or try again shortly")
    secret = secret_of(request)
    seen = int(last_event_id) if last_event_id.isascii() and last_event_id.isdigit() else None
    since = after if seen is None or seen > MAX_INTEGER else seen
    chunks = feed.watch(source, dialect, since, lambda: context.authenticator.login_of(secret) is not None)
    return EventSourceResponse(chunks, headers={"X-Accel-Buffering": "no"})
