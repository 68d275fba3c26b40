"""A thread that nobody waits for does things in order, and gives back what came of them."""

import threading

import pytest

from edge.machine.threads import DetachedExecutor

PATIENCE_S = 20.0


def test_it_does_what_it_is_given_in_order_and_gives_back_what_came_of_it() -> None:
    done: list[int] = []
    with DetachedExecutor("test") as thread:
        jobs = [thread.submit(done.append, number) for number in range(5)]
        failing = thread.submit(int, "no number")
        assert [job.result(PATIENCE_S) for job in jobs] == [None] * 5
        with pytest.raises(ValueError, match="no number"):
            failing.result(PATIENCE_S)
    assert done == list(range(5))


def test_its_end_waits_for_nothing_and_what_was_taken_back_is_not_done() -> None:
    goes_on, done = threading.Event(), threading.Event()
    with DetachedExecutor("test") as thread:
        waiting = thread.submit(goes_on.wait, PATIENCE_S)
        taken_back = thread.submit(done.set)
        assert taken_back.cancel()
    assert not waiting.done()
    goes_on.set()
    assert waiting.result(PATIENCE_S)
    assert not done.is_set()
