"""The rows of a point's journals around a moment, and what is known of those that are not there."""

from collections.abc import Iterable, Sequence

from msgspec import Struct
from sqlalchemy import Connection, select

from cloud.devices.erasure import decode_stored
from cloud.devices.event_series import EventFilter
from cloud.devices.event_views import EventView, arrival_before, list_events, list_rows
from cloud.devices.lateness import LIVE_WITHIN_MS
from cloud.devices.registry import site_of
from cloud.explain.rule import AROUND_MS, Account, GapReason, Happened, RecordGap, account_of, holes, undated
from cloud.people.tables import card_forms, credentials
from cloud.retention.store import anchor_of
from cloud.store.chunks import chunks
from cloud.store.labels import Label
from cloud.store.schema import devices, event_series, events, journals, points
from cloud.store.scope import point_seen
from cloud.web.rejected import Rejected
from cloud.web.sentence import N_, there_is
from cloud.web.tables import audit
from contract.codec import Malformed
from contract.decide import MINUTE_MS, Trust
from contract.device_events import DeviceEvents
from contract.recorded_facts import RecordedFacts, facts_in

NEAR_MS = 30 * MINUTE_MS
"""So far around the moment rows are read, for the openings before and after it."""
MAX_ROWS = 2_000
"""Of one journal. In an hour a busy turnstile writes half as many."""
NO_POINT = N_("There is no such point: %(name)s; %(there)s.")
LASTING = ("mode", "hard_release")
"""What a point records of what lasts."""


class PointPlace(Struct, frozen=True):
    """A point as an answer names it. ``kind`` is that of its station, empty where nobody has said."""

    name: str
    label: Label
    zone: str
    device: str
    kind: str


class PointJournal(Struct, frozen=True):
    """A journal of a device: ``upto`` is its last stored row."""

    id: int
    device: str
    upto: int
    heard_ms: int | None
    waiting: int | None


class Record(Struct, frozen=True):
    """What is on record of a point around a moment: an account for each journal, reasons to doubt that these are all,
    and the events themselves by their arrival."""

    accounts: list[Account]
    doubts: list[RecordGap]
    events: dict[int, EventView]


def find_place(connection: Connection, name: str) -> PointPlace | None:
    """A point that whoever reads sees."""
    columns = (points.c[name] for name in ("name", "label_zh", "label_en", "zone", "device", "kind"))
    mine = points.c.name == name, point_seen(connection, points.c.name)
    row = connection.execute(select(*columns).where(*mine)).first()
    return None if row is None else PointPlace(row[0], Label(row[1], row[2]).named(row[0]), *row[3:])


def unknown_point(connection: Connection, name: str) -> Rejected:
    """What is said of a point that is not there, with those that are most like it among what whoever reads sees."""
    there = connection.execute(select(points.c.name).where(point_seen(connection, points.c.name))).scalars()
    return Rejected(NO_POINT, "point", 404, name=name, there=there_is(list(there), name))


def find_event(connection: Connection, arrival: int) -> EventView | None:
    """The event of this number, if whoever reads sees it."""
    found = list_events(connection, EventFilter(), arrival + 1, limit=1).rows
    return found[0] if found and found[0].arrival == arrival else None


def find_row(connection: Connection, device: str, journal: str, seq: int) -> EventView | None:
    """The event of this row of a device's journal."""
    mine = select(journals.c.id).join(devices, devices.c.id == journals.c.device_id)
    number = connection.execute(mine.where(devices.c.name == device, journals.c.journal == journal)).scalar()
    return next(iter(list_rows(connection, number, seq, seq, 1)), None) if number is not None else None


def recorded_facts(connection: Connection, event: EventView) -> RecordedFacts | None:
    """The facts that a device wrote down with its decision; None of older software, and where they are unreadable."""
    stored = connection.execute(select(events.c.stored).where(events.c.arrival == event.arrival)).scalar_one()
    try:
        return facts_in(decode_stored(stored).data, event.at_ms)
    except Malformed:
        return None


def read_record(connection: Connection, place: PointPlace, from_ms: int, to_ms: int, now_ms: int) -> Record:
    """The rows about a point from half an hour before a moment to half an hour after it."""
    record, site = Record([], [], {}), site_of(connection).name
    journals_found = _journals(connection, site, place)
    if not any(journal.device == place.device for journal in journals_found):
        record.doubts.append(RecordGap(GapReason.UNHEARD, from_ms - NEAR_MS, None))  # it has never sent a row
    for journal in journals_found:
        _read_journal(connection, site, place, journal, (from_ms, to_ms), now_ms, record)
    began_ms = _began_ms(connection, site, journals_found)
    if began_ms is not None and from_ms - AROUND_MS < began_ms:
        record.doubts.append(RecordGap(GapReason.NOT_BEGUN, from_ms - NEAR_MS, began_ms))
    return record


def _began_ms(connection: Connection, site: str, found: Sequence[PointJournal]) -> int | None:
    """When the first row of these journals was recorded; None where there is none, or the first are kept no longer."""
    if any(anchor_of(connection, site, journal.id).upto for journal in found):
        return None
    first = [row for journal in found for row in list_rows(connection, journal.id, 1, journal.upto, 1)]
    return min((_happened(row).to_ms for row in first), default=None)


def _journals(connection: Connection, site: str, place: PointPlace) -> list[PointJournal]:
    """Those of every device that the point was ever on."""
    spoke = select(event_series.c.device_id).where(event_series.c.site == site, event_series.c.point == place.name)
    columns = journals.c.id, devices.c.name, journals.c.upto, devices.c.heard_ms, devices.c.waiting
    query = select(*columns).join_from(journals, devices, devices.c.id == journals.c.device_id)
    theirs = devices.c.id.in_(spoke) | (devices.c.name == place.device)
    return [PointJournal(*row) for row in connection.execute(query.where(theirs).order_by(journals.c.id))]


def _read_journal(
    connection: Connection,
    site: str,
    place: PointPlace,
    journal: PointJournal,
    asked: tuple[int, int],
    now_ms: int,
    record: Record,
) -> None:
    from_ms, to_ms = asked
    first = _first_row(connection, journal, arrival_before(connection, from_ms - NEAR_MS))
    rows = list_rows(connection, journal.id, max(0, first - 1), _last_row(connection, journal, first, to_ms), MAX_ROWS)
    if rows:
        before = _lasting_before(connection, site, place, journal, rows[0].arrival)
        told = [_happened(one) for one in (*before, *rows)]
        record.accounts.append(account_of(told, place.name, place.zone))
        record.doubts.extend((*holes(told[len(before) :]), *undated(told[len(before) :])))
        record.events.update({one.arrival: one for one in (*before, *rows)})
    forgotten = anchor_of(connection, site, journal.id).upto
    if 0 < forgotten >= first - 1 and not (rows and rows[0].shown_ms < from_ms - AROUND_MS):
        record.doubts.append(RecordGap(GapReason.FORGOTTEN, from_ms - NEAR_MS, rows[0].shown_ms if rows else None))
    if len(rows) == MAX_ROWS:
        record.doubts.append(RecordGap(GapReason.TOO_MANY, rows[-1].shown_ms, to_ms + NEAR_MS))
    if unheard := _unheard(journal, place, rows, min(to_ms + AROUND_MS, now_ms - LIVE_WITHIN_MS)):
        record.doubts.append(unheard)


def _first_row(connection: Connection, journal: PointJournal, arrival: int) -> int:
    """The first row that arrived after others, found by bisection: in a journal rows arrive in their order. What
    happened then cannot have arrived sooner."""
    low, high = 0, journal.upto + 1
    while low < high:
        middle = (low + high) // 2
        later = select(events.c.seq, events.c.arrival).where(events.c.journal_id == journal.id, events.c.seq >= middle)
        found = connection.execute(later.order_by(events.c.seq).limit(1)).first()
        if found is not None and found.arrival <= arrival:
            low = found.seq + 1
        else:
            high = middle
    return low


def _last_row(connection: Connection, journal: PointJournal, first: int, to_ms: int) -> int:
    """The first row behind the moment whose time is to be believed; the last of all if there is none."""
    later = events.c.journal_id == journal.id, events.c.seq >= first, events.c.at_ms > to_ms + NEAR_MS
    query = select(events.c.seq).where(*later, events.c.boot == "").order_by(events.c.seq).limit(1)
    found: int | None = connection.execute(query).scalar()
    return journal.upto if found is None else found


def _lasting_before(
    connection: Connection, site: str, place: PointPlace, journal: PointJournal, arrival: int
) -> list[EventView]:
    """The newest rows of before that tell of what may still have lasted, and the last start of the device."""
    kinds = select(event_series.c.kind).where(event_series.c.site == site, event_series.c.point == place.name)
    named = [kind for kind in connection.execute(kinds.distinct()).scalars() if kind.partition(".")[2] in LASTING]
    asked = [EventFilter(point=place.name, kind=kind) for kind in named]
    asked += [EventFilter(device=journal.device, kind=kind) for kind in ("emergency", DeviceEvents.started.kind)]
    found = [one for wanted in asked for one in list_events(connection, wanted, arrival, limit=5).rows]
    mine = {one.arrival: one for one in found if one.device == journal.device}
    return [mine[arrival] for arrival in sorted(mine)]


def _happened(event: EventView) -> Happened:
    """A row with the interval in which it happened. Who had no clock wrote it down at its floor or later, and it was
    received afterwards."""
    from_ms = to_ms = event.shown_ms
    is_dated = event.clock != Trust.UNSET.value or event.best_ms is not None
    if event.best_error_ms is not None:
        from_ms, to_ms = from_ms - event.best_error_ms, to_ms + event.best_error_ms
    elif not is_dated:
        to_ms = max(from_ms, event.received_ms)
    return Happened(event.arrival, event.seq, event.kind, from_ms, to_ms, event.data, event.point, is_dated)


def _unheard(journal: PointJournal, place: PointPlace, rows: Sequence[EventView], end_ms: int) -> RecordGap | None:
    """Whether rows of before ``end_ms`` may still be on the device: it was not heard since, or says that some wait."""
    if journal.device != place.device or any(one.shown_ms > end_ms for one in rows):
        return None
    newest_ms = max((one.shown_ms for one in rows), default=end_ms - NEAR_MS)
    if journal.heard_ms is not None and journal.heard_ms > end_ms and not journal.waiting:
        return None
    return RecordGap(GapReason.UNHEARD, newest_ms, None, journal.waiting or 0)


def mode_ordered_by(connection: Connection, point: str, mode: str, at_ms: int) -> tuple[str, str]:
    """Who set a point to this mode last before then, and why; empty texts where the audit does not say."""
    mine = audit.c.subject == point, audit.c.action == f"mode.{mode}", audit.c.at_ms <= at_ms
    columns = audit.c.operator, audit.c.detail
    row = connection.execute(select(*columns).where(*mine).order_by(audit.c.id.desc()).limit(1)).first()
    return ("", "") if row is None else (row.operator, str(row.detail.get("reason", "")))


def kinds_of_credentials(connection: Connection, site: str, digests: Iterable[bytes]) -> dict[bytes, str]:
    """What each of these credentials is: a card, a code, a plate. Those that nobody has any more are left out."""
    forms = select(card_forms.c.digest, credentials.c.kind).join(
        credentials, credentials.c.id == card_forms.c.credential_id
    )
    own, forms = select(credentials.c.digest, credentials.c.kind), forms.where(card_forms.c.site == site)
    found: dict[bytes, str] = {}
    for some in chunks(sorted(set(digests))):
        found |= {row.digest: row.kind for row in connection.execute(forms.where(card_forms.c.digest.in_(some)))}
        found |= {row.digest: row.kind for row in connection.execute(own.where(credentials.c.digest.in_(some)))}
    return found
