"""What outlives a restart of the agent, point by point: a document of its station's, and what its session has used."""

import logging
from asyncio import Future
from collections.abc import Callable, Iterable
from functools import partial

from contract.decide import Trust
from edge.archetypes.protocol import Restored, Spend
from edge.memory.ledger import UsageLedger
from edge.memory.loans import Loan
from edge.memory.memory import MemoryUnusable, StoredPoint
from edge.memory.runtime import Runtime
from edge.memory.spent import Spent

log = logging.getLogger(__name__)

UNRESUMED_S = 3600.0
"""How long after the start a session may be silent that ran before: a post may take its time to connect."""
RETRY_S = 1.0
"""How long after a disk took no page the newest of its point is offered again."""


class PointMemory:
    """The memory of the points, as the loop uses it. ``fault`` is why the disk did not take the newest page, empty if
    it did."""

    def __init__(self, runtime: Runtime, ledger: UsageLedger) -> None:
        self.fault = ""
        self._runtime, self._ledger = runtime, ledger
        self._memory, self._clock = runtime.memory, runtime.clock
        self._from_before = self._memory.points()
        self._sessions: dict[str, str] = {}
        self._newest: dict[str, Callable[[], object]] = {}
        self._closed = False
        self._jobs = 0
        ledger.on_dated = lambda minute: self._write("", partial(self._memory.date_spent, minute))
        runtime.loop.call_later(UNRESUMED_S, self._end_unresumed)
        ledger.on_folded = lambda loans, day: self._runtime.write("what is used up", self._memory.fold, loans, day)

    @property
    def is_writing(self) -> bool:
        """Whether a document is on its way to the disk."""
        return self._jobs > 0

    def close(self) -> None:
        """Offer nothing more to the disk."""
        self._closed = True

    def restored(self, point: str) -> Restored | None:
        """What a point had kept when this agent started, until it keeps something else."""
        page = self._from_before.get(point)
        if page is None:
            return None
        return Restored(page.document, page.age_ms(self._clock.boot, self._clock.mono_ms(), self._at_ms()))

    def persist(self, point: str, document: bytes, done: Callable[[], None]) -> None:
        """Write a point's document down, and with it what its session has used. One that the disk does not take is
        offered again, until there is a newer one: it may say that a session is over, or that nothing may begin."""
        self._from_before.pop(point, None)
        page = StoredPoint(point, document, self._clock.boot, self._clock.mono_ms(), self._at_ms())
        spent = self._ledger.rows(self._sessions.get(point, ""))
        self._write(point, partial(self._memory.store_point, page, spent), done)

    def spend(self, point: str, spent: Spend) -> bool:
        """Note what the session of a point has used. Returns whether nothing is left of its allotment."""
        self._sessions[point] = spent.session
        return self._ledger.spend(spent)

    def lend(self, loan: Loan, spent: Iterable[Spent], done: Callable[[], None]) -> None:
        """Write down what is lent, with the use that it rests on."""
        self._write(" ".join(map(str, loan.key)), partial(self._memory.store_loan, loan, spent), done)

    def _end_unresumed(self) -> None:
        for loan, spent in () if self._closed else self._ledger.end_unresumed():
            self.lend(loan, spent, lambda: None)

    def _at_ms(self) -> int | None:
        return None if self._clock.trust is Trust.UNSET else self._clock.now_ms()

    def _write(self, point: str, write: Callable[[], object], done: Callable[[], None] = lambda: None) -> None:
        self._newest[point] = write
        self._jobs += 1
        self._runtime.on_disk(write).add_done_callback(partial(self._written, point, write, done))

    def _again(self, point: str, write: Callable[[], object], done: Callable[[], None]) -> None:
        if not self._closed and self._newest.get(point) is write:
            self._write(point, write, done)

    def _written(
        self, point: str, write: Callable[[], object], done: Callable[[], None], job: "Future[object]"
    ) -> None:
        self._jobs -= 1
        try:
            job.result()
        except MemoryUnusable as error:
            if not self.fault:
                log.error("what a session is at cannot be written down: %s", error)
            self.fault = str(error)
            self._runtime.loop.call_later(RETRY_S, self._again, point, write, done)
        else:
            self.fault = ""
            if self._newest.get(point) is write:
                del self._newest[point]
            done()
