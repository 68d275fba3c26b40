"""Li Si's telephone in Chromium, and the gate that it opens for her and her guests."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser import PHONE
from tests.cloud.support.drawn_passes import DRAWN
from tests.scenarios.estate_on_a_phone import EstateOnAPhone

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CODE = "[data-code] svg"


@pytest.fixture
def estate(browser: Browser, tmp_path: Path) -> Iterator[EstateOnAPhone]:
    with EstateOnAPhone(tmp_path) as opened:
        yield opened


@pytest.fixture
def telephone(browser: Browser, estate: EstateOnAPhone) -> Iterator[BrowserContext]:
    opened = browser.new_context(base_url=estate.url, locale="en-GB", viewport=PHONE, has_touch=True, is_mobile=True)
    opened.add_init_script(f"({DRAWN})()")
    yield opened
    opened.close()


@pytest.fixture
def page(telephone: BrowserContext, estate: EstateOnAPhone) -> Page:
    """The first page of a telephone that the gate knows."""
    opened = telephone.new_page()
    opened.goto(estate.link_for("Li Si"))
    opened.get_by_role("button", name="Register").tap()
    expect(opened.locator(CODE)).to_be_visible()
    estate.run(estate.gate.in_roster)
    return opened


def code_on(page: Page) -> str:
    text = page.locator(".code").inner_text()
    assert re.fullmatch(r"\d{6} #", text)
    return text.replace(" ", "")


def test_phone_in_flight_mode_opens_the_gate(estate: EstateOnAPhone, page: Page, telephone: BrowserContext) -> None:
    """Neither the phone nor the gate has a network; what the phone draws is held before the scanner, once."""
    page.goto("/me")
    page.wait_for_function("() => localStorage.length && window.drawn.length > 1")
    page.evaluate("() => navigator.serviceWorker.ready")
    estate.gate.device.link.cut()
    telephone.set_offline(True)
    page.goto("/me")
    expect(page.get_by_text("No network: the pass works")).to_be_visible()
    expect(page.locator(CODE)).to_be_visible()
    shown = page.evaluate("() => window.drawn.at(-1)")
    assert estate.run(lambda: estate.gate.shows(shown))
    assert not estate.run(lambda: estate.gate.shows(shown))
    assert estate.gate.told() == ["allowed", "pass_replayed"]
    estate.gate.device.link.restore()


def test_guest_is_invited_let_in_ended_and_refused(estate: EstateOnAPhone, page: Page) -> None:
    """And a second delivery is one tap."""
    gate = estate.gate
    page.get_by_role("link", name="My visitors").tap()
    page.get_by_label("Who or what comes").fill("an aunt")
    page.get_by_role("button", name="Invite").tap()
    first = code_on(page)
    estate.run(gate.in_roster)
    assert estate.run(lambda: gate.keys(first))
    page.get_by_role("link", name="My visitors").tap()
    page.get_by_role("button", name="End the permit").tap()
    expect(page.get_by_role("status")).to_contain_text("Ended.")
    estate.run(gate.in_roster)
    assert not estate.run(lambda: gate.keys(first))
    page.get_by_role("button", name="Once more").tap()
    second = code_on(page)
    estate.run(gate.in_roster)
    assert second != first
    assert estate.run(lambda: gate.keys(second))
