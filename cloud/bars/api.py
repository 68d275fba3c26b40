"""The routes of `/api/v1` about bars."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from cloud.bars.rule import BarGround
from cloud.bars.service import MAX_APPEAL, BarService
from cloud.bars.store import BarView, list_bars
from cloud.devices.registry import site_of
from cloud.store.schema import MAX_INTEGER
from cloud.web.bodies import Added, Shown, Strict, answer_of
from cloud.web.context import RequestContext, call_for, service
from cloud.web.i18n import LAST_MS
from cloud.web.params import Clerk, Cursor, Id, Limit
from cloud.web.roles import Right

Bars = Annotated[BarService, Depends(service(BarService))]

BarsReader = Annotated[RequestContext, Depends(call_for(Right.DIRECTORY))]

router = APIRouter(prefix="/api/v1/bars")


class BarIn(Strict):
    """A bar of a person, a telephone or a plate: one of them. Without ``from_ms`` it begins at once."""

    person: int | None = Field(None, ge=1, le=MAX_INTEGER)
    phone: Shown = Field("", max_length=30)
    plate: Shown = Field("", max_length=20)
    ground: BarGround
    from_ms: int = Field(0, ge=0, le=LAST_MS)
    until_ms: int = Field(ge=1, le=LAST_MS)


class AppealIn(Strict):
    text: Shown = Field(min_length=1, max_length=MAX_APPEAL)


@router.get("", response_model=answer_of(list[BarView]))
def show_bars(context: BarsReader, after: Cursor = None, limit: Limit = 50) -> list[BarView]:
    """The newest first."""
    with context.store.reading() as connection:
        return list_bars(connection, site_of(connection).name, after or 0, limit)


@router.get("/of", response_model=answer_of(list[BarView]))
def bars_of(
    context: BarsReader,
    bar_service: Bars,
    phone: Annotated[str, Query(max_length=30)] = "",
    plate: Annotated[str, Query(max_length=20)] = "",
) -> list[BarView]:
    """Those of a telephone or of a plate."""
    return bar_service.find(phone, plate)


@router.post("", status_code=201)
def enter(body: BarIn, context: Clerk, bar_service: Bars) -> Added:
    return Added(id=bar_service.enter(context.by, **body.model_dump()))


@router.post("/{bar}/confirm", status_code=204)
def confirm(bar: Id, context: Clerk, bar_service: Bars) -> None:
    """By another operator than the one who entered it."""
    bar_service.confirm(context.by, bar)


@router.post("/{bar}/appeal", status_code=204)
def appeal(bar: Id, body: AppealIn, context: Clerk, bar_service: Bars) -> None:
    bar_service.note_appeal(context.by, bar, body.text)


@router.post("/{bar}/lift", status_code=204)
def lift(bar: Id, context: Clerk, bar_service: Bars) -> None:
    bar_service.lift(context.by, bar)
