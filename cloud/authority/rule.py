"""What happened, given to an authority: by two operators, to two officers, silent until a day at most. Pure."""

from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct

from cloud.authority.proof import Officer
from contract.decide import DAY_MS

MAX_SPAN_MS = 366 * DAY_MS
MAX_EMBARGO_MS = 366 * DAY_MS
"""How long the persons who are looked at may be left unaware of it, from the day of the entry."""
MAX_NAMED = 50
"""Points and persons."""


class ExportState(StrEnum):
    """How an export stands. What was released may be taken away as often as the authority asks."""

    ENTERED = "entered"
    RELEASED = "released"
    WITHDRAWN = "withdrawn"


class AuthorityExport(Struct, frozen=True):
    """What an authority asked for under a document's number. The span is half-open UTC milliseconds. Events of these
    ``points`` and of these ``people`` (by id) are given; with neither it would be everything, which is refused. From
    ``embargo_until_ms`` on whoever was looked at can see it; 0 for at once."""

    id: int
    document: str
    officers: tuple[Officer, Officer]
    from_ms: int
    until_ms: int
    points: tuple[str, ...]
    people: tuple[int, ...]
    embargo_until_ms: int
    entered_by: str
    entered_ms: int
    released_by: str = ""
    released_ms: int | None = None
    withdrawn_by: str = ""

    @property
    def state(self) -> ExportState:
        if self.withdrawn_by:
            return ExportState.WITHDRAWN
        return ExportState.ENTERED if self.released_ms is None else ExportState.RELEASED


class ExportRefusal(StrEnum):
    """Why an export cannot be entered or released."""

    NO_DOCUMENT = "no_document"
    TWO_OFFICERS = "two_officers"
    NO_SPAN = "no_span"
    EVERYTHING = "everything"
    TOO_MANY = "too_many"
    EMBARGO = "embargo"
    ONE_PERSON = "one_person"
    NOT_OPEN = "not_open"


def refusal_of_entry(one: AuthorityExport) -> ExportRefusal | None:
    """Why it cannot be entered."""
    numbers = {officer.number.casefold() for officer in one.officers}
    if not one.document:
        return ExportRefusal.NO_DOCUMENT
    if len(numbers) < 2 or not all(officer.name and officer.number for officer in one.officers):
        return ExportRefusal.TWO_OFFICERS
    if not 0 < one.until_ms - one.from_ms <= MAX_SPAN_MS or one.until_ms > one.entered_ms:
        return ExportRefusal.NO_SPAN
    if not (one.points or one.people):
        return ExportRefusal.EVERYTHING
    if len(one.points) + len(one.people) > MAX_NAMED:
        return ExportRefusal.TOO_MANY
    if one.embargo_until_ms and not 0 < one.embargo_until_ms - one.entered_ms <= MAX_EMBARGO_MS:
        return ExportRefusal.EMBARGO
    return None


def refusal_of_release(one: AuthorityExport, by: str) -> ExportRefusal | None:
    """Why this operator cannot release it."""
    if one.state is not ExportState.ENTERED:
        return ExportRefusal.NOT_OPEN
    return ExportRefusal.ONE_PERSON if one.entered_by == by else None


def is_seen(embargo_until_ms: int, now_ms: int) -> bool:
    """Whether whoever was looked at can see it now."""
    return now_ms >= embargo_until_ms


def named(texts: Sequence[str]) -> tuple[str, ...]:
    """Each once, in the order of their names."""
    return tuple(sorted({text for text in texts if text}))
