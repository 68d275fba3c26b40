"""The device's disk is full: the gym opens as ever, what finds no room is counted, and the count is owned up to."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from edge.journal.recorder import Recorder
from tests.firmware_sim.support.story import in_virtual_time
from tests.scenarios.gym import MEMBER, STRANGER, Gym

ROOM_IN_MEMORY = 10


@contextmanager
def no_file_grows() -> Iterator[None]:
    """Every write past the first byte of a file fails, in this process: a full disk without a disk of one's own."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.device.device.Recorder", partial(Recorder, max_pending=ROOM_IN_MEMORY))


@pytest.mark.usefixtures("little_memory")
@in_virtual_time
async def test_members_enter_a_gym_whose_disk_is_full_and_the_missing_events_are_owned_up_to(tmp_path: Path) -> None:
    async with Gym(tmp_path) as gym:
        for link in (gym.device.link, gym.cloud.link):  # the cloud's disk is another one
            link.cut()
        before = len(gym.rows())
        with no_file_grows():
            for _ in range(ROOM_IN_MEMORY):
                assert await gym.tries(MEMBER)
            assert not await gym.tries(STRANGER)
        status = gym.status
        assert len(gym.rows()) == before
        assert gym.turnstile.passed["in"] == ROOM_IN_MEMORY
        assert status["faults"]["disk"]
        assert status["journal"]["unlogged"] > ROOM_IN_MEMORY  # each of them was let in and passed, which is two events

        for link in (gym.device.link, gym.cloud.link):
            link.restore()
        assert await gym.tries(MEMBER)
        await gym.until(gym.in_step)
        (owned_up,) = gym.arrived("device.unlogged")
        assert owned_up.data["count"] == gym.status["journal"]["unlogged"]
        assert owned_up.data["first_ms"] < owned_up.data["last_ms"] < owned_up.at_ms
        assert [event.seq for event in gym.arrived()] == [event.seq for event in gym.rows()]
        assert "disk" not in gym.agent.faults()
