"""The console in a real browser: what asks before it acts, what fits on a phone, what works without scripts."""

import re

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.browser import PHONE, SMALLEST_TARGET_PX
from tests.cloud.support.browsing import EVERY_PAGE, a_busy_hub, fill_in_login, log_in
from tests.cloud.support.hub import RidersHub
from tests.cloud.support.long_names import add_long_names
from tests.cloud.support.town import PASSWORD, Town

pytestmark = pytest.mark.browser

SMALL_TARGETS = """(least) => [...document.querySelectorAll("button, select, summary, nav a, .tile")]
  .filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < least).map((one) => one.innerText)"""
UNFOLD = "document.querySelectorAll('main details').forEach((one) => { one.open = true; })"
CUT_OFF = """(width) => [...document.querySelectorAll("main *:not(thead, thead *)")]
  .filter((one) => one.checkVisibility() && one.getBoundingClientRect().width)
  .filter((one) => one.getBoundingClientRect().right > width + 1 || one.getBoundingClientRect().left < -1)
  .map((one) => one.outerHTML.slice(0, 120))"""
"""What stands beside the screen, also where it could be pulled into it."""
BARE_NUMBERS = """[...document.querySelectorAll("table:has(thead) td:not([data-as])")]
  .filter((one) => one.checkVisibility() && one.cellIndex && /^[\\d.,–-]+$/.test(one.innerText.trim()))
  .map((one) => one.outerHTML.slice(0, 120))"""
"""Cells that nobody understands without the heading of their column, which a phone does not show."""
COVERED = """[...document.querySelectorAll("h1")].filter((one) => {
  const [as_of, box] = [document.querySelector(".asof")?.getBoundingClientRect(), document.createRange()];
  box.selectNodeContents(one);
  return as_of && [...box.getClientRects()].some((part) => part.right > as_of.left + 1 && part.bottom > as_of.top + 1
    && part.top < as_of.bottom - 1 && part.left < as_of.right);
}).map((one) => one.innerText)"""


def test_a_stop_asks_why_and_waits_for_the_device(town: Town, page: Page) -> None:
    hub = RidersHub(town)
    hub.charges()
    log_in(page)
    page.goto("/charging")
    page.get_by_role("link", name="Phone socket 1").first.click()
    page.get_by_role("button", name="Stop").click()
    assert town.published == []
    page.get_by_label("Why").first.fill("it smells")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Sent; waiting for the device to confirm").first).to_be_visible()
    assert len(town.published) == 1


def test_the_public_page_needs_no_script(town: Town, browser: Browser) -> None:
    a_busy_hub(town)
    context = browser.new_context(base_url=town.url, locale="en-GB", viewport=PHONE, java_script_enabled=False)
    page = context.new_page()
    page.goto("/hub/hub")
    expect(page.get_by_role("listitem").first).to_contain_text("Phone socket 2 Free")
    page.get_by_role("link", name="QR code of this page").click()
    expect(page.locator("svg.qr")).to_be_visible()
    context.close()


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_on_a_phone_every_page_fits_and_every_target_can_be_hit(town: Town, browser: Browser, locale: str) -> None:
    town.happens("access.refused", reason="expired", holder=town.holder("Wang Wu"), replay=True)
    town.beats("gym-turnstile", faults={"gym-turnstile.arm_still": "seen"})
    a_busy_hub(town)
    pages = (*EVERY_PAGE, *add_long_names(town).pages)
    context = browser.new_context(base_url=town.url, locale=locale, viewport=PHONE)
    page = context.new_page()
    page.goto("/login")
    assert page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)") >= 18
    page.fill("[name=name]", "admin")
    page.fill("[name=password]", PASSWORD)
    page.click("button")
    for path in pages:
        page.goto(path)
        assert page.evaluate(COVERED) == [], path
        page.evaluate(UNFOLD)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
        assert page.evaluate(CUT_OFF, PHONE["width"]) == [], path
        assert page.evaluate(SMALL_TARGETS, SMALLEST_TARGET_PX) == [], path
        assert page.evaluate(BARE_NUMBERS) == [], path
    context.close()


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_navigation_of_a_small_phone_is_one_row(town: Town, browser: Browser, locale: str) -> None:
    context = browser.new_context(base_url=town.url, locale=locale, viewport=ViewportSize(width=360, height=780))
    page = context.new_page()
    page.goto("/login")
    page.fill("[name=name]", "admin")
    page.fill("[name=password]", PASSWORD)
    page.click("button")
    shown = "[...document.querySelectorAll('.top nav > *')].filter((one) => one.checkVisibility())"
    for path in ("/", "/doors", "/events", "/people", "/charging", "/audit"):
        page.goto(path)
        found = page.evaluate(f"{shown}.map((one) => one.offsetTop)")
        assert len(found) >= 5
        assert len(set(found)) == 1, path
    context.close()


def test_only_the_chosen_answer_is_a_box(town: Town, page: Page) -> None:
    log_in(page, "admin")
    page.goto("/adoptions")
    boxes = page.locator("fieldset.choice")
    unframed = "rgba(0, 0, 0, 0)"
    for chosen, other in ((0, 1), (1, 0)):
        boxes.nth(chosen).get_by_role("radio").check()
        expect(boxes.nth(other)).to_have_css("border-top-color", unframed)
        expect(boxes.nth(chosen)).not_to_have_css("border-top-color", unframed)
        expect(boxes.nth(chosen).locator(".fields")).to_be_visible()
        expect(boxes.nth(other).locator(".fields")).to_be_hidden()


def test_nothing_is_fetched_from_anywhere_else(town: Town, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    fill_in_login(page, "gate")
    assert len(asked) > 5
    assert all(url.startswith(town.url) for url in asked)


def test_without_scripts_a_card_is_still_reported_lost(town: Town, browser: Browser) -> None:
    context = browser.new_context(base_url=town.url, locale="en-GB", java_script_enabled=False)
    page = context.new_page()
    page.goto("/people/5")
    page.get_by_label("Operator name").fill("office")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.locator("summary", has_text="Report lost…").click()
    page.get_by_role("button", name="Report lost").click()
    expect(page.get_by_role("status")).to_contain_text("Online doors apply it within a second")
    expect(page.get_by_text("Reported lost")).to_be_visible()
    context.close()


def test_a_lockdown_is_two_steps_in_a_dialog_and_shows_who_lacks_it(town: Town, page: Page) -> None:
    town.beats("east-gate")
    log_in(page)
    page.goto("/doors")
    gate = page.locator("#point-east-gate")
    gate.get_by_text("Change the mode").click()
    gate.get_by_role("link", name="Lock down…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Step 1 of 2")
    expect(dialog).to_contain_text("Everybody can still get out")
    dialog.get_by_role("link", name="Continue").click()
    expect(dialog).to_contain_text("Step 2 of 2")
    dialog.get_by_role("link", name="Cancel").click()
    expect(dialog).to_have_count(0)
    assert town.published == []
    gate.get_by_role("link", name="Lock down…").click()
    dialog.get_by_role("link", name="Continue").click()
    dialog.get_by_label("Why").fill("a fight in the yard")
    dialog.get_by_role("button", name="Lock down now").click()
    expect(page.get_by_text("Not yet applied at 1 of 1: East gate")).to_be_visible()
    assert len(town.published) == 1


def test_an_opening_asks_for_a_reason_and_waits_for_the_device(town: Town, page: Page) -> None:
    town.beats("east-gate")
    log_in(page)
    page.goto("/doors")
    gate = page.locator("#point-east-gate")
    gate.get_by_role("button", name="Open once").click()
    assert town.published == []
    gate.get_by_label("Why").first.fill("a visitor")
    gate.get_by_role("button", name="Open once").click()
    expect(page.locator(".notice")).to_contain_text("Sent; waiting for the device to confirm")
    expect(page.locator("#point-gym-turnstile").get_by_role("button", name="Open once")).to_be_disabled()


def test_a_loss_is_asked_about_in_a_dialog_before_anything_happens(town: Town, page: Page) -> None:
    log_in(page, "office")
    page.goto("/adoptions")
    page.get_by_role("link", name="Report lost…").first.click()
    dialog = page.get_by_role("dialog", name="Report lost East gate")
    expect(dialog).to_contain_text("cannot be undone")
    dialog.get_by_role("button", name="Report lost").click()
    expect(dialog).to_be_visible()
    dialog.get_by_label("Why").fill("stolen from the pillar")
    dialog.get_by_role("button", name="Report lost").click()
    expect(page.get_by_role("heading", name="east-gate is reported lost")).to_be_visible()


def test_what_is_seldom_needed_is_behind_one_more_step(town: Town, page: Page) -> None:
    log_in(page, "admin")
    pages = page.get_by_role("navigation", name="Pages")
    expect(pages.get_by_role("link", name="Audit")).to_be_hidden()
    pages.get_by_text("More").click()
    page.keyboard.press("Escape")
    expect(pages.get_by_role("link", name="Audit")).to_be_hidden()
    expect(pages.locator("summary")).to_be_focused()
    pages.get_by_text("More").click()
    page.get_by_role("heading", name="Events", exact=True).click()
    expect(pages.get_by_role("link", name="Audit")).to_be_hidden()
    pages.get_by_text("More").click()
    pages.get_by_role("link", name="Rosters").click()
    expect(page.get_by_role("heading", name="Rosters")).to_be_visible()
    expect(pages.get_by_text("More")).to_have_attribute("aria-current", "true")


def test_a_door_shows_its_mode_and_the_way_back(town: Town, page: Page) -> None:
    town.beats("east-gate")
    log_in(page)
    page.goto("/doors")
    gate = page.locator("#point-east-gate")
    gate.get_by_text("Change the mode").click()
    gate.get_by_label("Mode").select_option("held open")
    gate.get_by_label("Why").last.fill("moving day")
    gate.get_by_role("button", name="Set").click()
    expect(gate).to_contain_text("Sent, not yet applied: held open")
    expect(gate.get_by_role("button", name="Open once")).to_have_count(0)
    gate.get_by_label("Why").first.fill("all is in")
    gate.get_by_role("button", name="Back to cards and hours").click()
    expect(gate).not_to_contain_text("not yet applied")
    expect(gate.get_by_role("button", name="Open once")).to_be_enabled()


def test_a_guard_drills_in_a_dialog_and_ticks_somebody_off(page: Page, town: Town) -> None:
    town.beats("gym-turnstile")
    with town.store.reading() as connection:
        (anna,) = connection.exec_driver_sql("SELECT name_en FROM people ORDER BY id LIMIT 1").one()
    town.happens("access.passed", holder=town.holder(anna), direction="in")
    log_in(page)
    page.goto("/doors")
    page.locator('a[href="/zones/gym/drill"]').click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("link", name="Continue").click()
    dialog.get_by_label("Why").fill("the yearly drill")
    dialog.get_by_role("button", name="Begin the drill now").click()
    expect(page).to_have_url(re.compile("/doors.order="))
    town.happens("emergency.began", point="", zone="gym", cause="drill", by="gate")
    page.goto("/zones/gym/muster")
    page.get_by_role("button", name=f"Seen: {anna}").click()
    expect(page.get_by_text("0 of 1 not yet accounted for")).to_be_visible()
    page.emulate_media(media="print")
    expect(page.get_by_role("button", name="Not seen after all")).to_have_count(0)
