"""The page of bars, with the forms that enter, confirm, appeal and lift one."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, Response

from cloud.bars.rule import BarGround, BarState
from cloud.bars.service import BarService
from cloud.bars.store import BarView, list_bars
from cloud.devices.registry import site_of
from cloud.web.auth import Right
from cloud.web.context import N_, RequestContext, Said, page_for, service
from cloud.web.days import end_of_day, start_of_day
from cloud.web.domain import Nav, NavGroup
from cloud.web.forms import REJECTED, Clerk, Fields, attempt
from cloud.web.pages import local_path, with_query
from cloud.web.params import Cursor, Id, Text
from cloud.web.rejected import Rejected
from cloud.web.words import BAR_GROUNDS

ROWS = 50
STATES: Mapping[str, str] = {
    BarState.ENTERED: N_("Waits for a second operator"),
    BarState.IN_FORCE: N_("Barred"),
    BarState.ENDED: N_("Ended"),
    BarState.LIFTED: N_("Lifted"),
}
DONE: Mapping[str, str] = {
    "entered": N_("The bar is entered. It counts once another operator has confirmed it."),
    "confirmed": N_("Confirmed. Online doors apply it within a second, offline ones when they reconnect."),
    "appealed": N_("The appeal is noted."),
    "lifted": N_("Lifted. Online doors apply it within a second, offline ones when they reconnect."),
}
NO_DAY = N_("A bar needs its last day. Nothing was changed.")
WORDS = {"grounds": BAR_GROUNDS, "states": STATES}

Bars = Annotated[BarService, Depends(service(BarService))]
Looking = Annotated[RequestContext, Depends(page_for(Right.DIRECTORY))]

router = APIRouter(prefix="/bars")
NAV = (Nav(NavGroup.PEOPLE, "/bars", N_("Bars"), right=Right.DIRECTORY),)


@router.get("")
def show_bars(
    context: Looking, bar_service: Bars, after: Cursor = None, done: str = "", phone: Text = "", plate: Text = ""
) -> HTMLResponse:
    """All bars, or those of one telephone or plate."""
    said, found = context.confirm(DONE, done), None
    if phone or plate:
        try:
            found = bar_service.find(phone, plate)
        except Rejected as rejected:
            said, found = context.say("bad", rejected.sentence), []
    return bars_page(context, said, after=after or 0, found=found, phone=phone, plate=plate)


def bars_page(
    context: RequestContext,
    said: Said | None,
    *,
    after: int = 0,
    found: list[BarView] | None = None,
    phone: str = "",
    plate: str = "",
) -> HTMLResponse:
    with context.store.reading() as connection:
        listed = list_bars(connection, site_of(connection).name, after, ROWS) if found is None else found
    older = listed[-1].bar.id if found is None and len(listed) == ROWS else None
    shown: dict[str, Any] = {"bars": listed, "older": older, "phone": phone, "plate": plate, **WORDS}
    return context.render("bars.html", said=said, **shown)


@router.post("")
def enter(context: Clerk, bar_service: Bars, fields: Fields) -> Response:
    """One of a telephone or a plate; that of a person is entered on their own page."""
    act = partial(enter_bar, context, bar_service, fields)
    return attempt(context, act, "/bars?done=entered", REJECTED, partial(bars_page, context))


def enter_bar(
    context: RequestContext, bar_service: BarService, fields: Mapping[str, str], person: int | None = None
) -> None:
    """Raises ``Rejected``, or ``ValueError`` for a ground that is none."""
    zone = context.pages.zone
    if "last_day" not in fields:
        raise Rejected(NO_DAY, "last_day")
    bar_service.enter(
        context.by,
        BarGround(fields.get("ground", "")),
        end_of_day(fields["last_day"], zone),
        person=person,
        phone=fields.get("phone", ""),
        plate=fields.get("plate", ""),
        from_ms=start_of_day(fields["first_day"], zone) if "first_day" in fields else 0,
    )


@router.post("/{bar}/{step}")
def change(bar: Id, step: str, context: Clerk, bar_service: Bars, fields: Fields) -> Response:
    """Confirm it, note what is said against it, or lift it."""

    def act() -> None:
        if step == "confirmed":
            bar_service.confirm(context.by, bar)
        elif step == "appealed":
            bar_service.note_appeal(context.by, bar, fields.get("appeal", ""))
        elif step == "lifted":
            bar_service.lift(context.by, bar)
        else:
            raise ValueError(step)

    return attempt(context, act, _back(fields, step), REJECTED, partial(bars_page, context))


def _back(fields: Mapping[str, str], done: str) -> str:
    return with_query(local_path(fields.get("back", "/bars")), {}, done=done)
