"""For machines that watch: is the process alive, can it serve, and with the community's token all figures.

A stranger learns nothing of the figures, not even from loopback: a proxy in front of the cloud speaks from there for
the whole world, so an address proves nothing.
"""

import secrets
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from cloud.commands.dependencies import Commands
from cloud.overview.metrics import Metrics
from cloud.web.context import Context, service
from cloud.web.feed import LiveFeed

router = APIRouter()


@router.get("/health/live", response_class=PlainTextResponse)
def is_alive() -> str:
    return "alive"


@router.get("/health/ready", response_class=PlainTextResponse)
def is_ready(
    context: Context, commands: Commands, feed: Annotated[LiveFeed, Depends(service(LiveFeed))]
) -> PlainTextResponse:
    """Ready when the database answers, the feed runs and the broker has greeted the cloud."""
    try:
        with context.store.reading() as connection:
            connection.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return PlainTextResponse("the database does not answer", 503)
    if not feed.has_room:
        return PlainTextResponse("the live feed does not run, or is full", 503)
    if not commands.connected():
        return PlainTextResponse("the broker does not answer", 503)
    return PlainTextResponse("ready")


@router.get("/metrics")
def metrics(context: Context) -> Response:
    scheme, _, given = context.request.headers.get("authorization", "").partition(" ")
    token: str = context.request.app.state.metrics_token
    if scheme.lower() != "bearer" or not secrets.compare_digest(given.strip().encode(), token.encode()):
        return PlainTextResponse("a token is needed\n", 401, {"WWW-Authenticate": "Bearer"})
    return Response(context.service(Metrics).text(), media_type=CONTENT_TYPE_PLAIN_0_0_4)
