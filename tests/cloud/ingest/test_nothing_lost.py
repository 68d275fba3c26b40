"""Whatever is killed, cut, repeated or out of order: each row is stored once, and an ack comes after its commit."""

import inspect
import textwrap
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from cloud.ingest import ingest as shipped
from cloud.ingest.ingest import MAX_SMALL_QUEUED, Ingest
from cloud.store.schema import devices, events, journals
from contract import codec
from contract.decide import Trust
from contract.messages import Ack, Beat
from tests.cloud.support.ingest_world import World, arrived
from tests.cloud.support.sender import Sender

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
        world.restarted(kind, killed).commit([arrived(gym.name, "events", gym.events(1, 5))])
    kept_by_device = gym.rows[acked[0].upto :]
    kept = set(kept_by_device) | set(world.stored())
    return [row for row in gym.rows if row not in kept]


def acking_before_commit() -> type[Ingest]:
    """The shipped code with one line moved: it acknowledges inside the transaction."""
    source = textwrap.dedent(inspect.getsource(Ingest.commit))
    line = "    self._acknowledge(intake)\n"
    assert source.count(line) == 1
    patched = source.replace(line, "    " + line)
    space: dict[str, Any] = dict(vars(shipped))
    exec(patched, space)
    return type("Hasty", (Ingest,), {"commit": space["commit"]})


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
    sender = Sender(f"d-{world.commits}-{len(world.rows(devices))}")
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
    stored = select(events.c.stored).join(journals, journals.c.id == events.c.journal_id).join(devices)
    with world.store.reading() as connection:
        mine = stored.where(devices.c.name == sender.name).order_by(events.c.seq)
        return list(connection.execute(mine).scalars())


# The thread.


def test_the_thread_takes_what_is_queued_and_ends_when_it_has(world: World, gym: Sender) -> None:
    gym.record(3)
    ingest = world.restarted()
    ingest.enqueue(arrived(gym.name, "events", gym.events(1, 3)))
    ingest.start()
    ingest.stop()
    assert world.stored() == gym.rows
    assert [ack.upto for ack in world.acks()] == [3]


def test_a_full_queue_drops_and_counts(world: World, gym: Sender) -> None:
    for _ in range(MAX_SMALL_QUEUED + 2):
        world.ingest.enqueue(arrived(gym.name, "beat", b""))
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
    ingest.enqueue(arrived(gym.name, "events", gym.events(1, 1)))
    ingest.enqueue(arrived(gym.name, "beat", codec.write(Beat(1, 2, Trust.SYNCED, 10, 7, 900, 0))))
    ingest.enqueue(arrived(door.name, "events", door.events(1, 1)))
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
    ingest.enqueue(arrived(gym.name, "events", gym.events(1, 1)))
    ingest.start()
    ingest.stop()
    assert world.acks() == []
    with world.store.writing() as connection:
        connection.exec_driver_sql("DROP TRIGGER full")
    again = world.restarted()
    again.enqueue(arrived(gym.name, "events", gym.events(1, 1)))
    again.start()
    again.stop()
    assert world.stored() == gym.rows
