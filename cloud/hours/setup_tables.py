"""The tables of the setup file about hours and special days."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct, field, structs

from cloud.devices.registry import site_of
from cloud.hours.rule import ALWAYS_NAME, MOST_AT_ONCE, DayKind, Hours, SpecialDay
from cloud.hours.service import HoursEdit, check_calendar, label_of_day
from cloud.hours.store import list_hours, list_special_days
from cloud.hours.window_text import read_windows, write_hours
from cloud.store.labels import Label, Name
from cloud.web.names import UnclearName
from cloud.web.rejected import Rejected
from cloud.web.sentence import N_, Sentence
from cloud.web.setup_table import BadRow, FileRows, Problem, Proposal, SetupTable, Writing
from contract.schedules import Windows

DAILY_OR_WEEK = N_("write the windows of every day as daily, or those of %(days)s")
ALWAYS_MISSING = N_("it is missing: the ways home are open in these hours; write it as it was")
ALWAYS_STAYS = N_("the ways home are open in these hours; leave it as it was")
DAY_OR_RANGE = N_("write either day, or from and until")
BAD_RANGE = N_("write a day from %(first)s on, at most a year later")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class HoursRow(Struct, frozen=True):
    """Hours as the setup has them: windows such as ``06:00-12:00, 13:30-22:30``, or ``-`` for none, of every day
    (``daily``) or of each day of the week; and those of rest days and half days where these are others."""

    name: Name
    label: Label = Label()
    daily: str = ""
    mon: str = ""
    tue: str = ""
    wed: str = ""
    thu: str = ""
    fri: str = ""
    sat: str = ""
    sun: str = ""
    rest: str = ""
    half: str = ""

    def hours(self) -> Hours:
        """Raises ``BadRow``."""
        said = [getattr(self, day) for day in WEEKDAYS]
        if bool(self.daily) == any(said):
            raise BadRow("", Sentence(DAILY_OR_WEEK, days=", ".join(WEEKDAYS)))
        week = tuple(_windows(day, text) for day, text in zip(WEEKDAYS, said, strict=True))
        if self.daily:
            week = (_windows("daily", self.daily),) * 7
        special = (("rest", self.rest), ("half", self.half))
        rest, half = (_windows(key, text) if text else None for key, text in special)
        return Hours(self.name, self.label, week, rest, half)


def _windows(key: str, text: str) -> Windows:
    try:
        return read_windows(text)
    except Rejected as wrong:
        raise BadRow(key, wrong.ground) from None


def row_of(hours: Hours) -> HoursRow:
    """The hours as the setup has them."""
    text = write_hours(hours)
    is_daily = len(set(text.week)) == 1
    week = {"daily": text.week[0]} if is_daily else dict(zip(WEEKDAYS, text.week, strict=True))
    return HoursRow(hours.name, hours.label, **week, rest=text.rest, half=text.half)


def _check_hours(proposal: Proposal) -> Iterator[Problem]:
    before, after = proposal.old_rows(HoursRow), proposal.rows(HoursRow)
    if ALWAYS_NAME in before and ALWAYS_NAME not in proposal.names(HoursRow):
        yield Problem(ALWAYS_NAME, "", Sentence(ALWAYS_MISSING))
    for row in after.values():
        if row.name == ALWAYS_NAME and row != before.get(ALWAYS_NAME, row):
            yield Problem(ALWAYS_NAME, "", Sentence(ALWAYS_STAYS))


def _edit(writing: Writing) -> HoursEdit:
    # What uses hours was checked over the whole setup.
    return HoursEdit(writing.connection, writing.by, writing.now_ms, lambda _connection, _name: ())


def _put_hours(writing: Writing, row: HoursRow, before: HoursRow | None) -> None:
    edit = _edit(writing)
    (edit.change if before else edit.add)(row.hours())


HOURS_TABLE = SetupTable(
    name="hours",
    place=20,
    kind=HoursRow,
    read=lambda connection, _site: [row_of(hours) for hours in list_hours(connection)],
    tidy=lambda row: row_of(row.hours()),
    put=_put_hours,
    remove=lambda writing, row: _edit(writing).remove(row.name),
    check=_check_hours,
    actions=("hours.",),
)


def _check_days(proposal: Proposal) -> Iterator[Problem]:
    for day in proposal.rows(SpecialDay).values():
        if unknown := proposal.unknown(HoursRow, day.hours, N_("hours")):
            yield Problem(key_of_day(day), "hours", unknown)
    calendar = [*proposal.rows(SpecialDay).values()]
    try:
        hours = [row.hours() for row in proposal.rows(HoursRow).values()]
        check_calendar(hours, calendar, ZoneInfo(site_of(proposal.connection).zone))
    except Rejected as wrong:
        yield Problem(key_of_day(calendar[-1]) if calendar else "", "", wrong.ground)


class DaysRow(Struct, frozen=True, kw_only=True):
    """A special day as the setup has it, or all days ``from`` a first one ``until`` a last one. A label of one text is
    good for both languages."""

    day: date | None = None
    first: date | None = field(default=None, name="from")
    until: date | None = None
    kind: DayKind
    weekday: int | None = None
    hours: str = ""
    label: Label | str = Label()


def spread_days(row: DaysRow) -> list[SpecialDay]:
    """Raises ``BadRow``."""
    first, last = row.day or row.first, row.day or row.until
    if first is None or last is None or (row.day and (row.first or row.until)):
        raise BadRow("", Sentence(DAY_OR_RANGE))
    try:
        label = label_of_day(row.label if isinstance(row.label, Label) else Label(row.label, row.label))
    except UnclearName as wrong:
        raise BadRow("label", wrong.args[0]) from None
    try:
        return SpecialDay(first, row.kind, row.weekday, row.hours, label).through(last)
    except ValueError:
        raise BadRow("until", Sentence(BAD_RANGE, first=str(first))) from None


def gather_days(days: Sequence[SpecialDay]) -> list[DaysRow]:
    """The rows of these days, those that follow one another and are alike in one."""
    runs: list[list[SpecialDay]] = []
    for day in sorted(days, key=_alike):
        last = runs[-1][-1] if runs else None
        if last and len(runs[-1]) < MOST_AT_ONCE and structs.replace(last, day=last.day + timedelta(days=1)) == day:
            runs[-1].append(day)
        else:
            runs.append([day])
    return [_row_of_run(run) for run in sorted(runs)]


def _alike(day: SpecialDay) -> tuple[object, ...]:
    """In this order days that are alike but for the day stand together."""
    return day.kind, day.weekday or 0, day.hours, day.label.zh, day.label.en, day.day


def _row_of_run(run: Sequence[SpecialDay]) -> DaysRow:
    said = {key: value for key, value in structs.asdict(run[0]).items() if key != "day"}
    return DaysRow(**said, day=run[0].day) if len(run) == 1 else DaysRow(**said, first=run[0].day, until=run[-1].day)


def _put_day(writing: Writing, day: SpecialDay, _before: SpecialDay | None) -> None:
    _edit(writing).add_days([day])


def key_of_day(day: SpecialDay) -> str:
    return f"{day.day} {day.kind} {day.hours}".strip()


SPECIAL_DAYS = SetupTable(
    name="special_day",
    place=30,
    kind=SpecialDay,
    key=key_of_day,
    read=list_special_days,
    put=_put_day,
    remove=lambda writing, day: _edit(writing).remove_days([day]),
    check=_check_days,
    file_rows=FileRows(DaysRow, spread_days, gather_days),
    actions=("calendar.",),
)
TABLES = (HOURS_TABLE, SPECIAL_DAYS)
