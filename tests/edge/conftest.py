"""What the tests of the edge share."""

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from firmware_sim.worlds.demo.brokers import Broker, start_broker


@pytest.fixture(autouse=True)
def databases_are_closed() -> Iterator[None]:
    """From Python 3.13 on an SQLite file that is forgotten open is a warning, in whichever test is running then."""
    opened: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def noted(*args: Any, **options: Any) -> sqlite3.Connection:
        opened.append(connect(*args, **options))
        return opened[-1]

    with pytest.MonkeyPatch.context() as patch:  # of its own: a test may undo the one it shares
        patch.setattr(sqlite3, "connect", noted)
        yield
    for connection in opened:
        with suppress(sqlite3.ProgrammingError):  # it belongs to another thread
            connection.close()


@pytest.fixture
def broker(mosquitto: Path, tmp_path: Path) -> Iterator[Broker]:
    """A real broker on loopback."""
    started = start_broker(tmp_path / "broker", kind="mosquitto")
    yield started
    started.stop()
