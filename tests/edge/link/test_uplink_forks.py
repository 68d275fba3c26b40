"""What the uplink sends after a loss: of rows, of the cloud's database, of the disk."""

import pytest

from contract.events import decode_event
from contract.messages import Ack
from edge.journal import recent
from edge.journal.journal import JournalError
from edge.link.uplink import ACK_WITHIN_S, MAX_WAIT_S, READ_AGAIN_S
from tests.edge.support.clouds import (
    Ingest,
    seal_ack,
)
from tests.edge.support.uplinks import World


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
    world.record(3 + recent.MAX_ROWS)
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

    world.record(3 + recent.MAX_ROWS)
    world.wait()
    monkeypatch.setattr(world.journal, "batch", failing)
    world.link.connect()
    world.wait(3.5 * READ_AGAIN_S)
    assert (world.spans(), world.uplink.fault) == ([], "disk I/O error")
    assert 4 <= len(reads) <= 6, "now and then a checkpoint says that rows are durable, and they are read at once"
    monkeypatch.undo()
    world.wait(READ_AGAIN_S)
    assert (world.spans(), world.uplink.fault) == ([(1, 3 + recent.MAX_ROWS)], "")
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
