"""A station's effects are done in order, each drive behind the records before it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.agent.effect_queue import MAX_WAITING, EffectQueue
from edge.archetypes.protocol import Ask, CannotRecord, Drive, Effect, Keep, Record, Rest, Send, Show, Spend, Wake
from firmware_sim.time.clock import run_virtual
from tests.edge.support.recordings import HandRecording
from tests.firmware_sim.support.story import in_virtual_time

FREE: list[Effect] = [Record("access.allowed"), Drive("lock", 6_000), Wake("relock", 5_000), Show("green", "allowed")]
KEPT: list[Effect] = [Record("session.started"), Keep(b"page"), Drive("relay", 10_000, "durable")]
VALUE: list[Effect] = [Record("locker.opened"), Drive("lock", 500, "durable"), Show("green", "allowed")]
WORD: list[Effect] = [
    Record("session.started"),
    Keep(b"page"),
    Send("ocpp", "accepted", "durable"),
    Send("ocpp", "status"),
]
EXIT: list[Effect] = [Drive("lock", 6_000, "nothing"), Record("door.exit_button")]


class Bench:
    """A queue between a journal and an executor that writes down what it does, with its time in ms."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.recording = HandRecording()
        self.done: list[tuple[float, str]] = []
        self.refused: list[CannotRecord] = []
        self.to_keep: list[Callable[[], None]] = []
        self.queue = EffectQueue("gym", self.loop, self.recording, self, self.refused.append, self._guarded)

    @property
    def order(self) -> list[str]:
        return [what for _, what in self.done]

    def carry_out(self, point: str, effect: Effect) -> None:
        match effect:
            case Drive(output=output, lease_ms=lease_ms):
                self._note(f"drive {point}.{output} {lease_ms}")
            case Rest(output=output):
                self._note(f"rest {point}.{output}")
            case Show(lamp=lamp):
                self._note(f"show {lamp} at {point}")
            case Wake(name=name, after_ms=after_ms):
                self._note(f"wake {name} {after_ms}")
            case Send(port=port, message=message):
                self._note(f"send {message} to {port}")
            case Spend(used_ms=used_ms):
                self._note(f"spend {used_ms}")
            case Ask(about=about):
                self._note(f"ask {about}")

    def keep(self, point: str, document: bytes, kept: Callable[[], None]) -> None:
        self._note(f"keep {document.decode()}")
        self.to_keep.append(kept)

    def _guarded(self, act: Callable[..., None], *arguments: object) -> None:
        act(*arguments)

    def _note(self, what: str) -> None:
        self.done.append((round(self.loop.time() * 1000, 3), what))


async def kept_start() -> Bench:
    bench = Bench()
    bench.queue.put(KEPT)
    return bench


DONE = ["drive gym.lock 6000", "wake relock 5000", "show green at gym"]


@in_virtual_time
async def test_a_free_passage_waits_until_its_record_is_written() -> None:
    bench = Bench()
    bench.queue.put(FREE)
    await asyncio.sleep(0.010)
    assert bench.order == ["wake relock None"]
    bench.recording.write()
    assert bench.order == ["wake relock None", *DONE]
    assert bench.queue.late == 0


@in_virtual_time
async def test_a_free_passage_waits_no_longer_than_20_ms_and_is_then_flagged() -> None:
    bench = Bench()
    bench.queue.put(FREE)
    await asyncio.sleep(1)
    assert bench.order[1:] == DONE
    assert bench.done[1][0] == pytest.approx(20)
    assert bench.recording.rows[-1] == ("gym", "device.late_record", {"seq": 1})
    assert bench.queue.late == 1


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
async def test_value_waits_for_what_is_kept_as_well_as_for_its_record() -> None:
    first = await kept_start()
    first.recording.flush()
    assert first.order == ["keep page"]
    first.to_keep[0]()
    assert first.order == ["keep page", "drive gym.relay 10000"]
    second = await kept_start()
    second.to_keep[0]()
    assert second.order == ["keep page"]
    second.recording.flush()
    assert second.order == ["keep page", "drive gym.relay 10000"]


@in_virtual_time
async def test_what_cannot_be_kept_is_not_driven_and_the_next_page_makes_it_good() -> None:
    bench = await kept_start()
    bench.recording.flush()
    await asyncio.sleep(3)
    assert (bench.order, bench.refused) == (["keep page"], [CannotRecord("relay")])
    bench.queue.put(KEPT)
    bench.recording.flush()
    bench.to_keep[1]()
    assert bench.order[-1] == "drive gym.relay 10000"


@in_virtual_time
async def test_messages_questions_and_what_is_spent_go_out_in_their_order() -> None:
    bench = Bench()
    bench.queue.put([Spend("s", "h", "a", 5, 6), Send("bank", "on"), Ask(b"card", "call 1"), Rest("relay")])
    assert bench.order == ["spend 5", "send on to bank", "ask call 1", "rest gym.relay"]


@in_virtual_time
async def test_a_word_of_value_waits_for_its_record_and_for_what_is_kept() -> None:
    bench = Bench()
    bench.queue.put(WORD)
    bench.recording.flush()
    assert bench.order == ["keep page"]
    bench.to_keep[0]()
    assert bench.order == ["keep page", "send accepted to ocpp", "send status to ocpp"]


@in_virtual_time
async def test_a_word_of_value_is_not_said_if_its_record_is_not_durable_in_time() -> None:
    bench = Bench()
    bench.queue.put(WORD)
    bench.to_keep[0]()
    await asyncio.sleep(1.999)
    assert bench.refused == []
    await asyncio.sleep(0.002)
    bench.recording.flush()
    assert bench.refused == [CannotRecord("ocpp")]
    assert bench.order == ["keep page", "send status to ocpp"]


@in_virtual_time
async def test_safety_promises_no_value_says_all_else_and_tells_the_station() -> None:
    bench = Bench()
    bench.queue.put(WORD)
    bench.queue.clear()
    bench.recording.flush()
    bench.to_keep[0]()
    assert bench.order == ["keep page", "send status to ocpp"]
    assert bench.refused == [CannotRecord("ocpp")]


@in_virtual_time
async def test_what_is_to_rest_is_not_driven_by_what_still_waits() -> None:
    bench = await kept_start()
    bench.queue.put([Rest("relay"), Record("session.ended")])
    assert bench.order == ["keep page", "rest gym.relay"]
    bench.recording.flush()
    bench.to_keep[0]()
    await asyncio.sleep(3)
    assert (bench.order, bench.refused) == (["keep page", "rest gym.relay"], [])
    assert bench.recording.kinds == ["session.started", "session.ended"]


@in_virtual_time
async def test_a_rest_takes_back_nothing_but_its_own_output() -> None:
    bench = await kept_start()
    bench.queue.put([Rest("green")])
    assert bench.order == ["keep page"]
    bench.recording.flush()
    bench.to_keep[0]()
    assert bench.order == ["keep page", "drive gym.relay 10000", "rest gym.green"]


ENDED: list[Effect] = [Rest("relay"), Keep(b"page"), Record("session.ended", {}, "kept"), Show("red", "over_temp")]


@in_virtual_time
async def test_an_end_is_told_once_what_is_kept_says_so() -> None:
    bench = Bench()
    bench.queue.put(ENDED)
    assert (bench.order, bench.recording.kinds) == (["rest gym.relay", "keep page"], [])
    bench.to_keep[0]()
    assert (bench.order[-1], bench.recording.kinds) == ("show red at gym", ["session.ended"])


@in_virtual_time
async def test_an_end_that_cannot_be_kept_is_told_all_the_same() -> None:
    bench = Bench()
    bench.queue.put(ENDED)
    await asyncio.sleep(1.999)
    assert bench.recording.kinds == []
    await asyncio.sleep(0.002)
    assert (bench.order[-1], bench.recording.kinds) == ("show red at gym", ["session.ended"])
    assert (bench.refused, bench.queue.late) == ([], 0)


@pytest.mark.parametrize("urgent", [Rest("lamp"), Drive("lock", 6_000, "nothing")])
@in_virtual_time
async def test_nothing_urgent_waits_for_what_is_merely_told(urgent: Effect) -> None:
    bench = Bench()
    bench.queue.put(ENDED)
    bench.queue.put([urgent])
    assert bench.recording.kinds == ["session.ended"]
    assert bench.order[-1] == _line(urgent)
    bench.to_keep[0]()
    assert len(bench.order) == 4
