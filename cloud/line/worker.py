"""The threads of the running cloud. Each processes its queue, calls its ``look`` now and then, and goes on after a
fault of ours, which it counts."""

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import Empty, Full, Queue
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

MAX_QUEUED = 1000
RETRY_S = 5.0

T = TypeVar("T")


class Worker(Generic[T]):
    """A thread with a bounded queue. ``failures`` are the faults it outlived, ``dropped`` what found the queue full.

    Any thread may call its methods; ``process`` and ``look`` are called on its own, one after the other.
    """

    def __init__(
        self,
        name: str,
        in_vain: str,
        *,
        process: Callable[[list[T]], object] = lambda _queued: None,
        each: Callable[[T], object] | None = None,
        look: Callable[[], object] = lambda: None,
        every_s: float | None = None,
        retry_s: float = RETRY_S,
        max_queued: int = MAX_QUEUED,
        at_once: int = 1,
        drains: bool = False,
    ) -> None:
        """``process`` gets what is queued, at most ``at_once``, or ``each`` one after the other. ``look`` is called at
        the start and ``every_s`` after, or without that only when asked for, and again ``retry_s`` after it failed.
        ``in_vain`` is what the log says of a fault. One that ``drains`` takes all that is queued before it stops."""
        self.name, self._in_vain, self._drains = name, in_vain, drains
        self._process = process if each is None else lambda queued: list(map(each, queued))
        self._look = look
        self._every_s = math.inf if every_s is None else every_s
        self._retry_s, self._at_once = retry_s, at_once
        self._due_s = math.inf if every_s is None else -math.inf
        self._queue: Queue[T | None] = Queue(max_queued)
        self._pulses: deque[Callable[[], object]] = deque()
        self._looks_soon = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name)
        self.failures = self.dropped = 0

    @property
    def queued(self) -> int:
        """How many wait."""
        return self._queue.qsize()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._wake()
        self._thread.join()

    def look_soon(self) -> None:
        """Look as soon as the thread gets there, whenever that was due."""
        self._looks_soon.set()
        self._wake()

    def pulse(self, turn_back: Callable[[], object]) -> None:
        """Call this on the thread as soon as it gets there: the sign that it moves."""
        self._pulses.append(turn_back)
        self._wake()

    def put(self, item: T, room: int | None = None) -> bool:
        """Queue it, or drop it where so many wait as there is ``room`` for, by default as many as the queue holds;
        whoever sent it sends it again. Returns whether it is queued."""
        if room is None or self.queued < room:
            with suppress(Full):
                self._queue.put_nowait(item)
                return True
        self.dropped += 1
        return False

    def _wake(self) -> None:
        with suppress(Full):  # a thread with a full queue is awake and will see why
            self._queue.put_nowait(None)

    def _run(self) -> None:
        while not self._is_done():
            queued = self._next()
            if queued:
                self._safely(partial(self._process, queued))
            if self._looks_soon.is_set() or time.monotonic() >= self._due_s:
                self._looks_soon.clear()
                pause_s = self._every_s if self._safely(self._look) else self._retry_s
                self._due_s = time.monotonic() + pause_s
            while self._pulses:
                self._pulses.popleft()()

    def _is_done(self) -> bool:
        return self._stopping.is_set() and (not self._drains or self._queue.empty())

    def _next(self) -> list[T]:
        """What is queued; waits for a first one, until the next look is due."""
        wait_s = None if self._due_s == math.inf else max(0.0, self._due_s - time.monotonic())
        items: list[T | None] = []
        with suppress(Empty):
            items.append(self._queue.get(timeout=wait_s))
            while len(items) < self._at_once:
                items.append(self._queue.get_nowait())
        return [item for item in items if item is not None]

    def _safely(self, work: Callable[[], object]) -> bool:
        """The boundary that keeps the thread alive: a fault of ours is recorded and costs what was being done."""
        try:
            work()
        except Exception:
            self.failures += 1
            log.exception(self._in_vain)
            return False
        return True
