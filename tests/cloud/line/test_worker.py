"""The threads of the cloud: they take in order, look when it is due or asked for, and outlive faults of ours."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from cloud.line.worker import Worker

PATIENCE_S = 20.0
IN_VAIN = "it was all in vain"


class Diary(Worker[int]):
    """A worker that writes down what it did, and fails where it is told to."""

    def __init__(self, *, every_s: float | None = None, at_once: int = 1, drains: bool = False) -> None:
        super().__init__(
            "diary",
            IN_VAIN,
            process=self.write,
            look=self.look,
            every_s=every_s,
            retry_s=0.0,
            max_queued=8,
            at_once=at_once,
            drains=drains,
        )
        self.taken: list[list[int]] = []
        self.looked = 0
        self.faults: list[Exception] = []

    def write(self, numbers: list[int]) -> None:
        self.taken.append(numbers)
        self._maybe_fail()

    def look(self) -> None:
        self.looked += 1
        self._maybe_fail()

    def _maybe_fail(self) -> None:
        if self.faults:
            raise self.faults.pop()


@contextmanager
def running(worker: Diary) -> Iterator[Callable[[], None]]:
    """Starts it, and yields a way to wait until it has done what it was told before."""

    def through() -> None:
        back = threading.Event()
        worker.pulse(back.set)
        assert back.wait(PATIENCE_S)

    worker.start()
    try:
        yield through
    finally:
        worker.stop()


def test_what_is_put_is_taken_in_order_and_at_most_so_many_at_once() -> None:
    diary = Diary(at_once=3)
    for number in range(7):
        diary.put(number)
    assert diary.queued == 7
    with running(diary) as through:
        for _ in range(3):
            through()
    assert diary.taken == [[0, 1, 2], [3, 4, 5], [6]]


def test_what_finds_the_queue_full_is_dropped_and_counted_and_still_it_stops() -> None:
    diary = Diary(drains=True)
    for number in range(10):
        diary.put(number)
    assert diary.dropped == 2
    with running(diary):
        pass
    assert diary.taken == [[number] for number in range(8)]


def test_one_that_does_not_drain_ends_with_what_it_is_at() -> None:
    at_it, goes_on = threading.Event(), threading.Event()

    class Slow(Diary):
        def write(self, numbers: list[int]) -> None:
            super().write(numbers)
            at_it.set()
            assert goes_on.wait(PATIENCE_S)

        def _wake(self) -> None:
            super()._wake()
            goes_on.set()

    diary = Slow()
    diary.put(1)
    diary.put(2)
    diary.start()
    assert at_it.wait(PATIENCE_S)
    diary.stop()
    assert diary.taken == [[1]]


def test_it_looks_at_the_start_where_it_looks_by_itself_and_else_only_when_asked() -> None:
    asleep, hourly = Diary(), Diary(every_s=3600.0)
    for diary in (asleep, hourly):
        with running(diary) as through:
            through()
            through()
    assert (asleep.looked, hourly.looked) == (0, 1)
    asked = Diary()
    asked.look_soon()
    with running(asked) as through:
        through()
    assert asked.looked == 1


def test_it_looks_again_and_again_though_much_is_put() -> None:
    diary = Diary(every_s=0.0, drains=True)  # the last one put may still wait when the thread is told to stop
    with running(diary) as through:
        for number in range(5):
            diary.put(number)
            through()
    assert diary.looked >= 5
    assert diary.taken == [[number] for number in range(5)]


def test_a_fault_costs_what_was_taken_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    diary = Diary(drains=True)
    diary.faults = [ZeroDivisionError()]
    diary.put(1)
    diary.put(2)
    with running(diary):
        pass
    assert diary.taken == [[1], [2]]
    assert diary.failures == 1
    assert IN_VAIN in caplog.text


def test_a_look_that_failed_is_made_again_until_it_succeeds() -> None:
    diary = Diary()
    diary.faults = [ZeroDivisionError(), ZeroDivisionError()]
    diary.look_soon()
    with running(diary) as through:
        for _ in range(5):
            through()
    assert (diary.looked, diary.failures) == (3, 2)
