"""What the tests of telephones share: a browser as a telephone has it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.cloud.support.town import Town

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page


@pytest.fixture
def telephone(browser: "Browser", town: Town) -> Iterator["BrowserContext"]:
    """Its storage is its own."""
    from tests.browser import PHONE

    opened = browser.new_context(base_url=town.url, locale="en-GB", viewport=PHONE, has_touch=True, is_mobile=True)
    yield opened
    opened.close()


@pytest.fixture
def page(telephone: "BrowserContext") -> Iterator["Page"]:
    """A page with no error in its scripts and nothing that our own policy forbids."""
    opened = telephone.new_page()
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
    yield opened
    assert complaints == []
