"""The two loops the simulated world runs on: one whose time jumps, and one that keeps real time closely.

Parts, boards and people only ever ask the running loop for the time, so the same code runs on both.
"""

import asyncio
import math
import selectors
import time
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from contextvars import Context
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


LATEST_S = 1e8
"""Three years. Beyond, floats of seconds are too coarse for asyncio to tell a due timer from one to come."""
RESOLUTION_S = 1e-8
"""Timers this near to each other run together. asyncio's own 1 ns is lost in rounding after half a year."""


class Deadlock(RuntimeError):
    """Virtual time cannot go on: nothing is ready to run and no timer is set."""


def now_ns(loop: AbstractEventLoop) -> int:
    """The loop's time in whole nanoseconds."""
    return round(loop.time() * 1e9)


class _Jumping(selectors.SelectSelector):
    """Waits for nothing: where a real selector would sleep, it moves the time to the next timer."""

    def __init__(self, start_s: float) -> None:
        super().__init__()
        self.now = start_s

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            waiting = sorted(task.get_name() for task in asyncio.all_tasks())
            raise Deadlock(
                f"virtual time stands still: nothing is ready and no timer is set; {len(waiting)} tasks "
                f"wait for ever: {', '.join(waiting[:10])}. Threads and sockets need the real loop."
            )
        if timeout > 0:
            when = self.now + timeout
            # To the next whole nanosecond if it is that near: 9.999999999999998 would read as 9999 ms if truncated.
            self.now = max(when, round(when * 1e9) / 1e9)
            if self.now > LATEST_S:
                raise OverflowError(f"virtual time ends at {LATEST_S:.0f} s")
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in which waiting costs nothing. The same program gives the same run, step by step.

    Executors run inline, so a thread cannot bring chance in. Raises `Deadlock` where a real loop would hang.
    """

    def __init__(self, start_s: float = 0.0) -> None:
        self._jumping = _Jumping(start_s)
        super().__init__(self._jumping)
        self._clock_resolution = RESOLUTION_S

    def time(self) -> float:
        return self._jumping.now

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> Future[T]:
        async def inline() -> T:
            return func(*args)

        return self.create_task(inline())

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        # There are no other threads in virtual time, so nobody has to be woken through a socket.
        return self.call_soon(callback, *args, context=context)


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
