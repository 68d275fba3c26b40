"""A rider who has never been here, in Chromium over https: from the poster to the open gate, which is cut off."""

from pathlib import Path
from time import monotonic

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import PHONE
from tests.cloud.support.drawn_passes import DRAWN
from tests.cloud.support.riders import MOST_FIELDS, MOST_S, MOST_TAPS, TAP_S, Rider
from tests.scenarios.estate_on_a_phone import EstateOnAPhone

pytestmark = pytest.mark.browser


def test_poster_leads_to_an_open_gate(browser: Browser, tmp_path: Path) -> None:
    """What Chromium draws is held before the scanner of a gate that has no network. Of the half minute that a person
    has, the software's part is printed."""
    with EstateOnAPhone(tmp_path, https=True) as estate:
        gate = estate.gate
        estate.run(gate.in_roster)
        gate.device.link.cut()
        telephone = browser.new_context(
            base_url=estate.url,
            locale="zh-CN",
            viewport=PHONE,
            has_touch=True,
            is_mobile=True,
            ignore_https_errors=True,  # nobody's browser knows the authority of a test
        )
        telephone.add_init_script(f"({DRAWN})()")
        rider = Rider(telephone.new_page())
        page = rider.page
        began_s = monotonic()
        page.goto("/join/hub")
        assert page.evaluate("() => isSecureContext && location.protocol") == "https:"
        rider.tap(page.get_by_label("我同意"))
        rider.types("姓名", "王骑手")
        rider.types("电话", "13800138000")
        rider.tap(page.get_by_role("button", name="请保安放行"))
        expect(page.get_by_role("status")).to_be_visible()
        gate.riders.let_in("gate", 1)
        expect(page.locator("[data-code] svg")).to_be_visible()
        page.wait_for_function("() => localStorage.length && window.drawn.length > 1")
        software_s = monotonic() - began_s
        shown = page.evaluate("() => window.drawn.at(-1)")
        assert estate.run(lambda: gate.shows(shown))
        assert gate.told() == ["allowed"]
        person_s = rider.takes_s + TAP_S
        print(f"from the poster to the open gate: a person {person_s:.1f} s, the software {software_s:.1f} s")
        assert rider.taps <= MOST_TAPS and rider.fields <= MOST_FIELDS and person_s < MOST_S
        telephone.close()
        gate.device.link.restore()
