"""What the tests of the edge share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.memory import Memory
from firmware_sim.worlds.brokers import Broker, start_broker


@pytest.fixture(autouse=True)
def memories_are_closed() -> Iterator[None]:
    """From Python 3.13 on an SQLite file that is forgotten open is a warning, in whichever test is running then."""
    opened: list[Memory] = []
    make = Memory.__init__

    def noted(memory: Memory, path: Path) -> None:
        make(memory, path)
        opened.append(memory)

    with pytest.MonkeyPatch.context() as patch:  # of its own: a test may undo the one it shares
        patch.setattr(Memory, "__init__", noted)
        yield
    for memory in opened:
        memory.close()


@pytest.fixture
def broker(mosquitto: Path, tmp_path: Path) -> Iterator[Broker]:
    """A real broker on loopback."""
    started = start_broker(tmp_path / "broker", kind="mosquitto")
    yield started
    started.stop()
