"""What the tests of cards share."""

import pytest

from tests.cloud.support.taps import Taps
from tests.cloud.support.town import Town


@pytest.fixture
def taps(town: Town) -> Taps:
    return Taps(town)
