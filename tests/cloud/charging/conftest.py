"""What the tests of charging share."""

import pytest

from tests.cloud.support.hub import RidersHub
from tests.cloud.support.town import Town


@pytest.fixture
def hub(town: Town) -> RidersHub:
    return RidersHub(town)
