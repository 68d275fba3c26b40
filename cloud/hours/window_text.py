"""Windows of a day as people write them, such as ``06:00-12:00, 13:30-22:30``, and as pages show them."""

import hashlib
import re
from collections.abc import Sequence
from unicodedata import normalize

import msgspec
from msgspec import Struct

from cloud.hours.rule import Hours, joined
from cloud.store.labels import Label
from cloud.web.rejected import Rejected
from cloud.web.sentence import N_
from contract.schedules import MINUTES_PER_DAY, Windows

MAX_WINDOWS = 12
"""Of one day."""
NOON = MINUTES_PER_DAY // 2
NOTHING = "-"
"""How a day is written on which nothing opens."""
_CLOSED = {NOTHING, "closed", "关闭"}
_BETWEEN = re.compile(r"[,;、\n]")
_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−~〜至", "-"))
_WINDOW = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")

NO_WINDOW = N_(
    "“%(window)s” is no window of hours: write such as 06:00-22:30, several with commas. Nothing was changed."
)
ENDS_EARLY = N_(
    "“%(window)s” ends before it begins. A window into the next day begins at 12:00 or later and ends by 12:00, "
    "such as 22:00-02:00; write any other with its end past 24:00, such as 09:00-32:00. Nothing was changed."
)
TOO_LONG = N_("“%(window)s” is empty or longer than 24 hours. Nothing was changed.")
TOO_MANY = N_("A day has at most 12 windows. Nothing was changed.")


def read_windows(text: str) -> Windows:
    """The windows of a day, none for an empty text. Raises ``Rejected``."""
    plain = normalize("NFKC", text).translate(_DASHES).strip()
    if not plain or plain.casefold() in _CLOSED:
        return ()
    windows = [_window(part.strip()) for part in _BETWEEN.split(plain) if part.strip()]
    if len(windows) > MAX_WINDOWS:
        raise Rejected(TOO_MANY, "windows")
    return joined(windows)


def write_windows(windows: Windows) -> str:
    """The text that ``read_windows`` reads so."""
    return ", ".join(f"{_clock(start)}-{_clock(_shown_end(start, end))}" for start, end in windows) or NOTHING


def write_week(hours: Hours) -> str:
    """All windows of hours in one line, such as ``1-5 06:00-22:30; 6-7 -``: days that are alike stand together."""
    parts: list[tuple[int, int, Windows]] = []
    for day, windows in enumerate(hours.week, 1):
        if parts and parts[-1][2] == windows:
            parts[-1] = parts[-1][0], day, windows
        else:
            parts.append((day, day, windows))
    week = [(f"{first}-{last}" if first < last else f"{first}", windows) for first, last, windows in parts]
    special = [(kind, of) for kind, of in (("rest", hours.rest), ("half", hours.half)) if of is not None]
    return "; ".join(f"{days} {write_windows(windows)}" for days, windows in (*week, *special))


class HoursText(Struct, frozen=True):
    """Hours as forms and calls show and take them: each day of the week as text, Monday first. ``rest`` and ``half``
    are empty where such days have the hours of their weekday. ``seen`` comes back with a change of these hours, so that
    it takes nothing back that somebody else has changed meanwhile."""

    name: str
    label: Label
    week: Sequence[str]
    rest: str = ""
    half: str = ""
    seen: str = ""


def read_hours(text: HoursText) -> Hours:
    """Raises ``Rejected``."""
    rest, half = (read_windows(one) if one.strip() else None for one in (text.rest, text.half))
    return Hours(text.name, text.label, tuple(map(read_windows, text.week)), rest, half)


def write_hours(hours: Hours) -> HoursText:
    """The text that ``read_hours`` reads so."""
    rest, half = ("" if windows is None else write_windows(windows) for windows in (hours.rest, hours.half))
    week = [write_windows(windows) for windows in hours.week]
    return HoursText(hours.name, hours.label, week, rest, half, stamp(hours))


def stamp(hours: Hours) -> str:
    """A short text that is another as soon as anything about the hours is."""
    return hashlib.sha256(msgspec.json.encode(hours)).hexdigest()[:16]


def _window(text: str) -> tuple[int, int]:
    found = _WINDOW.fullmatch(text)
    if found is None:
        raise Rejected(NO_WINDOW, "windows", window=text)
    first_hour, first_minute, last_hour, last_minute = map(int, found.groups())
    start, end = first_hour * 60 + first_minute, last_hour * 60 + last_minute
    if first_minute > 59 or last_minute > 59 or start >= MINUTES_PER_DAY or end > 2 * MINUTES_PER_DAY:
        raise Rejected(NO_WINDOW, "windows", window=text)
    if end < start:
        if not _is_night(start, end):
            raise Rejected(ENDS_EARLY, "windows", window=text)
        end += MINUTES_PER_DAY
    if not 0 < end - start <= MINUTES_PER_DAY:
        raise Rejected(TOO_LONG, "windows", window=text)
    return start, end


def _is_night(start: int, end: int) -> bool:
    """Whether a window whose end is before its start clearly runs into the next day."""
    return end <= NOON <= start


def _shown_end(start: int, end: int) -> int:
    into_next = end - MINUTES_PER_DAY
    return into_next if 0 < into_next < start and _is_night(start, into_next) else end


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
