"""What is there, as tables of plain values: for spreadsheets, for other programs, and as a database of its own."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct
from sqlalchemy import Connection, select

from cloud.cards.rule import Card
from cloud.devices.event_series import shown
from cloud.devices.registry import site_of
from cloud.exchange.rule import window_days
from cloud.exchange.sheet import quoted
from cloud.keys.keys import KeyFolder
from cloud.parties.party import earlier
from cloud.people.tables import credentials, memberships, person_tags
from cloud.store.database import Clock, Store
from cloud.store.homes import flat_of_person
from cloud.store.schema import devices, event_series, events, flats, parties, party_members, people, points
from cloud.web.operators import record
from contract.decide import DAY_MS

EVENT_DAYS, MAX_EVENTS = 30, 100_000
"""How far back events go, and how many there are at most: the newest."""
KEYS: Mapping[str, Sequence[tuple[str, str, str]]] = {
    "members": [("party_id", "parties", "id"), ("person_id", "people", "id")],
    "memberships": [("party_id", "parties", "id"), ("person_id", "people", "id")],
    "cards": [("party_id", "parties", "id"), ("person_id", "people", "id")],
    "parties": [("flat", "flats", "name")],
    "events": [("person_id", "people", "id")],
}
"""The references between the tables of a database."""
FIRST: Mapping[str, str] = {"flats": "name", "points": "name", "events": "arrival"}
"""Of tables whose rows have no ``id``, what tells them apart."""

Cell = str | int | float | bool | None
ExportRow = dict[str, Cell]


class ExportChoice(Struct, frozen=True):
    """What an export holds beside people, memberships, parties, flats and points: ``numbers`` of cards, and events of
    the last so many days, none for 0."""

    numbers: bool = False
    event_days: int = EVENT_DAYS


class ExportService:
    """The service that gives everything out. Any thread may use it; ``by`` is the operator's name, and every export
    stands in the audit."""

    def __init__(self, store: Store, keys: KeyFolder, clock: Clock) -> None:
        self._store, self._keys, self._clock = store, keys, clock

    def tables(self, by: str, choice: ExportChoice, purpose: str = "") -> dict[str, list[ExportRow]]:
        """All tables by name."""
        now_ms = self._clock()
        with self._store.writing() as connection:
            numbers, days = ("yes" if choice.numbers else "no"), str(choice.event_days)
            detail = {"numbers": numbers, "days": days} | ({"purpose": purpose} if purpose else {})
            record(connection, now_ms, by, "data.exported", "", **detail)
        with self._store.reading() as connection:
            site = site_of(connection)
            zone = ZoneInfo(site.zone)
            return {
                "flats": _flats(connection, site.name),
                "parties": _parties(connection, site.name, zone),
                "people": _people(connection, site.name, zone),
                "members": _members(connection, site.name, zone),
                "memberships": _memberships(connection, zone),
                "cards": _cards(connection, zone, self._keys if choice.numbers else None),
                "points": _points(connection),
                "events": _events(connection, site.name, now_ms - choice.event_days * DAY_MS)
                if choice.event_days
                else [],
            }


def csv_text(rows: Sequence[ExportRow]) -> str:
    """A table for spreadsheets: with the mark by which Excel knows UTF-8, and no cell that it takes for a formula."""
    written = StringIO(newline="")
    if rows:
        writer = csv.DictWriter(written, list(rows[0]))
        writer.writeheader()
        writer.writerows({key: quoted(_text(value)) for key, value in row.items()} for row in rows)
    return "\ufeff" + written.getvalue()


def ndjson_text(rows: Iterable[ExportRow]) -> str:
    """A table for programs: a line of JSON for each row."""
    return "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)


def write_sqlite(file: Path, tables: Mapping[str, Sequence[ExportRow]]) -> None:
    """All tables as a database of its own, in a new file. Raises ``FileExistsError``."""
    file.touch(exist_ok=False)
    from sqlite_utils import Database  # 24 MiB, which a cloud that exports nothing does without

    made = Database(file)
    try:
        for name, rows in tables.items():
            if rows:
                there = [key for key in KEYS.get(name, ()) if tables[key[1]]]
                made.table(name).insert_all(rows, pk=FIRST.get(name, "id"), foreign_keys=there)
    finally:
        made.close()


def _text(value: Cell) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _window(from_ms: int, until_ms: int, zone: ZoneInfo) -> ExportRow:
    """The first and the last day of a window by the site's calendar; empty for no bound."""
    first, last = window_days(from_ms, until_ms, zone)
    return {"first_day": first.isoformat() if first else "", "last_day": last.isoformat() if last else ""}


def _day(at_ms: int, zone: ZoneInfo) -> str:
    """Its day of the site's calendar; empty for none."""
    return datetime.fromtimestamp(at_ms / 1000, zone).date().isoformat() if at_ms else ""


def _moment(at_ms: int | None) -> str:
    if at_ms is None:
        return ""
    try:
        return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):
        return str(at_ms)


def _flats(connection: Connection, site: str) -> list[ExportRow]:
    columns = [column for column in flats.c if column.name != "site"]
    return _plain(connection.execute(select(*columns).where(flats.c.site == site).order_by(flats.c.name)))


def _parties(connection: Connection, site: str, zone: ZoneInfo) -> list[ExportRow]:
    columns = parties.c.id, parties.c.kind, parties.c.name_zh, parties.c.name_en, parties.c.flat, parties.c.ended_ms
    rows = connection.execute(select(*columns).where(parties.c.site == site).order_by(parties.c.id))
    return [_with_end(row, zone) for row in _plain(rows)]


def _people(connection: Connection, site: str, zone: ZoneInfo) -> list[ExportRow]:
    tags: dict[int, list[str]] = {}
    for row in connection.execute(select(person_tags).where(person_tags.c.site == site).order_by(person_tags.c.tag)):
        tags.setdefault(row.person_id, []).append(row.tag)
    columns = people.c.id, people.c.name_zh, people.c.name_en, flat_of_person.label("flat"), people.c.born
    query = select(*columns, people.c.verified, people.c.ended_ms).order_by(people.c.id)
    return [
        {**_with_end(row, zone), "tags": ";".join(tags.get(int(row["id"] or 0), ()))}
        for row in _plain(connection.execute(query))
    ]


def _with_end(row: ExportRow, zone: ZoneInfo) -> ExportRow:
    """The row with the day on which an operator ended it, in place of the moment."""
    return {key: value for key, value in row.items() if key != "ended_ms"} | {
        "ended": _day(int(row["ended_ms"] or 0), zone)
    }


def _members(connection: Connection, site: str, zone: ZoneInfo) -> list[ExportRow]:
    query = select(party_members, people.c.name_zh, people.c.name_en, parties.c.flat)
    query = query.join(people, people.c.id == party_members.c.person_id)
    query = query.join(parties, parties.c.id == party_members.c.party_id)
    rows = connection.execute(query.where(party_members.c.site == site).order_by(party_members.c.id))
    return [
        {
            "id": row.id,
            "party_id": row.party_id,
            "person_id": row.person_id,
            "name_zh": row.name_zh,
            "name_en": row.name_en,
            "flat": row.flat,
            "role": row.role,
            **_window(row.from_ms, earlier(row.until_ms, row.ended_ms), zone),
            "ended": _day(row.ended_ms or 0, zone),
        }
        for row in rows
    ]


def _memberships(connection: Connection, zone: ZoneInfo) -> list[ExportRow]:
    query = select(memberships, people.c.name_zh, people.c.name_en, flat_of_person.label("flat"))
    rows = connection.execute(
        query.outerjoin(people, people.c.id == memberships.c.person_id).order_by(memberships.c.id)
    )
    return [
        {
            "id": row.id,
            "person_id": row.person_id,
            "party_id": row.party_id,
            "name_zh": row.name_zh,
            "name_en": row.name_en,
            "flat": row.flat,
            "plan": row.plan,
            "payer": row.payer,
            **_window(row.from_ms, earlier(row.until_ms, row.ended_ms), zone),
            "standing": row.standing,
        }
        for row in rows
    ]


def _cards(connection: Connection, zone: ZoneInfo, keys: KeyFolder | None) -> list[ExportRow]:
    query = select(credentials, people.c.name_zh, people.c.name_en, flat_of_person.label("flat"))
    rows = connection.execute(
        query.outerjoin(people, people.c.id == credentials.c.person_id)
        .where(credentials.c.permit_id.is_(None))
        .order_by(credentials.c.id)
    )
    return [
        {
            "id": row.id,
            "person_id": row.person_id,
            "name_zh": row.name_zh,
            "name_en": row.name_en,
            "flat": row.flat,
            "party_id": row.party_id,
            "card_name": row.label,
            "state": row.state,
            "standing": row.standing,
            "added": _day(row.added_ms, zone),
            **(_number(row.sealed, row.digest, keys) if keys else {}),
        }
        for row in rows
    ]


def _number(sealed: bytes, digest: bytes, keys: KeyFolder) -> ExportRow:
    """A card that was only read once has none that is known."""
    if not sealed:
        return {"card_format": "", "facility": None, "number": ""}
    card = Card.from_text(keys.numbers.open(sealed, digest))
    return {"card_format": card.format, "facility": card.facility, "number": str(card.number)}


def _points(connection: Connection) -> list[ExportRow]:
    return _plain(connection.execute(select(points).order_by(points.c.name)))


def _events(connection: Connection, site: str, since_ms: int) -> list[ExportRow]:
    series = event_series.c.point, event_series.c.kind, event_series.c.reason
    columns = events.c.arrival, events.c.at_ms, events.c.received_ms, *series
    query = (
        select(*columns, devices.c.name.label("device"), people.c.id.label("person_id"))
        .join(event_series, event_series.c.id == events.c.series)
        .join(devices, devices.c.id == event_series.c.device_id)
        .outerjoin(people, people.c.holder == events.c.holder)
        .where(event_series.c.site == site, events.c.received_ms >= since_ms, shown())
        .order_by(events.c.arrival.desc())
        .limit(MAX_EVENTS)
    )
    return [
        {
            "arrival": row.arrival,
            "at": _moment(row.at_ms),
            "received": _moment(row.received_ms),
            "device": row.device,
            "point": row.point,
            "kind": row.kind,
            "reason": row.reason,
            "person_id": row.person_id,
        }
        for row in connection.execute(query)
    ]


def _plain(rows: Iterable[Any]) -> list[ExportRow]:
    return list(_mappings(rows))


def _mappings(rows: Iterable[Any]) -> Iterator[ExportRow]:
    return (dict(row._mapping) for row in rows)
