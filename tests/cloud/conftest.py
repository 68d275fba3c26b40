"""What the tests of the cloud share: a real database file and a folder of keys."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud.keys import KeyFolder
from cloud.store.database import Store, open_store
from firmware_sim.worlds.brokers import Broker as LocalBroker
from firmware_sim.worlds.brokers import start_broker
from tests.cloud.town import Town


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'cloud.db'}"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = open_store(url)
    yield opened
    opened.close()


@pytest.fixture
def keys(tmp_path: Path) -> KeyFolder:
    return KeyFolder.create(tmp_path / "keys")


@pytest.fixture
def town(store: Store, keys: KeyFolder) -> Iterator[Town]:
    """The sample community with its web open, and an operator of every role."""
    with Town(store, keys) as opened:
        yield opened


@pytest.fixture
def fixtures() -> Path:
    """Messages as they have always been."""
    return Path(__file__).parents[1] / "fixtures" / "cloud"


@pytest.fixture
def broker(mosquitto: Path, tmp_path: Path) -> Iterator[LocalBroker]:
    """A real broker on loopback."""
    started = start_broker(tmp_path / "broker", kind="mosquitto")
    yield started
    started.stop()
