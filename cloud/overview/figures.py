"""The figures of the database that monitoring asks for; every query has a bound."""

from collections import Counter

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, func, select

from cloud.charging.sessions import known_time, session_of
from cloud.charging.tables import sessions
from cloud.devices.lateness import Lateness, lateness
from cloud.store.schema import events, tallies
from contract.decide import Trust
from contract.events import GAP, decode_event, read_gap
from contract.reasons import Reason
from contract.sessions import Stop

ENDED = "session.ended"
STOPS = tuple(stop.value for stop in Stop)
REASONS = frozenset(reason.value for reason in Reason)
OTHER = "other"
DECISIONS = {"access.allowed": "allowed", "access.refused": "refused"}
MAX_COUNTED = 100_000
"""Events that one look counts; the rest is counted by the next."""


class EventCounts(Struct, frozen=True):
    """What happened among the events up to arrival number ``upto``: how often each reason allowed or refused, how late
    they came, how many events their devices had to let go unsent, and for which reasons charging sessions ended, and
    what those drew in all. A reason that is not on our lists, of newer software or of an outsider, is ``other``."""

    upto: int
    decisions: Counter[tuple[str, str]]
    lateness: Counter[Lateness]
    lost: int
    ended: Counter[str]
    energy_wh: int

    def plus(self, later: "EventCounts") -> "EventCounts":
        """These and what came after them."""
        return EventCounts(
            later.upto,
            self.decisions + later.decisions,
            self.lateness + later.lateness,
            self.lost + later.lost,
            self.ended + later.ended,
            self.energy_wh + later.energy_wh,
        )


def count_span(connection: Connection, after: int, last: int) -> EventCounts:
    """Counts events behind the arrival number ``after``, up to ``last`` or ``MAX_COUNTED`` of them."""
    upto = min(last, after + MAX_COUNTED)
    within = (events.c.arrival > after) & (events.c.arrival <= upto)
    by_reason = select(events.c.kind, events.c.reason, func.count()).where(within, events.c.kind.in_(DECISIONS))
    rows = connection.execute(by_reason.group_by(events.c.kind, events.c.reason))
    decisions: Counter[tuple[str, str]] = Counter()
    for kind, reason, count in rows:
        decisions[DECISIONS[kind], reason if reason in REASONS else OTHER] += count
    gaps = connection.execute(select(events.c.stored).where(within, events.c.kind == GAP)).scalars()
    columns = events.c.received_ms - events.c.at_ms, events.c.clock, events.c.replay
    came = Counter(
        lateness(None if clock == Trust.UNSET else took_ms, replay)
        for took_ms, clock, replay in connection.execute(select(*columns).where(within))
    )
    lost = sum(gap.count for stored in gaps if (gap := read_gap(stored)))
    return EventCounts(upto, decisions, came, lost, *_ends(connection, within))


def _ends(connection: Connection, within: ColumnElement[bool]) -> tuple[Counter[str], int]:
    """Of the sessions whose ends are among these events, each reason and all energy. An end that is told again later
    counts for nothing: what stands in its session is the first."""
    ends = connection.execute(select(events.c.device_id, events.c.stored).where(within, events.c.kind == ENDED))
    ended: Counter[str] = Counter()
    energy_wh = 0
    for device, stored in ends:
        event = decode_event(stored)
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
