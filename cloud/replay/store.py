"""Stored events of access as passages, a bounded stretch of them at a time."""

from collections.abc import Iterator

from sqlalchemy import Connection, select

from cloud.devices.erasure import decode_stored
from cloud.devices.event_series import happened_ms
from cloud.replay.holders import HolderIndex
from cloud.replay.rule import Passage
from cloud.store.schema import event_series, events
from contract.archetypes import ServingKind
from contract.codec import Malformed

DECIDED = (ServingKind.allowed.kind, ServingKind.refused.kind)


def read_passages(connection: Connection, site: str, holders: HolderIndex, after: int, upto: int) -> Iterator[Passage]:
    """The decisions about people among the events above ``after``, up to ``upto``, by their arrival."""
    query = (
        select(events.c.holder, events.c.stored, event_series.c.point, happened_ms().label("at_ms"))
        .join(event_series, event_series.c.id == events.c.series)
        .where(events.c.arrival > after, events.c.arrival <= upto, events.c.holder.is_not(None))
        .where(event_series.c.site == site, event_series.c.kind.in_(DECIDED))
        .order_by(events.c.arrival)
    )
    for row in connection.execute(query):
        try:
            data = decode_stored(row.stored).data
        except Malformed:
            continue
        who = holders.find(str(data.get("digest", ""))) or holders.find(row.holder.hex())
        yield Passage(who, row.point, "out" if data.get("direction") == "out" else "in", row.at_ms)
