"""What the tests of people share."""

import pytest

from cloud.keys.keys import KeyFolder
from cloud.store.database import Store
from tests.cloud.support.rosters import World


@pytest.fixture
def world(store: Store, keys: KeyFolder) -> World:
    return World(store, keys)
