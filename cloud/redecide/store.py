"""How far the cloud has decided again, and what came of it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from msgspec import Struct, structs
from sqlalchemy import Connection, delete, func, insert, select
from sqlalchemy.dialects.sqlite import insert as insert_or_change

from cloud.redecide.rule import Judgement, Redecided, Why
from cloud.redecide.tables import redecide_counts, redecide_differences, redecide_marks
from cloud.store.labels import Label
from cloud.store.schema import devices, event_series, events, points
from contract.archetypes import ServingKind

DECISIONS = (ServingKind.allowed.kind, ServingKind.refused.kind)
MAX_DIFFERENCES = 1_000
"""The newest are listed; all are counted."""

Tally = Counter[tuple[Redecided, Why | None]]
"""How many decisions have this verdict, and why where they have none."""


class StoredDecision(NamedTuple):
    """An event in which a device tells of a decision, as it is stored."""

    arrival: int
    device: str
    received_ms: int
    stored: bytes


class Disagreement(Struct, frozen=True):
    """A decision of which the cloud says otherwise: the device ``said`` this reason, ``ours`` is the cloud's. The time
    is the device's clock."""

    arrival: int
    device: str
    point: str
    at_ms: int
    received_ms: int
    said: str
    ours: str
    roster: int
    rule: int


class DisagreementView(Struct, frozen=True):
    """The same with the names that people know."""

    difference: Disagreement
    device_label: Label
    point_label: Label


def decided_between(connection: Connection, site: str, after: int, upto: int) -> list[StoredDecision]:
    """The decisions that arrived behind one event and up to another, in the order of their arrival."""
    columns = events.c.arrival, devices.c.name, events.c.received_ms, events.c.stored
    query = (
        select(*columns)
        .join_from(events, event_series, event_series.c.id == events.c.series)
        .join(devices, devices.c.id == event_series.c.device_id)
        .where(events.c.arrival > after, events.c.arrival <= upto)
        .where(event_series.c.site == site, event_series.c.kind.in_(DECISIONS))
        .order_by(events.c.arrival)
    )
    return [StoredDecision(*row) for row in connection.execute(query)]


def next_arrival(connection: Connection, after: int) -> int:
    """The arrival of the first event behind one; the number after it where there is none. Old ones are deleted."""
    behind = select(func.min(events.c.arrival)).where(events.c.arrival > after)
    return connection.execute(behind).scalar() or after + 1


def marked(connection: Connection, site: str) -> int:
    """Up to which arrival everything was decided again."""
    return connection.execute(select(redecide_marks.c.arrival).where(redecide_marks.c.site == site)).scalar() or 0


def move_mark(connection: Connection, site: str, arrival: int) -> None:
    connection.execute(_MOVE_MARK, {"site": site, "arrival": arrival})


_MARKED = insert_or_change(redecide_marks)
_MOVE_MARK = _MARKED.on_conflict_do_update(["site"], set_={"arrival": _MARKED.excluded.arrival})


def tally_of(judgements: Iterable[Judgement]) -> Tally:
    tally = Tally()
    for one in judgements:
        tally[one.verdict, one.why] += 1
        if one.hindsight is not None:
            tally[one.hindsight, one.hindsight_why] += 1
    return tally


def add_counts(connection: Connection, site: str, tally: Tally) -> None:
    rows = [
        {"site": site, "verdict": verdict.value, "why": why.value if why else "", "count": count}
        for (verdict, why), count in tally.items()
    ]
    if rows:
        connection.execute(_ADD, rows)


_COUNTED = insert_or_change(redecide_counts)
_ADD = _COUNTED.on_conflict_do_update(
    list(redecide_counts.primary_key), set_={"count": redecide_counts.c.count + _COUNTED.excluded.count}
)


def counts_of(connection: Connection, site: str) -> Tally:
    """Of all that were ever decided again."""
    rows = connection.execute(select(redecide_counts).where(redecide_counts.c.site == site))
    return Tally({(Redecided(row.verdict), Why(row.why) if row.why else None): row.count for row in rows})


def add_differences(connection: Connection, site: str, found: Sequence[Disagreement]) -> None:
    """List these; of more than ``MAX_DIFFERENCES`` the newest."""
    mine = redecide_differences.c.site == site
    if found:
        connection.execute(insert(redecide_differences), [structs.asdict(one) | {"site": site} for one in found])
        newest = select(redecide_differences.c.arrival).where(mine).order_by(redecide_differences.c.arrival.desc())
        beyond = newest.limit(1).offset(MAX_DIFFERENCES).scalar_subquery()
        connection.execute(delete(redecide_differences).where(mine, redecide_differences.c.arrival <= beyond))


def list_differences(connection: Connection, site: str, before: int | None, limit: int) -> list[DisagreementView]:
    """The newest first, of those that arrived before."""
    names = (redecide_differences.c[name] for name in Disagreement.__struct_fields__)
    labels = devices.c.label_zh, devices.c.label_en, points.c.label_zh, points.c.label_en
    query = (
        select(*names, *(func.coalesce(label, "") for label in labels))
        .outerjoin(devices, (devices.c.site == site) & (devices.c.name == redecide_differences.c.device))
        .outerjoin(points, points.c.name == redecide_differences.c.point)
        .where(redecide_differences.c.site == site)
        .order_by(redecide_differences.c.arrival.desc())
    )
    if before is not None:
        query = query.where(redecide_differences.c.arrival < before)
    return [_view(*row) for row in connection.execute(query.limit(limit))]


def _view(*row: Any) -> DisagreementView:
    *fields, device_zh, device_en, point_zh, point_en = row
    found = Disagreement(*fields)
    device, point = Label(device_zh, device_en), Label(point_zh, point_en)
    return DisagreementView(found, device.named(found.device), point.named(found.point))


def differing_devices(connection: Connection, site: str, since_ms: int) -> dict[str, int]:
    """The devices that decided otherwise than the cloud, by how often, as far as it arrived since and is listed."""
    count = func.count().label("count")
    mine = redecide_differences.c.site == site, redecide_differences.c.received_ms >= since_ms
    counted = select(redecide_differences.c.device, count).where(*mine).group_by(redecide_differences.c.device)
    return {row.device: row[1] for row in connection.execute(counted.order_by(redecide_differences.c.device))}


def delete_differences(connection: Connection, site: str, before_ms: int) -> int:
    """Those whose events arrived before, and are deleted."""
    old = redecide_differences.c.site == site, redecide_differences.c.received_ms < before_ms
    return connection.execute(delete(redecide_differences).where(*old)).rowcount
