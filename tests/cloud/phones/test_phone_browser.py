"""A telephone in a real browser: registered, in flight mode, and with its storage cleared."""

import re
from base64 import b32decode

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from cloud.phones.store import list_phones
from contract.cose import key_id_of
from tests.browser import SMALLEST_TARGET_PX
from tests.cloud.support.phones import LI_SI, link_for
from tests.cloud.support.sender import SITE
from tests.cloud.support.town import Town

pytestmark = pytest.mark.browser

FORGET = """() => new Promise((resolve, reject) => {
  const deleting = indexedDB.deleteDatabase("hearthgate");
  deleting.onsuccess = resolve; deleting.onerror = reject; deleting.onblocked = resolve;
})"""
KEPT = """async () => {
  const requests = await (await caches.open("pass-1")).keys();
  return requests.map(one => new URL(one.url).pathname);
}"""
KEEPS = """async key => {
  const kept = await (await caches.open("pass-1")).match("/me/pass");
  return (await kept.text()).includes(key);
}"""
EXPORT = """async () => {
  const { load } = await import("/assets/phones/keys.js");
  try { await crypto.subtle.exportKey("pkcs8", (await load()).privateKey); return "exported"; }
  catch (error) { return error.name; }
}"""
CODE = "[data-code] svg"


def register(town: Town, page: Page) -> None:
    page.goto(f"/phone/{link_for(town)}")
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_role("heading", name="Li Si")).to_be_visible()
    expect(page.locator(CODE)).to_be_visible()


def key_known(town: Town) -> bytes:
    with town.store.reading() as connection:
        (phone,) = list_phones(connection, SITE, LI_SI)
    return phone.key


def test_phone_registers_and_keeps_its_key(town: Town, page: Page) -> None:
    register(town, page)
    known = key_known(town)
    with town.store.reading() as connection:
        assert not list_phones(connection, SITE, LI_SI)[0].held_key
    assert page.evaluate(EXPORT) == "InvalidAccessError"
    page.wait_for_function("() => localStorage.length", timeout=5_000)  # the offset of the server's clock
    small = page.evaluate(
        "least => [...document.querySelectorAll('a, button')].map(one => one.getBoundingClientRect())"
        ".filter(box => box.height && box.height < least).length",
        SMALLEST_TARGET_PX,
    )
    assert small == 0
    assert len(known) == 33


def test_pass_is_drawn_in_flight_mode(town: Town, page: Page, telephone: BrowserContext) -> None:
    register(town, page)
    page.evaluate("() => navigator.serviceWorker.ready")
    telephone.set_offline(True)
    page.goto("/me")
    expect(page.get_by_role("heading", name="My pass")).to_be_visible()
    expect(page.locator(CODE)).to_be_visible()
    expect(page.get_by_text("No network: the pass works")).to_be_visible()
    kept = page.evaluate(
        "async () => (await (await caches.open('pass-1')).keys()).map(one => new URL(one.url).pathname)"
    )
    assert set(kept) == {"/me/pass", *(f"/assets/phones/{one}" for one in ASSETS)}
    telephone.set_offline(False)
    page.goto("/me")
    expect(page.get_by_role("heading", name="Li Si")).to_be_visible()


ASSETS = ("phone.css", "pass.js", "register.js", "keys.js", "qr.js", "short.js")


def test_lost_key_is_noticed_and_mended(town: Town, page: Page, telephone: BrowserContext) -> None:
    """And what is kept for flight mode names the new key."""
    register(town, page)
    page.evaluate("() => navigator.serviceWorker.ready")
    before = key_known(town)
    page.evaluate(FORGET)
    page.goto("/me")
    expect(page.get_by_role("alert")).to_contain_text("This phone has lost its key")
    expect(page.locator(CODE)).to_have_count(0)
    page.get_by_role("button", name="Make a new key").click()
    expect(page.get_by_role("status")).to_contain_text("has a new key")
    expect(page.locator(CODE)).to_be_visible()
    assert key_known(town) != before
    page.wait_for_function(KEEPS, arg=key_id_of(key_known(town)).hex())
    telephone.set_offline(True)
    page.goto("/me")
    expect(page.get_by_text("No network: the pass works")).to_be_visible()
    expect(page.locator(CODE)).to_be_visible()


def test_pass_is_signed_by_the_key(town: Town, page: Page) -> None:
    register(town, page)
    text = page.evaluate("""async () => {
      const { idOf, load, sign } = await import("/assets/phones/keys.js");
      const { passText, shortPass } = await import("/assets/phones/short.js");
      const pair = await load();
      return passText(await shortPass(await idOf(pair), 1800000000, bytes => sign(pair, bytes)));
    }""")
    assert re.fullmatch(r"HG1[A-Z2-7]+", text)
    made = b32decode(text[3:] + "=" * (-len(text[3:]) % 8))
    assert made[-66:-64] == b"\x58\x40"


def test_browser_without_a_key_gets_one_held(town: Town, page: Page) -> None:
    page.add_init_script("delete window.indexedDB; Object.defineProperty(window, 'isSecureContext', {value: false})")
    register(town, page)
    with town.store.reading() as connection:
        assert list_phones(connection, SITE, LI_SI)[0].held_key
    expect(page.get_by_role("button", name="Make a new key")).to_be_hidden()


def test_pages_work_without_scripts(town: Town, telephone: BrowserContext) -> None:
    plain = telephone.browser
    assert plain
    with plain.new_context(base_url=town.url, java_script_enabled=False, locale="zh-CN") as context:
        page = context.new_page()
        page.goto(f"/phone/{link_for(town)}")
        page.get_by_role("button", name="登记").click()
        expect(page.locator(CODE)).to_be_visible()
