"""Permits of Sunny Court, in which building 2 has a door of its own and a lift."""

import pytest

from cloud.keys.keys import KeyFolder
from cloud.store.database import Store
from tests.cloud.permits.gatehouse import Gatehouse


@pytest.fixture
def gatehouse(store: Store, keys: KeyFolder) -> Gatehouse:
    return Gatehouse(store, keys)
