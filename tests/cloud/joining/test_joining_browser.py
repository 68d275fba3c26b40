"""A rider's telephone and the guard's screen, in Chromium: from the poster to the code."""

import re

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from cloud.joining.service import JoinService
from cloud.people.pass_terms import known_pass_keys, note_signer
from contract.carried_passes import believe_carried, verify_carried
from contract.decide import Trust
from contract.pass_verdicts import PassVerdict
from contract.passes import CarriedProof, Moment, read_pass
from tests.browser import PHONE
from tests.cloud.support.browsing import log_in
from tests.cloud.support.sender import SITE
from tests.cloud.support.town import Town

pytestmark = pytest.mark.browser
MOST_TAPS, MOST_FIELDS = 6, 2


class Rider:
    """Somebody with a telephone, whose taps and typed fields are counted."""

    def __init__(self, page: Page) -> None:
        self.page, self.taps, self.fields = page, 0, 0

    def tap(self, what: Locator) -> None:
        what.tap()
        self.taps += 1

    def types(self, label: str, text: str) -> None:
        self.page.get_by_label(label, exact=True).fill(text)
        self.fields += 1


DRAWN = """() => {
  const encode = TextEncoder.prototype.encode;
  window.drawn = [];
  TextEncoder.prototype.encode = function (text) {
    if (text.startsWith("HG1")) window.drawn.push(text);
    return encode.call(this, text);
  };
}"""
"""Keeps the texts of the QR codes that a page draws."""
FORGET = """() => new Promise((resolve, reject) => {
  const deleting = indexedDB.deleteDatabase("hearthgate");
  deleting.onsuccess = resolve; deleting.onerror = reject; deleting.onblocked = resolve;
})"""


def verdict_of(town: Town, text: str) -> PassVerdict:
    """What a door makes of a text that knows the cloud's key and has no roster."""
    shown = read_pass(text)
    assert isinstance(shown, CarriedProof)
    with town.store.reading() as connection:
        verdict, carried = believe_carried(shown.message, known_pass_keys(connection, SITE), SITE)
    return verdict if carried is None else verify_carried(carried, shown.proof, Moment(town.now_ms, 0, Trust.SYNCED))


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
    """Poster, consent, two fields, ask: the code comes by itself once the guard has tapped."""
    telephone = browser.new_context(base_url=town.url, locale="en-GB", viewport=PHONE, has_touch=True, is_mobile=True)
    desk = browser.new_context(base_url=town.url, locale="en-GB")
    rider, guard = Rider(telephone.new_page()), desk.new_page()
    log_in(guard, "gate")
    rider.page.goto("/join/hub")
    rider.tap(rider.page.get_by_label("I agree"))
    rider.types("Name", "Wang")
    rider.types("Telephone", "13800138000")
    rider.tap(rider.page.get_by_role("button", name="Ask the guard"))
    guard.goto("/riders")
    guard.get_by_role("button", name="Let them in").click()
    expect(rider.page.locator(".code")).to_have_text(re.compile(r"\d{6} #"))
    assert rider.taps + rider.fields <= MOST_TAPS and rider.fields <= MOST_FIELDS
    telephone.close()
    desk.close()
