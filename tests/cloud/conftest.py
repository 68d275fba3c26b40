"""What the tests of the cloud share: a real database file and a folder of keys."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud.keys.keys import KeyFolder
from cloud.store.database import Store, connect, open_store
from firmware_sim.worlds.demo.brokers import Broker as LocalBroker
from firmware_sim.worlds.demo.brokers import start_broker
from tests.cloud.support.api import program
from tests.cloud.support.households import PropertyOffice
from tests.cloud.support.town import QUICK, Past, Town, Visitor


@pytest.fixture(scope="session", autouse=True)
def quick_hashes() -> Iterator[None]:
    """Commands hash passwords as cheaply as the town does: a real hash takes 60 ms of CPU by intention."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("cloud.web.auth.PasswordHasher", lambda: QUICK)
        yield


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'cloud.db'}"


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of today's tables without a row."""
    file = tmp_path_factory.mktemp("tables") / "cloud.db"
    open_store(f"sqlite:///{file}").close()
    return file


@pytest.fixture(scope="session")
def past(tmp_path_factory: pytest.TempPathFactory) -> Past:
    return Past(tmp_path_factory.mktemp("past"))


@pytest.fixture
def store(tables: Path, tmp_path: Path, url: str) -> Iterator[Store]:
    """A database of its own, copied: to migrate one takes a hundred times as long."""
    shutil.copyfile(tables, tmp_path / "cloud.db")
    opened = connect(url)
    yield opened
    opened.close()


@pytest.fixture
def keys(past: Past, tmp_path: Path) -> KeyFolder:
    return KeyFolder(shutil.copytree(past.keys.folder, tmp_path / "keys"))


@pytest.fixture
def office(store: Store, keys: KeyFolder, past: Past) -> PropertyOffice:
    """The property office's services over the sample community."""
    past.copy_to(store)
    return PropertyOffice(store, keys)


@pytest.fixture
def town(store: Store, keys: KeyFolder, past: Past) -> Iterator[Town]:
    """The sample community with its web open, and an operator of every role."""
    with Town(store, keys, past) as opened:
        yield opened


@pytest.fixture
def api(town: Town) -> Iterator[Visitor]:
    """A program that has logged in as the property office, by token."""
    with program(town, "office") as opened:
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
