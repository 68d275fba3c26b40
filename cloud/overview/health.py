"""For watchdogs and load balancers: is the process alive, and can it serve? Told to everybody, and nothing more."""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import PlainTextResponse
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from cloud.commands.dependencies import Commands
from cloud.web.context import Context, service
from cloud.web.feed import LiveFeed

router = APIRouter(prefix="/health")


@router.get("/live", response_class=PlainTextResponse)
def is_alive() -> str:
    return "alive"


@router.get("/ready", response_class=PlainTextResponse)
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
