"""What the tests of the web share: a page in a real browser, and operators."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from cloud.store.database import Store
from tests.cloud.support.office import Office
from tests.cloud.support.town import Town

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page


@pytest.fixture
def quick_status(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is live looks often at how things are."""
    monkeypatch.setattr("cloud.web.feed.STATUS_EVERY_S", 0.25)


@pytest.fixture
def context(browser: "Browser", town: Town, quick_status: None) -> Iterator["BrowserContext"]:
    opened = browser.new_context(base_url=town.url, locale="en-GB", viewport={"width": 1280, "height": 900})
    yield opened
    opened.close()


@pytest.fixture
def page(context: "BrowserContext") -> Iterator["Page"]:
    """A page with no error in its scripts and nothing that our own policy forbids."""
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
    yield opened
    assert complaints == []


@pytest.fixture
def office(store: Store) -> Office:
    return Office(store)
