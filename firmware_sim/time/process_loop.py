"""The loop of one simulated process: what it set in motion on the world's loop ends with it, as after ``kill -9``."""

import random
from asyncio import AbstractEventLoop, Future, Handle, Task, TimerHandle
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from contextvars import Context
from typing import Any, TypeVar, TypeVarTuple, cast

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

DISK_MS = (0.2, 4.0)
"""How long a job of an executor takes: a write or a flush on an SD card in good health."""


class ProcessLoop:
    """The part of an event loop that a device uses. ``loop`` is the same thing under the type that others ask for.

    The jobs of an executor are done on the world's loop, in their order, each after a time drawn from ``chance`` if
    that is given: so a process can die between a write and its flush.
    """

    def __init__(self, world: AbstractEventLoop, chance: random.Random | None = None) -> None:
        self.alive = True
        self.time = world.time
        self.create_future = world.create_future
        self._world, self._chance = world, chance
        self._tasks: dict[Task[Any], None] = {}
        self._free_at_s: dict[Executor | None, float] = {}

    @property
    def loop(self) -> AbstractEventLoop:
        return cast(AbstractEventLoop, self)

    def end(self) -> None:
        """The process is killed: no callback of its own runs any more."""
        self.alive = False
        for task in tuple(self._tasks):
            task.cancel()

    def call_soon(self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None) -> Handle:
        return self._world.call_soon(self._if_alive, callback, args, context=context)

    call_soon_threadsafe = call_soon

    def call_later(
        self, delay: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> TimerHandle:
        return self._world.call_later(delay, self._if_alive, callback, args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> TimerHandle:
        return self._world.call_at(when, self._if_alive, callback, args, context=context)

    def create_task(self, work: Coroutine[Any, Any, T], *, name: str | None = None) -> Task[T]:
        task = self._world.create_task(work, name=name)
        self._tasks[task] = None
        task.add_done_callback(lambda done: self._tasks.pop(done, None))
        return task

    def run_in_executor(self, executor: Executor | None, act: Callable[[*Ts], T], *args: *Ts) -> Future[T]:
        done: Future[T] = self._world.create_future()
        starts_at_s = max(self.time(), self._free_at_s.get(executor, 0.0))
        ends_at_s = starts_at_s + self._job_s()
        self._free_at_s[executor] = ends_at_s
        self._world.call_at(ends_at_s, self._do, done, act, args)
        return done

    def _job_s(self) -> float:
        return 0.0 if self._chance is None else self._chance.uniform(*DISK_MS) / 1000

    def _do(self, done: "Future[Any]", act: Callable[..., Any], args: tuple[Any, ...]) -> None:
        """Carry out a job; whatever it raises belongs to who waits for it."""
        if not self.alive or done.cancelled():
            return
        try:
            done.set_result(act(*args))
        except Exception as error:  # noqa: BLE001 - an executor hands on what its jobs raise
            done.set_exception(error)

    def _if_alive(self, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
        if self.alive:
            callback(*args)


def ended_loop(world: AbstractEventLoop) -> ProcessLoop:
    """The loop of a process that does not run."""
    loop = ProcessLoop(world)
    loop.end()
    return loop
