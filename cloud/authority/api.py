"""The routes of `/api/v1` about exports to authorities: entered, released by another operator, and taken away."""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import StreamingResponse
from pydantic import Field

from cloud.authority.download import sealed_file
from cloud.authority.proof import Officer
from cloud.authority.rule import MAX_NAMED, AuthorityExport, named
from cloud.authority.service import AuthorityService
from cloud.authority.store import list_exports
from cloud.devices.registry import site_of
from cloud.web.bodies import Added, Shown, Strict, answer_of
from cloud.web.context import service
from cloud.web.i18n import LAST_MS
from cloud.web.params import Clerk, Cursor, Id, Limit

MAX_TEXT = 80
Exports = Annotated[AuthorityService, Depends(service(AuthorityService))]
Moment = Annotated[int, Field(ge=0, le=LAST_MS)]
Text = Annotated[Shown, Field(min_length=1, max_length=MAX_TEXT)]
Name = Annotated[str, Field(max_length=MAX_TEXT)]

router = APIRouter(prefix="/api/v1/authority")


class OfficerIn(Strict):
    """Whom an export is for: a name, and the number of a service card."""

    name: Text
    number: Text


class ExportIn(Strict):
    """What an authority asked for. Times are UTC milliseconds, the span is half-open; people are named by their ids.
    Without ``embargo_until_ms`` they see it at once."""

    document: Text
    officers: tuple[OfficerIn, OfficerIn]
    from_ms: Moment
    until_ms: Moment
    points: list[Name] = Field([], max_length=MAX_NAMED)
    people: list[Id] = Field([], max_length=MAX_NAMED)
    embargo_until_ms: Moment = 0


@router.get("", response_model=answer_of(list[AuthorityExport]))
def show_exports(context: Clerk, after: Cursor = None, limit: Limit = 50) -> list[AuthorityExport]:
    """The newest first."""
    with context.store.reading() as connection:
        return list_exports(connection, site_of(connection).name, after or 0, limit)


@router.post("", status_code=201)
def enter(body: ExportIn, context: Clerk, exports: Exports) -> Added:
    """Nothing is given before another operator releases it."""
    first, second = (Officer(one.name, one.number) for one in body.officers)
    asked = AuthorityExport(
        id=0,
        document=body.document,
        officers=(first, second),
        from_ms=body.from_ms,
        until_ms=body.until_ms,
        points=named(body.points),
        people=tuple(sorted(set(body.people))),
        embargo_until_ms=body.embargo_until_ms,
        entered_by=context.by,
        entered_ms=context.clock(),
    )
    return Added(id=exports.enter(asked))


@router.post("/{number}/release", status_code=204)
def release(number: Id, context: Clerk, exports: Exports) -> None:
    """By another operator than the one who entered it."""
    exports.release(context.by, number)


@router.post("/{number}/withdraw", status_code=204)
def withdraw(number: Id, context: Clerk, exports: Exports) -> None:
    """It is not to be released any more."""
    exports.withdraw(context.by, number)


@router.post("/{number}/file", response_class=StreamingResponse)
def take(number: Id, context: Clerk, exports: Exports) -> StreamingResponse:
    """The sealed file of a released export, a JSON document on each line. Each taking stands in the audit."""
    return sealed_file(exports, context.by, number)
