"""What is wrong is kept apart, counted and bounded: foreign seals, poison, rubbish and floods."""

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from cloud.devices.quarantine import MAX_AT_ONCE, MAX_KEPT_BYTES, MAX_ROWS_PER_DEVICE
from cloud.devices.registry import replace_key
from cloud.devices.streams import MAX_JOURNALS_PER_DEVICE
from cloud.devices.tables import quarantine, tallies
from cloud.store.schema import journals
from contract import codec
from contract.events import CHAIN_START, encode_event
from contract.messages import Ack
from contract.sealing import DeviceKey
from tests.cloud.support.ingest_world import NOW_MS, World, arrived
from tests.cloud.support.sender import JOURNAL, Sender, event


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
        world.ingest.commit([arrived(f"x-{number}-{other}", "events", b"x") for other in range(MAX_AT_ONCE)])
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
