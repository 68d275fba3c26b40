"""Deletes old records a few rows at a time, and writes down what stays of them. All times are UTC milliseconds."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from itertools import takewhile

from sqlalchemy import Connection, Delete, String, cast, delete, func, insert, select, tuple_
from sqlalchemy.dialects.sqlite import insert as insert_or_change

from cloud.charging.tables import sessions
from cloud.devices.batch_seals import delete_seals
from cloud.devices.tables import certificates, quarantine, refusal_days, undated_refusals
from cloud.retention.rule import DEFAULT_DAYS, WEEK_MS, Anchor, followed, over_refused
from cloud.retention.tables import chain_anchors, event_weeks, retention_progress, retention_terms
from cloud.store.schema import breaks, clock_fixes, devices, event_series, events, journals
from cloud.web.tables import audit, looks

MAX_ROWS = 500
"""Deleted in one transaction: ingest waits for about ten milliseconds at most."""
AUDIT = "audit"


def terms_of(connection: Connection, site: str) -> dict[str, int]:
    """How many days each kind of record is held."""
    mine = select(retention_terms.c.what, retention_terms.c.days).where(retention_terms.c.site == site)
    return {**DEFAULT_DAYS, **{row.what: row.days for row in connection.execute(mine)}}


def set_term(connection: Connection, site: str, what: str, days: int) -> None:
    mine = (retention_terms.c.site == site) & (retention_terms.c.what == what)
    connection.execute(delete(retention_terms).where(mine))
    connection.execute(insert(retention_terms).values(site=site, what=what, days=days))


def anchor_of(connection: Connection, site: str, chain: str | int) -> Anchor:
    """Where what is left of a chain begins: of the audit's, or of a journal's by its id."""
    return anchors_of(connection, site, [chain]).get(str(chain), Anchor())


def anchors_of(connection: Connection, site: str, chains: Collection[str | int]) -> dict[str, Anchor]:
    """Those of these chains whose beginning was deleted: at most ``MAX_ROWS`` are asked for."""
    mine = (chain_anchors.c.site == site) & chain_anchors.c.chain.in_([str(chain) for chain in chains])
    columns = chain_anchors.c.chain, chain_anchors.c.upto, chain_anchors.c.link
    return {row.chain: Anchor(row.upto, row.link) for row in connection.execute(select(*columns).where(mine))}


def _move_anchors(connection: Connection, site: str, ends: Mapping[str, Anchor]) -> None:
    lines = [{"site": site, "chain": chain, "upto": to.upto, "link": to.link} for chain, to in ends.items()]
    connection.execute(_MOVE_ANCHOR, lines)


_ANCHORED = insert_or_change(chain_anchors)
_MOVE_ANCHOR = _ANCHORED.on_conflict_do_update(
    list(chain_anchors.primary_key), set_={"upto": _ANCHORED.excluded.upto, "link": _ANCHORED.excluded.link}
)


def delete_events(connection: Connection, site: str, before_ms: int) -> int:
    """The oldest that were received before; returns how many. The newest event stays, for arrival is counted from it.

    What matters beyond its event stands in tables of its own: sessions, emergencies, breaks, the states of points.
    """
    newest = select(func.max(events.c.arrival)).scalar_subquery()
    columns = events.c.arrival, events.c.journal_id, events.c.seq, events.c.received_ms, events.c.stored
    words = event_series.c.point, event_series.c.kind, event_series.c.reason
    oldest = select(*columns, *words).join_from(events, event_series, event_series.c.id == events.c.series)
    rows = connection.execute(oldest.where(events.c.arrival < newest).order_by(events.c.arrival).limit(MAX_ROWS))
    due = list(takewhile(lambda row: row.received_ms < before_ms, rows))
    if not due:
        return 0
    by_journal: dict[int, list[tuple[int, bytes]]] = defaultdict(list)
    for row in due:
        by_journal[row.journal_id].append((row.seq, row.stored))
    anchors, refused = anchors_of(connection, site, by_journal), refused_rows(connection, by_journal)
    ends = {
        journal: followed(anchors.get(str(journal), Anchor()), stored, refused[journal])
        for journal, stored in by_journal.items()
    }
    _move_anchors(connection, site, {str(journal): end for journal, end in ends.items()})
    delete_seals(connection, {journal: end.upto for journal, end in ends.items()})
    counts = Counter((row.received_ms // WEEK_MS * WEEK_MS, row.point, row.kind, row.reason) for row in due)
    connection.execute(_ADD_TO_WEEK, [_week(site, *week, count) for week, count in counts.items()])
    connection.execute(delete(events).where(events.c.arrival <= due[-1].arrival))
    return len(due)


_COUNTED = insert_or_change(event_weeks)
_ADD_TO_WEEK = _COUNTED.on_conflict_do_update(
    list(event_weeks.primary_key), set_={"count": event_weeks.c.count + _COUNTED.excluded.count}
)


def _week(site: str, week_ms: int, point: str, kind: str, reason: str, count: int) -> dict[str, object]:
    return {"site": site, "week_ms": week_ms, "point": point, "kind": kind, "reason": reason, "count": count}


def delete_audit(connection: Connection, site: str, before_ms: int) -> int:
    """The oldest rows; the newest stays, for the next is chained to it. Looks at movements go with the rows that tell
    of them."""
    connection.execute(delete(looks).where(looks.c.site == site, looks.c.at_ms < before_ms))
    newest = select(func.max(audit.c.id)).scalar_subquery()
    oldest = select(audit.c.id, audit.c.at_ms, audit.c.link).where(audit.c.id < newest).order_by(audit.c.id)
    due = list(takewhile(lambda row: row.at_ms < before_ms, connection.execute(oldest.limit(MAX_ROWS))))
    if due:
        _move_anchors(connection, site, {AUDIT: Anchor(due[-1].id, due[-1].link)})
        connection.execute(delete(audit).where(audit.c.id <= due[-1].id))
    return len(due)


def delete_breaks(connection: Connection, site: str, before_ms: int) -> int:
    mine = select(devices.c.id).where(devices.c.site == site)
    old = select(breaks.c.id).where(breaks.c.noted_ms < before_ms, breaks.c.device_id.in_(mine)).limit(MAX_ROWS)
    return _deleted(connection, delete(breaks).where(breaks.c.id.in_(old)))


def delete_certificates(connection: Connection, before_ms: int) -> int:
    """Those that ended before; whether they were revoked matters no more."""
    old = select(certificates.c.serial).where(certificates.c.not_after_ms < before_ms).limit(MAX_ROWS)
    return _deleted(connection, delete(certificates).where(certificates.c.serial.in_(old)))


def delete_clock_fixes(connection: Connection, site: str, before_ms: int) -> int:
    """Those of boots that were over before: the device has begun another one since, and its newest stays."""
    mine, later = clock_fixes, clock_fixes.alias()
    over = select(later.c.boot).where(
        later.c.device_id == mine.c.device_id, later.c.offset_ms > mine.c.offset_ms, later.c.offset_ms < before_ms
    )
    theirs = mine.c.device_id.in_(select(devices.c.id).where(devices.c.site == site))
    some = select(mine.c.device_id, mine.c.boot).where(theirs, over.exists()).limit(MAX_ROWS)
    return _deleted(connection, delete(mine).where(tuple_(mine.c.device_id, mine.c.boot).in_(some)))


def delete_refusals(connection: Connection, site: str, before_ms: int) -> int:
    """Those of devices without the time: by then they have learned it, or never will."""
    mine = (undated_refusals.c.site == site) & (undated_refusals.c.received_ms < before_ms)
    some = select(undated_refusals.c.id).where(mine).limit(MAX_ROWS)
    return _deleted(connection, delete(undated_refusals).where(undated_refusals.c.id.in_(some)))


def delete_refusal_days(connection: Connection, site: str, before_ms: int) -> int:
    day = datetime.fromtimestamp(max(0, before_ms) / 1000, UTC).date().isoformat()
    return _deleted(connection, delete(refusal_days).where(refusal_days.c.site == site, refusal_days.c.day < day))


def believed_time(connection: Connection, site: str) -> int | None:
    """The time by which records were old when that was last written down; None before."""
    mine = retention_progress.c.site == site
    return connection.execute(select(retention_progress.c.believed_ms).where(mine)).scalar()


def set_believed_time(connection: Connection, site: str, now_ms: int) -> None:
    added = insert_or_change(retention_progress).values(site=site, believed_ms=now_ms, erased_upto=0)
    connection.execute(added.on_conflict_do_update(["site"], set_={"believed_ms": now_ms}))


def newest_event_ms(connection: Connection) -> int | None:
    """When the newest event was received."""
    newest = select(events.c.received_ms).order_by(events.c.arrival.desc()).limit(1)
    return connection.execute(newest).scalar()


def delete_weeks(connection: Connection, site: str, before_ms: int) -> int:
    mine = (event_weeks.c.site == site) & (
        event_weeks.c.week_ms == select(func.min(event_weeks.c.week_ms)).scalar_subquery()
    )
    return _deleted(connection, delete(event_weeks).where(mine, event_weeks.c.week_ms < before_ms))


def delete_sessions(connection: Connection, before_ms: int) -> int:
    """Those that have ended and were told of for the last time before; what still runs stays."""
    old = select(sessions.c.told_ms).where(sessions.c.ended_ms.is_not(None), sessions.c.told_ms < before_ms)
    upto = max(connection.execute(old.order_by(sessions.c.told_ms).limit(MAX_ROWS)).scalars(), default=before_ms - 1)
    return _deleted(connection, delete(sessions).where(sessions.c.ended_ms.is_not(None), sessions.c.told_ms <= upto))


def delete_quarantine(connection: Connection, site: str, before_ms: int) -> int:
    """What was refused before; the tallies go on. A row of a journal stays while the rows around it do: their chain
    cannot be followed without its bytes."""
    of_device = (devices.c.id == journals.c.device_id) & (devices.c.site == site)
    anchored = (chain_anchors.c.site == site) & (chain_anchors.c.chain == cast(journals.c.id, String))
    needed = (
        select(quarantine.c.id)
        .join(devices, devices.c.name == quarantine.c.device)
        .join(journals, of_device & (journals.c.journal == quarantine.c.journal))
        .outerjoin(chain_anchors, anchored)
        .where(quarantine.c.seq > func.coalesce(chain_anchors.c.upto, 0))
    )
    old = select(quarantine.c.id).where(quarantine.c.at_ms < before_ms, quarantine.c.id.not_in(needed))
    some = old.order_by(quarantine.c.id).limit(MAX_ROWS)
    return _deleted(connection, delete(quarantine).where(quarantine.c.id.in_(some)))


def _deleted(connection: Connection, rows: Delete) -> int:
    return connection.execute(rows).rowcount


def oldest_event_ms(connection: Connection) -> int | None:
    """When the oldest event was received that is still here."""
    oldest = select(events.c.received_ms).where(events.c.arrival > 0).order_by(events.c.arrival).limit(1)
    return connection.execute(oldest).scalar()


def broken_journals(connection: Connection, site: str) -> dict[str, str]:
    """The journals whose rows, from the anchor on, do not lead to the link that stands for them: each by its device and
    name, with what is wrong. All rows are read."""
    named = select(journals, devices.c.name.label("device")).join(devices, devices.c.id == journals.c.device_id)
    verdicts = {}
    for journal in connection.execute(named.where(devices.c.site == site)).all():
        anchor, refused = anchor_of(connection, site, journal.id), refused_rows(connection, [journal.id])[journal.id]
        mine = select(events.c.seq, events.c.stored).where(events.c.journal_id == journal.id).order_by(events.c.seq)
        rows = ((row.seq, row.stored) for row in connection.execution_options(yield_per=1000).execute(mine))
        end = over_refused(followed(anchor, rows, refused), journal.upto, refused)
        if end.link is None:
            verdicts[f"{journal.device} {journal.journal}"] = "cannot be followed: the bytes of a refused row are gone"
        elif end != (journal.upto, journal.tip):
            verdicts[f"{journal.device} {journal.journal}"] = "broken: a row was changed, added or taken away"
    return verdicts


def refused_rows(connection: Connection, ids: Collection[int]) -> Mapping[int, Mapping[int, bytes]]:
    """The bytes of rows of these journals that could not be read and are in quarantine whole, by journal and number."""
    of_device = (quarantine.c.device == devices.c.name) & (quarantine.c.journal == journals.c.journal)
    whole = quarantine.c.seq.is_not(None) & (func.length(quarantine.c.payload) == quarantine.c.size)
    found = (
        select(journals.c.id, quarantine.c.seq, quarantine.c.payload)
        .join_from(journals, devices, devices.c.id == journals.c.device_id)
        .join(quarantine, of_device & whole)
        .where(journals.c.id.in_(ids))
    )
    refused: dict[int, dict[int, bytes]] = {journal: {} for journal in ids}
    for row in connection.execute(found):
        refused[row.id][row.seq] = row.payload
    return refused
