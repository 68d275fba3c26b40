"""Deletes what is older than its term, in small steps, and lets an operator change the terms."""

import logging
import time
from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from cloud.line.worker import Worker
from cloud.people.rosters import forget_rosters
from cloud.permits.erasure import delete_permits
from cloud.redecide.store import delete_differences
from cloud.retention import store as rows
from cloud.retention.rule import believed_ms, term_fault
from cloud.retention.visits import erase_visits
from cloud.store.database import Clock, Store
from cloud.web.operators import record
from contract.decide import DAY_MS

log = logging.getLogger(__name__)

EVERY_S = 1.0
"""A step a second is forty million rows a day: more than ten thousand devices send."""
RESTS_MS = 60_000
"""Where nothing was due, before the next look."""
STORED_EVERY_MS = 10 * 60_000
"""How often the time by which records are old is written down."""


DeleteOld = Callable[[Connection, str, int], int]
"""Deletes what a site has that is older than a moment, at most ``MAX_ROWS`` at a time; returns how many."""


def uptime_ms() -> int:
    """A clock that nobody sets."""
    return time.monotonic_ns() // 1_000_000


class BadTerm(Exception):
    """No such kind of record, or no such number of days; the text says which there are."""


class RetentionService:
    """The records of one site. Any thread may call it."""

    def __init__(
        self,
        store: Store,
        site: str,
        clock: Clock,
        mono_ms: Callable[[], int] = uptime_ms,
        more: Sequence[tuple[str, DeleteOld]] = (),
    ) -> None:
        """``mono_ms`` is a clock that nobody sets: the wall clock is believed as far as it agrees. ``more`` is what
        domains above this one have deleted, each by the term of a kind of record."""
        self._store, self._site, self._clock, self._mono_ms, self._more = store, site, clock, mono_ms, more
        self._rests_until_ms = 0
        self._believed: tuple[int, int] | None = None
        """The time by which records are old, and when that was by the clock that nobody sets."""
        self._stored_ms = self._warned_ms = 0

    def look(self) -> None:
        """A step, unless nothing was due a moment ago."""
        now_ms = self._clock()
        if not self._rests_until_ms - RESTS_MS <= now_ms < self._rests_until_ms and self.step() == 0:
            self._rests_until_ms = now_ms + RESTS_MS

    def step(self) -> int:
        """Delete or go over at most ``MAX_ROWS`` of one kind; returns how many. 0: nothing is due."""
        now_ms = self._advance()
        with self._store.reading() as connection:
            days = rows.terms_of(connection, self._site)
        for what, delete in self._kinds():
            with self._store.writing() as connection:
                count = delete(connection, now_ms - days[what] * DAY_MS)
            if count:
                return count
        return 0

    def behind_ms(self) -> int:
        """How far the wall clock is ahead of the time by which records are old."""
        return self._clock() - self._advance()

    def trust_clock(self) -> None:
        """Somebody says that the wall clock is right."""
        self._store_believed(self._clock())

    def _advance(self) -> int:
        """The time by which records are old."""
        wall_ms, mono_ms = self._clock(), self._mono_ms()
        if self._believed is None:
            with self._store.reading() as connection:
                before_ms = rows.believed_time(connection, self._site)
                newest_ms = rows.newest_event_ms(connection)
            passed_ms = None
            before_ms = before_ms if before_ms is not None else newest_ms if newest_ms is not None else wall_ms
        else:
            before_ms, passed_ms = self._believed[0], mono_ms - self._believed[1]
        now_ms = believed_ms(before_ms, wall_ms, passed_ms)
        self._believed = now_ms, mono_ms
        if abs(now_ms - self._stored_ms) >= STORED_EVERY_MS:
            self._store_believed(now_ms)
        if wall_ms - now_ms > DAY_MS and abs(wall_ms - self._warned_ms) > DAY_MS:
            self._warned_ms = wall_ms
            days = (wall_ms - now_ms) // DAY_MS
            log.warning("the clock went %d days ahead: records are held longer until time has caught up", days)
        return now_ms

    def _store_believed(self, now_ms: int) -> None:
        self._believed, self._stored_ms = (now_ms, self._mono_ms()), now_ms
        with self._store.writing() as connection:
            rows.set_believed_time(connection, self._site, now_ms)

    def _kinds(self) -> Sequence[tuple[str, Callable[[Connection, int], int]]]:
        """Events first: their chain may need what is in quarantine."""

        def of_site(delete: DeleteOld) -> Callable[[Connection, int], int]:
            return lambda connection, before_ms: delete(connection, self._site, before_ms)

        return (
            ("events", of_site(rows.delete_events)),
            ("visits", of_site(erase_visits)),
            ("visits", of_site(delete_permits)),
            ("events", of_site(rows.delete_clock_fixes)),
            ("events", of_site(rows.delete_refusals)),
            ("events", of_site(delete_differences)),
            ("events", forget_rosters),
            ("quarantine", of_site(rows.delete_quarantine)),
            ("sessions", rows.delete_sessions),
            ("weeks", of_site(rows.delete_weeks)),
            ("weeks", of_site(rows.delete_refusal_days)),
            ("audit", of_site(rows.delete_audit)),
            ("breaks", of_site(rows.delete_breaks)),
            ("certificates", rows.delete_certificates),
            *((what, of_site(delete)) for what, delete in self._more),
        )

    def set_term(self, what: str, days: int, by: str) -> None:
        """Hold a kind of record so long. Raises ``BadTerm``."""
        with self._store.writing() as connection:
            if fault := term_fault(what, days, {**rows.terms_of(connection, self._site), what: days}):
                raise BadTerm(fault)
            change_term(connection, self._site, self._clock(), by, what, days)


def change_term(connection: Connection, site: str, now_ms: int, by: str, what: str, days: int) -> None:
    """Hold a kind of record so long, as the rule admits it."""
    rows.set_term(connection, site, what, days)
    record(connection, now_ms, by, "retention.changed", what, days=str(days))


def retention_worker(store: Store, site: str, clock: Clock, more: Sequence[tuple[str, DeleteOld]] = ()) -> Worker[None]:
    """The thread that deletes while the cloud runs."""
    look = RetentionService(store, site, clock, more=more).look
    return Worker[None]("retention", "what is older than its term is not deleted", look=look, every_s=EVERY_S)
