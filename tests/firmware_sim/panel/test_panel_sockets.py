"""The panel of a hub of sockets in a real browser: what is plugged in there draws power and can be made to burn."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from firmware_sim.parts.charger import Socket
from tests.browser import PHONE, SMALLEST_TARGET_PX
from tests.firmware_sim.support.panel_world import SOCKETS, ServedPanel

pytestmark = pytest.mark.browser
HUB, EBIKE, NAMED = "hub-sockets", "ebike-1", "E-bike socket 1"
PINS = {"bank-a": 22, EBIKE: 17}


@pytest.fixture
def panel(tmp_path: Path) -> Iterator[ServedPanel]:
    with ServedPanel(tmp_path, SOCKETS) as opened:
        yield opened


@pytest.fixture
def page(browser: Browser, panel: ServedPanel) -> Iterator[Page]:
    context = browser.new_context(base_url=panel.url, locale="en-GB", viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.goto("/")
    expect(opened.get_by_text("Live", exact=True)).to_be_visible()
    yield opened
    context.close()
    assert complaints == []


def socket(panel: ServedPanel, name: str = EBIKE) -> Socket:
    return panel.world.devices[HUB].hardware.get(Socket, name)


def feed(panel: ServedPanel) -> None:
    """Close the contactor and the e-bike's relay, as a keeper would."""
    board = panel.world.devices[HUB].hardware.board
    for pin in PINS.values():
        panel.call(lambda pin=pin: board.pin(pin).drive(True))  # type: ignore[misc]


def test_an_ebike_is_plugged_in_draws_power_and_is_unplugged(panel: ServedPanel, page: Page) -> None:
    outlet = page.locator(f'[data-point="{EBIKE}"]')
    expect(outlet).to_contain_text("Nothing plugged in")
    page.get_by_label("Something to plug in").select_option("Lithium e-bike")
    page.get_by_role("button", name=f"Plug in at {NAMED}").click()
    expect(outlet).to_contain_text("Lithium e-bike 20 %")
    feed(panel)
    expect(page.locator('[data-point="bank-a"]')).to_contain_text("Supply on")
    expect(outlet).to_contain_text(re.compile(r"\b15\d\.\d W"))
    page.get_by_role("button", name=f"Unplug {NAMED}").click()
    expect(outlet).to_contain_text("0.0 W")
    assert panel.call(lambda: socket(panel).appliance) is None


def test_mischief_is_done_and_shown(panel: ServedPanel, page: Page) -> None:
    outlet = page.locator(f'[data-point="{EBIKE}"]')
    outlet.locator("summary").click()
    page.get_by_role("button", name=f"Weld the contact · {NAMED}").click()
    expect(outlet).to_contain_text("welded")
    page.get_by_role("button", name=f"Fit a new relay · {NAMED}").click()
    expect(outlet).not_to_contain_text("welded")
    panel.call(lambda: socket(panel).overheat(ambient_c=140))
    expect(outlet).not_to_contain_text("25 °C", timeout=20_000)


def test_a_card_is_held_to_the_shared_reader_with_the_sockets_number(panel: ServedPanel, page: Page) -> None:
    page.get_by_role("button", name=f"Tap: Yearly member at {NAMED}").click()
    expect(page.get_by_text("Yearly member was read.")).to_be_visible()
    reader = panel.world.devices[HUB].hardware.readers["hub"]
    assert panel.call(lambda: reader.frames_sent) == 2


def test_an_emergency_and_a_dead_agent_are_told_at_the_socket(panel: ServedPanel, page: Page) -> None:
    outlet, device = page.locator(f'[data-point="{EBIKE}"]'), panel.world.devices[HUB]
    panel.call(lambda: device.emergencies.append("hub"))
    expect(outlet).to_contain_text("Emergency: no power until a reset.")
    page.get_by_role("switch", name="Agent").click()
    expect(outlet).to_contain_text("no decisions are made here")


def test_on_a_phone_the_hub_fits_the_page_and_its_buttons_a_thumb(page: Page) -> None:
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    sizes = [button.bounding_box() for button in page.get_by_role("button").all()]
    assert [size for size in sizes if size is None or size["height"] < SMALLEST_TARGET_PX] == []
