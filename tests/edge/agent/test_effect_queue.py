"""A station's effects are done in order, each drive behind the records before it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.agent.effect_queue import MAX_WAITING
from edge.archetypes.protocol import CannotRecord, Drive, Effect, Record, Rest, Send, Show, Wake
from firmware_sim.time.clock import run_virtual
from tests.edge.support.effect_queues import ENDED, Bench, persisted_start
from tests.firmware_sim.support.story import in_virtual_time

FREE: list[Effect] = [Record("access.allowed"), Drive("lock", 6_000), Wake("relock", 5_000), Show("green", "allowed")]
VALUE: list[Effect] = [Record("locker.opened"), Drive("lock", 500, "durable"), Show("green", "allowed")]


EXIT: list[Effect] = [Drive("lock", 6_000, "nothing"), Record("door.exit_button")]


DONE = ["drive gym.lock 6000", "wake relock 5000", "show green at gym"]


@in_virtual_time
async def test_a_free_passage_waits_until_its_record_is_written() -> None:
    bench = Bench()
    bench.queue.put(FREE)
    await asyncio.sleep(0.010)
    assert bench.order == ["wake relock None"]
    bench.recording.write()
    assert bench.order == ["wake relock None", *DONE]
    assert "device.late_record" not in bench.recording.kinds


@in_virtual_time
async def test_a_free_passage_waits_no_longer_than_20_ms_and_is_then_flagged() -> None:
    bench = Bench()
    bench.queue.put(FREE)
    await asyncio.sleep(1)
    assert bench.order[1:] == DONE
    assert bench.done[1][0] == pytest.approx(20)
    assert bench.recording.rows[-1] == ("gym", "device.late_record", {"seq": 1})


@in_virtual_time
async def test_a_record_that_is_written_after_all_drives_nothing_again() -> None:
    bench = Bench()
    bench.queue.put(FREE)
    await asyncio.sleep(1)
    bench.recording.write()
    await asyncio.sleep(1)
    assert bench.order[1:] == DONE


@in_virtual_time
async def test_an_earlier_wait_that_was_given_up_ends_no_later_one() -> None:
    bench = Bench()
    bench.queue.put(FREE)
    await asyncio.sleep(0.030)
    first = list(bench.recording._for_written)
    bench.queue.put([Record("access.allowed"), Drive("lock", 7_000)])
    for _, reached in first:
        reached()
    assert "drive gym.lock 7000" not in bench.order
    bench.recording.write()
    assert "drive gym.lock 7000" in bench.order


@in_virtual_time
async def test_value_waits_until_its_record_is_durable() -> None:
    bench = Bench()
    bench.queue.put(VALUE)
    bench.recording.write()
    await asyncio.sleep(1.9)
    assert bench.order == []
    bench.recording.flush()
    assert bench.order == ["drive gym.lock 500", "show green at gym"]


@pytest.mark.parametrize("full", [True, False], ids=["full disk", "slow disk"])
@in_virtual_time
async def test_value_is_refused_after_two_seconds(full: bool) -> None:
    bench = Bench()
    bench.recording.full = full
    bench.queue.put(VALUE)
    await asyncio.sleep(1.999)
    assert bench.refused == []
    await asyncio.sleep(0.002)
    bench.recording.flush()
    assert bench.refused == [CannotRecord("lock")]
    assert bench.order == ["show green at gym"]


@in_virtual_time
async def test_a_full_disk_keeps_nobody_from_a_free_passage() -> None:
    bench = Bench()
    bench.recording.full = True
    bench.queue.put(FREE)
    assert bench.order[1:] == DONE


@in_virtual_time
async def test_exit_does_not_wait_for_a_record() -> None:
    bench = Bench()
    bench.queue.put(EXIT)
    assert bench.order == ["drive gym.lock 6000"]


@in_virtual_time
async def test_exit_does_not_wait_behind_somebody_who_waits_for_the_disk() -> None:
    bench = Bench()
    bench.queue.put(FREE)
    bench.queue.put([Drive("lock", 9_000, "nothing"), Record("door.exit_button")])
    assert bench.order[-1] == "drive gym.lock 9000"
    assert bench.order[1:-1] == DONE
    assert bench.recording.kinds == ["access.allowed", "device.late_record", "door.exit_button"]


@in_virtual_time
async def test_exit_does_not_wait_behind_value_which_is_then_not_driven() -> None:
    bench = Bench()
    bench.queue.put(VALUE)
    bench.queue.put(EXIT)
    assert bench.order == ["show green at gym", "drive gym.lock 6000"]
    assert bench.refused == [CannotRecord("lock")]


@in_virtual_time
async def test_exit_does_not_wait_behind_what_the_same_step_asked_for() -> None:
    bench = Bench()
    bench.queue.put([*FREE, *EXIT])
    assert bench.order[-1] == "drive gym.lock 6000"


@in_virtual_time
async def test_safety_empties_the_lane_of_drives_and_of_nothing_else() -> None:
    bench = Bench()
    bench.queue.put([*FREE, Rest("lamp"), Record("door.forced")])
    bench.queue.clear()
    await asyncio.sleep(1)
    bench.recording.flush()
    assert bench.order[1:] == ["wake relock 5000", "show green at gym", "rest gym.lamp"]
    assert bench.recording.kinds == ["access.allowed", "door.forced"]


@in_virtual_time
async def test_a_late_drive_never_outlives_the_rest_that_follows_it() -> None:
    """The station moved on while its record was being written: the lock must end at rest."""
    bench = Bench()
    bench.queue.put(FREE)
    bench.queue.put([Rest("lock"), Wake("relock", None)])
    await asyncio.sleep(1)
    assert [what for what in bench.order if "gym.lock" in what] == ["drive gym.lock 6000", "rest gym.lock"]
    assert [what for what in bench.order if "relock" in what][-1] == "wake relock None"


@in_virtual_time
async def test_a_wake_up_that_is_replaced_is_off_at_once() -> None:
    """Or it would fire while the new one waits, and relock the door for somebody who has just been let in."""
    bench = Bench()
    bench.queue.put(FREE)
    assert bench.done == [(0.0, "wake relock None")]


@in_virtual_time
async def test_a_wake_up_begins_to_count_when_the_lock_is_driven() -> None:
    bench = Bench()
    bench.queue.put(FREE)
    await asyncio.sleep(0.015)
    bench.recording.write()
    assert [(at_ms, what) for at_ms, what in bench.done if "5000" in what] == [(15.0, "wake relock 5000")]


@in_virtual_time
async def test_a_lane_with_too_much_in_it_waits_no_longer() -> None:
    bench = Bench()
    bench.queue.put(FREE)
    bench.queue.put([Rest("lamp")] * (MAX_WAITING - 3))
    assert "drive gym.lock 6000" not in bench.order
    bench.queue.put([Rest("lamp")])
    assert bench.order[1:] == DONE + ["rest gym.lamp"] * (MAX_WAITING - 2)


@in_virtual_time
async def test_a_failure_drives_nothing_that_was_asked_for_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()

    def too_large(*_: Any) -> int:
        raise ValueError("too large")

    monkeypatch.setattr(bench.recording, "record", too_large)
    with pytest.raises(ValueError, match="too large"):
        bench.queue.put([*FREE, Rest("lamp")])
    assert bench.order[-1] == "rest gym.lamp"
    bench.queue.put([Rest("lamp")])
    await asyncio.sleep(5)
    assert not [what for what in bench.order if what.startswith("drive")]


@in_virtual_time
async def test_a_closed_lane_records_what_has_happened_and_does_nothing_more() -> None:
    bench = Bench()
    bench.queue.put(FREE)
    bench.queue.put([Record("door.forced"), Show("red", "forced")])
    bench.queue.close()
    bench.recording.flush()
    await asyncio.sleep(5)
    assert bench.order == ["wake relock None"]
    assert bench.recording.kinds == ["access.allowed", "door.forced"]


EFFECTS: st.SearchStrategy[Effect] = st.one_of(
    st.just(Record("access.allowed")),
    st.builds(Drive, st.sampled_from("ab"), st.integers(1, 9), st.sampled_from(["nothing", "written", "durable"])),
    st.builds(Rest, st.sampled_from("ab")),
    st.builds(Send, st.just("ocpp"), st.integers(1, 9), st.sampled_from(["nothing", "durable"])),
    st.just(Show("red", "held")),
)
STORY = st.lists(st.one_of(st.lists(EFFECTS, max_size=6), st.sampled_from(["write", "flush"]), st.integers(0, 2_500)))


def _told(story: Callable[[Bench], Coroutine[Any, Any, None]]) -> Bench:
    async def tell() -> Bench:
        bench = Bench()
        await story(bench)
        return bench

    return run_virtual(tell())


@given(STORY)
def test_whatever_the_disk_does_the_order_is_kept_and_only_value_is_dropped(story: list[Any]) -> None:
    asked: list[Effect] = []

    async def tell(bench: Bench) -> None:
        for event in story:
            if isinstance(event, list):
                asked.extend(event)
                bench.queue.put(event)
            elif isinstance(event, int):
                await asyncio.sleep(event / 1000)
            else:
                getattr(bench.recording, event)()
        await asyncio.sleep(60 + 2 * len(asked))

    bench = _told(tell)
    expected = [_line(effect) for effect in asked if not isinstance(effect, Record)]
    value = [effect for effect in asked if isinstance(effect, Drive | Send) and effect.behind == "durable"]
    done = iter(expected)
    assert all(line in done for line in bench.order), "done in the order it was asked for"
    dropped = len(expected) - len(bench.order)
    assert len(bench.refused) <= dropped <= len(value), "refused, or taken back by a rest that was asked for later"
    assert bench.recording.kinds.count("access.allowed") == sum(isinstance(effect, Record) for effect in asked)


def _line(effect: Effect) -> str:
    match effect:
        case Drive():
            return f"drive gym.{effect.output} {effect.lease_ms}"
        case Rest():
            return f"rest gym.{effect.output}"
        case Send():
            return f"send {effect.message} to ocpp"
    return "show red at gym"


@in_virtual_time
async def test_what_is_to_rest_is_not_driven_by_what_still_waits() -> None:
    bench = await persisted_start()
    bench.queue.put([Rest("relay"), Record("session.ended")])
    assert bench.order == ["persist page", "rest gym.relay"]
    bench.recording.flush()
    bench.to_persist[0]()
    await asyncio.sleep(3)
    assert (bench.order, bench.refused) == (["persist page", "rest gym.relay"], [])
    assert bench.recording.kinds == ["session.started", "session.ended"]


@in_virtual_time
async def test_a_rest_takes_back_nothing_but_its_own_output() -> None:
    bench = await persisted_start()
    bench.queue.put([Rest("green")])
    assert bench.order == ["persist page"]
    bench.recording.flush()
    bench.to_persist[0]()
    assert bench.order == ["persist page", "drive gym.relay 10000", "rest gym.green"]


@pytest.mark.parametrize("urgent", [Rest("lamp"), Drive("lock", 6_000, "nothing")])
@in_virtual_time
async def test_nothing_urgent_waits_for_what_is_merely_told(urgent: Effect) -> None:
    bench = Bench()
    bench.queue.put(ENDED)
    bench.queue.put([urgent])
    assert bench.recording.kinds == ["session.ended"]
    assert bench.order[-1] == _line(urgent)
    bench.to_persist[0]()
    assert len(bench.order) == 4
