"""What the pages of telephones weigh, and when they paint on a slow one: by Chromium's own protocol."""

import csv
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, CDPSession, Page

from cloud.guests.service import GuestService
from cloud.people.pass_terms import note_signer
from cloud.permits.kinds import PermitKind
from cloud.permits.service import PermitAsked, PermitService
from tests.browser import PHONE
from tests.cloud.phones.test_phone_axe import PAGES
from tests.cloud.support.phones import LI_SI, link_for
from tests.cloud.support.town import Town
from tests.cloud.support.who_may import FILE

pytestmark = pytest.mark.browser

SLOW_PATHS = (*PAGES, "/join/hub")
MOST_BYTES = 20 * 1024
SLOWER = 4
LATENCY_MS, BITS_PER_S = 150, 1_600_000
PAINTED = 'performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0'


class Weight(NamedTuple):
    """One visit with nothing in the browser's cache."""

    sent_bytes: int
    paint_ms: float
    elsewhere: list[str]


def weigh(browser: Browser, url: str, path: str, visitor: Page, *, slow: bool) -> Weight:
    context = browser.new_context(
        base_url=url,
        viewport=PHONE,
        locale="zh-CN",
        service_workers="block",
        storage_state=visitor.context.storage_state(),
    )
    page = context.new_page()
    session: CDPSession = context.new_cdp_session(page)
    sizes, elsewhere = list[float](), list[str]()
    session.on("Network.loadingFinished", lambda told: sizes.append(told["encodedDataLength"]))
    page.on("request", lambda asked: elsewhere.append(asked.url) if not asked.url.startswith(url) else None)
    session.send("Network.enable")
    if slow:
        session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        speed = {"latency": LATENCY_MS, "downloadThroughput": BITS_PER_S / 8, "uploadThroughput": BITS_PER_S / 8}
        session.send("Network.emulateNetworkConditions", {"offline": False, **speed})
    page.goto(path, wait_until="networkidle" if slow else "load")
    if slow:
        page.wait_for_function(PAINTED)
    paint_ms = float(page.evaluate(PAINTED))
    context.close()
    return Weight(int(sum(sizes)), paint_ms, elsewhere)


@pytest.fixture
def resident(town: Town, page: Page) -> Page:
    page.goto(f"/phone/{link_for(town)}")
    page.locator("main button").click()
    page.wait_for_selector("[data-code] svg")
    return page


def guest_page(town: Town, browser: Browser) -> tuple[str, Page]:
    """The pass of a guest, and the browser that carries it."""
    note_signer(town.store, town.keys, town.now_ms)
    asked = PermitAsked(kind=PermitKind.GUEST, code=True)
    permit = PermitService(town.store, town.keys, town.clock).invite(LI_SI, asked).permit
    path = f"/guest/{GuestService(town.store, town.keys, town.clock).make_link(LI_SI, permit)}"
    page = browser.new_page(base_url=town.url, viewport=PHONE, locale="zh-CN")
    page.goto(path)
    page.locator("main button").click()
    page.wait_for_selector("[data-code] svg")
    return path, page


def paths() -> list[str]:
    """Whatever a telephone reads without choosing, and the page behind the poster at the gate."""
    with FILE.open(newline="") as rows:
        asked = [path for method, path, *_ in csv.reader(rows) if method == "GET"]
    return [path for path in asked if (path == "/me" or path.startswith("/me/")) and "{" not in path] + ["/join/hub"]


def test_pages_weigh_little(town: Town, browser: Browser, resident: Page) -> None:
    """Nor is anything fetched from another host."""
    assert len(paths()) > len(SLOW_PATHS)
    for path in paths():
        found = weigh(browser, town.url, path, resident, slow=False)
        assert 0 < found.sent_bytes <= MOST_BYTES, path
        assert found.elsewhere == [], path


def test_page_of_a_guest_weighs_little(town: Town, browser: Browser) -> None:
    path, guest = guest_page(town, browser)
    found = weigh(browser, town.url, path, guest, slow=False)
    guest.close()
    assert 0 < found.sent_bytes <= MOST_BYTES
    assert found.elsewhere == []


@pytest.mark.slow
def test_first_paint_of_slow_phones_is_printed(town: Town, browser: Browser, resident: Page) -> None:
    of_guest, guest = guest_page(town, browser)
    for path, visitor in (*((one, resident) for one in SLOW_PATHS), (of_guest, guest)):
        found = weigh(browser, town.url, path, visitor, slow=True)
        print(f"{path}: {found.sent_bytes} bytes, first paint after {found.paint_ms:.0f} ms")
        assert found.elsewhere == []
