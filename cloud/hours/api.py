"""The routes of `/api/v1` about hours and the calendar that they follow."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from cloud.devices.registry import site_of
from cloud.hours.calendar_file import MAX_FILE_BYTES, MAX_LABEL, CalendarFile
from cloud.hours.rule import DayKind, SpecialDay
from cloud.hours.service import FIRST_DAY, LAST_DAY, HoursService, days_through
from cloud.hours.store import find_hours, list_hours, list_special_days
from cloud.hours.views import DayText, next_days
from cloud.hours.window_text import HoursText, read_hours, write_hours
from cloud.store.labels import Label
from cloud.web.bodies import Shown, Strict, answer_of
from cloud.web.context import or_404, service
from cloud.web.params import Clerk, Reader

MAX_WINDOWS_TEXT = 200
MAX_DAYS = 400
"""Days of one call."""

OfHours = Annotated[HoursService, Depends(service(HoursService))]
WindowsText = Annotated[str, Field(max_length=MAX_WINDOWS_TEXT)]
HoursName = Annotated[str, Field(max_length=40)]

router = APIRouter(prefix="/api/v1")


class HoursBody(Strict):
    """Hours. ``week`` has seven texts such as ``06:00-22:30, 23:00-02:00``, Monday first, ``-`` where nothing opens.
    ``rest`` and ``half`` are such texts for days of rest and half days, empty where those are as their weekday.

    ``seen`` is that of the hours that are changed, as they were listed: if they are others by now, the answer is 409
    and says how they are. Empty to change them in any case."""

    label_zh: Shown = Field("", max_length=MAX_LABEL)
    label_en: Shown = Field("", max_length=MAX_LABEL)
    week: list[WindowsText] = Field(min_length=7, max_length=7)
    rest: WindowsText = ""
    half: WindowsText = ""
    seen: str = Field("", max_length=16)

    def text(self, name: str) -> HoursText:
        return HoursText(name, Label(self.label_zh, self.label_en), self.week, self.rest, self.half)


class NewHoursBody(HoursBody):
    """The same, with the name that plans know them by."""

    name: HoursName


class DayBody(Strict):
    """A special day, or the days from ``day`` through ``until``. ``weekday`` (1 to 7, Monday first) is of the kind
    ``as_weekday`` alone; ``hours`` names those that it concerns, empty for all that follow the calendar."""

    day: date
    until: date | None = None
    kind: DayKind
    weekday: int | None = Field(None, ge=1, le=7)
    hours: HoursName = ""
    label_zh: Shown = Field("", max_length=MAX_LABEL)
    label_en: Shown = Field("", max_length=MAX_LABEL)

    def special_days(self) -> list[SpecialDay]:
        """Raises ``Rejected``."""
        label = Label(self.label_zh, self.label_en)
        return days_through(SpecialDay(self.day, self.kind, self.weekday, self.hours, label), self.until or self.day)


class DaysBody(Strict):
    days: list[DayBody] = Field(min_length=1, max_length=MAX_DAYS)


class CalendarBody(Strict):
    """An iCalendar file, and what its days are. With ``only``, of the events with this text in their name; with
    ``leave_out`` whatever events cannot be read are left out."""

    text: str = Field(max_length=MAX_FILE_BYTES)
    kind: DayKind
    weekday: int | None = Field(None, ge=1, le=7)
    hours: HoursName = ""
    only: Shown = Field("", max_length=MAX_LABEL)
    leave_out: bool = False


@router.get("/hours", response_model=answer_of(list[HoursText]))
def hours(context: Reader) -> list[HoursText]:
    with context.store.reading() as connection:
        return [write_hours(one) for one in list_hours(connection)]


@router.post("/hours", status_code=201)
def add_hours(body: NewHoursBody, context: Clerk, of_hours: OfHours) -> None:
    of_hours.add(context.by, read_hours(body.text(body.name)))


@router.put("/hours/{name}", status_code=204)
def change_hours(name: str, body: HoursBody, context: Clerk, of_hours: OfHours) -> None:
    """Put the hours in the place of those of their name."""
    of_hours.change(context.by, read_hours(body.text(name)), body.seen)


@router.delete("/hours/{name}", status_code=204)
def remove_hours(name: str, context: Clerk, of_hours: OfHours) -> None:
    """Not while something uses them."""
    of_hours.remove(context.by, name)


@router.get("/hours/{name}/days", response_model=answer_of(list[DayText]))
def days_of_hours(name: str, context: Reader) -> list[DayText]:
    """What the hours are on each of the next 14 days."""
    with context.store.reading() as connection:
        found = or_404(find_hours(connection, name), "there are no such hours")
        return next_days(connection, site_of(connection), found, context.clock())


@router.get("/special-days", response_model=answer_of(list[SpecialDay]))
def special_days(
    context: Reader,
    first: Annotated[date, Query()] = FIRST_DAY,
    last: Annotated[date, Query()] = LAST_DAY,
) -> list[SpecialDay]:
    with context.store.reading() as connection:
        return list_special_days(connection, site_of(connection).name, first, last)


@router.post("/special-days", status_code=201)
def add_special_days(body: DaysBody, context: Clerk, of_hours: OfHours) -> dict[str, int]:
    """Each in the place of one of the same day, kind and hours; ``added`` counts those that were not there so."""
    return {"added": of_hours.add_days(context.by, [day for one in body.days for day in one.special_days()])}


@router.delete("/special-days/{day}/{kind}", status_code=204)
def remove_special_day(
    day: date, kind: DayKind, context: Clerk, of_hours: OfHours, hours: Annotated[str, Query(max_length=40)] = ""
) -> None:
    of_hours.remove_days(context.by, [SpecialDay(day, kind, hours=hours)])


@router.post("/special-days/import", status_code=201, max_body_size=2 * MAX_FILE_BYTES)
def import_calendar(body: CalendarBody, context: Clerk, of_hours: OfHours) -> dict[str, int]:
    """Add the whole-day events of an iCalendar file from today on."""
    of = SpecialDay(FIRST_DAY, body.kind, body.weekday, body.hours)
    done = of_hours.import_file(context.by, CalendarFile(body.text, of, body.only, body.leave_out))
    return {"added": done.added, "left_out": len(done.left_out)}
