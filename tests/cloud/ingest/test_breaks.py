"""Rows that are gone, and pasts that part: what is noted of them, and what is asked for."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from cloud.store.schema import breaks
from contract import codec
from contract.events import CHAIN_START
from contract.messages import Ack, EventBatch
from tests.cloud.support.ingest_world import NOW_MS, World
from tests.cloud.support.sender import JOURNAL, Sender


def broken(world: World) -> list[tuple[int, int, str]]:
    return [(row.first, row.last, row.why) for row in world.rows(breaks)]


def test_a_gap_stands_for_rows_that_are_gone_and_is_noted(world: World, gym: Sender) -> None:
    gym.record(9)
    world.take(gym, gym.events(1, 2))
    world.take(gym, gym.sealed(3, 9, [gym.rows[2], gym.gap(4, 7), *gym.rows[7:]]))
    assert [ack.upto for ack in world.acks()] == [2, 9]
    assert broken(world) == [(4, 7, "full")]
    assert world.stored() == [*gym.rows[:3], gym.gap(4, 7), *gym.rows[7:]]
    gym.record(1)
    world.take(gym, gym.events(10, 10))
    assert world.acks() == [Ack(JOURNAL, 10, NOW_MS)]


def test_of_a_gap_only_what_the_cloud_never_had_is_lost(world: World, gym: Sender) -> None:
    """The acknowledgement of rows 1 to 5 was under way when the device gave rows 3 to 7 up."""
    gym.record(8)
    world.take(gym, gym.events(1, 5))
    world.take(gym, gym.sealed(3, 8, [gym.gap(3, 7), gym.rows[7]]))
    assert [ack.upto for ack in world.acks()] == [5, 8]
    assert broken(world) == [(6, 7, "full")]
    world.take(gym, gym.sealed(3, 8, [gym.gap(3, 7), gym.rows[7]]), gym.sealed(2, 5, [gym.gap(2, 5)]))
    assert broken(world) == [(6, 7, "full")]
    assert world.stored() == [*gym.rows[:5], gym.gap(3, 7), gym.rows[7]]
    assert world.reasons() == []


def test_rows_that_were_told_as_a_gap_and_come_after_all_are_no_other_past(world: World, gym: Sender) -> None:
    """A power cut can take the gap, and leave the rows that it stood for."""
    gym.record(8)
    world.take(gym, gym.sealed(1, 4, [gym.gap(1, 3), gym.rows[3]]))
    world.take(gym, gym.events(1, 3), gym.events(2, 8))
    assert [ack.upto for ack in world.acks()] == [4, 8]
    assert broken(world) == [(1, 3, "full")]


def test_a_cloud_restored_from_a_backup_notes_what_the_device_has_let_go(world: World, gym: Sender) -> None:
    gym.record(20)
    world.take(gym, gym.events(1, 5))
    world.take(gym, gym.events(16, 20))
    let_go = gym.sealed(1, 20, [gym.gap(1, 12, "let_go"), *gym.rows[12:]], prev=CHAIN_START)
    world.take(gym, let_go)
    assert [(ack.upto, ack.rewind) for ack in world.acks()] == [(5, False), (5, True), (20, False)]
    assert broken(world) == [(6, 12, "let_go")]
    assert world.reasons() == []


@pytest.mark.parametrize(
    "change",
    [
        lambda batch: msgspec.structs.replace(batch, events=[batch.events[0], *batch.events[2:]]),
        lambda batch: msgspec.structs.replace(batch, last=batch.last + 1),
        lambda batch: msgspec.structs.replace(batch, events=batch.events[1:], first=batch.first + 1),
    ],
)
def test_a_gap_that_is_taken_out_or_moved_is_refused(world: World, gym: Sender, change: Callable[[Any], Any]) -> None:
    gym.record(9)
    batch = codec.unpack(gym.sealed(3, 9, [gym.rows[2], gym.gap(4, 7), *gym.rows[7:]]), EventBatch)
    world.take(gym, codec.pack(change(batch)))
    assert set(world.reasons()) <= {"bad_seal", "bad_chain"}
    assert (world.stored(), world.acks(), broken(world)) == ([], [], [])


def test_a_broker_cannot_put_a_gap_in_the_place_of_rows(world: World, gym: Sender) -> None:
    """It can compute every link of a batch, but the device has not signed its gap."""
    gym.record(9)
    batch = msgspec.structs.replace(gym.batch(1, 9), events=[gym.rows[0], gym.gap(2, 8), gym.rows[8]])
    world.take(gym, codec.pack(batch))
    assert world.reasons() == ["bad_seal"]
    assert world.stored() == []


def test_a_gap_out_of_its_place_is_refused_even_if_signed(world: World, gym: Sender) -> None:
    gym.record(9)
    world.take(gym, gym.sealed(1, 9, [gym.rows[0], gym.gap(4, 7), *gym.rows[7:]]))
    assert world.reasons() == ["bad_chain"]


def two_disks(gym: Sender) -> Sender:
    """An old copy of a disk that both have 50 rows of; then the device writes 30 rows, and the copy 10 others."""
    gym.record(50)
    old = gym.copy()
    gym.record(30)
    old.record(10, reason="allowed")
    return old


def test_an_old_copy_of_a_disk_is_asked_for_its_past_and_told_where_the_pasts_part(world: World, gym: Sender) -> None:
    old = two_disks(gym)
    world.take(gym, gym.events(1, 80))
    world.take(gym, old.events(51, 60))
    world.take(gym, old.events(51, 60), old.events(1, 20))
    world.take(gym, old.events(21, 50))
    world.take(gym, old.events(51, 60))
    assert world.acks()[1:] == [
        Ack(JOURNAL, 0, NOW_MS, rewind=True),
        Ack(JOURNAL, 20, NOW_MS, rewind=True),
        Ack(JOURNAL, 50, NOW_MS),
        Ack(JOURNAL, 50, NOW_MS, fork=True),
    ]
    assert broken(world) == [(51, 80, "forked")]
    assert world.stored() == gym.rows
    world.take(gym, old.events(50, 60))
    assert world.acks() == [Ack(JOURNAL, 50, NOW_MS, fork=True)]
    assert broken(world) == [(51, 80, "forked")], "it is noted once, however often the copy asks"


def test_a_copy_that_has_grown_past_the_stored_rows_is_found_by_its_links(world: World, gym: Sender) -> None:
    gym.record(3)
    old = gym.copy()
    gym.record(3)
    old.record(9, reason="allowed")
    world.take(gym, gym.events(1, 6))
    world.take(gym, old.events(10, 12))
    world.take(gym, old.events(7, 12))
    world.take(gym, old.events(1, 12))
    assert [(ack.upto, ack.rewind, ack.fork) for ack in world.acks()[1:]] == [
        (6, True, False),
        (0, True, False),
        (3, False, True),
    ]


def test_a_copy_that_has_let_its_past_go_parts_where_its_rows_begin(world: World, gym: Sender) -> None:
    gym.record(5)
    old = gym.copy()
    gym.record(5)
    old.record(4, reason="allowed")
    world.take(gym, gym.events(1, 10))
    world.take(gym, old.sealed(1, 9, [old.gap(1, 5, "let_go"), *old.rows[5:]], prev=CHAIN_START))
    assert world.acks()[-1] == Ack(JOURNAL, 5, NOW_MS, fork=True)


def test_the_first_of_two_disks_goes_on_while_the_other_is_asked_for_its_past(world: World, gym: Sender) -> None:
    old = two_disks(gym)
    world.take(gym, gym.events(1, 70))
    world.take(gym, old.events(51, 60))
    world.take(gym, gym.events(71, 80))
    assert world.acks()[-1] == Ack(JOURNAL, 80, NOW_MS)
    world.take(gym, old.events(51, 60))
    assert world.acks()[-1] == Ack(JOURNAL, 0, NOW_MS, rewind=True)


def test_a_journal_that_begins_otherwise_from_its_first_row_parts_at_once(world: World, gym: Sender) -> None:
    gym.record(4)
    world.take(gym, gym.events(1, 4))
    clone = Sender(key=gym.key)
    clone.record(6, reason="allowed")
    world.take(gym, clone.events(1, 6))
    assert world.acks()[-1] == Ack(JOURNAL, 0, NOW_MS, fork=True)
    assert world.stored() == gym.rows


def test_an_old_copy_that_counts_its_connections_from_an_old_number_is_heard_again(world: World, gym: Sender) -> None:
    gym.record(4)
    clone = gym.copy()
    gym.record(1)
    clone.record(1, reason="allowed")
    world.take(gym, gym.state(9), channel="state")
    world.take(gym, gym.events(1, 5))
    world.take(gym, gym.will(9), channel="state")
    world.take(gym, clone.events(1, 5))
    world.take(gym, clone.state(3), channel="state")
    assert (world.device().online, world.device().connection) == (True, 3)
