"""Deletes what is older than its term, in small steps, and lets an operator change the terms."""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from cloud.line.worker import Worker
from cloud.retention import store as rows
from cloud.retention.rule import DEFAULT_DAYS, LONGEST_DAYS, SHORTEST_DAYS
from cloud.store.database import Clock, Store
from cloud.web.operators import record
from contract.decide import DAY_MS

EVERY_S = 1.0
"""A step a second is forty million rows a day: more than ten thousand devices send."""
RESTS_MS = 60_000
"""Where nothing was due, before the next look."""


class BadTerm(Exception):
    """No such kind of record, or no such number of days; the text says which there are."""


class RetentionService:
    """The records of one site. Any thread may call it."""

    def __init__(self, store: Store, site: str, clock: Clock) -> None:
        self._store, self._site, self._clock = store, site, clock
        self._rests_until_ms = 0

    def look(self) -> None:
        """A step, unless nothing was due a moment ago."""
        now_ms = self._clock()
        if not self._rests_until_ms - RESTS_MS <= now_ms < self._rests_until_ms and self.step() == 0:
            self._rests_until_ms = now_ms + RESTS_MS

    def step(self) -> int:
        """Delete at most ``MAX_ROWS`` of one kind; returns how many. 0: nothing is due."""
        with self._store.reading() as connection:
            days = rows.terms_of(connection, self._site)
        now_ms = self._clock()
        for what, delete in self._kinds():
            with self._store.writing() as connection:
                count = delete(connection, now_ms - days[what] * DAY_MS)
            if count:
                return count
        return 0

    def _kinds(self) -> Sequence[tuple[str, Callable[[Connection, int], int]]]:
        """Events first: their chain may need what is in quarantine."""
        site = self._site
        return (
            ("events", lambda connection, before_ms: rows.delete_events(connection, site, before_ms)),
            ("quarantine", lambda connection, before_ms: rows.delete_quarantine(connection, site, before_ms)),
            ("sessions", rows.delete_sessions),
            ("weeks", lambda connection, before_ms: rows.delete_weeks(connection, site, before_ms)),
            ("audit", lambda connection, before_ms: rows.delete_audit(connection, site, before_ms)),
        )

    def set_term(self, what: str, days: int, by: str) -> None:
        """Hold a kind of record so long. Raises ``BadTerm``."""
        if what not in DEFAULT_DAYS:
            raise BadTerm(f"{what!r} is none of {', '.join(DEFAULT_DAYS)}")
        if not SHORTEST_DAYS <= days <= LONGEST_DAYS:
            raise BadTerm(f"{days} days: give {SHORTEST_DAYS} to {LONGEST_DAYS}")
        with self._store.writing() as connection:
            held = {**rows.terms_of(connection, self._site), what: days}
            if held["quarantine"] < held["events"]:
                raise BadTerm("what is in quarantine must be held as long as the events, whose chain may need it")
            rows.set_term(connection, self._site, what, days)
            record(connection, self._clock(), by, "retention.changed", what, days=str(days))


def retention_worker(store: Store, site: str, clock: Clock) -> Worker[None]:
    """The thread that deletes while the cloud runs."""
    look = RetentionService(store, site, clock).look
    return Worker[None]("retention", "what is older than its term is not deleted", look=look, every_s=EVERY_S)
