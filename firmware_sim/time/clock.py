"""The two loops the simulated world runs on: one whose time jumps, and one that keeps real time closely.

Parts, boards and people only ever ask the running loop for the time, so the same code runs on both.
"""

import asyncio
import math
import selectors
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Executor
from contextvars import Context
from functools import partial
from heapq import heapify, heappop, heappush
from typing import Any, NoReturn, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


LATEST_S = 1e8
"""Three years. Beyond, floats of seconds are too coarse for asyncio to tell a due timer from one to come."""
RESOLUTION_S = 1e-8
"""Timers this near to each other run together. asyncio's own 1 ns is lost in rounding after half a year."""
MANY_CANCELLED = 100
"""So many cancelled timers may lie about."""


class Deadlock(RuntimeError):
    """Virtual time cannot go on: nothing is ready to run and no timer is set."""


def now_ns(loop: asyncio.AbstractEventLoop) -> int:
    """The loop's time in whole nanoseconds."""
    return round(loop.time() * 1e9)


class VirtualTimer(asyncio.TimerHandle):
    """A callback and when it runs. It compares itself with none, and one without a context runs in the loop's: none is
    copied for it."""

    __slots__ = ()
    _callback: Callable[..., object] | None
    _context: Context | None

    def __init__(
        self,
        when: float,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: "VirtualLoop",
        context: Context | None,
    ) -> None:
        self._when, self._callback, self._args, self._loop, self._context = when, callback, args, loop, context
        self._cancelled = self._scheduled = False
        self._repr = self._source_traceback = None

    def cancel(self) -> None:
        if not self._cancelled:
            self._cancelled = True
            self._callback, self._args = None, ()
            self._loop.timer_cancelled()


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in which waiting costs nothing. The same program gives the same run, step by step.

    Executors run inline, so a thread cannot bring chance in. Raises `Deadlock` where a real loop would hang. It looks
    at no socket. Timers of one moment run in the order in which they were set.
    """

    _ready: deque[VirtualTimer]
    _stopping: bool
    _closed: bool

    def __init__(self, start_s: float = 0.0) -> None:
        self.timers_set = 0
        """How many timers were ever set."""
        self._now = start_s
        self._timers: list[tuple[float, int, VirtualTimer]] = []
        self._cancelled = 0
        super().__init__(selectors.SelectSelector())
        self._clock_resolution = RESOLUTION_S

    def time(self) -> float:
        return self._now

    def call_later(
        self, delay: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        if self._closed:
            raise RuntimeError("the loop is closed")
        self.timers_set += 1
        timer = VirtualTimer(when, callback, args, self, context)
        heappush(self._timers, (when, self.timers_set, timer))
        return timer

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        if self._closed:
            raise RuntimeError("the loop is closed")
        handle = VirtualTimer(self._now, callback, args, self, context)
        self._ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon
    """There are no other threads in virtual time, so nobody has to be woken through a socket."""

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        async def inline() -> T:
            return func(*args)

        return self.create_task(inline())

    def skip_to(self, when: float) -> bool:
        """Move the time on to ``when`` within the callback that runs, unless something else has to run before.

        For a part whose next step is its own: it saves a timer, and nobody can tell. Whoever called the part has yet to
        go on, so only the callback of a timer may do it.
        """
        timers = self._timers
        if self._ready or (timers and timers[0][0] < when + RESOLUTION_S and self._is_next_before(when)):
            return False
        self._move_to(when)
        return True

    def timer_cancelled(self) -> None:
        """Cancelled timers are thrown out once they are most of all."""
        self._cancelled += 1
        if self._cancelled > max(MANY_CANCELLED, len(self._timers) // 2):
            self._timers[:] = [timer for timer in self._timers if not timer[2]._cancelled]
            heapify(self._timers)
            self._cancelled = 0

    def _run_once(self) -> None:
        """One turn of asyncio's loop, at a fraction of its cost: nothing is polled, and no context is copied."""
        ready, timers = self._ready, self._timers
        if not ready and not self._stopping:
            self._drop_cancelled()
            if not timers:
                self._stand_still()
            self._move_to(timers[0][0])
        due = self._now + RESOLUTION_S
        while timers and timers[0][0] < due:
            ready.append(heappop(timers)[2])
        for _ in range(len(ready)):
            handle = ready.popleft()
            callback, context = handle._callback, handle._context
            try:
                if callback is None:
                    continue
                if context is None:
                    callback(*handle._args)
                else:
                    context.run(callback, *handle._args)
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:  # noqa: BLE001 - as asyncio does: it goes to the loop's handler
                self.call_exception_handler(
                    {"message": f"Exception in callback {callback!r}", "exception": error, "handle": handle}
                )

    def _is_next_before(self, when: float) -> bool:
        self._drop_cancelled()
        return bool(self._timers) and self._timers[0][0] < when + RESOLUTION_S

    def _drop_cancelled(self) -> None:
        timers = self._timers
        while timers and timers[0][2]._cancelled:
            heappop(timers)

    def _move_to(self, when: float) -> None:
        if when > self._now:
            # To the next whole nanosecond if it is that near: 9.999999999999998 would read as 9999 ms if truncated.
            self._now = max(when, round(when * 1e9) / 1e9)
            if self._now > LATEST_S:
                raise OverflowError(f"virtual time ends at {LATEST_S:.0f} s")

    def _stand_still(self) -> NoReturn:
        waiting = sorted(task.get_name() for task in asyncio.all_tasks())
        raise Deadlock(
            f"virtual time stands still: nothing is ready and no timer is set; {len(waiting)} tasks "
            f"wait for ever: {', '.join(waiting[:10])}. Threads and sockets need the real loop."
        )


def take_steps(loop: asyncio.AbstractEventLoop, steps: Iterator[float], *, in_timer: bool = False) -> None:
    """Take the first of a part's steps now, and each other at the time that the one before it yields.

    In virtual time those between which nothing else happens are one turn of the loop.
    """
    for when in steps:
        if not (in_timer and isinstance(loop, VirtualLoop) and loop.skip_to(when)):
            loop.call_at(when, partial(take_steps, loop, steps, in_timer=True))
            return


def run_virtual(main: Coroutine[Any, Any, T], *, start_s: float = 0.0) -> T:
    """Run a program to its end in virtual time that begins at `start_s`."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(start_s)) as runner:
        return runner.run(main)


class _Keeping(selectors.SelectSelector):
    """Sleeps until the next timer, or until something arrives, and then says that it is just that time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = time.monotonic()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout <= 0:
            return super().select(0)
        due = math.inf if timeout is None else self.now + timeout
        arrived = super().select(None if timeout is None else max(0.0, due - time.monotonic()))
        when = min(due, time.monotonic()) if arrived or timeout is None else due
        self.now = max(self.now, math.ceil(when * 1e9) / 1e9)
        return arrived


class RealLoop(asyncio.SelectorEventLoop):
    """A loop in real time for a simulated world: a busy machine may make it late, but never makes it skip.

    Each timer sees the very time it was set for, as hardware with a clock of its own would keep it; ``time()`` falls
    behind the machine's monotonic clock while the loop is late, and catches up. It wakes to the microsecond: epoll
    would round 50 µs pulses up to whole milliseconds.
    """

    def __init__(self) -> None:
        self._keeping = _Keeping()
        super().__init__(self._keeping)
        self._clock_resolution = RESOLUTION_S

    def time(self) -> float:
        return self._keeping.now


def run_real(main: Coroutine[Any, Any, T]) -> T:
    """Run a program to its end in real time."""
    with asyncio.Runner(loop_factory=RealLoop) as runner:
        return runner.run(main)
