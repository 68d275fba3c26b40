"""Effects that wait for what is kept as well as for their record, and what is said to a port."""

import asyncio

from edge.archetypes.protocol import Ask, CannotRecord, Effect, Persist, Record, Rest, Send, Spend
from tests.edge.support.effect_queues import ENDED, KEPT, Bench, persisted_start
from tests.firmware_sim.support.story import in_virtual_time

WORD: list[Effect] = [
    Record("session.started"),
    Persist(b"page"),
    Send("ocpp", "accepted", "durable"),
    Send("ocpp", "status"),
]


@in_virtual_time
async def test_value_waits_for_what_is_kept_as_well_as_for_its_record() -> None:
    first = await persisted_start()
    first.recording.flush()
    assert first.order == ["persist page"]
    first.to_persist[0]()
    assert first.order == ["persist page", "drive gym.relay 10000"]
    second = await persisted_start()
    second.to_persist[0]()
    assert second.order == ["persist page"]
    second.recording.flush()
    assert second.order == ["persist page", "drive gym.relay 10000"]


@in_virtual_time
async def test_what_cannot_be_kept_is_not_driven_and_the_next_page_makes_it_good() -> None:
    bench = await persisted_start()
    bench.recording.flush()
    await asyncio.sleep(3)
    assert (bench.order, bench.refused) == (["persist page"], [CannotRecord("relay")])
    bench.queue.put(KEPT)
    bench.recording.flush()
    bench.to_persist[1]()
    assert bench.order[-1] == "drive gym.relay 10000"


@in_virtual_time
async def test_messages_questions_and_what_is_spent_go_out_in_their_order() -> None:
    bench = Bench()
    bench.queue.put([Spend("s", "h", "a", {"minutes": 5}), Send("bank", "on"), Ask(b"card", "call 1"), Rest("relay")])
    assert bench.order == ["spend 5", "send on to bank", "ask call 1", "rest gym.relay"]


@in_virtual_time
async def test_a_word_of_value_waits_for_its_record_and_for_what_is_kept() -> None:
    bench = Bench()
    bench.queue.put(WORD)
    bench.recording.flush()
    assert bench.order == ["persist page"]
    bench.to_persist[0]()
    assert bench.order == ["persist page", "send accepted to ocpp", "send status to ocpp"]


@in_virtual_time
async def test_a_word_of_value_is_not_said_if_its_record_is_not_durable_in_time() -> None:
    bench = Bench()
    bench.queue.put(WORD)
    bench.to_persist[0]()
    await asyncio.sleep(1.999)
    assert bench.refused == []
    await asyncio.sleep(0.002)
    bench.recording.flush()
    assert bench.refused == [CannotRecord("ocpp")]
    assert bench.order == ["persist page", "send status to ocpp"]


@in_virtual_time
async def test_safety_promises_no_value_says_all_else_and_tells_the_station() -> None:
    bench = Bench()
    bench.queue.put(WORD)
    bench.queue.clear()
    bench.recording.flush()
    bench.to_persist[0]()
    assert bench.order == ["persist page", "send status to ocpp"]
    assert bench.refused == [CannotRecord("ocpp")]


@in_virtual_time
async def test_an_end_is_told_once_what_is_kept_says_so() -> None:
    bench = Bench()
    bench.queue.put(ENDED)
    assert (bench.order, bench.recording.kinds) == (["rest gym.relay", "persist page"], [])
    bench.to_persist[0]()
    assert (bench.order[-1], bench.recording.kinds) == ("show red at gym", ["session.ended"])


@in_virtual_time
async def test_an_end_that_cannot_be_kept_is_told_all_the_same() -> None:
    bench = Bench()
    bench.queue.put(ENDED)
    await asyncio.sleep(1.999)
    assert bench.recording.kinds == []
    await asyncio.sleep(0.002)
    assert (bench.order[-1], bench.recording.kinds) == ("show red at gym", ["session.ended"])
    assert bench.refused == []
