"""The routes of `/api/v1` about counted zones: how many are inside, and what a person knows better."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from cloud.counters.board import CountView, list_counts
from cloud.counters.pages import Counters, check_seen
from cloud.web.bodies import Strict, answer_of
from cloud.web.context import RequestContext, call_for
from cloud.web.params import Guard, ZoneReader
from cloud.web.roles import Part, Right
from contract.occupancy import MAX_INSIDE

CountCaller = Annotated[RequestContext, Depends(call_for(Right.COUNT, Part.ZONE))]
HolderText = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]

router = APIRouter(prefix="/api/v1")


class CountIn(Strict):
    """How many somebody has counted just now."""

    inside: int = Field(ge=0, le=MAX_INSIDE)


class InsideHolderIn(Strict):
    """A person, as devices know one."""

    holder: HolderText


@router.get("/inside", response_model=answer_of(list[CountView]))
def counts(context: ZoneReader) -> list[CountView]:
    """The zones that count. ``inside`` is null while nobody knows, and may be wrong by ``doubt``."""
    with context.store.reading() as connection:
        return list_counts(connection, context.clock())


@router.put("/inside/{zone}", status_code=204)
def count(zone: str, body: CountIn, context: CountCaller, counters: Counters) -> None:
    """Say how many are inside."""
    check_seen(context, zone)
    counters.correct(context.by, zone, body.inside)


@router.post("/inside/{zone}/empty", status_code=204)
def empty(zone: str, context: Guard, counters: Counters) -> None:
    """Nobody is inside: count and names begin anew."""
    check_seen(context, zone)
    counters.empty(context.by, zone)


@router.post("/inside/{zone}/reset", status_code=204)
def reset(zone: str, body: InsideHolderIn, context: Guard, counters: Counters) -> None:
    """Nobody holds this person to be inside or outside any more: they may go in."""
    check_seen(context, zone)
    counters.forget(context.by, zone, bytes.fromhex(body.holder))
