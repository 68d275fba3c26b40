"""What the line of an event says, searched for words.

Nearly all of a line follows from the event's series: where, what and why. So a search picks the series that say the
words, which are few, and reads only their events. What else a line may say stands in the event, as which fault began;
of series whose kind has such fields, events are read one by one, a bounded number at a time. Names of people are not
searched: whoever looks for one person's movements names the person, and a purpose.
"""

from collections.abc import Callable, Collection
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from cloud.devices.event_series import EventFilter
from cloud.devices.event_views import EventPage, EventView, list_events
from cloud.devices.registry import site_of
from cloud.store.labels import Label
from cloud.store.schema import devices, event_series, points
from cloud.store.scope import point_seen
from cloud.web import words
from cloud.web.i18n import Language
from contract.kinds import vocabulary

MOST_READ, READ_AT_ONCE = 500, 100
"""Events that one page reads at most for a text; its cursor leads on from there."""

Listing = Callable[[Connection, EventFilter, Any, int, Collection[int] | None], EventPage]
"""``list_events``, or ``list_events_after`` where there is a cursor."""


class LineText(NamedTuple):
    """Words that a line must say, all of them, in one language or as devices call things."""

    language: Language
    words: tuple[str, ...]

    @classmethod
    def of(cls, language: Language, text: str) -> "LineText":
        return cls(language, tuple(text.casefold().split()))

    def series(self, connection: Connection, site: str) -> "Candidates":
        """The series whose lines say the words, and those whose lines may."""
        zh, en = points.c.label_zh, points.c.label_en
        query = (
            select(event_series, devices.c.name, devices.c.label_zh, devices.c.label_en, zh.label("zh"), en.label("en"))
            .join(devices, devices.c.id == event_series.c.device_id)
            .outerjoin(points, points.c.name == event_series.c.point)
            .where(event_series.c.site == site, point_seen(connection, event_series.c.point))
        )
        what, more = cache(self._what), cache(self._may_say)
        sure, maybe = set[int](), set[int]()
        for row in connection.execute(query):
            device = self.language.label(Label(row.label_zh, row.label_en))
            point = self.language.label(Label(row.zh, row.en)) if row.zh is not None else ""
            said = f"{row.point} {row.name} {device} {point} ".casefold() + what(row.kind, row.reason)
            if self._are_in(said):
                sure.add(row.id)
            elif self._are_in(said + more(row.kind)):
                maybe.add(row.id)
        return Candidates(sure, maybe)

    def is_said_by(self, event: EventView) -> bool:
        look, details = words.look_of(event)[1], words.details_of(event)
        place = self.language.label(event.point_label) if event.point else ""
        said = (event.point, event.device, self.language.label(event.device_label), place)
        more = map(self.language.say, (look, *details))
        return self._are_in(" ".join((*said, *more)).casefold() + self._what(event.kind, event.reason or ""))

    def _what(self, kind: str, reason: str) -> str:
        """What every line of a kind and reason says."""
        known = self.language.knows(reason)
        why = self.language.reason(reason) if known or not reason else self.language.stop(reason)
        return f" {kind} {reason} {self.language.say(words.name_of(kind))} {why}".casefold()

    def _may_say(self, kind: str) -> str:
        """All that a line of a kind may say beside that, by what stands in the event; of a kind that is not declared
        here, what it says of a fault. Where numbers are filled in, any may be."""
        declared = vocabulary().events.get(kind)
        fields = ("fault",) if declared is None else declared.says
        said = [word for field in fields for word in words.all_said(field)]
        if declared is not None:
            said += [look.words for look in declared.looks.values()]
            said += [declared.adds] if declared.adds else []
            if declared.adds and any(map(str.isdigit, "".join(self.words))):
                return " ".join(self.words)
        return " ".join(map(self.language.say, said)).casefold()

    def _are_in(self, line: str) -> bool:
        return all(word in line for word in self.words)


class Candidates(NamedTuple):
    """Series by whether all their lines say something, or perhaps some."""

    sure: set[int]
    maybe: set[int]


def search_events(
    connection: Connection,
    wanted: EventFilter,
    text: LineText,
    cursor: int | None,
    limit: int,
    listing: Listing = list_events,
) -> EventPage:
    """A page of the events that match and say the text. It may be short, even empty, and have a next one: then as many
    events were read as one page may. Raises ``PurposeNeeded`` or ``OutOfScope``."""
    if not text.words:
        return listing(connection, wanted, cursor, limit, None)
    sure, maybe = text.series(connection, site_of(connection).name)
    if not maybe:
        return listing(connection, wanted, cursor, limit, sure)
    found = list[EventView]()
    for _ in range(MOST_READ // READ_AT_ONCE):
        page = listing(connection, wanted, cursor, READ_AT_ONCE, sure | maybe)
        found += [event for event in page.rows if text.is_said_by(event)]
        if len(found) > limit:
            return EventPage(found[:limit], found[limit - 1].arrival)
        cursor = page.next
        if cursor is None:
            break
    return EventPage(found, cursor)
