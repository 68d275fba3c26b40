"""What arrives is stored once and in order, what is wrong is kept apart, and an ack comes after its commit."""

import inspect
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select

from cloud.devices.quarantine import MAX_AT_ONCE, MAX_KEPT_BYTES, MAX_ROWS_PER_DEVICE
from cloud.devices.registry import replace_key
from cloud.devices.streams import MAX_JOURNALS_PER_DEVICE
from cloud.ingest import ingest as shipped
from cloud.ingest.ingest import Ingest
from cloud.keys.keys import KeyFolder
from cloud.line.worker import MAX_QUEUED
from cloud.reactions import REACTIONS
from cloud.store.revision import revision
from cloud.store.schema import breaks, devices, events, journals, quarantine, sessions, tallies
from contract import codec
from contract.decide import Trust
from contract.events import CHAIN_START, encode_event
from contract.messages import Ack, Beat, EventBatch, Live
from contract.sealing import DeviceKey, SyncKey
from tests.cloud.support.ingest_world import NOW_MS, World, arrived
from tests.cloud.support.sender import JOURNAL, SITE, Sender, event


def test_a_batch_is_stored_row_by_row_and_acknowledged(world: World, gym: Sender) -> None:
    gym.keep(encode_event(event(1, "access.granted", holder="0011223344556677", reason="allowed")))
    gym.keep(encode_event(event(2, "access.passed", holder="button")))
    world.take(gym, gym.events(1, 2))
    assert world.acks() == [Ack(JOURNAL, 2, NOW_MS)]
    assert world.stored() == gym.rows
    first, second = world.rows(events)
    assert (first.seq, first.arrival, first.kind, first.point) == (1, 1, "access.granted", "gym-turnstile")
    assert (first.holder, first.reason) == (bytes.fromhex("0011223344556677"), "allowed")
    assert (second.holder, second.reason, second.clock, second.replay) == (None, None, "synced", False)
    assert (second.at_ms, second.mono_ms, second.boot) == (1_700_000_000_002, 2000, "b7")
    assert world.device().heard_ms == second.received_ms == NOW_MS
    assert world.told == 1


def test_a_charging_session_is_one_row_however_its_events_are_cut_and_sent_again(world: World, gym: Sender) -> None:
    name = "00112233aabbccdd"
    gym.keep(encode_event(event(1, "session.started", session=name, holder="0011223344556677", by="card")))
    gym.keep(encode_event(event(2, "session.progress", session=name, energy_wh=5, ms=60_000)))
    gym.keep(encode_event(event(3, "session.ended", session=name, energy_wh=9, ms=90_000, reason="full")))
    world.take(gym, gym.events(1, 2))
    world.take(gym, gym.events(1, 3))
    world.take(gym, gym.events(1, 3))
    (row,) = world.rows(sessions)
    assert (row.session, row.energy_wh, row.lasted_ms, row.reason) == (name, 9, 90_000, "full")
    assert (row.holder, row.point) == (bytes.fromhex("0011223344556677"), "gym-turnstile")


def test_readings_of_this_moment_are_shown_and_a_lie_about_them_is_kept_apart(world: World, gym: Sender) -> None:
    world.take(gym, codec.write(Live(NOW_MS, {"phone-1": {"power_w": 9}})), channel="live")
    assert (world.device().live, world.device().live_ms) == ({"phone-1": {"power_w": 9}}, NOW_MS)
    world.take(
        gym, b'{"at_ms": 1, "points": ["phone-1"]}', codec.write(Live(1, {"p": {"x": "y" * 70_000}})), channel="live"
    )
    assert world.reasons() == ["malformed", "malformed"]
    assert world.device().live == {"phone-1": {"power_w": 9}}


def test_batches_taken_at_once_are_acknowledged_together(world: World, gym: Sender) -> None:
    door = world.add(Sender("door-1"))
    gym.record(3)
    door.record(2)
    world.ingest.take(
        [
            arrived("gym-1", "events", gym.events(1, 2)),
            arrived("door-1", "events", door.events(1, 2)),
            arrived("gym-1", "events", gym.events(3, 3)),
        ]
    )
    assert [ack.upto for ack in world.acks()] == [3, 2]
    rows = sorted(world.rows(events.c.journal_id, events.c.seq, events.c.arrival))
    assert [row.arrival for row in rows] == [1, 2, 5, 3, 4]


def test_rows_sent_again_are_acknowledged_and_stored_once(world: World, gym: Sender) -> None:
    gym.record(6)
    world.take(gym, gym.events(1, 4), gym.events(1, 2), gym.events(3, 4))
    world.take(gym, gym.events(2, 6))
    assert [ack.upto for ack in world.acks()] == [4, 6]
    assert world.stored() == gym.rows
    assert world.reasons() == []


def test_rows_that_come_too_early_are_asked_for_again(world: World, gym: Sender) -> None:
    gym.record(5)
    world.take(gym, gym.events(4, 5))
    world.take(gym, gym.events(4, 5), gym.events(1, 3))
    assert world.acks() == [Ack(JOURNAL, 0, NOW_MS, rewind=True), Ack(JOURNAL, 3, NOW_MS, rewind=True)]
    world.take(gym, gym.events(4, 5))
    assert world.acks() == [Ack(JOURNAL, 5, NOW_MS)]
    assert world.stored() == gym.rows


def test_rows_that_came_early_and_again_are_not_asked_for(world: World, gym: Sender) -> None:
    gym.record(5)
    world.take(gym, gym.events(4, 5), gym.events(1, 3), gym.events(4, 5))
    assert world.acks() == [Ack(JOURNAL, 5, NOW_MS)]


def test_a_cloud_that_is_back_tells_each_device_how_far_it_is(world: World, gym: Sender) -> None:
    gym.record(3)
    world.take(gym, gym.events(1, 3))
    world.acks()
    world.restarted().tell_all()
    (ack,) = world.acks()
    assert (ack.journal, ack.upto, ack.rewind) == (JOURNAL, 3, True)


def test_whoever_says_that_the_broker_is_back_does_not_wait_for_the_database(world: World, gym: Sender) -> None:
    gym.record(1)
    world.take(gym, gym.events(1, 1))
    world.acks()
    ingest = world.restarted()
    ingest.connected()
    assert world.acks() == []
    ingest.start()
    ingest.stop()
    assert [ack.upto for ack in world.acks()] == [1]


def test_telling_that_fails_costs_no_event(world: World, gym: Sender, caplog: pytest.LogCaptureFixture) -> None:
    gym.record(2)
    world.take(gym, gym.events(1, 1))

    def refuse(_topic: str, _payload: bytes) -> None:
        raise RuntimeError

    ingest = world.restarted(send=refuse)
    ingest.connected()
    ingest.start()
    ingest.put(arrived(gym.name, "events", gym.events(2, 2)))
    ingest.stop()
    assert "were not told" in caplog.text
    assert world.stored() == gym.rows


def test_events_of_one_and_the_same_millisecond_are_all_stored(world: World, gym: Sender) -> None:
    """Time is no key: a clock may stand still, and jump back."""
    for seq in range(1, 4):
        gym.keep(encode_event(msgspec.structs.replace(event(seq), at_ms=NOW_MS, mono_ms=7)))
    gym.keep(encode_event(msgspec.structs.replace(event(4), at_ms=NOW_MS - 86_400_000, mono_ms=7)))
    world.take(gym, gym.events(1, 4))
    assert world.stored() == gym.rows


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


def test_an_old_copy_of_a_disk_is_asked_for_its_past_and_told_where_the_pasts_part(world: World, gym: Sender) -> None:
    gym.record(50)
    old = gym.copy()
    gym.record(30)
    old.record(10, reason="allowed")
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
    gym.record(50)
    old = gym.copy()
    gym.record(30)
    old.record(10, reason="allowed")
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


def test_a_new_journal_begins_at_the_start_of_a_chain(world: World, gym: Sender) -> None:
    gym.links = [b"\1" * 32]
    gym.record(2)
    world.take(gym, gym.events(1, 2))
    assert world.acks() == [Ack(JOURNAL, 0, NOW_MS, fork=True)]
    assert world.stored() == []


def test_events_that_do_not_end_in_the_signed_link_are_refused(world: World, gym: Sender) -> None:
    gym.record(3)
    batch = gym.batch(1, 3)
    other = encode_event(event(2, reason="allowed"))
    changed = msgspec.structs.replace(batch, events=[batch.events[0], other, batch.events[2]])
    short = msgspec.structs.replace(batch, events=batch.events[:2])
    world.take(gym, codec.pack(changed), codec.pack(short))
    assert world.reasons() == ["bad_chain", "bad_chain"]
    assert (world.stored(), world.acks()) == ([], [])


def test_another_device_cannot_speak_for_this_one(world: World, gym: Sender) -> None:
    gym.record(2)
    thief = Sender(key=DeviceKey.generate())
    thief.record(2)
    world.take(gym, thief.events(1, 2))
    door = world.add(Sender("door-1"))
    world.take(door, gym.events(1, 2))
    assert world.reasons() == ["bad_seal", "bad_seal"]
    assert (world.stored(), world.acks()) == ([], [])
    assert world.device().heard_ms is None


def test_an_unknown_device_is_refused_until_it_is_registered(world: World) -> None:
    late = Sender("door-9")
    late.record(1)
    world.take(late, late.events(1, 1))
    assert world.reasons() == ["unknown_device"]
    assert [(row.device, row.count) for row in world.rows(tallies)] == [("", 1)]
    world.add(late)
    world.take(late, late.events(1, 1))
    assert world.stored() == late.rows


def test_a_device_with_a_new_key_is_believed_at_once(world: World, gym: Sender) -> None:
    gym.record(1)
    world.take(gym, gym.events(1, 1))
    successor = Sender(journal="ff" * 8)
    successor.record(1)
    with world.store.writing() as connection:
        replace_key(connection, gym.name, successor.key.public())
    world.take(gym, gym.events(1, 1))
    assert world.reasons() == ["bad_seal"], "the old Pi is out at once, not when the new one is first heard"
    world.take(successor, successor.state(1), channel="state")
    assert (world.device().online, world.device().connection) == (True, 1)
    world.take(successor, successor.events(1, 1))
    assert world.reasons() == ["bad_seal"]
    assert len(world.stored()) == 2


POISON = [
    b"",
    b"\xc1",
    encode_event(event(7)),
    msgspec.msgpack.encode([2, 1 << 64 - 1, 0, "b", "synced", "p", "k", {}]),
    msgspec.msgpack.encode([2, 1, 1, "b", "sideways", "p", "k", {}]),
    msgspec.msgpack.encode([2, 1, 1, "b", "synced", "p", "k" * 3000, {}]),
    b"\x91" * 1500,
]


@pytest.mark.parametrize("poison", POISON)
def test_an_event_that_cannot_be_read_counts_as_received_and_is_kept_apart(
    world: World, gym: Sender, poison: bytes
) -> None:
    gym.record(1)
    gym.keep(poison)
    gym.record(1)
    world.take(gym, gym.events(1, 3))
    assert world.acks() == [Ack(JOURNAL, 3, NOW_MS)]
    assert world.stored() == [gym.rows[0], gym.rows[2]]
    (kept,) = world.rows(quarantine)
    assert (kept.why, kept.device, kept.journal, kept.seq, kept.payload) == ("poison", "gym-1", JOURNAL, 2, poison)
    world.take(gym, gym.events(1, 2))
    assert len(world.rows(quarantine)) == 1


@pytest.mark.parametrize("channel", ["events", "state", "beat"])
@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\n",
        b"{}",
        b"{}\n",
        b"\xff\xfe\n=",
        b"[" * 5000,
        b"\x91" * 5000,
        b'{"online": true, "connection": 99999999999999999999999}',
        b'{"online": false, "connection": 18446744073709551615}',
        b'{"at_ms":1,"uptime_ms":1,"clock":"","journal_rows":1,"waiting":18446744073709551615,"oldest_ms":0,"unlogged":0}',
        b"x" * (1 << 20) + b"x",
    ],
)
def test_what_is_no_message_is_counted_and_changes_nothing(
    world: World, gym: Sender, channel: str, payload: bytes
) -> None:
    before = world.device()
    world.take(gym, payload, channel=channel)
    assert world.device() == before
    (kept,) = world.rows(quarantine)
    assert kept.size == len(payload)
    assert kept.payload == payload[:MAX_KEPT_BYTES]
    assert [(row.device, row.channel, row.count) for row in world.rows(tallies)] == [("gym-1", channel, 1)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(payload=st.binary(max_size=300), channel=st.sampled_from(["events", "state", "beat"]))
def test_no_bytes_whatever_stop_it(world: World, payload: bytes, channel: str) -> None:
    sender = Sender()
    world.take(sender, payload, channel=channel)


def test_a_flood_of_rubbish_is_counted_but_not_stored(world: World, gym: Sender) -> None:
    world.take(gym, *[b"x"] * (MAX_AT_ONCE + 30))
    assert [row.count for row in world.rows(tallies)] == [MAX_AT_ONCE + 30]
    assert len(world.rows(quarantine)) == MAX_AT_ONCE


def test_quarantine_keeps_the_newest_of_each_device(world: World, gym: Sender) -> None:
    for _ in range(MAX_ROWS_PER_DEVICE // MAX_AT_ONCE):
        world.take(gym, *[b"old"] * MAX_AT_ONCE)
    world.take(gym, b"new")
    kept = world.rows(quarantine)
    assert len(kept) == MAX_ROWS_PER_DEVICE
    assert kept[-1].payload == b"new"


def test_strangers_who_invent_names_fill_no_disk(world: World, gym: Sender) -> None:
    world.take(gym, b"of a device of ours")
    for number in range(MAX_ROWS_PER_DEVICE // MAX_AT_ONCE + 2):
        world.ingest.take([arrived(f"x-{number}-{other}", "events", b"x") for other in range(MAX_AT_ONCE)])
    kept = world.rows(quarantine)
    assert len(kept) == MAX_ROWS_PER_DEVICE + 1
    assert kept[0].device == gym.name
    assert len(world.rows(tallies)) == 2


def test_a_device_cannot_open_journals_without_end(world: World, gym: Sender) -> None:
    with world.store.writing() as connection:
        values = {"device_id": 1, "upto": 0, "tip": CHAIN_START, "opened_ms": 0}
        many = [values | {"journal": f"{n:016x}"} for n in range(MAX_JOURNALS_PER_DEVICE)]
        connection.execute(insert(journals), many)
    gym.record(1)
    world.take(gym, gym.events(1, 1))
    assert world.reasons() == ["too_many_journals"]


def test_a_device_without_a_sync_key_is_stored_and_said_so(
    world: World, gym: Sender, caplog: pytest.LogCaptureFixture
) -> None:
    (world.keys.folder / "sync" / "gym-1.key").unlink()
    world.keys = KeyFolder(world.keys.folder)
    world.ingest = world.restarted()
    gym.record(1)
    world.take(gym, gym.events(1, 1))
    assert world.stored() == gym.rows
    assert "no sync key" in caplog.text


def test_a_state_and_a_will_move_presence(world: World, gym: Sender) -> None:
    world.take(gym, gym.state(4), channel="state")
    assert (world.device().online, world.device().connection) == (True, 4)
    world.take(gym, gym.will(3), channel="state")
    assert world.device().online
    world.now_ms += 1000
    world.take(gym, gym.will(4), channel="state")
    assert not world.device().online
    assert world.device().heard_ms == NOW_MS


def test_an_older_connections_state_is_ignored_after_a_restart_too(world: World, gym: Sender) -> None:
    world.take(gym, gym.state(4), channel="state")
    world.ingest = world.restarted()
    world.take(gym, gym.state(3, online=False), channel="state")
    assert world.device().online


def test_two_machines_under_one_name_are_noticed_and_a_restart_is_not(world: World, gym: Sender) -> None:
    world.take(gym, gym.state(4, boot="b7"), channel="state")
    world.take(gym, gym.state(5, boot="b8"), channel="state")
    world.take(gym, gym.state(6, boot="b8"), channel="state")
    world.take(gym, gym.state(4, boot="b7"), channel="state", retained=True)
    world.take(gym, gym.state(4, boot="b7"), channel="state")
    world.take(gym, gym.state(6, boot="", online=False), channel="state")
    assert world.reasons() == []
    world.take(gym, gym.state(7, boot="b7"), channel="state")
    world.take(gym, gym.state(8, boot="b8"), channel="state")
    assert world.reasons() == ["two_devices", "two_devices"]


def test_a_will_that_claims_to_be_online_and_a_foreign_seal_are_refused(world: World, gym: Sender) -> None:
    claim = gym.state(9).partition(b"\n")[0]
    thief = Sender().state(9)
    world.take(gym, claim, thief, channel="state")
    assert world.reasons() == ["bad_seal", "bad_seal"]
    assert not world.device().online


def test_a_state_that_the_broker_kept_is_not_a_sign_of_life(world: World, gym: Sender) -> None:
    world.take(gym, gym.state(4), channel="state", retained=True)
    assert world.device().online
    assert world.device().heard_ms is None


def test_a_beat_is_kept_with_its_time(world: World, gym: Sender) -> None:
    beat = Beat(1, 2, Trust.SYNCED, 10, 7, 900, 0, {"gym-turnstile": "jam"})
    world.take(gym, codec.write(beat), channel="beat")
    device = world.device()
    assert (device.waiting, device.beat_ms, device.heard_ms) == (7, NOW_MS, NOW_MS)
    assert device.beat["faults"] == {"gym-turnstile": "jam"}


def test_an_ack_reads_as_it_always_did(world: World, gym: Sender, fixtures: Path) -> None:
    gym.record(2)
    key = SyncKey(bytes(range(32)))
    send: list[tuple[str, bytes]] = []
    world.ingest = Ingest(
        world.store,
        site=SITE,
        reactions=REACTIONS,
        sync=lambda _: key,
        send=lambda topic, payload: send.append((topic, payload)),
        told=world.tell,
        clock=lambda: NOW_MS,
    )
    world.take(gym, gym.events(1, 2))
    assert send == [("hg/v1/sunny-court/gym-1/dn/ack", (fixtures / "ack-2.txt").read_bytes())]


def test_an_ack_of_an_older_cloud_says_nothing_of_a_fork(fixtures: Path) -> None:
    body, _ = codec.detach((fixtures / "ack.txt").read_bytes())
    assert codec.read(body, Ack) == Ack(JOURNAL, 2, NOW_MS, fork=False)


# An ack is a promise. A device deletes what was acknowledged, so a crash right after the ack must find it committed.


class Crash(BaseException):
    """The process is killed."""


def lost_when_killed_at_the_ack(world: World, gym: Sender, kind: type[Ingest]) -> list[bytes]:
    """What is nowhere any more after the cloud was killed while its first ack was on the wire."""
    acked: list[Ack] = []

    def killed(topic: str, payload: bytes) -> None:
        acked.append(world.opened(topic, payload))
        raise Crash

    gym.record(5)
    with pytest.raises(Crash):
        world.restarted(kind, killed).take([arrived(gym.name, "events", gym.events(1, 5))])
    kept_by_device = gym.rows[acked[0].upto :]
    kept = set(kept_by_device) | set(world.stored())
    return [row for row in gym.rows if row not in kept]


def acking_before_commit() -> type[Ingest]:
    """The shipped code with one line moved: it acknowledges inside the transaction."""
    source = textwrap.dedent(inspect.getsource(Ingest.take))
    line = "    self._acknowledge(intake)\n"
    assert source.count(line) == 1
    patched = source.replace(line, "    " + line)
    space: dict[str, Any] = dict(vars(shipped))
    exec(patched, space)
    return type("Hasty", (Ingest,), {"take": space["take"]})


def test_nothing_acknowledged_is_lost_when_the_cloud_is_killed(world: World, gym: Sender) -> None:
    assert lost_when_killed_at_the_ack(world, gym, Ingest) == []


def test_an_ingest_that_acknowledges_before_its_commit_is_caught(world: World, gym: Sender) -> None:
    assert lost_when_killed_at_the_ack(world, gym, acking_before_commit()) == gym.rows


# Whatever the network does, the rows are those that were sent: each once, in order.

Sent = tuple[int, int]


@st.composite
def deliveries(draw: st.DrawFn) -> list[list[Sent]]:
    """Transactions of batches: cut anywhere, repeated, out of order, with holes."""
    spans = st.tuples(st.integers(1, 12), st.integers(0, 5)).map(lambda span: (span[0], min(12, span[0] + span[1])))
    return draw(st.lists(st.lists(spans, min_size=1, max_size=6), max_size=8))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(transactions=deliveries(), restart_at=st.integers(0, 8))
def test_rows_are_what_was_sent_once_and_in_order(
    world: World, transactions: list[list[Sent]], restart_at: int
) -> None:
    sender = Sender(f"d-{world.told}-{len(world.rows(devices))}")
    world.add(sender)
    sender.record(12)
    acked = 0
    for number, spans in enumerate(transactions):
        if number == restart_at:
            world.ingest = world.restarted()
        world.take(sender, *[sender.events(first, last) for first, last in spans])
        for ack in world.acks():
            assert ack.upto >= acked
            acked = ack.upto
        assert own_rows(world, sender) == sender.rows[:acked]
    while acked < 12:
        world.take(sender, sender.events(acked + 1, min(12, acked + 4)))
        acked = world.acks()[-1].upto
    assert own_rows(world, sender) == sender.rows
    arrivals = [row.arrival for row in world.rows(events.c.arrival)]
    assert sorted(arrivals) == list(range(1, len(arrivals) + 1))
    assert world.reasons() == []


def own_rows(world: World, sender: Sender) -> list[bytes]:
    mine = select(devices.c.id).where(devices.c.name == sender.name).scalar_subquery()
    with world.store.reading() as connection:
        found = select(events.c.stored).where(events.c.device_id == mine).order_by(events.c.seq)
        return list(connection.execute(found).scalars())


# The thread.


@pytest.fixture
def running(world: World) -> Iterator[Ingest]:
    ingest = world.restarted()
    ingest.start()
    yield ingest
    ingest.stop()


def test_the_thread_takes_what_is_queued_and_ends_when_it_has(world: World, gym: Sender) -> None:
    gym.record(3)
    ingest = world.restarted()
    ingest.put(arrived(gym.name, "events", gym.events(1, 3)))
    ingest.start()
    ingest.stop()
    assert world.stored() == gym.rows
    assert [ack.upto for ack in world.acks()] == [3]


def test_a_full_queue_drops_and_counts(world: World, gym: Sender) -> None:
    for _ in range(MAX_QUEUED + 2):
        world.ingest.put(arrived(gym.name, "beat", b""))
    assert world.ingest.dropped == 2


def test_a_fault_of_ours_costs_only_the_message_that_causes_it(
    world: World, gym: Sender, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    door = world.add(Sender("door-1"))
    gym.record(1)
    door.record(1)

    def broken(beat: object, now_ms: int) -> dict[str, object]:
        raise ZeroDivisionError

    monkeypatch.setattr("cloud.devices.presence.after_beat", broken)
    ingest = world.restarted()
    ingest.put(arrived(gym.name, "events", gym.events(1, 1)))
    ingest.put(arrived(gym.name, "beat", codec.write(Beat(1, 2, Trust.SYNCED, 10, 7, 900, 0))))
    ingest.put(arrived(door.name, "events", door.events(1, 1)))
    ingest.start()
    ingest.stop()
    assert len(world.stored()) == 2
    assert ingest.failures == 2
    assert "cannot be taken in" in caplog.text


def test_a_database_that_takes_nothing_costs_no_event(
    world: World, gym: Sender, caplog: pytest.LogCaptureFixture
) -> None:
    gym.record(1)
    with world.store.writing() as connection:
        connection.exec_driver_sql("CREATE TRIGGER full BEFORE INSERT ON events BEGIN SELECT RAISE(FAIL, 'full'); END")
    ingest = world.restarted()
    ingest.put(arrived(gym.name, "events", gym.events(1, 1)))
    ingest.start()
    ingest.stop()
    assert world.acks() == []
    with world.store.writing() as connection:
        connection.exec_driver_sql("DROP TRIGGER full")
    again = world.restarted()
    again.put(arrived(gym.name, "events", gym.events(1, 1)))
    again.start()
    again.stop()
    assert world.stored() == gym.rows


def test_registering_a_device_is_news_for_rosters(world: World, gym: Sender) -> None:
    with world.store.reading() as connection:
        before = revision(connection)
    world.add(Sender("door-1"))
    with world.store.reading() as connection:
        assert revision(connection) > before
