import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import closing
from functools import partial
from itertools import pairwise
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TypeVar, TypeVarTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from contract import codec
from contract.events import decode_event
from contract.messages import Ack, EventBatch
from contract.sealing import Purpose, SyncKey, mac, statement
from edge.journal.file import Row
from edge.journal.journal import Journal, JournalError
from edge.journal.recorder import Recorder
from edge.link.uplink import ACK_WITHIN_S, MAX_WAIT_S, READ_AGAIN_S, WINDOW, Uplink
from firmware_sim.time.clock import VirtualLoop
from tests.edge.support.clouds import (
    DEVICE,
    DEVICE_KEY,
    FATES,
    SITE,
    SYNC_KEY,
    Disagreement,
    HandLink,
    Ingest,
    befall,
    seal_ack,
)
from tests.edge.support.journals import BOOT, FixedTime, meddle

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Disk(Executor):
    """A disk whose flushes take their time."""

    flush_s = 0.0


class DiskLoop(VirtualLoop):
    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> "asyncio.Future[T]":
        async def slowly() -> T:
            if isinstance(executor, Disk):
                await asyncio.sleep(executor.flush_s)
            return func(*args)

        return self.create_task(slowly())


class AckTime:
    def __init__(self) -> None:
        self.seen: list[int] = []
        self.round_trips_ms: list[int] = []

    def saw_acknowledged(self, cloud_ms: int, round_trip_ms: int) -> bool:
        self.seen.append(cloud_ms)
        self.round_trips_ms.append(round_trip_ms)
        return True


class World:
    """A device with a real journal, a cloud, and a link that a test carries by hand.

    ``expected`` are the numbers of the events that must reach the cloud, in order: all but those a power cut took.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "journal.db"
        self.loop = DiskLoop()
        self.disk = Disk()
        self.link = HandLink()
        self.ingest = Ingest()
        self.going_down: list[bytes] = []
        self.time = AckTime()
        self.expected: list[tuple[int, int]] = []
        self.recorded = 0
        self.start()

    def start(self) -> None:
        self.journal = Journal(self.path, boot=BOOT, max_rows=10_000)
        self.on_disk = self.journal.last_seq
        for name in ("flush", "checkpoint"):
            setattr(self.journal, name, partial(self._noting, getattr(self.journal, name)))
        self.recorder = Recorder(self.journal, FixedTime(), self.loop, None, self.disk)
        self.uplink = Uplink(
            self.link,
            self.recorder,
            self.time,
            site=SITE,
            device=DEVICE,
            key=DEVICE_KEY,
            sync_key=SYNC_KEY,
            loop=self.loop,
            random=Random(1),
        )
        self.link.on_up = lambda connection: self.uplink.went_up()
        self.link.on_down = self.uplink.went_down

    def _noting(self, sync: Callable[[], int]) -> int:
        self.on_disk = max(self.on_disk, sync())
        return self.on_disk

    def record(self, count: int = 1) -> None:
        for _ in range(count):
            self.recorded += 1
            seq = self.recorder.record("gym", "access.allowed", {"n": self.recorded})
            assert seq is not None
            self.expected.append((seq, self.recorded))

    def wait(self, seconds: float = 0.01) -> None:
        self.loop.run_until_complete(asyncio.sleep(seconds))

    def restart(self) -> None:
        """The agent dies, and is started again: what was written is still there."""
        self._stop(self.recorder.written)

    def lose_power(self) -> None:
        """What was not on the disk is gone."""
        self._stop(self.on_disk)

    def _stop(self, surviving: int) -> None:
        acked = min(self.journal.acked, surviving)
        self.link.cut()
        self.uplink.close()
        self.loop.run_until_complete(self.recorder.close(0.0))
        meddle(self.path, f"DELETE FROM rows WHERE seq > {surviving}")
        meddle(self.path, f"UPDATE meta SET clean = 0, acked = {acked}")
        self.expected = [(seq, number) for seq, number in self.expected if seq <= surviving]
        self.start()

    def carry_up(self, index: int = 0, *, leave: bool = False) -> None:
        """One message reaches the cloud, and its answer is on the way."""
        message = self.link.going_up[index] if leave else self.link.going_up.pop(index)
        self.going_down.append(self.ingest.take(message))

    def carry_down(self, index: int = 0, *, leave: bool = False) -> None:
        self.uplink.acknowledged(self.going_down[index] if leave else self.going_down.pop(index), False)

    def carry_all(self) -> None:
        """Both ways, until nothing moves any more."""
        self.wait()
        while self.link.going_up or self.going_down:
            while self.link.going_up:
                self.carry_up()
            while self.going_down:
                self.carry_down()
            self.wait()

    def batches(self) -> list[EventBatch]:
        """What is on the way up."""
        return [codec.unpack(message.payload, EventBatch) for message in self.link.going_up]

    def spans(self) -> list[tuple[int, int]]:
        return [(batch.first, batch.last) for batch in self.batches()]

    def check(self) -> None:
        """Raises ``Disagreement`` unless all that the cloud has stands in the journal, in order, each event once."""
        in_journal = {row.seq: row.stored for row in self.journal.tail(100_000)}
        for (_, seq), stored in self.ingest.rows.items():
            if in_journal.get(seq) != stored:
                raise Disagreement(f"row {seq} is in the cloud, and not in the journal")
        stored_numbers = [decode_event(stored).data["n"] for _, stored in sorted(self.ingest.rows.items())]
        if stored_numbers != [number for _, number in self.expected][: len(stored_numbers)]:
            raise Disagreement(f"the cloud has events {stored_numbers}")

    def check_all_arrived(self) -> None:
        self.check()
        if len(self.ingest.rows) != len(self.expected):
            raise Disagreement(f"{len(self.expected)} events were kept, {len(self.ingest.rows)} are in the cloud")

    def close(self) -> None:
        self.uplink.close()
        self.loop.run_until_complete(self.recorder.close(1.0))
        self.loop.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


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


def test_a_cloud_that_lost_rows_gets_those_that_are_still_here(world: World) -> None:
    world.link.connect()
    world.record(5)
    world.carry_all()
    world.ingest = Ingest()
    world.record()
    world.carry_all()
    world.check_all_arrived()


def test_a_cloud_restored_from_a_backup_gets_what_is_left_and_is_told_what_is_not(world: World) -> None:
    world.journal.max_rows = 10
    world.link.connect()
    for _ in range(40):
        world.record()
        world.carry_all()
    world.ingest = Ingest()
    world.record()
    world.wait()
    base = world.journal.base_seq
    assert base == 31
    sent = 0
    for _ in range(600):
        world.wait(0.1)
        sent += len(world.link.going_up)
        world.carry_all()
    assert sent < 5
    assert {seq for _, seq in world.ingest.lost} == set(range(1, base + 1))
    assert [seq for _, seq in world.ingest.rows] == list(range(base + 1, 42))
    assert {world.ingest.replays[seq] for seq in range(base + 1, 41)} == {True}, "their bells have rung"
    assert not world.ingest.replays[41]


def test_a_cloud_that_asks_for_rows_long_gone_again_and_again_is_not_flooded(world: World) -> None:
    world.journal.max_rows = 10
    world.link.connect()
    for _ in range(40):
        world.record()
        world.carry_all()
    sent = 0
    for _ in range(600):
        world.uplink.acknowledged(world.ingest.ack(world.journal.id, upto=0, rewind=True), False)
        world.wait(0.1)
        sent += len(world.link.going_up)
        world.link.going_up.clear()
    assert sent < 20


def test_what_a_full_journal_gave_up_is_told_in_its_place(world: World) -> None:
    world.journal.max_rows = 10
    world.record(25)
    world.wait()
    world.link.connect()
    world.carry_all()
    assert {seq for _, seq in world.ingest.lost} == set(range(1, 16))
    assert [seq for _, seq in world.ingest.rows] == list(range(16, 26))
    assert world.recorder.acked == 25


def test_a_gap_that_grows_while_it_is_under_way_neither_stops_nor_doubles_anything(world: World) -> None:
    world.journal.max_rows = 10
    world.record(12)
    world.wait()
    world.link.connect()
    world.wait()
    world.carry_up()
    world.record(5)
    world.wait()
    world.going_down.clear()
    world.wait(2 * MAX_WAIT_S)
    world.carry_all()
    assert {seq for _, seq in world.ingest.lost} == {1, 2}
    assert [seq for _, seq in world.ingest.rows] == list(range(3, 18))
    assert world.recorder.acked == 17


def fork(world: World, upto: int) -> None:
    world.uplink.acknowledged(seal_ack(Ack(world.recorder.journal_id, upto, 1, fork=True)), False)
    world.wait()


def test_a_fork_sends_what_is_behind_it_again_in_a_new_journal_and_rings_no_bell(world: World) -> None:
    world.link.connect()
    world.record(5)
    world.carry_all()
    known = world.recorder.journal_id
    world.record(2)
    world.wait()
    world.link.going_up.clear()
    fork(world, 5)
    assert world.recorder.journal_id != known
    (batch,) = world.batches()
    assert (batch.journal, batch.first, batch.last, batch.replay) == (world.recorder.journal_id, 1, 3, True)
    kinds = [decode_event(stored) for stored in batch.events]
    assert [event.data.get("n") for event in kinds] == [6, 7, None]
    assert kinds[-1].data == {"journal": known, "upto": 5, "carried": 2}
    world.carry_all()
    world.record()
    world.carry_all()
    assert world.recorder.acked == 4
    assert not world.ingest.replays[4] or world.ingest.replays[3]


def test_a_fork_that_is_meant_for_another_disk_of_our_name_is_not_obeyed(world: World) -> None:
    """It speaks of a row that this process has not sent over this connection."""
    world.record(4)
    world.link.connect()
    world.carry_all()
    world.link.cut()
    world.link.connect()
    world.record()
    world.wait()
    known = world.recorder.journal_id
    fork(world, 2)
    assert world.recorder.journal_id == known
    assert world.uplink.refused == {"not_mine": 1}


def test_a_cloud_that_has_rows_we_never_had_makes_us_go_on_in_another_journal(world: World) -> None:
    """Another disk of our name sent them; what parts us may lie where the cloud has a gap, and cannot see it."""
    world.link.connect()
    world.record(5)
    world.carry_all()
    known = world.recorder.journal_id
    world.record(2)
    for _ in range(600):
        world.wait(0.1)
        if world.link.going_up:
            world.link.going_up.clear()
            if world.recorder.journal_id == known:
                world.uplink.acknowledged(world.ingest.ack(known, upto=99), False)
    assert world.recorder.journal_id != known
    assert [decode_event(row.stored).data.get("n") for row in world.journal.tail(9)] == [6, 7, None]
    assert world.loop.time() > 3 * ACK_WITHIN_S, "a single one proves nothing to hurry for"


def test_a_fork_told_twice_is_one_fork(world: World) -> None:
    world.link.connect()
    world.record(3)
    world.wait()
    told = seal_ack(Ack(world.recorder.journal_id, 1, 1, fork=True))
    world.uplink.acknowledged(told, False)
    world.uplink.acknowledged(told, False)
    world.wait()
    forked = world.recorder.journal_id
    world.uplink.acknowledged(told, False)
    world.wait()
    assert world.recorder.journal_id == forked
    assert world.uplink.refused == {"other_journal": 1}


def test_a_spoilt_row_is_not_sent_and_is_said(world: World) -> None:
    world.record(3)
    world.wait()
    world.journal._connection.execute("UPDATE rows SET stored = x'00' WHERE seq = 2")
    world.link.connect()
    world.wait()
    assert world.spans() == []
    assert world.uplink.fault == "journal row 2 does not follow row 1"


def test_a_row_that_could_not_be_read_is_read_again_though_nothing_else_happens(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = []

    def failing(*_asked: int, **_limits: int) -> None:
        reads.append(world.loop.time())
        raise JournalError("disk I/O error")

    world.record(3)
    world.wait()
    monkeypatch.setattr(world.journal, "batch", failing)
    world.link.connect()
    world.wait(3.5 * READ_AGAIN_S)
    assert (world.spans(), world.uplink.fault) == ([], "disk I/O error")
    assert 4 <= len(reads) <= 6, "now and then a checkpoint says that rows are durable, and they are read at once"
    monkeypatch.undo()
    world.wait(READ_AGAIN_S)
    assert (world.spans(), world.uplink.fault) == ([(1, 3)], "")
    world.carry_all()
    world.check_all_arrived()


def test_an_uplink_that_is_closed_reads_nothing_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.record()
    world.wait()
    world.journal._connection.execute("UPDATE rows SET stored = x'00' WHERE seq = 1")
    world.link.connect()
    world.wait()
    world.uplink.close()
    monkeypatch.setattr(world.recorder, "batch", None)  # whoever asks for one now fails
    world.wait(3 * READ_AGAIN_S)


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

    def wrote_is_durable(self: Recorder, rows: list[Row], job: "asyncio.Future[None]") -> None:
        wrote(self, rows, job)
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
