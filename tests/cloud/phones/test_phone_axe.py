"""axe finds nothing on the pages of a telephone, by day in English and by night in Chinese."""

from pathlib import Path
from typing import Literal

import pytest
from fastapi.responses import HTMLResponse
from playwright.sync_api import Browser, expect

from tests.axe import grave_violations
from tests.browser import PHONE, SMALLEST_TARGET_PX
from tests.cloud.support.counted import CountedGym
from tests.cloud.support.hub import RidersHub
from tests.cloud.support.phones import link_for
from tests.cloud.support.town import Town, routed

pytestmark = pytest.mark.browser

SUN_QI = 10
PAGES = (
    "/me",
    "/me/pass",
    "/me/family",
    "/me/visitors",
    "/me/visits",
    "/me/looks",
    "/me/gym",
    "/me/charging",
    "/me/data",
)
SMALL = """least => [...document.querySelectorAll("a, button, summary")]
  .filter(one => { const box = one.getBoundingClientRect(); return box.height && box.height < least; })
  .map(one => one.outerHTML)"""
WIDTH = "() => document.documentElement.scrollWidth"


def a_day(town: Town) -> None:
    CountedGym(town).passes(bytes.fromhex(town.holder("Sun Qi")))
    hub = RidersHub(town)
    hub.ends(point="phone-2", session="ffeeddccbbaa0099")
    hub.charges()
    town.happens("access.allowed", reason="allowed", holder=town.holder("Sun Qi"), direction="in")
    town.happens("access.refused", reason="expired", holder=town.holder("Sun Qi"))
    with town.visit("office") as office:
        office.submit(f"/people/{SUN_QI}/look", f"/people/{SUN_QI}/look", purpose="damage", back="/events")


@pytest.mark.parametrize("locale, scheme", [("en-GB", "light"), ("zh-CN", "dark")])
def test_axe_finds_nothing_on_a_telephone(
    town: Town, browser: Browser, oracles: Path, locale: str, scheme: Literal["light", "dark"]
) -> None:
    """Nor is a target too small, nor a page wider than the screen."""
    a_day(town)
    context = browser.new_context(base_url=town.url, locale=locale, color_scheme=scheme, viewport=PHONE)
    page = context.new_page()
    page.goto(f"/phone/{link_for(town, SUN_QI)}")
    found = {"/phone": grave_violations(page, oracles)}
    page.locator("main button").click()
    expect(page.locator("[data-code] svg")).to_be_visible()
    for path in PAGES:
        page.goto(path)
        found[path] = [*grave_violations(page, oracles), *page.evaluate(SMALL, SMALLEST_TARGET_PX)]
        assert page.evaluate(WIDTH) <= PHONE["width"], path
    context.close()
    assert {path: violations for path, violations in found.items() if violations} == {}


def test_axe_reads_every_page_of_telephones(town: Town) -> None:
    pages = {
        route.path
        for route in routed(town.app)
        if route.path.startswith("/me") and route.endpoint.__annotations__["return"] is HTMLResponse
    }
    assert pages == set(PAGES)
