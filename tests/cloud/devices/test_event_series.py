"""Filters find what a look at every event would find, and read no event beside it."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, delete, event

from cloud.devices import event_series
from cloud.devices.event_series import EventFilter, EventRow, Key, SeriesNumbers, find_arrivals, write_rows
from cloud.devices.registry import found_site, register
from cloud.store.database import Store
from cloud.store.prepared import Prepared, driver
from cloud.store.schema import events
from contract.sealing import DeviceKey
from tests.cloud.support.town import Town

SITE = "sunny-court"
KEYS = [DeviceKey.generate().public() for _ in range(2)]


class Said(NamedTuple):
    """What an event says that a filter may ask for."""

    device: int
    point: str
    kind: str
    reason: str | None

    @property
    def key(self) -> Key:
        return self.device, self.point, self.kind, self.reason

    def matches(self, wanted: EventFilter) -> bool:
        family = f"{self.kind}.".startswith(f"{wanted.kind}.")
        return (
            wanted.device in ("", f"device-{self.device}")
            and wanted.point in ("", self.point)
            and (family or not wanted.kind)
            and wanted.reason in ("", self.reason)
        )


POINTS, WORDS, REASONS = ("", "gate", "side"), ("door.forced", "door.opened", "doorbell.rang"), (None, "expired", "bar")
SAID = st.builds(Said, st.integers(1, 2), st.sampled_from(POINTS), st.sampled_from(WORDS), st.sampled_from(REASONS))
FILTERS = st.builds(
    EventFilter,
    st.sampled_from(("", "device-1", "device-2", "device-3")),
    st.sampled_from(POINTS),
    st.sampled_from(("", "door", "door.forced", "d%", "doorbell")),
    st.sampled_from(("", "expired", "bar", "worn")),
)


def write(connection: Connection, numbers: SeriesNumbers, said: Mapping[int, Said]) -> None:
    """Add these events, by their arrival."""
    numbers.use(connection)
    rows: list[EventRow] = [
        (
            arrival,
            1,
            arrival,
            0,
            0,
            0,
            0,
            "",
            None,
            bytearray(b"e"),
            numbers[one.key],
        )
        for arrival, one in said.items()
    ]
    write_rows(connection, rows)


@pytest.fixture
def place(store: Store) -> Store:
    with store.writing() as connection:
        found_site(connection, SITE, "Asia/Shanghai", "", "")
        for number, key in enumerate(KEYS, 1):
            register(connection, f"device-{number}", key, 0)
        connection.exec_driver_sql(
            "INSERT INTO journals (id, device_id, journal, upto, tip, opened_ms) VALUES (1, 1, 'a', 0, X'', 0)"
        )
    return store


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(SAID, max_size=30), FILTERS, st.integers(0, 32), st.integers(1, 6))
def test_filter_finds_what_a_scan_finds(
    place: Store, said: list[Said], wanted: EventFilter, beyond: int, limit: int
) -> None:
    """Both ways, from any cursor, however few of each series there are."""
    matching = [arrival for arrival, one in enumerate(said, 1) if one.matches(wanted)]
    with place.writing() as connection:
        connection.execute(delete(events))
        write(connection, SeriesNumbers(SITE), dict(enumerate(said, 1)))
        back = find_arrivals(connection, SITE, wanted, beyond, limit, newest_first=True)
        onward = find_arrivals(connection, SITE, wanted, beyond, limit, newest_first=False)
    assert back == [one for one in reversed(matching) if one < beyond][:limit]
    assert onward == [one for one in matching if one > beyond][:limit]


def test_device_that_invents_words_shares_a_series(place: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its events are found by the device; the other device is none the worse."""
    monkeypatch.setattr(event_series, "MAX_SERIES_PER_DEVICE", 3)
    with place.writing() as connection:
        numbers = SeriesNumbers(SITE)
        write(connection, numbers, {one: Said(1, "gate", f"door.{one}", None) for one in range(1, 9)})
        write(connection, numbers, {9: Said(2, "side", "door.forced", None)})
        count = connection.exec_driver_sql("SELECT count(*) FROM event_series WHERE device_id = 1").scalar()
        mine, other = (
            find_arrivals(connection, SITE, wanted, 100, 50, newest_first=True)
            for wanted in (EventFilter(device="device-1"), EventFilter(point="side"))
        )
    assert count == 4
    assert (mine, other) == ([8, 7, 6, 5, 4, 3, 2, 1], [9])


def test_silent_event_stays_silent_among_too_many_series(place: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that fills up its series does not bring silent events into the lists."""
    monkeypatch.setattr(event_series, "MAX_SERIES_PER_DEVICE", 3)
    with place.writing() as connection:
        numbers = SeriesNumbers(SITE)
        write(connection, numbers, {one: Said(1, "gate", f"door.{one}", None) for one in range(1, 7)})
        write(connection, numbers, {one: Said(1, f"gate-{one}", "access.duress", None) for one in (7, 8)})
        told, silent = (
            find_arrivals(connection, SITE, EventFilter(device="device-1"), 100, 50, newest_first=True, silent=silent)
            for silent in (False, True)
        )
    assert (told, silent) == ([6, 5, 4, 3, 2, 1], [8, 7])


def test_rolled_back_series_is_made_again(place: Store) -> None:
    numbers, said = SeriesNumbers(SITE), {1: Said(1, "gate", "door.forced", None)}
    with pytest.raises(ZeroDivisionError), place.writing() as connection:
        write(connection, numbers, said)
        raise ZeroDivisionError
    numbers.clear()
    with place.writing() as connection:
        write(connection, numbers, said)
        assert find_arrivals(connection, SITE, EventFilter(kind="door"), 9, 9, newest_first=True) == [1]


PAGES = (
    *("/", "/events", "/events?before=5", "/events?device=east-gate&kind=door", "/events?reason=barred&before=7"),
    *("/events?point=east-gate", "/devices/east-gate", "/devices/east-gate?before=3", "/points/east-gate"),
    *("/people", "/doors", "/charging", "/points", "/rosters", "/zones", "/zones/estate/muster", "/api/v1/devices"),
    *("/api/v1/events?after=0&kind=door", "/api/v1/events?limit=1", "/quarantine", "/audit"),
)


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, Any]]]:
    """Every statement that reads events, with its values."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: Connection, _cursor: object, sql: str, values: Any, *_: object) -> None:
        seen.append((sql, values))

    def all_of(prepared: Prepared, connection: Connection, *values: object) -> list[tuple[Any, ...]]:
        seen.append((prepared.sql, values))
        return driver(connection).execute(prepared.sql, values).fetchall()

    monkeypatch.setattr(Prepared, "all", all_of)
    event.listen(Engine, "before_cursor_execute", note)
    yield seen
    event.remove(Engine, "before_cursor_execute", note)


@pytest.mark.parametrize("page", PAGES)
def test_page_scans_no_events(town: Town, statements: list[tuple[str, Any]], page: str) -> None:
    """Neither all events, nor some of them into an order that no index has."""
    for number in range(9):
        town.happens("door.forced" if number % 2 else "access.refused", device="east-gate", reason="expired")
    with town.visit("admin") as visitor:
        statements.clear()
        assert visitor.get(page).status_code == 200
    about_events = {sql: values for sql, values in statements if " events" in sql and sql.startswith("SELECT")}
    with town.store.reading() as connection:
        for sql, values in about_events.items():
            plan = list(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values).scalars(3))
            scanned = [line for line in plan if line.startswith("SCAN events")]
            sorted_rows = [line for line in plan if line.startswith("USE TEMP B-TREE")]
            assert not scanned, sql
            assert not sorted_rows or not any(line.startswith("SEARCH events") for line in plan), (sql, plan)
