"""What tests of every folder may ask for. Where a part is missing, the test says so: skipped, or failed in CI."""

import errno
import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
from hypothesis import settings

import dev
from tests.added_kinds import remove_folders
from tests.dealing import deal
from tests.house import suite

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser import SharedBrowser

# A slow machine is not a failure, and CI draws the same examples every time.
settings.register_profile("house", deadline=None, derandomize=suite.in_ci())
settings.load_profile("house")


@pytest.fixture(autouse=True)
def no_kinds_of_another_test() -> Iterator[None]:
    """Kinds of station that a test made up end with it."""
    yield
    remove_folders()


def absent(what: str) -> NoReturn:
    if suite.in_ci():
        pytest.fail(f"CI skips nothing: {what}", pytrace=False)
    pytest.skip(what)


def tool(name: str) -> Path:
    found = suite.find_tool(name)
    return Path(found) if found else absent(f"{name} is not installed")


@pytest.fixture(scope="session", autouse=True)
def quick_migrations() -> Iterator[None]:
    """A new database is made by the statements that its migrations came to, which are carried out once a process."""
    from tests.cloud.support.template import quick_migrate

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("cloud.store.database.migrate", quick_migrate)
        yield


@pytest.fixture(scope="session", autouse=True)
def no_real_time() -> Iterator[None]:
    """No test takes real-time priority: this process and all that it starts would keep others from the processor."""

    def refused(*_asked: object) -> None:
        raise PermissionError(errno.EPERM, "not in a test")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "sched_setscheduler", refused)
        yield


@pytest.fixture(scope="session")
def mosquitto() -> Path:
    """The broker's program."""
    return tool("mosquitto")


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The browser's program."""
    return tool("chromium")


@pytest.fixture(scope="session")
def shared_browser(chromium: Path) -> Iterator["SharedBrowser"]:
    from tests import browser  # Playwright is large, and most tests do without it.

    with browser.shared_browser(chromium) as shared:
        yield shared


@pytest.fixture(scope="module")
def browser(shared_browser: "SharedBrowser") -> Iterator["Browser"]:
    """A browser without a page."""
    shared_browser.wake()
    yield shared_browser.browser
    shared_browser.rest()


@pytest.fixture(scope="session")
def mbpoll() -> Path:
    """Debian's Modbus master."""
    return tool("mbpoll")


@pytest.fixture(scope="session")
def node() -> Path:
    """The program that runs the oracles."""
    folder = suite.node_folder()
    return folder / "bin" / "node" if folder else absent("the environment has no Node.js")


@pytest.fixture(scope="session")
def oracles(node: Path) -> Path:
    """The folder of the programs by others, with ``node_modules`` in it."""
    return suite.provide_oracles() or absent("npm could not fetch what tests/oracles names")


@pytest.hookimpl(trylast=True)  # after those that are not to run have been left out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest begin first and side by side, so that at the end no processor waits for another."""
    items[:] = deal(items, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))


def pytest_collection_finish() -> None:
    """The thousands of collected tests live to the end, so the garbage collector need not look at them again."""
    gc.freeze()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pictures", type=Path, help="Where to put pictures of the pages, for the README.")


@pytest.fixture
def pictures(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where a test puts the pictures it takes."""
    folder: Path = request.config.getoption("--pictures") or tmp_path / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def vectors() -> Path:
    """The folder of published test vectors. It lies beside the checkout, not in it."""
    folder = dev.ROOT.parent / "shared" / "vectors"
    return folder if folder.is_dir() else absent("the published test vectors are not at ../shared/vectors")
