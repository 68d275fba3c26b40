"""The routes of `/api/v1` about permits."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from msgspec import Struct
from pydantic import Field

from cloud.devices.registry import site_of
from cloud.permits import store
from cloud.permits.forms import check_again, check_kind
from cloud.permits.kinds import PermitKind
from cloud.permits.rule import PermitState, day_of
from cloud.permits.service import MAX_GOODS, MAX_NAME, Drawn, PermitAsked, PermitService
from cloud.permits.store import PermitView
from cloud.store.labels import Label
from cloud.store.schema import MAX_INTEGER
from cloud.web.bodies import Shown, Strict, answer_of
from cloud.web.context import Forbidden, service
from cloud.web.i18n import LAST_MS
from cloud.web.params import Clerk, Guard, Id, Limit, Reader
from cloud.web.roles import Right

Permits = Annotated[PermitService, Depends(service(PermitService))]
Moment = Annotated[int, Query(ge=0, le=LAST_MS)]

router = APIRouter(prefix="/api/v1/permits")


class PermitIn(Strict):
    """A new permit. Without ``from_ms`` it begins now, without ``until_ms`` it lasts as long as is usual; ``card`` is
    one of the stock, ``agreed`` says that the flat was rung."""

    kind: PermitKind
    name: Shown = Field("", max_length=MAX_NAME)
    flat: Shown = Field("", max_length=MAX_NAME)
    from_ms: int = Field(0, ge=0, le=LAST_MS)
    until_ms: int = Field(0, ge=0, le=LAST_MS)
    headcount: int = Field(1, ge=0, le=MAX_INTEGER)
    plate: Shown = Field("", max_length=20)
    goods: Shown = Field("", max_length=MAX_GOODS)
    code: bool = False
    token: bool = False
    card: int | None = Field(None, ge=1, le=MAX_INTEGER)
    inviter: int | None = Field(None, ge=1, le=MAX_INTEGER)
    agreed: bool = False


class ExtendIn(Strict):
    until_ms: int = Field(ge=1, le=LAST_MS)


class PermitAnswer(Struct, frozen=True):
    """A permit as it is listed. ``inviter`` is who answers for it, None for ``drawn_by``, an operator."""

    id: int
    kind: PermitKind
    state: PermitState
    name: str
    flat: str
    from_ms: int
    until_ms: int
    headcount: int
    plate: str
    goods: str
    inviter: Label | None
    drawn_by: str
    credentials: tuple[str, ...]
    agreed_ms: int | None


def answer(view: PermitView, now_ms: int) -> PermitAnswer:
    same = {name: getattr(view.permit, name) for name in PermitAnswer.__struct_fields__ if name in _SAME}
    return PermitAnswer(state=view.permit.state(now_ms), inviter=view.inviter, credentials=view.credentials, **same)


_SAME = frozenset(PermitAnswer.__struct_fields__) - {"state", "inviter", "credentials"}


@router.get("", response_model=answer_of(list[PermitAnswer]))
def show_permits(context: Reader, since_ms: Moment = 0, until_ms: Moment = 0, limit: Limit = 200) -> list[PermitAnswer]:
    """Those of today, the first to begin first; of a span of time only for who may see where people live."""
    if (since_ms or until_ms) and Right.DIRECTORY not in context.login.rights:
        raise Forbidden
    now_ms = context.clock()
    of_today = day_of(now_ms, context.pages.zone)
    with context.store.reading() as connection:
        span = since_ms or of_today[0], until_ms or of_today[1]
        found = store.permits_between(connection, site_of(connection).name, *span, limit)
    return [answer(view, now_ms) for view in found]


@router.post("", status_code=201, response_model=answer_of(Drawn))
def draw(body: PermitIn, context: Guard, permit_service: Permits) -> Drawn:
    """The code's digits and the token's text are told now."""
    check_kind(body.kind, context.login.rights)
    return permit_service.draw(context.by, PermitAsked(**body.model_dump()))


@router.post("/{permit}/again", status_code=201, response_model=answer_of(Drawn))
def again(permit: Id, context: Guard, permit_service: Permits) -> Drawn:
    """The same once more, from now on."""
    check_again(permit_service.find(permit), context.login.rights)
    return permit_service.again(context.by, permit)


@router.post("/{permit}/code", response_model=answer_of(Drawn))
def show_code(permit: Id, context: Clerk, permit_service: Permits) -> Drawn:
    """The code and the token once more; it stands in the audit who asked."""
    told = permit_service.code_of(context.by, permit)
    return Drawn(permit, told.code, told.token)


@router.post("/{permit}/extend", status_code=204)
def extend(permit: Id, body: ExtendIn, context: Guard, permit_service: Permits) -> None:
    permit_service.extend(context.by, permit, body.until_ms)


@router.post("/{permit}/end", status_code=204)
def end(permit: Id, context: Guard, permit_service: Permits) -> None:
    permit_service.end(context.by, permit)


@router.post("/{permit}/sign-off", status_code=204)
def sign_off(permit: Id, context: Guard, permit_service: Permits) -> None:
    permit_service.sign_off(context.by, permit)


@router.post("/{permit}/left", status_code=204)
def note_left(permit: Id, context: Guard, permit_service: Permits) -> None:
    permit_service.note_left(context.by, permit)
