"""Quantities that are lent: what was used here goes to the cloud, and what is left elsewhere is asked for.

A statement may be lost, so each is made again until the cloud's answer shows that it has arrived, and a wish until it
is granted or nothing is left to grant. What the cloud lends is given only when it is written down; what it wants back
is not given any more from the moment the word comes, and the cloud is told when that is written down.
"""

from asyncio import AbstractEventLoop, TimerHandle
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol

from msgspec import Struct

from contract import codec
from contract.codec import Malformed
from contract.messages import Lend
from contract.quantities import UseKey
from contract.sealing import Purpose, SyncKey, mac_is_good
from edge.link.sealed_channel import SealedChannel
from edge.memory.ledger import UsageLedger
from edge.memory.loans import Loan
from edge.memory.spent import Spent

ASK_AGAIN_S, MAX_ASK_AGAIN_S = 2.0, 60.0
"""How long a wish waits for its answer before it is said again, doubling."""
REST_S = 30.0
"""How long after a wish a session that runs low may say the next; somebody who stands here does at once."""
REPORT_EVERY_S = 60.0
"""How often the cloud is told what a session that runs has used."""
AT_ONCE, NEXT_S = 20, 0.1
"""Statements that are made together, and how long the next ones wait: a device that comes back has many."""
MANY_OPEN = 512
"""From so many on, those of which nothing is to be said are forgotten."""


class LoanMemory(Protocol):
    """Where loans are written down."""

    def lend(self, loan: Loan, spent: Iterable[Spent], done: Callable[[], None]) -> None:
        """``done`` is called once both are on the disk, never at once."""


class _Open(Struct):
    """A quantity of which something is to be said. ``due_s`` is when, None while nothing is; ``said_s`` when it was
    last, and ``wait_s`` how long the answer has before it is said again."""

    wants: bool = False
    due_s: float | None = None
    said_s: float = -MAX_ASK_AGAIN_S
    wait_s: float = ASK_AGAIN_S


class QuantitySync:
    """The messages about quantities of one device. ``refused`` counts what the cloud is not believed to have said, by
    reason."""

    def __init__(
        self,
        channel: SealedChannel,
        ledger: UsageLedger,
        memory: LoanMemory,
        sync_key: SyncKey,
        loop: AbstractEventLoop,
    ) -> None:
        self.refused: Counter[str] = Counter()
        self._channel, self._ledger, self._memory, self._loop = channel, ledger, memory, loop
        self._accepts = partial(mac_is_good, sync_key)
        self._open: dict[UseKey, _Open] = {}
        self._timer: TimerHandle | None = None
        self._timer_s = 0.0
        ledger.on_wanted, ledger.on_used = self._wanted, self._used

    def went_up(self) -> None:
        """Say all that the cloud does not know yet."""
        self._ledger.is_heard = True
        for key in self._ledger.unreported():
            self._opened(key)
        for one in self._open.values():
            one.due_s, one.wait_s = self._loop.time(), ASK_AGAIN_S
        self._set_timer()

    def went_down(self) -> None:
        """Nothing can be said, and nobody stands here any more when it can."""
        self._ledger.is_heard = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for one in self._open.values():
            one.wants, one.due_s = False, None

    def received(self, payload: bytes, retained: bool) -> None:
        """Take the cloud's word; one that cannot be believed changes nothing."""
        try:
            lend = self._believed(payload, retained)
        except Malformed as wrong:
            self.refused[str(wrong)] += 1
            return
        one, number = self._opened(lend.key), self._ledger.number_of(lend.key)
        taken = self._ledger.received(lend)
        if taken is not None:
            loan, spent = taken
            self._memory.lend(loan, spent, partial(self._stored, loan, is_wanted=lend.keep is not None))
        if lend.closed or lend.number > number:
            one.wants = False
        if lend.keep is not None and taken is None:
            one.due_s = self._loop.time() + ASK_AGAIN_S
        elif not one.wants:
            is_known = not self._ledger.is_unreported(lend.key)
            one.due_s = None if is_known else self._loop.time() + REPORT_EVERY_S
        self._set_timer()

    def _stored(self, loan: Loan, *, is_wanted: bool) -> None:
        self._ledger.stored(loan)
        if is_wanted:
            self._say(loan.key)

    def _believed(self, payload: bytes, retained: bool) -> Lend:
        """Raises ``Malformed`` with one word for the tally."""
        if retained:
            raise Malformed("retained")
        try:
            lend = codec.read(self._channel.unseal(self._accepts, Purpose.LEND, payload), Lend)
        except Malformed as wrong:
            raise Malformed(wrong.why) from None
        if not (lend.closed or lend.key in self._open or self._ledger.has_loan(lend.key)):
            raise Malformed("not_asked")
        return lend

    def _wanted(self, key: UseKey, waits: bool) -> None:
        one, now_s = self._opened(key), self._loop.time()
        if one.wants or (not waits and now_s - one.said_s < REST_S):
            return
        one.wants, one.due_s, one.wait_s = True, now_s, ASK_AGAIN_S
        self._set_timer()

    def _used(self, key: UseKey, over: bool) -> None:
        """What is over is said at once: others may have to know that nothing is left."""
        one, now_s = self._opened(key), self._loop.time()
        if over or one.due_s is None:
            one.due_s = now_s if over else max(now_s, one.said_s + REPORT_EVERY_S)
            self._set_timer()

    def _opened(self, key: UseKey) -> _Open:
        if key not in self._open and len(self._open) >= MANY_OPEN:
            self._open = {key: one for key, one in self._open.items() if one.due_s is not None}
        return self._open.setdefault(key, _Open())

    def _set_timer(self) -> None:
        """Wake up when the first of them is due."""
        due_s = min((one.due_s for one in self._open.values() if one.due_s is not None), default=None)
        if due_s is None or not self._channel.link.up or (self._timer is not None and self._timer_s <= due_s):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_s = self._loop.call_at(due_s, self._turn), due_s

    def _turn(self) -> None:
        self._timer = None
        now_s = self._loop.time()
        due = [key for key, one in self._open.items() if one.due_s is not None and one.due_s <= now_s]
        for key in due[:AT_ONCE]:
            self._say(key)
        for key in due[AT_ONCE:]:
            self._open[key].due_s = now_s + NEXT_S
        self._set_timer()

    def _say(self, key: UseKey) -> None:
        """Tell the cloud how it stands, and when to do so again."""
        one = self._opened(key)
        statement = self._ledger.statement(key, wants=one.wants)
        if statement is None:
            del self._open[key]
            return
        if self._channel.link.up:
            self._channel.publish("usage", statement)
        one.said_s = self._loop.time()
        one.due_s = one.said_s + (one.wait_s if one.wants else REPORT_EVERY_S)
        one.wait_s = min(2 * one.wait_s, MAX_ASK_AGAIN_S)
