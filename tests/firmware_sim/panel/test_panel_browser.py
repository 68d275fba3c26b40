"""The panel in a real browser: what is done there moves a real board, and the drawings move with it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from contract.phrases import Phrase
from firmware_sim.panel.world import HeldText
from tests.browser import PHONE, SMALLEST_TARGET_PX
from tests.firmware_sim.support.panel_world import ServedPanel

pytestmark = pytest.mark.browser

TURNED_BY = """arm => {
  window.turned = 0;
  const look = () => {
    const angle = Number(/rotate\\((-?[\\d.]+)/.exec(arm.getAttribute("transform") ?? "")?.[1] ?? 0);
    window.turned = Math.max(window.turned, angle);
    requestAnimationFrame(look);
  };
  look();
}"""


@pytest.fixture
def panel(tmp_path: Path) -> Iterator[ServedPanel]:
    with ServedPanel(tmp_path) as opened:
        yield opened


@pytest.fixture
def context(browser: Browser, panel: ServedPanel) -> Iterator[BrowserContext]:
    opened = browser.new_context(base_url=panel.url, locale="en-GB", viewport={"width": 1280, "height": 900})
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """The panel, live, with no error in its scripts and nothing that its own policy forbids."""
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
    opened.goto("/")
    expect(opened.get_by_text("Live", exact=True)).to_be_visible()
    yield opened
    assert complaints == []


def test_a_card_tapped_on_the_panel_is_read_by_the_board_and_turns_the_arm(panel: ServedPanel, page: Page) -> None:
    gym = page.get_by_role("article", name="Gym turnstile")
    gym.locator("[data-turn]").evaluate(TURNED_BY)
    page.get_by_role("button", name="Tap · in: Yearly member at gym-turnstile").click()
    expect(gym).to_contain_text("Welcome")
    expect(page.get_by_text("Yearly member walked through. Unlocked")).to_be_visible()
    expect(gym).to_contain_text("Passed in 1")
    page.wait_for_function("window.turned > 60")
    hardware = panel.world.devices["gym-turnstile"].hardware
    assert panel.call(lambda: hardware.readers["gym-turnstile.in"].frames_sent) == 1


def test_a_stranger_is_told_why_and_what_to_do(page: Page) -> None:
    page.get_by_role("radio", name="Unknown card").check()
    page.get_by_role("checkbox", name="Walk through after tapping").uncheck()
    page.get_by_role("button", name="Tap · in: Unknown card at east-gate").click()
    gate = page.get_by_role("article", name="East gate")
    expect(gate).to_contain_text("Not known here. Check it and try again")
    expect(gate).to_contain_text("locked")


def test_a_pulled_cable_shows_what_waits_and_a_dead_agent_that_nobody_decides(panel: ServedPanel, page: Page) -> None:
    gate = page.get_by_role("article", name="East gate")
    panel.world.devices["east-gate"].waiting = 12
    cable = gate.get_by_role("switch", name="Network cable")
    expect(cable).to_be_checked()
    cable.click()
    expect(cable).not_to_be_checked()
    expect(gate).to_contain_text("Cloud cut off")
    expect(gate).to_contain_text("Waiting for the cloud 12")
    gate.get_by_role("switch", name="Agent").click()
    expect(gate).to_contain_text("no decisions are made here")
    gate.get_by_role("switch", name="Agent").click()
    expect(gate).not_to_contain_text("no decisions are made here")


def test_a_dead_agent_is_not_papered_over_by_the_card_read_before(panel: ServedPanel, page: Page) -> None:
    gate = page.get_by_role("article", name="East gate")
    page.clock.install()
    page.get_by_role("button", name="Tap · in: Yearly member at east-gate").click()
    expect(gate).to_contain_text("Welcome")
    gate.get_by_role("switch", name="Agent").click()
    expect(gate).to_contain_text("no decisions are made here")
    page.clock.run_for(5_000)
    assert "no decisions are made here" in gate.locator("[data-shown]").inner_text()


def test_in_an_emergency_the_screen_says_that_the_way_is_free_and_what_ends_it(panel: ServedPanel, page: Page) -> None:
    gym = page.get_by_role("article", name="Gym turnstile")
    fire = gym.get_by_role("button", name="Fire alarm of gym")
    panel.world.devices["gym-turnstile"].emergencies.append("gym")
    fire.click()
    expect(gym.locator("[data-shown]")).to_have_text("Emergency: the way is free.")
    fire.click()
    expect(gym.locator("[data-shown]")).to_have_text("Emergency: the way is free until the reset key is turned.")
    panel.world.devices["gym-turnstile"].emergencies.clear()
    expect(gym.locator("[data-shown]")).to_have_text("Hold a card to the reader")


def test_fire_drops_the_arm_and_the_same_button_ends_the_alarm(page: Page) -> None:
    gym = page.get_by_role("article", name="Gym turnstile")
    fire = gym.get_by_role("button", name="Fire alarm of gym")
    fire.click()
    expect(gym).to_contain_text("arm dropped")
    expect(fire).to_have_attribute("aria-pressed", "true")
    fire.click()
    expect(fire).to_have_attribute("aria-pressed", "false")
    expect(gym).not_to_contain_text("arm dropped")


def test_a_refusal_of_the_board_is_said(page: Page) -> None:
    gate = page.get_by_role("article", name="East gate")
    gate.get_by_text("Cause a fault").click()
    gate.get_by_role("button", name="Hold the door").click()
    expect(page.get_by_text("is shut; walk through it first")).to_be_visible()


def test_everything_is_reached_and_done_with_the_keyboard(page: Page) -> None:
    page.get_by_role("radio", name="Yearly member").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="Unknown card")).to_be_checked()
    page.get_by_role("button", name="Tap · in: Unknown card at gym-turnstile").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("article", name="Gym turnstile")).to_contain_text("Not known here")


def test_a_hidden_page_gives_its_stream_back(panel: ServedPanel, page: Page) -> None:
    hide = "Object.defineProperty(document, 'hidden', {value: %s, configurable: true});"
    seen = "document.dispatchEvent(new Event('visibilitychange'))"
    page.evaluate(hide % "true" + seen)
    panel.world.devices["east-gate"].waiting = 7
    gate = page.get_by_role("article", name="East gate")
    expect(gate).to_contain_text("Waiting for the cloud 0")
    page.evaluate(hide % "false" + seen)
    expect(gate).to_contain_text("Waiting for the cloud 7")


def test_on_a_phone_nothing_runs_out_of_the_page_and_every_button_fits_a_thumb(page: Page) -> None:
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    sizes = [button.bounding_box() for button in page.get_by_role("button").all() if button.is_visible()]
    assert sizes
    assert [size for size in sizes if size is None or size["height"] < SMALLEST_TARGET_PX] == []


def test_the_buttons_work_without_scripts(browser: Browser, panel: ServedPanel) -> None:
    context = browser.new_context(base_url=panel.url, locale="zh-CN", java_script_enabled=False)
    page = context.new_page()
    page.goto("/")
    page.get_by_role("radio", name="陌生卡").check()
    page.get_by_role("button", name=re.compile("刷卡 · 进: .*east-gate")).click()
    expect(page.get_by_text("陌生卡 被挡在外面。")).to_be_visible()
    context.close()


def test_typed_text_is_held_before_the_scanner(tmp_path: Path, browser: Browser) -> None:
    gate = Phrase("东门", "East gate")
    with ServedPanel(tmp_path, {"gate": gate}) as panel:
        panel.world.texts.append(HeldText(Phrase("访客的数字码", "Guest's spoken code"), lambda: "862044"))
        page = browser.new_page(base_url=panel.url, locale="en-GB")
        page.goto("/")
        page.get_by_label("A pass, plate or code").fill("HG1ABC")
        page.get_by_label("Walk through after tapping").uncheck()
        page.get_by_role("button", name="Scan · in: east-gate").click()
        expect(page.get_by_text("It was scanned.")).to_be_visible()
        scanner = panel.world.devices["east-gate"].hardware.scanners["east-gate.in"]
        assert panel.call(lambda: scanner.texts_sent) == 1
        page.get_by_label("A pass, plate or code").fill("")
        page.get_by_role("button", name="Scan · in: east-gate").click()
        expect(page.get_by_text("nothing is held before the scanner")).to_be_visible()
        page.get_by_label("For scanner and keypad").select_option("Guest's spoken code")
        page.get_by_role("button", name="Key it in · in: east-gate").click()
        expect(page.get_by_text("Done.")).to_be_visible()
        reader = panel.world.devices["east-gate"].hardware.readers["east-gate.in"]
        assert panel.call(lambda: reader.frames_sent) == len("862044#")
        page.close()
