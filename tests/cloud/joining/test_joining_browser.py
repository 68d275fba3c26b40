"""A rider's telephone and the guard's screen, in Chromium: from the poster to the code."""

import re
from time import monotonic

import pytest
from playwright.sync_api import Browser, expect

from cloud.joining.service import JoinService
from cloud.people.pass_terms import note_signer
from contract.pass_verdicts import PassVerdict
from tests.browser import PHONE
from tests.cloud.support.browsing import log_in
from tests.cloud.support.drawn_passes import DRAWN, IS_KEPT, verdict_of
from tests.cloud.support.riders import MOST_FIELDS, MOST_S, MOST_TAPS, TAP_S, Rider
from tests.cloud.support.town import Town

pytestmark = pytest.mark.browser
FORGET = """() => new Promise((resolve, reject) => {
  const deleting = indexedDB.deleteDatabase("hearthgate");
  deleting.onsuccess = resolve; deleting.onerror = reject; deleting.onblocked = resolve;
})"""


def test_telephone_draws_the_pass_it_carries(town: Town, browser: Browser) -> None:
    """A door believes what Chromium draws; a minute later it is a picture. With its key forgotten the code is left, and
    a telephone that is known needs one tap."""
    note_signer(town.store, town.keys, town.now_ms)
    telephone = browser.new_context(base_url=town.url, locale="en-GB", viewport=PHONE, has_touch=True, is_mobile=True)
    telephone.add_init_script(f"({DRAWN})()")
    page = telephone.new_page()
    page.goto("/join/hub")
    for label, text in (("Name", "Wang"), ("Telephone", "13800138000")):
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_label("I agree").tap()
    page.get_by_role("button", name="Ask the guard").tap()
    expect(page.get_by_role("heading", name="The guard is asked")).to_be_visible()
    JoinService(town.store, town.keys, town.clock).let_in("gate", 1)
    expect(page.locator("[data-code] svg")).to_be_visible()
    page.wait_for_function("() => localStorage.length && window.drawn.length > 1")
    text = page.evaluate("() => window.drawn.at(-1)")
    assert verdict_of(town, text) is PassVerdict.OK
    page.evaluate(IS_KEPT, page.url.removeprefix(town.url))
    telephone.set_offline(True)
    page.reload()
    page.wait_for_function("() => window.drawn.length")
    assert verdict_of(town, page.evaluate("() => window.drawn.at(-1)")) is PassVerdict.OK
    telephone.set_offline(False)
    town.now_ms += 75_000
    assert verdict_of(town, text) is PassVerdict.STALE
    page.goto("/join/hub")
    page.get_by_role("button", name="In once more").tap()
    expect(page.locator("[data-code] svg")).to_be_visible()
    page.evaluate(FORGET)
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("has lost its key: use the code")
    expect(page.locator(".code")).to_have_text(re.compile(r"\d{6} #"))
    telephone.close()


def test_rider_needs_few_taps_and_two_fields(town: Town, browser: Browser) -> None:
    """Poster, consent, two fields, ask: the pass comes by itself once the guard has tapped. Of the half minute that a
    person has for it, what the software took is printed."""
    note_signer(town.store, town.keys, town.now_ms)
    telephone = browser.new_context(base_url=town.url, locale="en-GB", viewport=PHONE, has_touch=True, is_mobile=True)
    desk = browser.new_context(base_url=town.url, locale="en-GB")
    rider, guard = Rider(telephone.new_page()), desk.new_page()
    log_in(guard, "gate")
    guard.goto("/riders")
    began_s = monotonic()
    rider.page.goto("/join/hub")
    rider.tap(rider.page.get_by_label("I agree"))
    rider.types("Name", "Wang")
    rider.types("Telephone", "13800138000")
    rider.tap(rider.page.get_by_role("button", name="Ask the guard"))
    guard.get_by_role("button", name="Let them in").click()
    expect(rider.page.locator("[data-code] svg")).to_be_visible()
    software_s, guards_s = monotonic() - began_s, TAP_S
    expect(rider.page.locator(".code")).to_have_text(re.compile(r"\d{6} #"))
    print(f"from the poster to the pass: a person {rider.takes_s + guards_s:.1f} s, the software {software_s:.1f} s")
    assert rider.taps <= MOST_TAPS and rider.fields <= MOST_FIELDS and rider.takes_s + guards_s < MOST_S
    telephone.close()
    desk.close()
