"""A simulated process ends as a killed one does: nothing that it had set in motion happens any more."""

import asyncio
import random
from concurrent.futures import Executor
from itertools import pairwise

import pytest

from firmware_sim.time.process_loop import DISK_MS, ProcessLoop, ended_loop
from tests.firmware_sim.support.story import in_virtual_time


@in_virtual_time
async def test_callbacks_timers_jobs_and_tasks_of_a_living_process_run() -> None:
    told: list[str] = []
    life = ProcessLoop(asyncio.get_running_loop())
    life.call_soon(told.append, "soon")
    life.call_soon_threadsafe(told.append, "from a thread")
    life.call_later(1, told.append, "later")
    life.call_at(life.time() + 1.5, told.append, "at a time")
    life.run_in_executor(None, told.append, "job")
    task = life.create_task(_tell_after(2, told))
    await task
    assert told == ["soon", "from a thread", "job", "later", "at a time", "task"]


@in_virtual_time
async def test_of_a_killed_process_nothing_runs() -> None:
    told: list[str] = []
    life = ProcessLoop(asyncio.get_running_loop())
    life.call_soon(told.append, "soon")
    life.call_later(1, told.append, "later")
    life.call_at(life.time() + 1, told.append, "at a time")
    job = life.run_in_executor(None, told.append, "job")
    task = life.create_task(_tell_after(2, told))
    life.end()
    await asyncio.sleep(10)
    assert (told, job.done(), task.cancelled()) == ([], False, True)


@in_virtual_time
async def test_an_executor_does_one_job_after_the_other_and_each_takes_its_time() -> None:
    loop = asyncio.get_running_loop()
    life, thread = ProcessLoop(loop, random.Random(1)), Executor()
    done: list[tuple[int, float]] = []

    def note(number: int) -> None:
        done.append((number, loop.time()))

    for number in range(20):
        life.run_in_executor(thread, note, number)
    await asyncio.sleep(1)
    times = [0.0, *(at_s for _, at_s in done)]
    assert [number for number, _ in done] == list(range(20))
    assert all(DISK_MS[0] / 1000 <= after - before <= DISK_MS[1] / 1000 for before, after in pairwise(times))


@in_virtual_time
async def test_what_a_job_raises_is_raised_to_who_waits_for_it() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        await ProcessLoop(asyncio.get_running_loop()).run_in_executor(None, int, "one")


@in_virtual_time
async def test_a_life_that_is_over_has_no_next_moment() -> None:
    told: list[str] = []
    life = ended_loop(asyncio.get_running_loop())
    life.call_soon(told.append, "soon")
    await asyncio.sleep(1)
    assert told == []


async def _tell_after(wait_s: float, told: list[str]) -> None:
    await asyncio.sleep(wait_s)
    told.append("task")
