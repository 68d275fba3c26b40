"""The page of the calendar: the special days of a year, how they are added by hand and from an iCalendar file."""

from collections.abc import Mapping
from datetime import date
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, Response
from starlette.datastructures import UploadFile

from cloud.devices.registry import site_of
from cloud.hours.calendar_file import MAX_FILE_BYTES, CalendarFile, decode_file
from cloud.hours.rule import DayKind, SpecialDay, as_weekday_still
from cloud.hours.service import FIRST_DAY, LAST_DAY, NO_DAY, HoursService, days_through
from cloud.hours.store import hours_labels, list_hours, list_special_days
from cloud.hours.views import missing_year, today_of
from cloud.hours.words import DAY_KINDS, WEEKDAYS
from cloud.store.labels import Label
from cloud.web.context import N_, Reading, RequestContext, Said, service
from cloud.web.domain import Nav, NavGroup
from cloud.web.forms import NOTHING_TYPED, REJECTED, Clerk, Fields, attempt
from cloud.web.rejected import Rejected

DONE: Mapping[str, str] = {
    "added": N_(
        "The days are in the calendar. Online doors apply it within a second, offline ones when they reconnect."
    ),
    "removed": N_("Removed. Online doors apply it within a second, offline ones when they reconnect."),
}
NO_FILE = N_("Choose an iCalendar file, or paste its text. Nothing was changed.")

OfHours = Annotated[HoursService, Depends(service(HoursService))]
Year = Annotated[int | None, Query(ge=FIRST_DAY.year, le=LAST_DAY.year)]
KindOrAll = Annotated[str, Query(max_length=20)]
HoursOrAll = Annotated[str, Query(max_length=40)]

router = APIRouter(prefix="/calendar")
NAV = (Nav(NavGroup.ESTATE, "/calendar", N_("Calendar")),)


async def uploaded(request: Request) -> bytes:
    """The bytes of the file of a form, none where none was chosen."""
    file = (await request.form()).get("file")
    return await file.read() if isinstance(file, UploadFile) else b""


Uploaded = Annotated[bytes, Depends(uploaded)]


@router.get("")
def calendar(
    context: Reading, year: Year = None, kind: KindOrAll = "", hours: HoursOrAll = "", done: str = ""
) -> HTMLResponse:
    return calendar_page(context, context.confirm(DONE, done), year=year, kind=kind, hours=hours)


def calendar_page(
    context: RequestContext,
    said: Said | None,
    *,
    year: int | None = None,
    kind: str = "",
    hours: str = "",
    typed: Mapping[str, str] = NOTHING_TYPED,
) -> HTMLResponse:
    with context.store.reading() as connection:
        site = site_of(connection)
        shown = year or today_of(site, context.clock()).year
        days, listed = list_special_days(connection, site.name), list_hours(connection)
        return context.render(
            "calendar.html",
            said=said,
            year=shown,
            this_year=today_of(site, context.clock()).year,
            years=sorted({shown - 1, shown, shown + 1, *(one.day.year for one in days)}),
            days=[one for one in days if one.day.year == shown and kind in ("", one.kind) and hours in ("", one.hours)],
            kind=kind,
            hours=hours,
            labels=hours_labels(connection),
            follow=[one for one in listed if one.follows_calendar],
            silent=as_weekday_still(listed, [one for one in days if one.day.year == shown]),
            missing=missing_year(connection, site, context.clock()),
            typed=typed,
            weekdays=WEEKDAYS,
            kinds=DAY_KINDS,
        )


@router.post("")
def add(context: Clerk, of_hours: OfHours, fields: Fields) -> Response:
    def act() -> date:
        first = _day(fields.get("first", ""))
        last = _day(fields["last"]) if "last" in fields else first
        of_hours.add_days(context.by, days_through(_special_day(fields, first), last))
        return first

    return attempt(context, act, _to_year, REJECTED, partial(calendar_page, context, typed=fields))


@router.post("/remove")
def remove(context: Clerk, of_hours: OfHours, fields: Fields) -> Response:
    def act() -> date:
        day = _day(fields.get("day", ""))
        of_hours.remove_days(context.by, [SpecialDay(day, DayKind(fields.get("kind", "")), hours=fields.get("of", ""))])
        return day

    leads_to = "/calendar?done=removed&year={0.year}".format
    return attempt(context, act, leads_to, REJECTED, partial(calendar_page, context))


@router.post("/remove-year")
def remove_year(context: Clerk, of_hours: OfHours, fields: Fields) -> Response:
    def act() -> None:
        of_hours.remove_year(context.by, int(fields.get("year", "0")))

    return attempt(context, act, "/calendar?done=removed", REJECTED, partial(calendar_page, context))


@router.post("/import", max_body_size=2 * MAX_FILE_BYTES)
def import_calendar(context: Clerk, of_hours: OfHours, fields: Fields, file: Uploaded) -> Response:
    typed = fields | {"text": fields.get("text", "") or file.decode("utf-8-sig", "replace")}

    def act() -> date:
        if not (file or "text" in fields):
            raise Rejected(NO_FILE, "file")
        text = fields.get("text", "") or decode_file(file)
        of = _special_day(fields, FIRST_DAY)
        wanted = CalendarFile(text, of, fields.get("only", ""), "leave_out" in fields)
        return of_hours.import_file(context.by, wanted).first

    return attempt(context, act, _to_year, REJECTED, partial(calendar_page, context, typed=typed))


def _to_year(day: date) -> str:
    return f"/calendar?done=added&year={day.year}"


def _special_day(fields: Mapping[str, str], day: date) -> SpecialDay:
    """A form's kind of day. Raises ``ValueError``."""
    kind = DayKind(fields.get("kind", ""))
    weekday = int(fields["weekday"]) if "weekday" in fields and kind is DayKind.AS_WEEKDAY else None
    return SpecialDay(day, kind, weekday, fields.get("of", ""), _label(fields))


def _label(fields: Mapping[str, str]) -> Label:
    return Label(fields.get("label_zh", ""), fields.get("label_en", ""))


def _day(text: str) -> date:
    """Raises ``Rejected``."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Rejected(NO_DAY, "day") from None
