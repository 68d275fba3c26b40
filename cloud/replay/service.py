"""The last month under a change that is not made yet: gone through a stretch at a time while somebody looks.

Nothing runs by itself: each look goes on a little, and whoever looks no more has ended it. So there is no thread to be
stopped, and no reading view of the database that stays open.
"""

import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import NamedTuple

from fastapi.responses import Response
from msgspec import Struct
from sqlalchemy import Connection

from cloud.devices.event_views import arrival_before, last_arrival
from cloud.devices.registry import site_of
from cloud.replay.change import PassageComparison, Shift
from cloud.replay.holders import HolderIndex
from cloud.replay.rule import Weigher
from cloud.replay.store import read_passages
from cloud.setup.service import Tried
from cloud.store.database import Clock, Store
from cloud.store.labels import Label
from cloud.web.context import RequestContext
from cloud.web.operators import record
from contract.decide import DAY_MS, MINUTE_MS

SPAN_MS = 30 * DAY_MS
MOST_EVENTS = 1_000_000
"""The newest of the span; a community of 500 people has a tenth of it in a month."""
AT_ONCE = 10_000
"""Events that one look goes through: about a third of a second."""
MAX_RUNS = 4
"""Of all operators; the one that was looked at longest ago goes. Each holds the community twice."""
KEPT_MS = 30 * MINUTE_MS


class TriedChange(NamedTuple):
    """What a change is of: a text of the catalogue and a name; and the page that it comes from: its path, and how it is
    shown again with all that was typed there."""

    subject: str
    name: str
    back: str
    again: Callable[[RequestContext], Response]


class LastMonth(Struct, frozen=True):
    """How far a replay is, ``done`` of ``events``, and what was found. ``cut``: there were more events in the month."""

    change: TriedChange
    done: int
    events: int
    cut: bool
    passages: int
    shifts: Sequence[Shift]
    names: Mapping[int, Label]

    @property
    def is_done(self) -> bool:
        return self.done >= self.events


class _MonthRun:
    """One replay, of an operator."""

    def __init__(self, by: str, change: TriedChange, tried: Tried, connection: Connection, now_ms: int) -> None:
        self.by, self.change, self.names, self.looked_ms = by, change, tried.names, now_ms
        self._site = site_of(connection).name
        self._holders = HolderIndex(tried.before, (), None)  # No change of a setup gives a card or takes one away.
        self._comparison = PassageComparison(Weigher(tried.before, now_ms), Weigher(tried.after, now_ms))
        self._last = last_arrival(connection)
        first = arrival_before(connection, now_ms - SPAN_MS)
        self._first = self._at = max(first, self._last - MOST_EVENTS)
        self._cut = self._first > first
        self._lock = Lock()

    def step(self, connection: Connection, now_ms: int) -> LastMonth:
        """Go on a little. Two looks at once go on one after the other."""
        with self._lock:
            self.looked_ms = now_ms
            upto = min(self._at + AT_ONCE, self._last)
            self._comparison.add(read_passages(connection, self._site, self._holders, self._at, upto))
            self._at = upto
            return LastMonth(
                self.change,
                self._at - self._first,
                self._last - self._first,
                self._cut,
                self._comparison.passages,
                self._comparison.shifts,
                self.names,
            )


class LastMonthService:
    """The replays that operators look at. Any thread may use it."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._runs: OrderedDict[str, _MonthRun] = OrderedDict()
        self._lock = Lock()

    def begin(self, by: str, change: TriedChange, tried: Tried) -> str:
        """The code by which it is looked at. Noted in the audit, for it goes through everybody's movements."""
        now_ms, code = self._clock(), secrets.token_urlsafe(8)
        with self._store.reading() as connection:
            run = _MonthRun(by, change, tried, connection, now_ms)
        with self._store.writing() as connection:
            record(connection, now_ms, by, "change.replayed", f"{change.subject.lower()} {change.name}")
        with self._lock:
            self._forget_old(now_ms)
            self._runs[code] = run
            while len(self._runs) > MAX_RUNS:
                self._runs.popitem(last=False)
        return code

    def look(self, by: str, code: str) -> LastMonth | None:
        """Go on with it, and what is found so far; None if there is none of this operator's."""
        now_ms = self._clock()
        with self._lock:
            self._forget_old(now_ms)
            run = self._runs.get(code)
            if run is None or run.by != by:
                return None
            self._runs.move_to_end(code)
        with self._store.reading() as connection:
            return run.step(connection, now_ms)

    def change_of(self, by: str, code: str) -> TriedChange | None:
        """The change that is tried; None if there is none of this operator's."""
        with self._lock:
            run = self._runs.get(code)
            return run.change if run and run.by == by else None

    def _forget_old(self, now_ms: int) -> None:
        for code in [code for code, run in self._runs.items() if now_ms - run.looked_ms > KEPT_MS]:
            del self._runs[code]
