"""The console in a real browser: what is live must move by itself, and what is lost must say so."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect

from contract.decide import Mode
from tests.browser import PHONE, SMALLEST_TARGET_PX
from tests.cloud.support.hub import DEVICE, SESSION, RidersHub
from tests.cloud.support.town import PASSWORD, Town

pytestmark = pytest.mark.browser

SMALL_TARGETS = """(least) => [...document.querySelectorAll("button, select, summary, nav a, .tile")]
  .filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < least).map((one) => one.innerText)"""
EVERY_PAGE = (
    *("/", "/doors", "/events", "/people", "/people/5", "/devices/gym-turnstile", "/rosters", "/rollouts"),
    *("/charging", "/charging/sockets/phone-1", "/charging/sockets/phone-2?who=sun", "/charging/sessions"),
    *(f"/charging/sessions/{DEVICE}/{SESSION}", "/hub/hub", "/hub/hub/qr"),
    *("/quarantine", "/audit", "/adoptions", "/devices/gym-turnstile/lost", "/account"),
    *("/zones/gym/drill", "/zones/gym/drill?step=2", "/zones/gym/muster"),
)


@pytest.fixture(autouse=True)
def _status_is_looked_at_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloud.web.feed.STATUS_EVERY_S", 0.25)


@pytest.fixture
def context(browser: Browser, town: Town) -> Iterator[BrowserContext]:
    opened = browser.new_context(base_url=town.url, locale="en-GB", viewport={"width": 1280, "height": 900})
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page with no error in its scripts and nothing that our own policy forbids."""
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
    yield opened
    assert complaints == []


def fill_in_login(page: Page, name: str) -> None:
    page.goto("/login")
    page.get_by_label("Operator name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("status").get_by_text("Live", exact=True)).to_be_visible()


def log_in(page: Page, name: str = "gate") -> None:
    """Without the form's page: most of what a short test costs is the pages that it loads."""
    token = re.search(r'name="csrf" value="([^"]+)"', page.request.get("/login").text())
    assert token
    form = {"csrf": token[1], "name": name, "password": PASSWORD}
    assert page.request.post("/login", form=form, max_redirects=0).status == 303
    page.goto("/")
    expect(page.get_by_role("status").get_by_text("Live", exact=True)).to_be_visible()


def a_busy_hub(town: Town) -> RidersHub:
    """A socket of every sort, and a session with a receipt."""
    hub = RidersHub(town)
    hub.ends(point="phone-2")
    hub.charges("Li Si", session="ffeeddccbbaa0099")
    live = {"phone-1": {"power_w": 1_800, "energy_wh": 12_400, "minutes": 594, "minutes_left": 5, "free_at_minutes": 5}}
    broken = {"phase": "faulted", "faults": ["over_temp", "thermometer_lost"]}
    closed = {"phase": "free", "mode": "out_of_service"}
    hub.says({"phone-1": "charging", "phone-2": "free", "phone-3": "finished", "phone-4": broken, "ev-1": closed}, live)
    return hub


def test_what_happens_appears_without_a_reload(town: Town, page: Page) -> None:
    log_in(page)
    page.evaluate("window.same = true")
    lines = page.get_by_role("list", name="Events, newest first").get_by_role("listitem")
    expect(lines).to_have_count(0)
    hint = page.get_by_text("Nothing has happened yet. Tap a card at a door.")
    expect(hint).to_be_visible()
    expect(page.locator(".lines")).to_be_hidden()
    town.happens("access.allowed", reason="allowed", holder=town.holder("Li Si"), direction="in")
    expect(lines).to_have_count(1)
    expect(lines.first).to_contain_text("Li Si 2-502 Allowed")
    expect(hint).to_be_hidden()
    town.happens("access.refused", device="east-gate", reason="expired", holder=town.holder("Wang Wu"))
    expect(lines.first).to_contain_text("This membership has ended")
    refused = page.get_by_role("link", name="Refused today")
    expect(refused).to_contain_text("1")
    assert page.evaluate("window.same"), "the page was not loaded again"
    refused.click()
    expect(page.get_by_role("heading", name="Events")).to_be_visible()
    expect(page.get_by_role("listitem")).to_have_count(1)


def test_a_device_goes_grey_by_itself_when_it_falls_silent(town: Town, page: Page) -> None:
    town.beats("gym-turnstile")
    log_in(page)
    card = page.get_by_role("article").filter(has_text="Gym turnstile")
    expect(card).to_contain_text("Online")
    expect(card).to_contain_text("Last heard now")
    town.now_ms += 200_000
    expect(card).to_contain_text("Not heard")
    expect(card).to_contain_text("If its agent runs, it decides by itself; if not")
    expect(card).to_have_css("border-style", "dashed")


def test_a_door_changes_without_a_reload(town: Town, page: Page) -> None:
    """Its presence, its state and what may be ordered; what somebody types stays."""
    town.beats("east-gate", points={"east-gate": {"phase": "closed"}})
    log_in(page)
    page.goto("/doors")
    page.evaluate("window.same = true")
    gate = page.locator("#door-east-gate")
    expect(gate).to_contain_text("closed")
    why = gate.get_by_label("Why").first
    why.fill("the post")
    town.beats("east-gate", points={"east-gate": {"phase": "open"}}, faults={"emergency.estate": "fire"})
    expect(gate).to_contain_text("An emergency frees the way")
    expect(gate.get_by_role("button", name="Open once")).to_be_disabled()
    town.beats("east-gate", points={"east-gate": {"phase": "open"}})
    expect(gate.get_by_role("button", name="Open once")).to_be_enabled()
    town.now_ms += 200_000
    expect(gate).to_contain_text("Not heard")
    expect(gate.get_by_role("button", name="Open once")).to_be_disabled()
    expect(gate).to_have_css("border-style", "dashed")
    expect(why).to_have_value("the post")
    assert page.evaluate("window.same"), "the page was not loaded again"


def test_an_order_that_stands_changes_without_a_reload(town: Town, page: Page) -> None:
    """Who hears nothing of it is said live; what somebody types beside it stays."""
    town.beats("east-gate")
    town.steering.set_mode(["east-gate"], Mode.HOLD_OPEN, "gate", "moving day")
    log_in(page)
    page.goto("/doors")
    page.evaluate("window.same = true")
    standing = page.locator(".standing")
    expect(standing).to_contain_text("East gate")
    expect(standing).not_to_contain_text("Not heard")
    why = standing.get_by_label("Why")
    why.fill("all is in")
    lacking = page.locator("#drifts")
    expect(lacking).to_contain_text("Not yet taken up by 1 of 1: East gate")
    town.now_ms += 200_000
    expect(standing).to_contain_text("East gate (Not heard)")
    expect(lacking).to_contain_text("East gate (not heard: it will when it is back)")
    town.beats("east-gate")
    expect(standing).not_to_contain_text("Not heard")
    expect(why).to_have_value("all is in")
    assert page.evaluate("window.same"), "the page was not loaded again"


def test_a_door_of_another_mode_brings_its_form(town: Town, page: Page) -> None:
    """Not from under somebody who types: then the page says that it is out of date."""
    town.beats("east-gate")
    log_in(page)
    page.clock.install()
    page.goto("/doors")
    gate = page.locator("#door-east-gate")
    gate.get_by_label("Why").first.fill("the post")
    town.steering.set_mode(["east-gate"], Mode.HOLD_OPEN, "gate", "moving day")
    expect(page.get_by_text("Changed meanwhile:")).to_be_visible()
    page.clock.run_for(6_000)
    expect(gate.get_by_label("Why").first).to_have_value("the post")
    gate.get_by_label("Why").first.fill("")
    with page.expect_navigation():
        page.clock.run_for(6_000)
    expect(gate.get_by_role("button", name="Back to cards and hours")).to_be_visible()


def test_page_of_a_device_changes_without_a_reload(town: Town, page: Page) -> None:
    town.beats("gym-turnstile", points={"gym-turnstile": {"phase": "rest"}})
    log_in(page, "admin")
    page.goto("/devices/gym-turnstile")
    page.evaluate("window.same = true")
    expect(page.locator("#device-facts")).to_contain_text("at rest")
    town.happens("turnstile.jammed")
    town.happens("door.forced", device="east-gate")
    expect(page.get_by_role("listitem")).to_have_count(1)
    town.beats("gym-turnstile", points={"gym-turnstile": {"phase": "jammed"}}, faults={"disk": "read-only"})
    expect(page.locator("#device-facts")).to_contain_text("Its disk does not write")
    page.get_by_text("Orders to the device itself").click()
    restart = page.get_by_role("button", name="Restart the machine")
    expect(restart).to_be_enabled()
    town.now_ms += 200_000
    expect(page.locator("#device-title")).to_contain_text("Not heard")
    expect(restart).to_be_disabled()
    assert page.evaluate("window.same"), "the page was not loaded again"


def test_a_charge_moves_by_itself_and_goes_grey_when_its_device_falls_silent(town: Town, page: Page) -> None:
    hub = RidersHub(town)
    hub.says({"phone-1": "free"})
    log_in(page)
    page.goto("/charging")
    page.evaluate("window.same = true")
    card = page.locator("#socket-phone-1")
    expect(card).to_contain_text("Free")
    hub.charges()
    expect(card).to_contain_text("Charging now")
    expect(card).to_contain_text("18 W")
    expect(page.locator("#hub-hub")).to_contain_text("1 in use")
    expect(page.locator("#sessions")).to_contain_text("Running")
    hub.reads({"phone-1": {"power_w": 9, "minutes": 31, "minutes_left": 209, "session": SESSION}})
    expect(card).to_contain_text("9 W")
    town.now_ms += 130_000
    expect(card).to_contain_text("Not heard")
    expect(card).to_have_css("border-style", "dashed")
    assert page.evaluate("window.same"), "the page was not loaded again"


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
    expect(page.get_by_text("Sent; waiting for the device to say so").first).to_be_visible()
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


def test_a_page_that_hears_the_cloud_no_more_says_so(town: Town, page: Page) -> None:
    town.happens("door.shut")
    log_in(page)
    town.feed.close()
    expect(page.get_by_text("Connection lost")).to_be_visible()
    expect(page.locator(".lines")).to_have_css("filter", "grayscale(1)")


def test_a_frozen_server_does_not_look_live(town: Town, page: Page) -> None:
    """It keeps its connections open and says nothing; a new connection is answered by nobody."""
    page.clock.install()
    log_in(page)
    page.route("**/live?*", lambda route: None)
    page.clock.fast_forward(39_000)
    expect(page.locator("hg-live")).to_have_attribute("state", "live")
    page.clock.fast_forward(6_000)
    expect(page.locator(".off")).to_have_text(re.compile(r"Connection lost: this is as of 16:00:\d\d"))
    page.clock.fast_forward(300_000)
    expect(page.locator("hg-live")).to_have_attribute("state", "lost")
    page.unroute("**/live?*")
    page.clock.fast_forward(45_000)
    expect(page.locator("hg-live")).to_have_attribute("state", "live")


def test_a_hidden_page_lets_go_of_its_stream_and_catches_up_when_it_is_back(town: Town, page: Page) -> None:
    log_in(page)
    page.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    while town.feed._viewers:
        town.happens("door.shut")
        page.evaluate("1")
    before = page.get_by_role("listitem").count()
    town.happens("door.forced")
    assert page.get_by_role("listitem").count() == before
    page.evaluate("Object.defineProperty(document, 'hidden', {value: false, configurable: true})")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.get_by_role("listitem").first).to_contain_text("Door forced open")


def test_lines_do_not_move_under_the_pointer(town: Town, page: Page) -> None:
    town.happens("door.shut")
    log_in(page)
    lines = page.get_by_role("list", name="Events, newest first").get_by_role("listitem")
    lines.first.hover()
    town.happens("door.forced")
    news = page.locator(".more")
    expect(news).to_have_text("New: 1")
    expect(lines).to_have_count(1)
    page.mouse.move(1, 1)
    expect(lines).to_have_count(2)
    expect(news).to_be_hidden()


def test_a_ninth_tab_still_loads(town: Town, context: BrowserContext, page: Page) -> None:
    log_in(page)
    for _ in range(8):
        tab = context.new_page()
        tab.goto("/", timeout=10_000)
        expect(tab.get_by_role("heading", name="What happens")).to_be_visible()
        tab.evaluate("Object.defineProperty(document, 'hidden', {value: true})")
        tab.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_on_a_phone_every_page_fits_and_every_target_can_be_hit(town: Town, browser: Browser, locale: str) -> None:
    town.happens("access.refused", reason="expired", holder=town.holder("Wang Wu"), replay=True)
    town.beats("gym-turnstile", faults={"gym-turnstile.arm_still": "seen"})
    a_busy_hub(town)
    context = browser.new_context(base_url=town.url, locale=locale, viewport=PHONE)
    page = context.new_page()
    page.goto("/login")
    assert page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)") >= 18
    page.fill("[name=name]", "admin")
    page.fill("[name=password]", PASSWORD)
    page.click("button")
    for path in EVERY_PAGE:
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
        assert page.evaluate(SMALL_TARGETS, SMALLEST_TARGET_PX) == [], path
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
    expect(page.get_by_role("status")).to_contain_text("Doors on the line know within a second")
    expect(page.get_by_text("Reported lost")).to_be_visible()
    context.close()


def test_a_lockdown_is_two_steps_in_a_dialog_and_shows_who_lacks_it(town: Town, page: Page) -> None:
    town.beats("east-gate")
    log_in(page)
    page.goto("/doors")
    gate = page.locator("#door-east-gate")
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
    expect(page.get_by_text("Not yet taken up by 1 of 1: East gate")).to_be_visible()
    assert len(town.published) == 1


def test_an_opening_asks_for_a_reason_and_waits_for_the_device(town: Town, page: Page) -> None:
    town.beats("east-gate")
    log_in(page)
    page.goto("/doors")
    gate = page.locator("#door-east-gate")
    gate.get_by_role("button", name="Open once").click()
    assert town.published == []
    gate.get_by_label("Why").first.fill("a visitor")
    gate.get_by_role("button", name="Open once").click()
    expect(page.locator(".notice")).to_contain_text("Sent; waiting for the device to say so")
    expect(page.locator("#door-gym-turnstile").get_by_role("button", name="Open once")).to_be_disabled()


def test_a_loss_is_asked_about_in_a_dialog_before_anything_happens(town: Town, page: Page) -> None:
    log_in(page, "office")
    page.goto("/adoptions")
    page.get_by_role("link", name="Report lost…").first.click()
    dialog = page.get_by_role("dialog", name="Report lost East gate")
    expect(dialog).to_contain_text("cannot be taken back")
    dialog.get_by_role("button", name="Report lost").click()
    expect(dialog).to_be_visible()
    dialog.get_by_label("Why").fill("stolen from the pillar")
    dialog.get_by_role("button", name="Report lost").click()
    expect(page.get_by_role("heading", name="east-gate is reported lost")).to_be_visible()


def test_what_is_seldom_needed_is_behind_one_more_step(town: Town, page: Page) -> None:
    log_in(page)
    pages = page.get_by_role("navigation", name="Pages")
    expect(pages.get_by_role("link", name="Audit")).to_be_hidden()
    pages.get_by_text("More").click()
    page.keyboard.press("Escape")
    expect(pages.get_by_role("link", name="Audit")).to_be_hidden()
    expect(pages.locator("summary")).to_be_focused()
    pages.get_by_text("More").click()
    page.get_by_role("heading", name="What happens").click()
    expect(pages.get_by_role("link", name="Audit")).to_be_hidden()
    pages.get_by_text("More").click()
    pages.get_by_role("link", name="Rosters").click()
    expect(page.get_by_role("heading", name="Rosters")).to_be_visible()
    expect(pages.get_by_text("More")).to_have_attribute("aria-current", "true")


def test_a_door_shows_its_mode_and_the_way_back(town: Town, page: Page) -> None:
    town.beats("east-gate")
    log_in(page)
    page.goto("/doors")
    gate = page.locator("#door-east-gate")
    gate.get_by_text("Change the mode").click()
    gate.get_by_label("Mode").select_option("held open")
    gate.get_by_label("Why").last.fill("moving day")
    gate.get_by_role("button", name="Set").click()
    expect(gate).to_contain_text("Ordered, not yet taken up: held open")
    expect(gate.get_by_role("button", name="Open once")).to_have_count(0)
    gate.get_by_label("Why").first.fill("all is in")
    gate.get_by_role("button", name="Back to cards and hours").click()
    expect(gate).not_to_contain_text("not yet taken up")
    expect(gate.get_by_role("button", name="Open once")).to_be_enabled()


def test_a_page_that_waits_for_an_answer_is_not_taken_from_under_somebody_who_types(town: Town, page: Page) -> None:
    town.beats("east-gate")
    log_in(page)
    page.clock.install()
    page.goto("/doors")
    gate = page.locator("#door-east-gate")
    gate.get_by_text("Change the mode").click()
    gate.get_by_label("Mode").select_option("out_of_service")
    gate.get_by_label("Why").last.fill("moving day")
    gate.get_by_role("button", name="Set").click()
    expect(gate).to_contain_text("Ordered, not yet taken up")
    why = gate.get_by_label("Why").first
    why.fill("another")
    page.clock.run_for(10_000)
    expect(why).to_have_value("another")
    why.fill("")
    with page.expect_navigation():
        page.clock.run_for(2_500)


def test_an_emergency_appears_by_itself_and_so_does_its_end(page: Page, town: Town) -> None:
    town.beats("gym-turnstile")
    log_in(page)
    town.happens("emergency.began", point="", zone="gym", cause="smoke")
    expect(page.get_by_role("alert")).to_contain_text("Smoke")
    charging = page.context.new_page()
    charging.goto("/charging")
    expect(charging.get_by_role("alert")).to_contain_text("Gym: Smoke")
    town.happens("emergency.reset", point="", zone="gym", cause="smoke", how="key")
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.locator(".siren")).to_contain_text("Reset by key")
    expect(charging.get_by_role("alert")).to_have_count(0)


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
