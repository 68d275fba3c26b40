"""An overloaded cloud drops a batch and says when to send it again: a device waits so long, and not longer."""

import pytest

from contract.messages import MAX_LATER_MS, Ack
from edge.link.uplink import ACK_WITHIN_S, WINDOW
from tests.edge.support.clouds import seal_ack
from tests.edge.support.uplinks import World


def later(world: World, wait_ms: int) -> None:
    """What the cloud sends in place of an acknowledgement."""
    world.uplink.acknowledged(seal_ack(Ack(world.recorder.journal_id, 0, 1, later_ms=wait_ms)), False)


def dropped(world: World, batches: int = 1) -> World:
    """A device whose cloud has dropped the first batches that it sent."""
    for _ in range(batches):
        world.record(500)
        world.wait()
    world.link.connect()
    world.wait()
    assert len(world.batches()) == batches
    world.link.going_up.clear()
    return world


@pytest.mark.parametrize("wait_ms", [200, 2_500, MAX_LATER_MS])
def test_dropped_batch_is_sent_when_asked(world: World, wait_ms: int) -> None:
    later(dropped(world), wait_ms)
    world.wait(wait_ms / 1000 - 0.1)
    assert world.spans() == []
    world.wait(0.2)
    assert world.spans() == [(1, 500)]
    world.carry_all()
    world.check_all_arrived()
    assert not world.uplink.refused


def test_batches_go_one_by_one_until_an_answer(world: World) -> None:
    later(dropped(world, WINDOW), 1_000)
    for _ in range(WINDOW - 1):
        later(world, 9_000)  # Each of the batches was dropped, and the first answer counts.
    world.wait(1.1)
    assert world.spans() == [(1, 500)]
    world.carry_all()
    world.check_all_arrived()


def test_nothing_is_sent_while_held_back(world: World) -> None:
    """Neither for new events, nor for an acknowledgement that was under way, nor where that asks for rows again."""
    later(dropped(world, 2), 20_000)
    world.record()
    for upto, rewind in ((500, False), (500, True)):
        ack = Ack(world.recorder.journal_id, upto, 1, rewind=rewind)
        world.uplink.acknowledged(seal_ack(ack), False)
        world.wait(1.0)
    assert world.recorder.acked == 500
    assert world.spans() == []
    world.wait(20.0)
    assert world.spans()[0][0] == 501


def test_new_connection_ends_the_wait(world: World) -> None:
    later(dropped(world), MAX_LATER_MS)
    world.link.cut()
    world.link.connect()
    world.wait()
    assert world.spans() == [(1, 500)]


def test_later_in_reply_to_nothing_holds_nothing_back(world: World) -> None:
    """Who repeats such an answer gains nothing by it."""
    world.link.connect()
    later(world, MAX_LATER_MS)
    world.record()
    world.wait()
    assert world.spans() == [(1, 1)]
    assert world.uplink.refused == {"stale": 1}


def test_silence_after_the_wait_is_noticed(world: World) -> None:
    later(dropped(world), 1_000)
    world.wait(1.1)
    world.link.going_up.clear()
    world.wait(2 * 1.2 * ACK_WITHIN_S)
    assert world.spans() == [(1, 500)]
