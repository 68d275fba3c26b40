"""A thread that the agent does not wait for when it ends."""

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class DetachedExecutor(Executor):
    """An executor of one thread that nobody waits for: what it is doing when it is shut down goes on, and ends with the
    process at the latest. It is for waits on others, such as a broker's host that does not answer."""

    def __init__(self, name: str) -> None:
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        job: Future[T] = Future()

        def do() -> None:
            if not job.set_running_or_notify_cancel():
                return
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001, it belongs to whoever waits for the result
                job.set_exception(error)
            else:
                job.set_result(result)

        self._jobs.put(do)
        return job

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take nothing more; it never waits."""
        self._jobs.put(None)

    def _run(self) -> None:
        while (do := self._jobs.get()) is not None:
            do()
