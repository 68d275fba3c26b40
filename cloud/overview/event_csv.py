"""Events as a CSV file for a spreadsheet: streamed, a page of them at a time, and noted in the audit."""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from io import StringIO

from fastapi.responses import StreamingResponse

from cloud.devices.event_views import EventPage, EventView
from cloud.devices.registry import site_of
from cloud.exchange.sheet import quoted
from cloud.store.database import Clock, Store
from cloud.web import words
from cloud.web.i18n import Language
from cloud.web.operators import record

MAX_ROWS, ROWS_AT_ONCE = 100_000, 500
COLUMNS = ("arrival", "time", "arrived", "device", "point", "place", "kind", "what", "reason", "why", "person", "flat")
BOM = "\ufeff"
"""Without it Excel takes the file for one in the machine's old code page."""
CUT = "only the newest {} lines: choose a shorter span of time"

ReadPage = Callable[[int | None, int], EventPage]
"""The page that is older than a cursor, and at most how many lines it has."""


class EventExportService:
    """The service that notes who took events away as a file. Any thread may use it."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def note(self, by: str, filters: Mapping[str, str]) -> None:
        """``filters`` say of which events."""
        with self._store.writing() as connection:
            record(connection, self._clock(), by, "events.exported", site_of(connection).name, **filters)


def csv_response(read: ReadPage, language: Language, *, bom: bool, max_rows: int = MAX_ROWS) -> StreamingResponse:
    """The file as an answer. Raises what ``read`` raises of its first page."""
    first = read(None, ROWS_AT_ONCE)
    chunks = csv_chunks(first, read, language, bom=bom, max_rows=max_rows)
    headers = {"Content-Disposition": "attachment; filename=events.csv"}
    return StreamingResponse(chunks, media_type="text/csv; charset=utf-8", headers=headers)


def csv_chunks(first: EventPage, read: ReadPage, language: Language, *, bom: bool, max_rows: int) -> Iterator[str]:
    """The file in pieces: the newest event first, and where there are more than ``max_rows``, a last line that says
    so."""
    yield (BOM if bom else "") + _written([COLUMNS])
    page, left = first, max_rows
    while True:
        rows = page.rows[:left]
        yield _written([_cells(event, language) for event in rows])
        left -= len(rows)
        if page.next is None:
            return
        if not left:
            yield _written([[CUT.format(max_rows)]])
            return
        page = read(page.next, ROWS_AT_ONCE)


def _cells(event: EventView, language: Language) -> list[str]:
    said = (words.look_of(event)[1], *words.details_of(event))
    person = event.person
    return [
        str(event.arrival),
        language.local(event.shown_ms).isoformat(timespec="seconds"),
        language.local(event.received_ms).isoformat(timespec="seconds"),
        event.device,
        event.point,
        language.label(event.point_label if event.point else event.device_label),
        event.kind,
        " ".join(map(language.say, said)),
        event.reason or "",
        language.reason(event.reason) if event.reason else "",
        language.label(person.name) if person else "",
        (person.unit or "") if person else "",
    ]


def _written(rows: Iterable[Sequence[str]]) -> str:
    text = StringIO(newline="")
    csv.writer(text).writerows([quoted(cell) for cell in row] for row in rows)
    return text.getvalue()
