"""Erases from events who passed and with which card, where that may be known for a short time only: riders and guests,
children, and cards that nobody knows. The events stay, and so do the chains of their journals."""

from collections import defaultdict
from collections.abc import Collection
from datetime import UTC, datetime
from itertools import takewhile

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.dialects.sqlite import insert as insert_or_change

from cloud.devices.erasure import erase, is_event
from cloud.people.tables import memberships, plans
from cloud.retention.rule import VISITING, Anchor, followed, is_child, over_refused
from cloud.retention.store import MAX_ROWS, anchors_of, refused_rows
from cloud.retention.tables import retention_progress, visit_anchors
from cloud.store.schema import event_series, events, party_members, people
from cloud.store.tables import permits
from contract.decide import Tier
from contract.reasons import Reason


def erase_visits(connection: Connection, site: str, before_ms: int) -> int:
    """Go on over the oldest events that were received before; returns over how many."""
    names = "arrival", "journal_id", "seq", "received_ms", "holder", "stored"
    columns = *(events.c[name] for name in names), event_series.c.reason
    mine = select(*columns).join_from(events, event_series, event_series.c.id == events.c.series)
    upto = _erased_upto(connection, site)
    oldest = connection.execute(mine.where(events.c.arrival > upto).order_by(events.c.arrival).limit(MAX_ROWS))
    due = list(takewhile(lambda row: row.received_ms < before_ms, oldest))
    if not due:
        return 0
    short = visitors(connection, site, {row.holder for row in due if row.holder}, before_ms)
    by_journal: dict[int, list[tuple[int, int, bytes, bool]]] = defaultdict(list)
    for row in due:
        is_due = row.holder in short or row.reason == Reason.UNKNOWN_CREDENTIAL
        by_journal[row.journal_id].append((row.arrival, row.seq, row.stored, is_due))
    deleted, erased = anchors_of(connection, site, by_journal), _erased_up_to(connection, site, by_journal)
    refused, ends, changes = refused_rows(connection, by_journal), [], list[dict[str, object]]()
    for journal, rows in by_journal.items():
        anchor = max(erased.get(journal, Anchor()), deleted.get(str(journal), Anchor()), key=_upto)
        for arrival, seq, stored, is_due in rows:
            if is_due and is_event(stored):
                before = over_refused(anchor, seq - 1, refused[journal])
                changes.append({"_arrival": arrival, "stored": erase(stored, before.link)})
            anchor = followed(anchor, [(seq, stored)], refused[journal])
        ends.append({"site": site, "journal_id": journal, "upto": anchor.upto, "link": anchor.link})
    if changes:
        connection.execute(_ERASE, changes)
    connection.execute(_MOVE_ANCHOR, ends)
    moved = update(retention_progress).where(retention_progress.c.site == site)
    connection.execute(moved.values(erased_upto=due[-1].arrival))
    return len(due)


def visitors(connection: Connection, site: str, holders: Collection[bytes], before_ms: int) -> set[bytes]:
    """Those of these holders whose visits of before may be known for a short time only: children, whoever comes
    with a permit, and whoever has plans of riders and guests alone and belongs to no party."""
    day = datetime.fromtimestamp(max(0, before_ms) / 1000, UTC).date().isoformat()
    known = select(people.c.id, people.c.holder, people.c.born).where(people.c.holder.in_(holders))
    persons = {row.id: row for row in connection.execute(known)}
    of_plans = select(memberships.c.person_id, plans.c.document).join(plans, plans.c.name == memberships.c.plan)
    tiers: dict[int, set[Tier]] = defaultdict(set)
    for row in connection.execute(of_plans.where(memberships.c.person_id.in_(persons))):
        tiers[row.person_id].add(row.document.tier)
    of_parties = select(party_members.c.person_id).where(party_members.c.site == site)
    members = set(connection.execute(of_parties.where(party_members.c.person_id.in_(persons))).scalars())
    visiting = {one for one, theirs in tiers.items() if theirs <= VISITING} - members
    with_permits = set(connection.execute(select(permits.c.holder).where(permits.c.holder.in_(holders))).scalars())
    return with_permits | {row.holder for row in persons.values() if row.id in visiting or is_child(row.born, day)}


def _upto(anchor: Anchor) -> int:
    return anchor.upto


def _erased_up_to(connection: Connection, site: str, ids: Collection[int]) -> dict[int, Anchor]:
    """How far visits were erased in these journals: at most ``MAX_ROWS`` are asked for."""
    columns = visit_anchors.c.journal_id, visit_anchors.c.upto, visit_anchors.c.link
    mine = select(*columns).where(visit_anchors.c.site == site, visit_anchors.c.journal_id.in_(ids))
    return {row.journal_id: Anchor(row.upto, row.link) for row in connection.execute(mine)}


_ERASE = update(events).where(events.c.arrival == bindparam("_arrival")).values(stored=bindparam("stored"), holder=None)
_ANCHORED = insert_or_change(visit_anchors)
_MOVE_ANCHOR = _ANCHORED.on_conflict_do_update(
    list(visit_anchors.primary_key), set_={"upto": _ANCHORED.excluded.upto, "link": _ANCHORED.excluded.link}
)


def _erased_upto(connection: Connection, site: str) -> int:
    mine = retention_progress.c.site == site
    return connection.execute(select(retention_progress.c.erased_upto).where(mine)).scalar() or 0
