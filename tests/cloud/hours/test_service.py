"""The use cases of hours and of the calendar: each with its row in the audit, and what is refused leaves no trace."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec import structs

from cloud.hours import service
from cloud.hours.calendar_file import CalendarFile
from cloud.hours.rule import DayKind, Hours, SpecialDay
from cloud.hours.service import MAX_HOURS, MAX_SPECIAL_DAYS, HoursService
from cloud.hours.store import find_hours, list_hours, list_special_days, load_schedules
from cloud.hours.window_text import read_windows, stamp
from cloud.people.community import load_community
from cloud.people.store import plans_with_hours
from cloud.points.zone_store import open_zone
from cloud.sample import SITE
from cloud.store.database import Store
from cloud.store.labels import Label
from cloud.store.revision import revision
from cloud.web.operators import list_audit
from cloud.web.rejected import Rejected
from contract.schedules import ALWAYS, Schedule, day_number
from tests.cloud.support.town import NOW_MS, Past

TODAY = date(2027, 1, 15)
POOL = Hours("pool", Label("泳池", "Pool"), (read_windows("08:00-20:00"),) * 7, rest=read_windows("10:00-16:00"))
MAY_DAY = SpecialDay(date(2027, 5, 1), DayKind.REST, label=Label("劳动节", "Labour Day"))
SHIFTED = SpecialDay(date(2027, 5, 8), DayKind.AS_WEEKDAY, 6, label=Label("调休上班", "Work day"))


@pytest.fixture
def hours(store: Store, past: Past) -> HoursService:
    past.copy_to(store)
    return HoursService(store, lambda: NOW_MS, plans_with_hours)


def calendar(store: Store) -> list[SpecialDay]:
    with store.reading() as connection:
        return list_special_days(connection, SITE.name)


def schedule(store: Store, name: str) -> Schedule:
    with store.reading() as connection:
        return load_community(connection).schedules[name]


def everything(store: Store) -> object:
    with store.reading() as connection:
        return revision(connection), list_audit(connection), list_hours(connection), calendar(store)


def test_hours_are_made_changed_and_removed(store: Store, hours: HoursService) -> None:
    hours.add("lin", POOL)
    hours.add_days("lin", [structs.replace(MAY_DAY, hours="pool", kind=DayKind.SHUT), MAY_DAY])
    assert schedule(store, "pool").days == {day_number(MAY_DAY.day): ()}
    later = structs.replace(POOL, week=(read_windows("09:00-12:00, 12:00-21:00"),) * 7)
    hours.change("lin", later)
    with store.reading() as connection:
        found = find_hours(connection, "pool")
    assert found == structs.replace(POOL, week=(((540, 1260),),) * 7)
    hours.remove("lin", "pool")
    assert calendar(store) == [MAY_DAY]
    with store.reading() as connection:
        actions = [(row.action, row.subject, row.detail) for row in list_audit(connection, limit=4)]
    assert actions == [
        ("hours.removed", "pool", {}),
        ("hours.changed", "pool", {"week": "1-7 09:00-21:00; rest 10:00-16:00"}),
        ("calendar.added", "rest, shut", {"days": "2027-05-01, 2027-05-01 pool"}),
        ("hours.added", "pool", {"week": "1-7 08:00-20:00; rest 10:00-16:00"}),
    ]


def test_rosters_are_told_of_every_change(store: Store, hours: HoursService) -> None:
    told: list[int] = []
    store.on_roster_change = lambda: told.append(1)
    hours.add("lin", POOL)
    hours.change("lin", structs.replace(POOL, rest=None))
    hours.add_days("lin", [MAY_DAY])
    hours.remove_days("lin", [MAY_DAY])
    hours.remove("lin", "pool")
    assert len(told) == 5
    hours.change("lin", _of(store, "gym-hours"))
    assert hours.add_days("lin", []) == 0
    assert len(told) == 5


def _of(store: Store, name: str) -> Hours:
    with store.reading() as connection:
        found = find_hours(connection, name)
    assert found is not None
    return found


def test_days_are_added_once(store: Store, hours: HoursService) -> None:
    """One of the same day, kind and hours takes the place of the one there; the same once more is no change."""
    assert hours.add_days("lin", [MAY_DAY, SHIFTED]) == 2
    assert hours.add_days("lin", [MAY_DAY, structs.replace(SHIFTED, weekday=5)]) == 1
    assert calendar(store) == [MAY_DAY, structs.replace(SHIFTED, weekday=5)]
    hours.add_days("lin", [structs.replace(MAY_DAY, kind=DayKind.SHUT)])
    assert len(calendar(store)) == 3


def test_always_stays_as_it_is(store: Store, hours: HoursService) -> None:
    always = _of(store, "always")
    hours.change("lin", always)
    for other in (structs.replace(always, week=POOL.week), structs.replace(always, rest=())):
        with pytest.raises(Rejected, match="ways home"):
            hours.change("lin", other)
    with pytest.raises(Rejected, match="ways home"):
        hours.remove("lin", "always")
    hours.add_days("lin", [structs.replace(MAY_DAY, kind=DayKind.SHUT)])
    assert schedule(store, "always") == ALWAYS


DAILY = [f"SUMMARY:{number}\nDTSTART;VALUE=DATE:20270101\nRRULE:FREQ=DAILY" for number in range(1000)]
WRONG: Sequence[tuple[str, str, Callable[[HoursService], Any]]] = (
    ("name", "lower-case letters", lambda hours: hours.add("lin", structs.replace(POOL, name="Pool"))),
    ("taken", "of this name already", lambda hours: hours.add("lin", structs.replace(POOL, name="gym-hours"))),
    ("six days", "seven days", lambda hours: hours.add("lin", structs.replace(POOL, week=POOL.week[:6]))),
    ("window", "at most 24 hours", lambda hours: hours.add("lin", structs.replace(POOL, rest=((60, 1501),)))),
    ("none", "no such hours", lambda hours: hours.change("lin", POOL)),
    ("in use", "used by Founder, Yearly member. Give", lambda hours: hours.remove("lin", "gym-hours")),
    ("no hours to remove", "no such hours", lambda hours: hours.remove("lin", "pool")),
    ("day before 1970", "is a date", lambda hours: hours.add_days("lin", [SpecialDay(date(1, 1, 1), DayKind.REST)])),
    ("weekday", "which weekday", lambda hours: hours.add_days("lin", [structs.replace(MAY_DAY, weekday=1)])),
    ("no weekday", "which weekday", lambda hours: hours.add_days("lin", [structs.replace(SHIFTED, weekday=None)])),
    ("weekday 8", "which weekday", lambda hours: hours.add_days("lin", [structs.replace(SHIFTED, weekday=8)])),
    ("of no hours", "no such hours", lambda hours: hours.add_days("lin", [structs.replace(MAY_DAY, hours="pool")])),
    ("always", "follow no calendar", lambda hours: hours.add_days("lin", [structs.replace(MAY_DAY, hours="always")])),
    ("not there", "no such special day", lambda hours: hours.remove_days("lin", [MAY_DAY])),
    ("this year", "a year that is over", lambda hours: hours.remove_year("lin", 2027)),
    ("no file", "line 1 cannot be read", lambda hours: hours.import_file("lin", CalendarFile("<html>", MAY_DAY))),
    ("empty", "no day of whole-day events", lambda hours: hours.import_file("lin", CalendarFile(ics(), MAY_DAY))),
    ("daily", "more than 5000 days", lambda hours: hours.import_file("lin", CalendarFile(ics(*DAILY), MAY_DAY))),
    (
        "timed",
        r"“Run” \(it has a time of day",
        lambda hours: hours.import_file("lin", CalendarFile(ics("SUMMARY:Run\nDTSTART:20270501T090000"), MAY_DAY)),
    ),
)


def ics(*events: str) -> str:
    return "\n".join(["BEGIN:VCALENDAR", *(f"BEGIN:VEVENT\n{one}\nEND:VEVENT" for one in events), "END:VCALENDAR"])


@pytest.mark.parametrize(("complaint", "act"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_what_cannot_be_leaves_no_trace(
    store: Store,
    hours: HoursService,
    complaint: str,
    act: Callable[[HoursService], Any],
) -> None:
    with store.writing() as connection:
        for plan in ("founder", "yearly"):
            open_zone(connection, "gym", plan, "gym-hours")
    before = everything(store)
    with pytest.raises(Rejected, match=complaint):
        act(hours)
    assert everything(store) == before


def test_second_clerk_is_told_what_changed(store: Store, hours: HoursService) -> None:
    hours.add("lin", POOL)
    seen = stamp(_of(store, "pool"))
    hours.change("lin", structs.replace(POOL, rest=()), seen)
    with pytest.raises(Rejected, match="they are now 1-7 08:00-20:00; rest -") as refused:
        hours.change("wang", structs.replace(POOL, rest=None), seen)
    assert refused.value.status == 409
    hours.change("wang", structs.replace(POOL, rest=None), stamp(_of(store, "pool")))


def test_calendar_is_bounded(store: Store, hours: HoursService, monkeypatch: pytest.MonkeyPatch) -> None:
    """In days and in bytes: what devices are sent of it must fit beside all else of the site page."""
    many = [SpecialDay(TODAY + timedelta(days=ahead), DayKind.SHUT) for ahead in range(MAX_SPECIAL_DAYS)]
    hours.add_days("lin", many)
    with pytest.raises(Rejected, match="would have 801 special days, and a site has at most 800"):
        hours.add_days("lin", [SpecialDay(date(2031, 1, 1), DayKind.SHUT)])
    monkeypatch.setattr(service, "MAX_CALENDAR_BYTES", 3_000)
    with pytest.raises(Rejected, match="too large for the devices"):
        hours.add("lin", POOL)
    assert len(calendar(store)) == MAX_SPECIAL_DAYS


def test_hours_are_bounded(store: Store, hours: HoursService, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_HOURS == 100
    monkeypatch.setattr(service, "MAX_HOURS", 2)
    with pytest.raises(Rejected, match="at most 100 hours"):
        hours.add("lin", POOL)


def test_year_that_is_over_is_removed_together(store: Store, hours: HoursService) -> None:
    past = [SpecialDay(date(2026, 1, 1), DayKind.REST), SpecialDay(date(2026, 12, 31), DayKind.HALF)]
    hours.add_days("lin", [*past, MAY_DAY])
    hours.remove_year("lin", 2026)
    assert calendar(store) == [MAY_DAY]


def test_calendar_file_becomes_days_of_a_kind(store: Store, hours: HoursService) -> None:
    """From today on; of two events on one day the first by name gives it its name."""
    text = ics(
        "SUMMARY:元旦\nDTSTART;VALUE=DATE:20270101\nDTEND;VALUE=DATE:20270104\nRRULE:FREQ=YEARLY",
        "SUMMARY:劳动节 休\nDTSTART;VALUE=DATE:20270501\nDTEND;VALUE=DATE:20270503",
        "SUMMARY:劳动节 班\nDTSTART;VALUE=DATE:20270508",
    )
    done = hours.import_file("lin", CalendarFile(text, SpecialDay(TODAY, DayKind.REST), "休"))
    assert (done.first, done.added) == (date(2027, 5, 1), 2)
    done = hours.import_file("lin", CalendarFile(text, SpecialDay(TODAY, DayKind.AS_WEEKDAY, 5), "班"))
    assert (done.first, done.added) == (date(2027, 5, 8), 1)
    assert [(str(one.day), one.kind.value, one.weekday, one.label.en) for one in calendar(store)] == [
        ("2027-05-01", "rest", None, "劳动节 休"),
        ("2027-05-02", "rest", None, "劳动节 休"),
        ("2027-05-08", "as_weekday", 5, "劳动节 班"),
    ]
    assert hours.import_file("lin", CalendarFile(text, SpecialDay(TODAY, DayKind.REST), "休")).added == 0
    assert hours.import_file("lin", CalendarFile(text, SpecialDay(TODAY, DayKind.REST), "元旦")).added == 9


def test_unreadable_events_may_be_left_out(store: Store, hours: HoursService) -> None:
    text = ics("SUMMARY:Run\nDTSTART:20270501T090000", "SUMMARY:Rest\nDTSTART;VALUE=DATE:20270501")
    done = hours.import_file("lin", CalendarFile(text, SpecialDay(TODAY, DayKind.REST), leave_out=True))
    assert (done.added, [one.name for one in done.left_out]) == (1, ["Run"])


def test_schedules_are_resolved_for_the_zone(store: Store, hours: HoursService) -> None:
    hours.add("lin", structs.replace(POOL, week=(read_windows("22:00-02:00"),) * 7))
    hours.add_days("lin", [structs.replace(MAY_DAY, kind=DayKind.SHUT)])
    with store.reading() as connection:
        found = load_schedules(connection, SITE.name, ZoneInfo(SITE.zone))["pool"]
    shut = day_number(MAY_DAY.day)
    assert found.days == {shut - 1: ((1320, 1440),), shut: ()}
