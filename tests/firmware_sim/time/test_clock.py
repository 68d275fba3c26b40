import asyncio
from contextvars import ContextVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.time.clock import (
    MANY_CANCELLED,
    RESOLUTION_S,
    Deadlock,
    RealLoop,
    VirtualLoop,
    now_ns,
    run_real,
    run_virtual,
)
from tests.firmware_sim.support.story import in_virtual_time


@in_virtual_time
async def test_a_week_passes_at_once_and_to_the_nanosecond() -> None:
    loop = asyncio.get_running_loop()
    await asyncio.sleep(7 * 24 * 3600 + 50e-6)
    assert now_ns(loop) == 7 * 24 * 3600 * 10**9 + 50_000


def test_time_begins_where_it_is_told_to() -> None:
    async def now() -> float:
        return asyncio.get_running_loop().time()

    assert run_virtual(now(), start_s=1234.5) == 1234.5


@given(st.floats(0, 9e7), st.lists(st.floats(0, 1e6), min_size=1, max_size=8))
def test_timers_run_in_order_and_never_early(start_s: float, delays: list[float]) -> None:
    ran: list[tuple[float, float]] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for delay in delays:
            loop.call_at(start_s + delay, lambda due: ran.append((due, loop.time())), start_s + delay)
        await asyncio.sleep(max(delays) + 1)

    run_virtual(main(), start_s=start_s)
    assert [due for due, _ in ran] == sorted(start_s + delay for delay in delays)
    # A timer may share the wake-up of one that is hardly before it.
    assert all(due - 2 * RESOLUTION_S <= at <= due + 2 * RESOLUTION_S for due, at in ran)


@in_virtual_time
async def test_years_pass_and_timers_that_are_due_at_once_still_run() -> None:
    loop = asyncio.get_running_loop()
    await asyncio.sleep(2.5 * 365 * 86400)
    due = loop.create_future()
    loop.call_at(loop.time(), due.set_result, None)
    await due


def test_beyond_three_years_virtual_time_ends_with_a_word_about_it() -> None:
    with pytest.raises(OverflowError, match="virtual time ends"):
        run_virtual(asyncio.sleep(2e8))


@in_virtual_time
async def test_an_executor_runs_inline_and_takes_no_time() -> None:
    loop = asyncio.get_running_loop()
    assert await loop.run_in_executor(None, "{}{}".format, 1, 2) == "12"
    with pytest.raises(ZeroDivisionError):
        await loop.run_in_executor(None, lambda: 1 // 0)
    assert loop.time() == 0


@in_virtual_time
async def test_what_threads_hand_over_in_real_time_runs_as_the_next_step() -> None:
    handed = asyncio.Event()
    asyncio.get_running_loop().call_soon_threadsafe(handed.set)
    await handed.wait()


def test_a_wait_that_never_ends_is_an_error_that_names_who_waits() -> None:
    async def forgotten() -> None:
        asyncio.current_task().set_name("the forgotten guest")  # type: ignore[union-attr]
        await asyncio.Event().wait()

    with pytest.raises(Deadlock, match="the forgotten guest"):
        run_virtual(forgotten())


def test_the_same_coroutine_runs_in_real_time_too() -> None:
    async def main() -> str:
        await asyncio.sleep(0)
        return "done"

    assert run_real(main()) == run_virtual(main()) == "done"
    loop = RealLoop()
    loop.close()


def test_timers_of_one_moment_keep_their_order() -> None:
    async def main() -> list[int]:
        ran: list[int] = []
        loop = asyncio.get_running_loop()
        for number in range(20):
            loop.call_at(5.0, ran.append, number)
        await asyncio.sleep(6)
        return ran

    assert run_virtual(main()) == list(range(20))


def test_cancelled_timers_neither_run_nor_pile_up() -> None:
    async def main() -> int:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        for _ in range(10 * MANY_CANCELLED):
            loop.call_later(3600, pytest.fail, "it was cancelled").cancel()
        kept = len(loop._timers)
        await asyncio.sleep(7200)
        return kept

    assert run_virtual(main()) <= 2 * MANY_CANCELLED


def test_a_callback_skips_where_nothing_else_runs() -> None:
    """It takes the time along; a timer before that, one of that moment, or a callback that is ready stands in the way,
    a cancelled timer does not."""

    async def main() -> list[tuple[bool, float]]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        seen: list[tuple[bool, float]] = []

        def act() -> None:
            loop.call_later(0.5, pytest.fail, "it was cancelled").cancel()
            seen.extend((loop.skip_to(when), loop.time()) for when in (2.0, 3.0, 2.9))
            loop.call_soon(int)
            seen.append((loop.skip_to(2.95), loop.time()))

        loop.call_at(1.0, act)
        await asyncio.sleep(3.0)
        return seen

    assert run_virtual(main()) == [(True, 2.0), (False, 2.0), (True, 2.9), (False, 2.9)]


def test_what_a_callback_raises_goes_to_the_handler() -> None:
    async def main() -> list[str]:
        loop, seen = asyncio.get_running_loop(), list[str]()
        loop.set_exception_handler(lambda _loop, context: seen.append(f"{context['message']}: {context['exception']}"))
        loop.call_later(1, "{}".index, "x")
        await asyncio.sleep(2)
        return seen

    (said,) = run_virtual(main())
    assert said.startswith("Exception in callback")
    assert said.endswith("substring not found")


def test_a_task_keeps_its_own_context() -> None:
    """Callbacks run in the loop's context; a task, with whatever it waits for, in the copy that it was given."""
    whose = ContextVar("whose", default="the loop's")

    async def mine() -> str:
        whose.set("mine")
        await asyncio.sleep(1)
        return whose.get()

    async def main() -> tuple[str, str]:
        return await asyncio.create_task(mine()), whose.get()

    assert run_virtual(main()) == ("mine", "the loop's")
