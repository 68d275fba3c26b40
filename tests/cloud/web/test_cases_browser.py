"""A guard's screen in Chromium while a gate is forced: with the next frame, and without a reload."""

import pytest
from playwright.sync_api import Page, expect

from tests.cloud.support.browsing import log_in
from tests.cloud.support.town import Town

pytestmark = pytest.mark.browser


def test_forced_gate_is_on_the_page_at_once(town: Town, page: Page) -> None:
    """In the title and among the cases, though nobody reloads; taken with one tap, and gone when it is closed."""
    log_in(page)
    page.goto("/cases")
    expect(page.get_by_text("No case is open.")).to_be_visible()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    town.happens("door.forced", device="east-gate")
    expect(page.get_by_text("Forced open")).to_be_visible()
    expect(page).to_have_title("1 · Cases · Hearthgate")
    page.get_by_role("button", name="I take it").click()
    expect(page.get_by_text("gate has it since")).to_be_visible()
    page.get_by_text("Solved…").click()
    page.get_by_role("button", name="Close the case").click()
    expect(page).to_have_title("Cases · Hearthgate")
