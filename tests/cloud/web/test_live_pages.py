"""The console in a real browser: what is live moves by itself, and what is lost says so."""

import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from contract.decide import Mode
from tests.cloud.support.browsing import log_in
from tests.cloud.support.hub import SESSION, RidersHub
from tests.cloud.support.town import Town

pytestmark = pytest.mark.browser


def test_what_happens_appears_without_a_reload(town: Town, page: Page) -> None:
    log_in(page)
    page.evaluate("window.same = true")
    lines = page.get_by_role("list", name="Events, newest first").get_by_role("listitem")
    expect(lines).to_have_count(0)
    hint = page.get_by_text("No event yet. Tap a card at a door.")
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
    expect(card).to_contain_text("Last seen now")
    town.now_ms += 200_000
    expect(card).to_contain_text("Offline")
    expect(card).to_contain_text("If its agent is running, it still decides by itself; if not")
    expect(card).to_have_css("border-style", "dashed")


def test_a_door_changes_without_a_reload(town: Town, page: Page) -> None:
    """Its presence, its state and what may be ordered; what somebody types stays."""
    town.beats("east-gate", points={"east-gate": {"phase": "closed"}})
    log_in(page)
    page.goto("/doors")
    page.evaluate("window.same = true")
    gate = page.locator("#point-east-gate")
    expect(gate).to_contain_text("closed")
    why = gate.get_by_label("Why").first
    why.fill("the post")
    town.beats("east-gate", points={"east-gate": {"phase": "open"}}, faults={"emergency.estate": "fire"})
    expect(gate).to_contain_text("Released by an emergency")
    expect(gate.get_by_role("button", name="Open once")).to_be_disabled()
    town.beats("east-gate", points={"east-gate": {"phase": "open"}})
    expect(gate.get_by_role("button", name="Open once")).to_be_enabled()
    town.now_ms += 200_000
    expect(gate).to_contain_text("Offline")
    expect(gate.get_by_role("button", name="Open once")).to_be_disabled()
    expect(gate).to_have_css("border-style", "dashed")
    expect(why).to_have_value("the post")
    assert page.evaluate("window.same"), "the page was not loaded again"


def test_an_order_that_stands_changes_without_a_reload(town: Town, page: Page) -> None:
    """Who hears nothing of it is said live; what somebody types beside it stays."""
    town.beats("east-gate")
    town.desired_state.set_mode(["east-gate"], Mode.HOLD_OPEN, "gate", "moving day")
    log_in(page)
    page.goto("/doors")
    page.evaluate("window.same = true")
    standing = page.locator(".standing")
    expect(standing).to_contain_text("East gate")
    expect(standing).not_to_contain_text("Offline")
    why = standing.get_by_label("Why")
    why.fill("all is in")
    lacking = page.locator("#drifts")
    expect(lacking).to_contain_text("Not yet applied at 1 of 1: East gate")
    town.now_ms += 200_000
    expect(standing).to_contain_text("East gate (Offline)")
    expect(lacking).to_contain_text("East gate (offline: applied when it reconnects)")
    town.beats("east-gate")
    expect(standing).not_to_contain_text("Offline")
    expect(why).to_have_value("all is in")
    assert page.evaluate("window.same"), "the page was not loaded again"


def test_card_of_a_new_mode_is_replaced_whole(town: Town, page: Page) -> None:
    """With its forms: nothing is offered beside a state in which it makes no sense. What somebody types in another card
    stays."""
    for device in ("east-gate", "gym-turnstile"):
        town.beats(device)
    log_in(page)
    page.goto("/doors")
    page.evaluate("window.same = true")
    gate, gym = page.locator("#point-east-gate"), page.locator("#point-gym-turnstile")
    gate.get_by_label("Why").first.fill("the post")
    expect(gym.get_by_role("button", name="Open once")).to_be_visible()
    town.desired_state.set_mode(["gym-turnstile"], Mode.HOLD_OPEN, "gate", "moving day")
    expect(gym.get_by_role("button", name="Back to cards and hours")).to_be_visible()
    expect(gym.get_by_role("button", name="Open once")).to_have_count(0)
    expect(page.locator(".standing")).to_contain_text("moving day")
    expect(gate.get_by_label("Why").first).to_have_value("the post")
    assert page.evaluate("window.same"), "the page was not loaded again"


def test_card_that_somebody_types_in_is_replaced_later(town: Town, page: Page) -> None:
    """Until then the page says that it is out of date."""
    town.beats("east-gate")
    log_in(page)
    page.clock.install()
    page.goto("/doors")
    gate = page.locator("#point-east-gate")
    gate.get_by_label("Why").first.fill("the post")
    town.desired_state.set_mode(["east-gate"], Mode.HOLD_OPEN, "gate", "moving day")
    expect(page.get_by_text("Changed meanwhile:")).to_be_visible()
    page.clock.run_for(6_000)
    expect(gate.get_by_label("Why").first).to_have_value("the post")
    gate.get_by_label("Why").first.fill("")
    page.clock.run_for(6_000)
    expect(gate.get_by_role("button", name="Back to cards and hours")).to_be_visible()
    expect(page.get_by_text("Changed meanwhile:")).to_be_hidden()


def test_lines_alike_become_one_that_opens(town: Town, page: Page) -> None:
    """One alarm makes a line for each socket: an operator reads one, and finds the others in it."""
    log_in(page)
    for socket in ("phone-1", "phone-2", "phone-3"):
        town.happens("socket.fault", point=socket, fault="bank_lost")
    lines = page.locator(".lines > .line")
    expect(lines).to_have_count(1)
    expect(lines.first).to_contain_text("Phone socket 3")
    page.get_by_text("and 2 more").click()
    expect(lines.first.get_by_role("listitem").filter(has_text="Phone socket 1")).to_be_visible()
    page.mouse.move(0, 0)
    town.happens("socket.fault_cleared", point="phone-1", fault="bank_lost")
    expect(lines).to_have_count(2)
    page.goto("/events")
    expect(page.locator(".lines > .line")).to_have_count(2)


def test_page_of_a_device_changes_without_a_reload(town: Town, page: Page) -> None:
    town.beats("gym-turnstile", points={"gym-turnstile": {"phase": "rest"}})
    log_in(page, "admin")
    page.goto("/devices/gym-turnstile")
    page.evaluate("window.same = true")
    expect(page.locator("#device-points")).to_contain_text("at rest")
    town.happens("turnstile.jammed")
    town.happens("door.forced", device="east-gate")
    expect(page.get_by_role("listitem")).to_have_count(1)
    town.beats("gym-turnstile", points={"gym-turnstile": {"phase": "jammed"}}, faults={"disk": "read-only"})
    expect(page.locator("#device-points")).to_contain_text("The disk cannot be written")
    page.get_by_text("Commands to the device").click()
    restart = page.get_by_role("button", name="Restart the device")
    expect(restart).to_be_enabled()
    town.now_ms += 200_000
    expect(page.locator("#device-title")).to_contain_text("Offline")
    expect(restart).to_be_disabled()
    assert page.evaluate("window.same"), "the page was not loaded again"


def test_a_charge_moves_by_itself_and_goes_grey_when_its_device_falls_silent(town: Town, page: Page) -> None:
    hub = RidersHub(town)
    hub.says({"phone-1": "free"})
    log_in(page)
    page.goto("/charging")
    page.evaluate("window.same = true")
    card = page.locator("#point-phone-1")
    expect(card).to_contain_text("Free")
    hub.charges()
    expect(card).to_contain_text("Charging now")
    expect(card).to_contain_text("18 W")
    expect(page.locator("#hub-hub")).to_contain_text("1 in use")
    expect(page.locator("#sessions")).to_contain_text("Running")
    hub.reads({"phone-1": {"power_w": 9, "minutes": 31, "minutes_left": 209, "session": SESSION}})
    expect(card).to_contain_text("9 W")
    town.now_ms += 130_000
    expect(card).to_contain_text("Offline")
    expect(card).to_have_css("border-style", "dashed")
    assert page.evaluate("window.same"), "the page was not loaded again"


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
    expect(page.locator(".off")).to_have_text(re.compile(r"Connection lost. Last update: 16:00:\d\d"))
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
        expect(tab.get_by_role("heading", name="Events", exact=True)).to_be_visible()
        tab.evaluate("Object.defineProperty(document, 'hidden', {value: true})")
        tab.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_a_page_that_waits_for_an_answer_is_not_taken_from_under_somebody_who_types(town: Town, page: Page) -> None:
    town.beats("east-gate")
    log_in(page)
    page.clock.install()
    page.goto("/doors")
    gate = page.locator("#point-east-gate")
    gate.get_by_text("Change the mode").click()
    gate.get_by_label("Mode").select_option("out_of_service")
    gate.get_by_label("Why").last.fill("moving day")
    gate.get_by_role("button", name="Set").click()
    expect(gate).to_contain_text("Sent, not yet applied")
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
