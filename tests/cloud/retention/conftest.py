"""What the tests of retention share."""

import pytest

from cloud.keys.keys import KeyFolder
from cloud.store.database import Store
from tests.cloud.support.ingest_world import World
from tests.cloud.support.sender import Sender


@pytest.fixture
def world(store: Store, keys: KeyFolder) -> World:
    return World(store, keys)


@pytest.fixture
def gym(world: World) -> Sender:
    return world.add(Sender())
