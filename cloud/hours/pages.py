"""The pages of hours: all of them as a week, and one with what it is on the days to come."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, Response

from cloud.devices.registry import site_of
from cloud.hours.rule import Hours
from cloud.hours.service import HoursService
from cloud.hours.store import find_hours, list_hours
from cloud.hours.views import missing_year, next_days
from cloud.hours.window_text import HoursText, read_hours, write_hours
from cloud.hours.words import DAY_KINDS, WEEKDAYS
from cloud.store.labels import Label
from cloud.web.context import N_, Reading, RequestContext, Said, or_404, service
from cloud.web.domain import Nav, NavGroup
from cloud.web.forms import NOTHING_TYPED, REJECTED, Clerk, Fields, attempt

DONE: Mapping[str, str] = {
    "added": N_("The hours are added. Open a zone in them for a plan."),
    "changed": N_("Changed. Online doors apply it within a second, offline ones when they reconnect."),
    "removed": N_("The hours are removed."),
}

OfHours = Annotated[HoursService, Depends(service(HoursService))]

router = APIRouter(prefix="/hours")
NAV = (Nav(NavGroup.ESTATE, "/hours", N_("Hours")),)


@router.get("")
def all_hours(context: Reading, done: str = "") -> HTMLResponse:
    return hours_page(context, context.confirm(DONE, done))


def hours_page(context: RequestContext, said: Said | None, *, typed: Mapping[str, str] = NOTHING_TYPED) -> HTMLResponse:
    with context.store.reading() as connection:
        listed = list_hours(connection)
        missing = missing_year(connection, site_of(connection), context.clock())
    return context.render(
        "hours.html",
        said=said,
        hours=[(write_hours(one), one.follows_calendar) for one in listed],
        missing=missing,
        typed=typed,
        weekdays=WEEKDAYS,
    )


@router.post("")
def add(context: Clerk, of_hours: OfHours, fields: Fields) -> Response:
    def act() -> None:
        of_hours.add(context.by, read_fields(fields.get("name", "").strip(), fields))

    return attempt(context, act, "/hours?done=added", REJECTED, partial(hours_page, context, typed=fields))


@router.get("/{name}")
def one_of_hours(name: str, context: Reading, done: str = "") -> HTMLResponse:
    return one_page(context, name, context.confirm(DONE, done))


def one_page(
    context: RequestContext, name: str, said: Said | None, *, typed: Mapping[str, str] = NOTHING_TYPED
) -> HTMLResponse:
    with context.store.reading() as connection:
        found = or_404(find_hours(connection, name))
        days = next_days(connection, site_of(connection), found, context.clock())
    return context.render(
        "hours_one.html",
        said=said,
        hours=found,
        text=write_hours(found),
        days=days,
        typed=typed,
        weekdays=WEEKDAYS,
        kinds=DAY_KINDS,
    )


@router.post("/{name}")
def change(name: str, context: Clerk, of_hours: OfHours, fields: Fields) -> Response:
    def act() -> None:
        of_hours.change(context.by, read_fields(name, fields), fields.get("seen", ""))

    again = partial(one_page, context, name, typed=fields)
    return attempt(context, act, f"/hours/{name}?done=changed", REJECTED, again)


@router.post("/{name}/remove")
def remove(name: str, context: Clerk, of_hours: OfHours) -> Response:
    act = partial(of_hours.remove, context.by, name)
    return attempt(context, act, "/hours?done=removed", REJECTED, partial(one_page, context, name))


def read_fields(name: str, fields: Mapping[str, str]) -> Hours:
    """The hours that a form describes. Raises ``Rejected``."""
    label = Label(fields.get("label_zh", ""), fields.get("label_en", ""))
    week = [fields.get(f"day{number}", "") for number in range(1, 8)]
    return read_hours(HoursText(name, label, week, fields.get("rest", ""), fields.get("half", "")))
