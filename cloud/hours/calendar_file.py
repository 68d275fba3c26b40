"""An iCalendar file as special days of one kind: what is imported of it, and what a clerk is told."""

from collections.abc import Sequence
from datetime import date

from msgspec import Struct, structs

from cloud.hours.ical import WHY, LeftOut, NoCalendar, TooManyDays, read_calendar
from cloud.hours.rule import SpecialDay
from cloud.store.labels import Label
from cloud.web.names import clean
from cloud.web.rejected import Rejected
from cloud.web.sentence import N_

MAX_LABEL = 60
MAX_FILE_BYTES = 500_000
YEARS_AHEAD = 3
"""How far ahead a calendar is read: years after this one."""
NAMED = 10
"""Events that a sentence names."""

NOT_TEXT = N_("The file is not written in UTF-8: export it again as an iCalendar file. Nothing was changed.")
NOT_ICAL = N_("This is no iCalendar file: line %(line)s cannot be read. Nothing was changed.")
TOO_MANY = N_("The calendar has more than 5000 days to come: choose one of holidays. Nothing was changed.")
NOTHING_TO_COME = N_("The calendar has no day of whole-day events from today on. Nothing was changed.")
LEFT_OUT = N_("These events cannot be read: %(events)s. Leave them out, or correct the file. Nothing was changed.")


class CalendarFile(Struct, frozen=True):
    """A file and what becomes of it: each of its days from today on is as ``of``; with ``only``, the days of events
    that have this text in their name. Events that cannot be read are left out, or nothing is imported."""

    text: str
    of: SpecialDay
    only: str = ""
    leave_out: bool = False

    def special_days(self, today: date) -> tuple[list[SpecialDay], Sequence[LeftOut]]:
        """The days in order, and the events that are left out. Raises ``Rejected``."""
        try:
            found = read_calendar(self.text, today, date(today.year + YEARS_AHEAD, 12, 31))
        except NoCalendar as wrong:
            raise Rejected(NOT_ICAL, "file", line=wrong.line) from None
        except TooManyDays:
            raise Rejected(TOO_MANY, "file") from None
        left_out = [one for one in found.left_out if self.only in one.name]
        if left_out and not self.leave_out:
            raise Rejected(LEFT_OUT, "file", events=[_told(one) for one in left_out[:NAMED]])
        named = {one.day: one.name for one in reversed(found.days) if self.only in one.name}
        if not named:
            raise Rejected(NOTHING_TO_COME, "file")
        return [
            structs.replace(self.of, day=day, label=_label(clean(named[day])[:MAX_LABEL].strip()))
            for day in sorted(named)
        ], left_out


def _label(name: str) -> Label:
    return Label(name, name)


class Imported(Struct, frozen=True):
    """What became of a file: its first day from today on, how many days were added, and the events that were left
    out."""

    first: date
    added: int
    left_out: Sequence[LeftOut]


def decode_file(file: bytes) -> str:
    """The text of a file. Raises ``Rejected``."""
    try:
        return file.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Rejected(NOT_TEXT, "file") from None


def _told(one: LeftOut) -> Label:
    why = WHY[one.why]
    return Label(f"“{one.name}”（{why.zh}）", f"“{one.name}” ({why.en})")
