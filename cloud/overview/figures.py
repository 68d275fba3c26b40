"""The figures of the database that monitoring asks for; every query has a bound."""

from collections import Counter

from sqlalchemy import Connection, func, select

from cloud.charging.sessions import known_time, session_of
from cloud.charging.tables import sessions
from cloud.devices.erasure import decode_stored
from cloud.devices.tables import tallies
from cloud.store.schema import event_series, events, journals
from contract.sessions import Stop

ENDED = "session.ended"
STOPS = tuple(stop.value for stop in Stop)
OTHER = "other"


def count_ends(connection: Connection, site: str, after: int, upto: int) -> tuple[Counter[str], int]:
    """Of the sessions whose ends are among these events, each reason and all energy. An end that is told again later
    counts for nothing: what stands in its session is the first."""
    series = select(event_series.c.id).where(event_series.c.site == site, event_series.c.kind == ENDED)
    within = (events.c.arrival > after) & (events.c.arrival <= upto) & events.c.series.in_(series)
    columns = journals.c.device_id, events.c.stored
    ends = connection.execute(
        select(*columns).join_from(events, journals, journals.c.id == events.c.journal_id).where(within)
    )
    ended: Counter[str] = Counter()
    energy_wh = 0
    for device, stored in ends:
        event = decode_stored(stored)
        mine = (sessions.c.device_id == device) & (sessions.c.session == session_of(event))
        session = connection.execute(
            select(sessions.c.reason, sessions.c.energy_wh).where(
                mine, sessions.c.ended_ms.is_not_distinct_from(known_time(event))
            )
        ).first()
        if session is not None:
            ended[session.reason if session.reason in STOPS else OTHER] += 1
            energy_wh += session.energy_wh
    return ended, energy_wh


def quarantined_by_reason(connection: Connection) -> dict[tuple[str, str], int]:
    """Everything ever set aside, by its channel and the one word of why."""
    counted = select(tallies.c.channel, tallies.c.why, func.sum(tallies.c.count))
    rows = connection.execute(counted.group_by(tallies.c.channel, tallies.c.why))
    return {(channel, why): int(count) for channel, why, count in rows}


def size_bytes(connection: Connection) -> int:
    """Of the whole database on the disk, its write-ahead log aside."""
    if connection.dialect.name == "sqlite":
        size = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
    else:
        size = "SELECT pg_database_size(current_database())"
    return int(connection.exec_driver_sql(size).scalar_one())
