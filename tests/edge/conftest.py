"""What the tests of the edge share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware_sim.worlds.brokers import Broker, start_broker


@pytest.fixture
def broker(mosquitto: Path, tmp_path: Path) -> Iterator[Broker]:
    """A real broker on loopback."""
    started = start_broker(tmp_path / "broker", kind="mosquitto")
    yield started
    started.stop()
