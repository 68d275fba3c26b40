"""A guest's telephone in Chromium: the link that was sent, the pass that it draws, also in flight mode."""

import pytest
from playwright.sync_api import Browser, expect

from cloud.guests.service import GuestService
from cloud.people.pass_terms import note_signer
from cloud.permits.kinds import PermitKind
from cloud.permits.service import PermitAsked, PermitService
from contract.pass_verdicts import PassVerdict
from tests.browser import PHONE
from tests.cloud.support.drawn_passes import DRAWN, IS_KEPT, verdict_of
from tests.cloud.support.phones import LI_SI
from tests.cloud.support.town import Town

pytestmark = pytest.mark.browser


def test_guests_phone_draws_its_pass_offline(town: Town, browser: Browser) -> None:
    """One tap makes its key. It needs no network, not even to load its page again; the same link leads back to it, and
    another phone is told whom to ask. What the inviter has ended opens nothing, however it is drawn, and is kept no
    longer."""
    note_signer(town.store, town.keys, town.now_ms)
    permits = PermitService(town.store, town.keys, town.clock)
    permit = permits.invite(LI_SI, PermitAsked(kind=PermitKind.GUEST, name="an aunt", code=True)).permit
    path = f"/guest/{GuestService(town.store, town.keys, town.clock).make_link(LI_SI, permit)}"
    telephone = browser.new_context(base_url=town.url, locale="en-GB", viewport=PHONE, has_touch=True, is_mobile=True)
    telephone.add_init_script(f"({DRAWN})()")
    page = telephone.new_page()
    page.goto(path)
    page.get_by_role("button", name="Use this phone").tap()
    page.wait_for_function("() => localStorage.length && window.drawn.length > 1")
    page.evaluate(IS_KEPT, path)
    telephone.set_offline(True)
    page.evaluate("() => { window.drawn.length = 0; document.querySelector('progress').value = 1; }")
    page.wait_for_function("() => window.drawn.length")
    assert verdict_of(town, page.evaluate("() => window.drawn.at(-1)")) is PassVerdict.OK
    page.reload()
    page.wait_for_function("() => window.drawn.length")
    assert verdict_of(town, page.evaluate("() => window.drawn.at(-1)")) is PassVerdict.OK
    telephone.set_offline(False)
    page.goto(path)
    expect(page.locator("[data-code] svg")).to_be_visible()
    other = browser.new_page(base_url=town.url, locale="en-GB")
    other.goto(path)
    expect(other.get_by_role("alert")).to_contain_text("Another phone has opened this link")
    permits.end("gate", permit)
    assert verdict_of(town, page.evaluate("() => window.drawn.at(-1)")) is PassVerdict.REVOKED
    page.goto(path)
    page.wait_for_function("async path => !await caches.match(path)", arg=path)
    telephone.close()
    other.close()
