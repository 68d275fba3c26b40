"""axe finds nothing serious on the panel, and nothing runs out of its place: in both languages, wide and narrow."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, ViewportSize, expect

from tests.axe import grave_violations
from tests.browser import PHONE
from tests.firmware_sim.support.panel_world import PORTALS, SOCKETS, ServedPanel

pytestmark = pytest.mark.browser

WIDE = ViewportSize(width=1440, height=900)
MANY = 400
CUT_OFF = """() => [...document.querySelectorAll(".plug, .plug span, .facts dd, .facts b, .outlet h3, button")]
  .filter((one) => one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).display !== "inline"
    || one.getBoundingClientRect().right > one.closest(".device").getBoundingClientRect().right + 1)
  .map((one) => one.innerText)"""


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedPanel]:
    with ServedPanel(tmp_path_factory.mktemp("panel"), {**PORTALS, **SOCKETS}) as opened:
        for device in opened.world.devices.values():
            device.waiting = MANY
        yield opened


@pytest.mark.parametrize(
    ("locale", "scheme", "viewport", "waits"),
    [("en-GB", "light", WIDE, "Waiting for the cloud"), ("zh-CN", "dark", PHONE, "待上传")],
    ids=["wide", "narrow"],
)
def test_axe_finds_nothing_serious_on_the_panel(
    panel: ServedPanel,
    browser: Browser,
    oracles: Path,
    locale: str,
    scheme: Literal["light", "dark"],
    viewport: ViewportSize,
    waits: str,
) -> None:
    context = browser.new_context(
        base_url=panel.url, locale=locale, color_scheme=scheme, viewport=viewport, reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto("/")
    expect(page.locator("[data-waiting]").first).to_have_text(str(MANY))
    for summary in page.locator("summary").all()[:2]:
        summary.click()
    assert grave_violations(page, oracles) == []
    assert page.evaluate(CUT_OFF) == []
    assert page.get_by_text(waits).first.is_visible()
    context.close()
