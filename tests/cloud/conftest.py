"""What the tests of the cloud share: a real database file and a folder of keys."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud.keys import KeyFolder
from cloud.store.database import Store, open_store


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
def fixtures() -> Path:
    """Messages as they have always been."""
    return Path(__file__).parents[1] / "fixtures" / "cloud"
