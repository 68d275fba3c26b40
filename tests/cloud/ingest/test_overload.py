"""A full queue turns batches away: each device is told when to come again, and comes when there is room for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.ingest.ingest import MAX_BATCHES_QUEUED, MAX_SMALL_QUEUED, SMALL_BYTES
from cloud.ingest.overload import LEAST_WAIT_MS, Appointments, journal_of
from contract import codec
from contract.messages import MAX_LATER_MS, Ack
from tests.cloud.support.ingest_world import NOW_MS, World, arrived
from tests.cloud.support.sender import JOURNAL, Sender


def waits_ms(count: int, *, queued: int, each_s: float) -> list[int]:
    """Of so many devices that come at once."""
    made = Appointments()
    return [made.wait_ms(f"device-{number}", 50.0, queued=queued, each_s=each_s) for number in range(count)]


def test_appointments_follow_one_another_behind_the_queue() -> None:
    assert waits_ms(5_000, queued=1_000, each_s=0.002) == [2_000 + 2 * number for number in range(1, 5_001)]


def test_device_with_an_appointment_keeps_it() -> None:
    made = Appointments()
    first = made.wait_ms("gym", 50.0, queued=1_000, each_s=0.002)
    made.wait_ms("door", 50.0, queued=1_000, each_s=0.002)
    assert made.wait_ms("gym", 51.0, queued=1_000, each_s=0.002) == first - 1_000
    assert made.wait_ms("gym", 53.0, queued=1_000, each_s=0.002) == 2_002


def test_more_devices_than_can_be_served_are_spread() -> None:
    """A slow disk: in a minute only 600 are served, and none waits longer; they share the moments evenly."""
    waits = waits_ms(3_000, queued=0, each_s=0.1)
    assert max(waits) <= MAX_LATER_MS
    assert max(waits.count(wait) for wait in waits) <= 3_000 / 600 + 1


@given(
    st.lists(st.tuples(st.integers(0, 9), st.floats(0, 99), st.integers(0, 9_000), st.floats(0, 1e3)), max_size=30),
)
def test_wait_is_bounded(asked: list[tuple[int, float, int, float]]) -> None:
    made, now_s = Appointments(), 0.0
    for number, passed_s, queued, each_s in asked:
        now_s += passed_s
        wait = made.wait_ms(str(number), now_s, queued=queued, each_s=each_s)
        assert LEAST_WAIT_MS <= wait <= MAX_LATER_MS


@pytest.mark.parametrize("payload", [b"", b"\x90", b"rubbish", codec.pack(Ack(JOURNAL, 1, 1)), b"\x92\x01\xa1x"])
def test_what_is_no_batch_names_no_journal(payload: bytes) -> None:
    assert journal_of(payload) is None


def fill(world: World, sender: Sender) -> None:
    """As many messages in the queue as leave no room for a batch."""
    for _ in range(MAX_BATCHES_QUEUED):
        world.ingest.enqueue(arrived(sender.name, "beat", b""))


def test_batch_without_room_is_told_to_come_later(world: World, gym: Sender) -> None:
    """The answer acknowledges nothing, though rows of this journal are stored."""
    gym.record(2)
    world.take(gym, gym.events(1, 2))
    world.sent.clear()
    gym.record(1)
    fill(world, gym)
    world.ingest.enqueue(arrived(gym.name, "events", gym.events(3, 3)))
    (ack,) = world.acks()
    assert ack == Ack(JOURNAL, 0, NOW_MS, later_ms=ack.later_ms)
    assert ack.later_ms >= LEAST_WAIT_MS
    assert (world.ingest.queued, world.ingest.dropped) == (MAX_BATCHES_QUEUED, 1)


def test_small_message_has_room_behind_batches(world: World, gym: Sender) -> None:
    """A state is sent once: who does not take it shows a device that is there as offline."""
    fill(world, gym)
    for payload, queued in ((bytes(SMALL_BYTES), 1), (bytes(SMALL_BYTES + 1), 1), (b"", 2)):
        world.ingest.enqueue(arrived(gym.name, "state", payload))
        assert world.ingest.queued == MAX_BATCHES_QUEUED + queued
    for _ in range(MAX_SMALL_QUEUED):
        world.ingest.enqueue(arrived(gym.name, "state", b""))
    assert world.ingest.queued == MAX_SMALL_QUEUED
    assert world.sent == []


def test_stranger_without_room_is_told_nothing(world: World, gym: Sender) -> None:
    fill(world, gym)
    stranger = Sender("nobody")
    stranger.record(1)
    world.ingest.enqueue(arrived("nobody", "events", stranger.events(1, 1)))
    world.ingest.enqueue(arrived(gym.name, "events", b"rubbish"))
    assert world.sent == []
