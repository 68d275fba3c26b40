"""Events are found by when they happened, by what their lines say, and are taken away as a file."""

import csv
import io
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection

from cloud.devices.event_series import EventFilter
from cloud.devices.event_views import EventPage, list_events, list_events_after
from cloud.overview import line_text
from cloud.overview.event_csv import CUT, csv_chunks
from cloud.overview.line_text import LineText, search_events
from cloud.web.i18n import Language, languages
from cloud.web.words import details_of
from contract.decide import DAY_MS, HOUR_MS, Trust
from tests.cloud.support.pages import words
from tests.cloud.support.town import NOW_MS, Town

SHANGHAI = ZoneInfo("Asia/Shanghai")


def wall(at_ms: int) -> str:
    """As a browser sends a time of the site's wall clock."""
    return f"{datetime.fromtimestamp(at_ms / 1000, SHANGHAI):%Y-%m-%dT%H:%M}"


@pytest.fixture
def day(town: Town) -> Town:
    """Four hours: in each a card is refused; what happened in the first at the east gate arrives an hour late, and the
    clock of one event was never set."""
    for hour in range(4):
        town.now_ms = NOW_MS + hour * HOUR_MS
        town.happens("access.refused", reason="expired", holder=town.holder("Wang Wu"), direction="in")
        if hour == 1:
            town.happens("door.forced", device="east-gate", at_ms=NOW_MS + 60_000, replay=True)
        if hour == 2:
            town.happens("access.refused", reason="busy", at_ms=1000, clock=Trust.UNSET)
    return town


def arrivals(town: Town, wanted: EventFilter, limit: int = 50) -> list[int]:
    """All that match, the newest first: read in pages both ways, which must agree."""
    with town.store.reading() as connection:
        back, cursor = list[int](), None
        while True:
            page = list_events(connection, wanted, cursor, limit)
            back, cursor = back + [one.arrival for one in page.rows], page.next
            if cursor is None:
                break
        onward = list_events_after(connection, wanted, 0, 500)
    assert back == [one.arrival for one in onward.rows][::-1]
    return back


@pytest.mark.parametrize(
    ("since_h", "until_h", "found"),
    [(0, 1, [3, 1]), (1, 2, [2]), (2, 3, [5, 4]), (0, 0, [6, 5, 4, 3, 2, 1]), (3, 0, [6]), (0, 4, [6, 5, 4, 3, 2, 1])],
)
@pytest.mark.parametrize("limit", [1, 50])
def test_span_holds_what_happened_in_it(day: Town, since_h: int, until_h: int, found: list[int], limit: int) -> None:
    """What came late stands where it happened; what nobody knows the time of stands where it arrived."""
    until_ms = NOW_MS + until_h * HOUR_MS if until_h else 0
    wanted = EventFilter(since_ms=NOW_MS + since_h * HOUR_MS, until_ms=until_ms)
    assert arrivals(day, wanted, limit) == found
    for kind in ("access", "door"):
        with day.store.reading() as connection:
            named = [one.arrival for one in list_events(connection, wanted).rows if one.kind.startswith(kind)]
        assert arrivals(day, EventFilter(kind=kind, since_ms=wanted.since_ms, until_ms=until_ms), limit) == named


def test_event_a_day_late_stands_where_it_arrived(town: Town) -> None:
    town.happens("door.forced", device="east-gate", at_ms=NOW_MS - 2 * DAY_MS, replay=True)
    assert arrivals(town, EventFilter(since_ms=NOW_MS - 3 * DAY_MS, until_ms=NOW_MS - DAY_MS)) == []
    assert arrivals(town, EventFilter(since_ms=NOW_MS - HOUR_MS)) == [1]


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [
        ("en", "FORCED", [3]),
        ("zh-CN", "强行", [3]),
        ("en", "east gate", [3]),
        ("en", "gym refused", [6, 5, 4, 2, 1]),
        ("en", "door.forced", [3]),
        ("en", "ended", [6, 4, 2, 1]),
        ("en", "Wang Wu", []),
        ("en", "unicorn", []),
    ],
)
def test_text_is_what_lines_say(day: Town, language: str, text: str, found: list[int]) -> None:
    """Names of people are not searched: who looks for one person's movements gives a purpose."""
    said = LineText.of(languages(SHANGHAI)[language], text)
    with day.store.reading() as connection:
        page = search_events(connection, EventFilter(), said, None, 50)
    assert ([one.arrival for one in page.rows], page.next) == (found, None)


def test_text_in_the_event_is_searched_in_steps(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault's name stands in the event alone: a bounded number is read, and the cursor leads on."""
    monkeypatch.setattr(line_text, "MOST_READ", 4)
    monkeypatch.setattr(line_text, "READ_AT_ONCE", 2)
    for fault in ("lid_open", *["reader_silent"] * 6):
        town.happens("device.fault", point="", fault=fault)
    english = languages(SHANGHAI)["en"]
    with town.store.reading() as connection:
        name = words_of_fault(connection, english)
        said = LineText.of(english, name)
        first = search_events(connection, EventFilter(), said, None, 50)
        second = search_events(connection, EventFilter(), said, first.next, 50)
    assert (first.rows, first.next) == ([], 4)
    assert ([one.arrival for one in second.rows], second.next) == ([1], None)


def words_of_fault(connection: Connection, english: Language) -> str:
    first = list_events(connection, EventFilter()).rows[-1]
    return str(english.say(details_of(first)[0]))


def test_page_filters_and_offers_the_file(day: Town) -> None:
    with day.visit("admin") as admin:
        span = {"since": wall(NOW_MS), "until": wall(NOW_MS + HOUR_MS)}
        page = admin.get("/events", params={**span, "text": "forced"})
        assert page.text.count('id="event-') == 1
        assert "bom=1" in page.text
        wrong = admin.get("/events?since=noon")
        assert wrong.status_code == 422
        assert "A time is written as" in words(wrong.text)
        file = admin.get("/events.csv", params={**span, "bom": "1"})
        assert file.headers["content-disposition"] == "attachment; filename=events.csv"
        assert file.content.startswith(b"\xef\xbb\xbf")
        rows = list(csv.DictReader(io.StringIO(file.text.removeprefix("\ufeff"))))
        assert [row["arrival"] for row in rows] == ["3", "1"]
        assert [(row["place"], row["person"]) for row in rows] == [("East gate", ""), ("Gym turnstile", "Wang Wu")]
        assert admin.get("/events.csv?since=noon").status_code == 422
        assert "Took events away as a file" in words(admin.get("/audit").text)
        span_ms = {"since_ms": NOW_MS, "until_ms": NOW_MS + HOUR_MS}
        called = admin.get("/api/v1/events", params={**span_ms, "text": "forced"}).json()
        assert [one["arrival"] for one in called["events"]] == [3]
        assert not admin.get("/api/v1/events.csv", params=span_ms).content.startswith(b"\xef\xbb\xbf")
        assert admin.get("/events.csv?person=3").status_code == 303


def test_file_ends_with_where_it_was_cut(day: Town) -> None:
    with day.store.reading() as connection:

        def read(before: int | None, limit: int) -> EventPage:
            return list_events(connection, EventFilter(), before, min(limit, 2))

        chunks = csv_chunks(read(None, 2), read, languages(SHANGHAI)["en"], bom=False, max_rows=3)
        rows = list(csv.reader(io.StringIO("".join(chunks))))
    assert [row[0] for row in rows] == ["arrival", "6", "5", "4", CUT.format(3)]


def test_cell_is_no_formula_for_a_spreadsheet(town: Town) -> None:
    town.happens("access.refused", reason="=1+1", direction="in")
    with town.visit("admin") as admin:
        (row,) = csv.DictReader(io.StringIO(admin.get("/events.csv").text))
    assert row["reason"] == "'=1+1"
