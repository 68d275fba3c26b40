"""Who passes under duress is told to administrators, on one page, and nowhere else."""

from io import BytesIO
from urllib.parse import parse_qs
from zipfile import ZipFile

import httpx
import pytest

from cloud.devices.event_series import EventFilter
from cloud.devices.event_views import last_arrival, list_arrivals, list_events, list_events_after
from cloud.web.feed import Source
from cloud.web.live import PageSource, api_dialect
from cloud.web.operators import list_audit
from cloud.web.roles import Assignment, Role
from contract.kinds import vocabulary
from tests.cloud.support.pages import words
from tests.cloud.support.town import Town
from tests.cloud.support.who_may import ENDLESS, TABLE, filled, names_by_address

MARK = "d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0"
"""Stands in the event alone: wherever it is read, the event has been shown."""
TELLS = ("Under duress", "被胁迫", MARK, 'id="event-2"')
PAGE = "/silent-alarms"
ASKED = ("", "?kind=access.duress", "?kind=access&after=0", "?text=duress", "?person=5", "?limit=100")
"""A route refuses a query that it does not read, so each is asked only where it is read: by some of them."""


@pytest.fixture
def forced(town: Town) -> Town:
    """Somebody is forced to open: the turnstile says that it let them in, and the other thing."""
    holder = town.holder("Li Si")
    town.happens("access.allowed", reason="allowed", direction="in", digest="00" * 16, holder=holder, roster=1, rule=5)
    town.happens("access.duress", direction="in", digest=MARK, holder=holder)
    return town


def tells(answer: httpx.Response) -> list[str]:
    return [word for word in TELLS if word in answer.text]


def test_only_administrators_read_silent_alarms(forced: Town) -> None:
    """In the order of the table of roles; the look of whoever may is audited each time."""
    with forced.visit("admin") as admin:
        page = words(admin.get(PAGE).text)
        assert "Li Si" in page
        assert "Under duress" in page
        assert "Let into" not in page
        assert PAGE in admin.get("/").text
        admin.get(f"{PAGE}?before=1")
    with forced.visit("office") as office:
        assert office.get(PAGE).status_code == 403
        assert PAGE not in office.get("/").text
    with forced.store.reading() as connection:
        looked = [row.operator for row in list_audit(connection) if row.action == "silent.seen"]
    assert looked == ["admin", "admin"]


def test_no_other_page_tells_of_duress(forced: Town) -> None:
    """Every address that can be read, as it is and asked for this very event, by who may read everything."""
    with forced.visit("admin") as admin:
        admin.submit("/people/5/look", "/people/5/look", purpose="safety", back="/")
        assert tells(admin.get(PAGE)) != []
        read, known = 0, names_by_address(forced.app)
        for method, path in TABLE:
            if method != "GET" or path in {PAGE, *ENDLESS}:
                continue
            for query in ASKED:
                if not parse_qs(query[1:]).keys() <= known[method, path]:
                    continue
                answer = admin.get(filled(path) + query)
                read += answer.status_code == 200
                assert tells(answer) == [], (path, query)
        assert read > len(TABLE) / 4


def test_no_list_of_events_has_silent_ones(forced: Town) -> None:
    holder = bytes.fromhex(forced.holder("Li Si"))
    wanted = [EventFilter(), EventFilter(holder=holder), EventFilter(kind="access"), EventFilter(kind="access.duress")]
    wanted += [EventFilter(device="gym-turnstile"), EventFilter(point="gym-turnstile", holder=holder)]
    with forced.store.reading() as connection:
        listed = [view for one in wanted for view in list_events(connection, one).rows]
        listed += [view for one in wanted for view in list_events_after(connection, one, 0).rows]
        listed += list_arrivals(connection, 0, 100)
        assert last_arrival(connection) == 2
    assert {view.kind for view in listed} == {"access.allowed"}


def test_no_stream_tells_of_duress(forced: Town) -> None:
    """Neither that of the API nor that of any page: all are encoded from the same rows."""
    source: Source = forced.app.state.services[PageSource]
    span = source.span(0)
    assert [row.kind for row in span.rows] == ["access.allowed"]
    (item,) = source.encode(api_dialect(Assignment(Role.ADMIN)), span.rows)
    assert MARK not in item.data


def test_no_look_is_taken_at_silent_event(forced: Town) -> None:
    """Whoever guesses its number is told that there is no such event."""
    with forced.visit("office") as office:
        said = [office.submit(f"/events/{one}/look", "/events/1/look", purpose="safety", back="/") for one in (1, 2, 3)]
    assert [answer.status_code for answer in said] == [303, said[2].status_code, said[2].status_code]
    assert said[2].status_code != 303


def test_no_export_has_silent_events(forced: Town) -> None:
    with forced.visit("admin") as admin:
        made = admin.submit("/export", "/export", form="ndjson", event_days="3", purpose="audit")
    with ZipFile(BytesIO(made.content)) as packed:
        content = b"".join(packed.read(name) for name in packed.namelist())
    assert b"access.allowed" in content
    assert b"access.duress" not in content


def test_every_silent_event_is_an_alarm() -> None:
    silent = [event for event in vocabulary().events.values() if event.silent]
    assert [(event.kind, event.look.tone) for event in silent] == [("access.duress", "alarm")]
