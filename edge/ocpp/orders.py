"""The orders to one connected post, in two queues: what an emergency or a person waits for overtakes all housekeeping.

OCPP wants one open call in each direction, but some posts leave whole kinds of call unanswered. So a call waits for the
answer to the one before it; an urgent call waits for at most ``OVERTAKE_S``, whatever is open, and keeps its order
among the urgent ones.
"""

import asyncio
import logging
from asyncio import Future, Task
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from websockets.exceptions import ConnectionClosed

from edge.stations.ev_post.messages import FromPost, Order, SetOperative, StartRemotely, StopRemotely

log = logging.getLogger(__name__)

OVERTAKE_S = 1.0
"""How long an urgent call waits for the answer to another one: most posts answer within a fraction of that."""
URGENT_ORDERS = (StopRemotely, SetOperative, StartRemotely)
MAX_ORDERS = 64
"""Housekeeping that waits for a post which does one order at a time."""
MAX_URGENT = 32
"""Urgent orders whose answers are awaited; a post with eight connectors is sent sixteen in an emergency."""


class CallTurns:
    """Decides which call to a post goes out next: one at a time, urgent ones first."""

    def __init__(self) -> None:
        self._open = 0
        self._urgent: deque[Future[None]] = deque()
        self._ordinary: deque[Future[None]] = deque()

    @asynccontextmanager
    async def turn(self, *, urgent: bool) -> AsyncIterator[None]:
        """Wait for the turn of a call; it ends with the call."""
        loop = asyncio.get_running_loop()
        queue, turn = self._urgent if urgent else self._ordinary, loop.create_future()
        queue.append(turn)
        timer = loop.call_later(OVERTAKE_S, self._grant_up_to, turn, queue) if urgent else None
        self._grant_next()
        try:
            await turn
            yield
        finally:
            if timer is not None:
                timer.cancel()
            self._end(turn, queue)

    def _end(self, turn: Future[None], queue: deque[Future[None]]) -> None:
        if turn in queue:
            queue.remove(turn)
        else:
            self._open -= 1
        self._grant_next()

    def _grant_next(self) -> None:
        queue = self._urgent or self._ordinary
        if queue and not self._open:
            self._grant_first(queue)

    def _grant_up_to(self, turn: Future[None], queue: deque[Future[None]]) -> None:
        """Of timers for the same moment any may be the first; the calls keep their order."""
        while turn in queue:
            self._grant_first(queue)

    def _grant_first(self, queue: deque[Future[None]]) -> None:
        turn = queue.popleft()
        self._open += 1
        if not turn.done():
            turn.set_result(None)


class OrderQueue:
    """The queue of orders to one post, carried out by ``obey``. ``report`` is called with what became of each,
    ``undone`` with those that were not done because the connection ended."""

    def __init__(
        self,
        name: str,
        obey: Callable[[int, Order], Awaitable[FromPost | None]],
        report: Callable[[int, FromPost], None],
        undone: Callable[[int, Order], None],
    ) -> None:
        self._name, self._obey, self._report, self._undone = name, obey, report, undone
        self._waiting: asyncio.Queue[tuple[int, Order]] = asyncio.Queue(MAX_ORDERS)
        self._urgent: dict[Task[None], tuple[int, Order]] = {}
        self._is_open = True
        self._worker = asyncio.create_task(self._work(), name=f"orders to {name}")

    def put(self, connector: int, order: Order) -> None:
        """Take an order. One that finds no room, or no connection any more, is told of as not done."""
        if not self._is_open:
            self._undone(connector, order)
        elif isinstance(order, URGENT_ORDERS):
            self._begin(connector, order)
        elif self._waiting.full():
            log.warning("post %s has %d orders waiting; one more is dropped", self._name, MAX_ORDERS)
            self._undone(connector, order)
        else:
            self._waiting.put_nowait((connector, order))

    async def close(self) -> None:
        """End with the connection: what was not done is told of."""
        self._is_open = False
        tasks = [self._worker, *self._urgent]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        while not self._waiting.empty():
            self._undone(*self._waiting.get_nowait())

    def _begin(self, connector: int, order: Order) -> None:
        """An urgent order waits for no other order, only for its turn to call. Where too many answers are awaited, the
        oldest order went out long ago and its answer is awaited no more."""
        if len(self._urgent) >= MAX_URGENT:
            next(iter(self._urgent)).cancel()
        task = asyncio.create_task(self._do(connector, order), name=f"urgent order to {self._name}")
        self._urgent[task] = connector, order
        task.add_done_callback(self._ended)

    def _ended(self, task: Task[None]) -> None:
        connector, order = self._urgent.pop(task)
        if task.cancelled():
            self._undone(connector, order)

    async def _work(self) -> None:
        while True:
            connector, order = await self._waiting.get()
            try:
                await self._do(connector, order)
            except asyncio.CancelledError:
                self._undone(connector, order)
                raise

    async def _do(self, connector: int, order: Order) -> None:
        try:
            outcome = await self._obey(connector, order)
            if outcome is not None:
                self._report(connector, outcome)
        except ConnectionClosed:
            self._undone(connector, order)
        except Exception:  # what a post may say is caught behind this: a fault of ours costs one order, and is logged
            log.exception("an order to post %s failed", self._name)
            self._undone(connector, order)
