"""A rider's telephone and the guard's screen, in Chromium: from the poster to the code."""

import re

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser import PHONE
from tests.cloud.support.browsing import log_in
from tests.cloud.support.town import Town

pytestmark = pytest.mark.browser
MOST_TAPS, MOST_FIELDS = 6, 2


class Rider:
    """Somebody with a telephone, whose taps and typed fields are counted."""

    def __init__(self, page: Page) -> None:
        self.page, self.taps, self.fields = page, 0, 0

    def tap(self, what: Locator) -> None:
        what.tap()
        self.taps += 1

    def types(self, label: str, text: str) -> None:
        self.page.get_by_label(label, exact=True).fill(text)
        self.fields += 1


def test_rider_needs_few_taps_and_two_fields(town: Town, browser: Browser) -> None:
    """Poster, consent, two fields, ask: the code comes by itself once the guard has tapped."""
    telephone = browser.new_context(base_url=town.url, locale="en-GB", viewport=PHONE, has_touch=True, is_mobile=True)
    desk = browser.new_context(base_url=town.url, locale="en-GB")
    rider, guard = Rider(telephone.new_page()), desk.new_page()
    log_in(guard, "gate")
    rider.page.goto("/join/hub")
    rider.tap(rider.page.get_by_label("I agree"))
    rider.types("Name", "Wang")
    rider.types("Telephone", "13800138000")
    rider.tap(rider.page.get_by_role("button", name="Ask the guard"))
    guard.goto("/riders")
    guard.get_by_role("button", name="Let them in").click()
    expect(rider.page.locator(".code")).to_have_text(re.compile(r"\d{6} #"))
    assert rider.taps + rider.fields <= MOST_TAPS and rider.fields <= MOST_FIELDS
    telephone.close()
    desk.close()
