"""axe finds nothing serious on any page of the console: in both languages, by day and by night, wide and narrow."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, ViewportSize, sync_playwright

from cloud.keys import KeyFolder
from cloud.store.database import open_store
from contract.decide import Mode
from tests.axe import grave_violations
from tests.cloud.hub import DEVICE
from tests.cloud.test_console_browser import EVERY_PAGE, PHONE, QUIET, a_busy_hub
from tests.cloud.town import PASSWORD, Town

pytestmark = pytest.mark.browser

WIDE = ViewportSize(width=1280, height=900)
MORE_PAGES = (
    "/doors/lockdown",
    "/doors/lockdown?step=2",
    "/doors/hold-open",
    "/no-such-page",
    "/zones",
    "/devices/gym-turnstile/wiring",
    f"/devices/{DEVICE}",
    "/devices/east-gate",
)

ONE_OF_A_KIND = (
    *("/", "/doors", "/events", "/people/5", f"/devices/{DEVICE}", "/devices/gym-turnstile", "/rosters", "/zones"),
    *("/charging", "/charging/sockets/phone-2?who=sun", "/hub/hub", "/quarantine", "/audit", "/adoptions"),
    *("/zones/gym/drill?step=2", "/zones/gym/muster", "/no-such-page"),
)
"""What is drawn in the same way as one of these needs no second look by night."""


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Sunny Court on a bad day: a device that fell silent, one with a fault, an emergency, a lockdown, a late event."""
    folder = tmp_path_factory.mktemp("axe")
    store = open_store(f"sqlite:///{folder / 'cloud.db'}")
    with Town(store, KeyFolder.create(folder / "keys"), demo=True) as town:
        town.beats("gym-turnstile", faults={"gym-turnstile.arm_still": "seen"})
        town.happens("access.refused", reason="expired", holder=town.holder("Wang Wu"), replay=True)
        town.happens("access.allowed", reason="allowed", holder=town.holder("Li Si"))
        town.arrives("gym-turnstile", "events", b"rubbish")
        town.now_ms += 200_000
        town.beats("east-gate", faults={"emergency.estate": "fire"}, points={"east-gate": {"phase": "released"}})
        town.happens("emergency.began", device="east-gate", point="", zone="estate", cause="fire")
        a_busy_hub(town)
        town.steering.set_mode(["gym-turnstile"], Mode.LOCKDOWN, "gate", "a fight")
        yield town
    store.close()


@pytest.fixture(scope="module")
def browser(chromium: Path) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        yield opened
        opened.close()


@pytest.mark.parametrize(
    ("locale", "scheme", "viewport", "paths"),
    [("en-GB", "light", WIDE, (*EVERY_PAGE, *MORE_PAGES)), ("zh-CN", "dark", PHONE, ONE_OF_A_KIND)],
    ids=["wide", "narrow"],
)
def test_axe_finds_nothing_serious_on_any_page(
    troubled: Town,
    browser: Browser,
    oracles: Path,
    locale: str,
    scheme: Literal["light", "dark"],
    viewport: ViewportSize,
    paths: tuple[str, ...],
) -> None:
    context = browser.new_context(
        base_url=troubled.url, locale=locale, color_scheme=scheme, viewport=viewport, reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto("/login")
    found = {"/login": grave_violations(page, oracles)}
    page.fill("[name=name]", "admin")
    page.fill("[name=password]", PASSWORD)
    page.click("button")
    for path in paths:
        page.goto(path)
        found[path] = grave_violations(page, oracles)
    context.close()
    assert {path: violations for path, violations in found.items() if violations} == {}
