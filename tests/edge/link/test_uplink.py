from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from contract import codec
from contract.messages import Ack
from contract.sealing import Purpose, SyncKey, mac, statement
from edge.journal.file import Row
from edge.journal.recorder import Recorder
from edge.link.uplink import ACK_WITHIN_S, MAX_WAIT_S, WINDOW
from tests.edge.support.clouds import (
    DEVICE,
    FATES,
    SITE,
    SYNC_KEY,
    Disagreement,
    befall,
    seal_ack,
)
from tests.edge.support.uplinks import World


def test_events_reach_the_cloud_in_order_and_are_acknowledged(world: World) -> None:
    world.link.connect()
    world.record(3)
    world.carry_all()
    world.record(2)
    world.carry_all()
    world.check_all_arrived()
    assert world.recorder.acked == world.journal.acked == 5


def test_one_event_is_sent_as_soon_as_it_is_durable(world: World) -> None:
    world.link.connect()
    world.disk.flush_s = 0.5
    world.record()
    world.wait(0.4)
    assert world.spans() == []
    world.wait(0.2)
    assert world.spans() == [(1, 1)]


def test_what_was_recorded_while_the_link_was_down_is_a_replay_and_the_rest_is_not(world: World) -> None:
    world.record(3)
    world.wait()
    world.link.connect()
    world.record(2)
    world.carry_all()
    world.check_all_arrived()
    assert world.ingest.replays == {1: True, 2: True, 3: True, 4: False, 5: False}


def test_four_batches_of_limited_size_are_under_way_at_once(world: World) -> None:
    for _ in range(6):
        world.record(500)
        world.wait()
    world.link.connect()
    world.wait()
    assert world.spans() == [(1, 500), (501, 1000), (1001, 1500), (1501, 2000)]
    assert all(len(message.payload) <= 65_536 for message in world.link.going_up)
    world.carry_up()
    world.carry_down()
    world.wait()
    assert world.spans()[-1] == (2001, 2500)
    world.carry_all()
    world.check_all_arrived()


def test_large_events_make_batches_of_64_kib_at_most(world: World) -> None:
    for _ in range(100):
        world.recorder.record("gym", "access.allowed", {"x": "x" * 1900})
    world.wait()
    world.link.connect()
    world.wait()
    assert len(world.link.going_up) == WINDOW
    assert all(60_000 < len(message.payload) <= 65_536 for message in world.link.going_up[:2])


def test_a_lost_batch_is_sent_again_when_the_cloud_misses_it(world: World) -> None:
    world.link.connect()
    for _ in range(3):
        world.record()
        world.wait()
    assert world.spans() == [(1, 1), (2, 2), (3, 3)]
    world.link.going_up.pop(0)
    world.carry_up()
    world.carry_up()
    world.carry_down()
    world.wait()
    assert world.spans() == [(1, 3)]
    world.carry_down()
    world.wait()
    assert world.spans() == [(1, 3)], "the second complaint about one loss sends nothing more"
    world.carry_all()
    world.check_all_arrived()


def test_without_an_answer_rows_are_sent_again_ever_more_patiently_and_one_batch_at_a_time(world: World) -> None:
    world.record(600)
    world.wait()
    world.link.connect()
    sent_at = []
    for _ in range(3000):
        world.wait(0.1)
        if world.link.going_up:
            sent_at.append((world.loop.time(), world.spans()))
            world.link.going_up.clear()
    pauses = [later[0] - earlier[0] for earlier, later in pairwise(sent_at)]
    assert sent_at[0][1] == [(1, 500), (501, 600)]
    assert all(spans == [(1, 500)] for _, spans in sent_at[1:])
    assert ACK_WITHIN_S <= pauses[0] <= 1.2 * ACK_WITHIN_S + 0.1
    assert pauses[1] >= 2 * ACK_WITHIN_S
    assert all(MAX_WAIT_S <= pause <= 1.2 * MAX_WAIT_S + 0.1 for pause in pauses[4:])
    world.wait(2 * MAX_WAIT_S)
    world.carry_all()
    world.check_all_arrived()


def test_after_a_break_sending_goes_on_behind_the_last_acknowledged_row(world: World) -> None:
    world.link.connect()
    world.record(2)
    world.carry_all()
    world.record(2)
    world.wait()
    world.link.cut()
    world.record()
    world.wait()
    world.link.connect()
    world.wait()
    assert world.spans() == [(3, 5)]
    world.carry_all()
    world.check_all_arrived()


def forgeries(world: World) -> Iterator[tuple[str, bytes, bool]]:
    """Acknowledgements that nobody may believe, each with the word for it."""
    journal = world.journal.id
    good = seal_ack(Ack(journal, 3, 1))
    yield "retained", good, True
    yield "malformed", b"", False
    yield "malformed", b"{}\n!!", False
    yield "malformed", seal_ack_of(b"{}"), False
    yield "malformed", seal_ack_of(b'{"journal":"x","upto":-1,"now_ms":0}'), False
    yield "bad_seal", good.replace(b'"upto":3', b'"upto":2'), False
    yield "bad_seal", seal_ack(Ack(journal, 3, 1), key=SyncKey(b"k" * 32)), False
    yield "bad_seal", seal_ack(Ack(journal, 3, 1), device="gym-02"), False
    yield "bad_seal", seal_ack(Ack(journal, 3, 1), site="elsewhere"), False
    yield "other_journal", seal_ack(Ack("0123456789abcdef", 3, 1)), False
    yield "ahead", seal_ack(Ack(journal, 4, 1)), False
    yield "ahead", seal_ack(Ack(journal, 4, 1, fork=True)), False
    yield "bad_seal", good.replace(b'"fork":false', b'"fork":true'), False


def seal_ack_of(body: bytes) -> bytes:
    return codec.attach(body, mac(SYNC_KEY, statement(Purpose.ACK, SITE, DEVICE, body)))


def test_a_forged_foreign_or_kept_acknowledgement_changes_nothing_and_is_counted(world: World) -> None:
    world.link.connect()
    world.record(3)
    world.wait()
    for number, (why, payload, retained) in enumerate(forgeries(world), 1):
        before = world.uplink.refused[why]
        world.uplink.acknowledged(payload, retained)
        assert world.uplink.refused[why] == before + 1, why
        assert world.uplink.refused.total() == number
    assert (world.recorder.acked, world.time.seen, world.spans()) == (0, [], [(1, 3)])
    world.carry_all()
    world.check_all_arrived()


def test_an_old_acknowledgement_moves_neither_rows_nor_clock(world: World) -> None:
    world.link.connect()
    world.record()
    world.wait()
    world.carry_up()
    old = world.going_down[0]
    world.record()
    world.carry_all()
    seen = list(world.time.seen)
    world.uplink.acknowledged(old, False)
    assert world.recorder.acked == 2
    assert world.time.seen == seen
    assert world.uplink.refused == {"stale": 1}


def test_an_acknowledgement_that_was_long_on_the_way_sets_no_clock(world: World) -> None:
    world.link.connect()
    world.record()
    world.wait()
    world.carry_up()
    world.wait(ACK_WITHIN_S - 0.1)
    world.carry_down()
    assert world.recorder.acked == 1
    assert len(world.time.seen) == 1
    world.record()
    world.wait()
    world.carry_up()
    world.wait(ACK_WITHIN_S)
    world.carry_down()
    assert world.recorder.acked == 2
    assert len(world.time.seen) == 1


def test_the_round_trip_is_told_with_the_time(world: World) -> None:
    world.link.connect()
    world.record()
    world.wait()
    world.carry_up()
    world.wait(0.3)
    world.carry_down()
    assert world.time.round_trips_ms[-1] >= 300


def test_an_answer_that_was_held_back_until_its_question_was_sent_again_sets_no_clock(world: World) -> None:
    world.link.connect()
    world.record()
    world.wait()
    world.carry_up()
    old = world.going_down[0]
    world.going_down.clear()
    world.link.cut()
    world.wait(3600)
    world.link.connect()
    world.wait(1)
    world.uplink.acknowledged(old, False)
    assert world.recorder.acked == 1
    assert len(world.time.seen) == 0
    before = world.uplink.has_news
    world.record()
    assert (before, world.uplink.has_news) == (False, True)
    world.carry_all()
    assert len(world.time.seen) == 1


def cut_before_the_flush(folder: Path) -> None:
    """The power goes after an event was written and before it was durable; then life goes on. Checked at the end."""
    with closing(World(folder)) as world:
        world.link.connect()
        world.record(2)
        world.carry_all()
        world.disk.flush_s = 1.0
        world.record()
        world.wait(0.5)
        while world.link.going_up:
            world.carry_up()
        world.lose_power()
        world.link.connect()
        world.record(2)
        world.wait(5.0)
        world.carry_all()
        world.check_all_arrived()


def test_a_power_cut_before_the_flush_leaves_cloud_and_journal_in_agreement(tmp_path: Path) -> None:
    cut_before_the_flush(tmp_path)


def test_a_build_that_sends_rows_before_they_are_durable_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrote = Recorder._wrote

    def wrote_is_durable(self: Recorder, rows: list[Row]) -> None:
        wrote(self, rows)
        self._flush()
        self._advance_durable(self.written)

    monkeypatch.setattr(Recorder, "_wrote", wrote_is_durable)
    with pytest.raises(Disagreement, match="row 3"):
        cut_before_the_flush(tmp_path)


class Weather(RuleBasedStateMachine):
    """A line that loses, doubles and reorders, under a device that is restarted and loses its power."""

    @initialize()
    def begin(self) -> None:
        self.folder = TemporaryDirectory()
        self.world = World(Path(self.folder.name))

    @rule(count=st.integers(1, 3))
    def record(self, count: int) -> None:
        self.world.record(count)

    @rule(seconds=st.sampled_from([0.001, 0.01, 0.3, 7.0]))
    def wait(self, seconds: float) -> None:
        self.world.wait(seconds)

    @rule(flush_s=st.sampled_from([0.0, 0.2]))
    def change_disk(self, flush_s: float) -> None:
        self.world.disk.flush_s = flush_s

    @rule()
    def connect(self) -> None:
        self.world.link.connect()
        self.world.wait(0.001)

    @rule(what=st.sampled_from(["cut", "restart", "lose_power"]))
    def suffer(self, what: str) -> None:
        if what == "cut":
            self.world.link.cut()
        elif what == "restart":
            self.world.restart()
        else:
            self.world.lose_power()

    @rule(index=st.integers(0, 9), fate=st.sampled_from(FATES))
    def up(self, index: int, fate: str) -> None:
        befall(self.world.link.going_up, index, fate, self.world.carry_up)

    @rule(index=st.integers(0, 9), fate=st.sampled_from(FATES))
    def down(self, index: int, fate: str) -> None:
        befall(self.world.going_down, index, fate, self.world.carry_down)

    @invariant()
    def cloud_and_journal_agree(self) -> None:
        if hasattr(self, "world"):
            self.world.check()
            assert self.world.recorder.acked <= len(self.world.ingest.rows)

    def teardown(self) -> None:
        if hasattr(self, "world"):
            with self.folder, closing(self.world) as world:
                world.disk.flush_s = 0.0
                world.link.connect()
                for _ in range(5):
                    world.carry_all()
                    world.wait(2 * MAX_WAIT_S)
                world.check_all_arrived()


TestInAnyWeatherNothingIsLostOrDoubled = Weather.TestCase
TestInAnyWeatherNothingIsLostOrDoubled.settings = settings(max_examples=100, stateful_step_count=50)
