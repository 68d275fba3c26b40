"""A guard's night in Chromium: a gate is forced at 12 past 3, then smoke; who sees it, and who is called when."""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hmac import digest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Browser, ViewportSize, expect

from cloud.channels.calling import Caller
from cloud.channels.sending import Sender
from cloud.channels.service import ChannelService
from cloud.channels.store import list_channels
from cloud.duties.rule import Duty
from cloud.duties.service import DutyService
from contract.decide import HOUR_MS, MINUTE_MS
from tests.browser import PHONE
from tests.cloud.support.sender import SITE
from tests.cloud.support.town import PASSWORD, Town

pytestmark = pytest.mark.browser
DESKTOP = ViewportSize(width=1280, height=900)
VARIANTS = [
    pytest.param("zh-CN", PHONE, "被强行打开", "我来处理", id="zh-phone"),
    pytest.param("en-GB", DESKTOP, "Forced open", "I take it", id="en-desktop", marks=pytest.mark.slow),
]


class Receivers:
    """Webhooks of two guards on a loopback port: what each was sent, by its path."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, str], bytes]] = []
        receivers = self

        class Hook(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receivers.heard.append((self.path, {key.lower(): value for key, value in self.headers.items()}, body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class calls it so
                """A test prints what it says itself."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def running(self) -> Iterator["Receivers"]:
        thread = Thread(target=self._server.serve_forever)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()

    def paths(self) -> list[str]:
        return [path for path, _, _ in self.heard]


def is_signed(headers: dict[str, str], body: bytes, secret: str) -> bool:
    """By the convention of Standard Webhooks, as a receiver checks it."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = b64decode(secret.removeprefix("whsec_"))
    return headers["webhook-signature"] == "v1," + b64encode(digest(key, signed, "sha256")).decode()


@pytest.mark.parametrize(("locale", "viewport", "forced", "take"), VARIANTS)
def test_night_on_guard_in_a_browser(
    town: Town, browser: Browser, locale: str, viewport: ViewportSize, forced: str, take: str
) -> None:
    """The forced gate is on the page with the next frame and rings the first on duty; the second after two minutes.
    Smoke rings both at once, and again each minute until somebody takes it."""
    town.now_ms += 11 * HOUR_MS + 12 * MINUTE_MS
    town.beats("east-gate")
    caller, sender = (kind(town.store, town.keys, town.clock) for kind in (Caller, Sender))
    DutyService(town.store, town.clock).put_duty("admin", Duty("night", ("gate", "office")))
    channels = ChannelService(town.store, town.keys, town.clock)

    def lasts(seconds: int) -> None:
        for _ in range(seconds):
            caller.look()
            sender.look()
            town.now_ms += 1_000

    with (
        Receivers().running() as receivers,
        browser.new_context(base_url=town.url, locale=locale, viewport=viewport) as context,
    ):
        for name in ("gate", "office"):
            channels.add("admin", name, f"{receivers.url}/{name}", name)
        with town.store.reading() as connection:
            secrets = {one.name: one.secret for one in list_channels(connection, SITE, town.keys.numbers)}
        page = context.new_page()
        page.goto("/login")
        page.fill("[name=name]", "gate")
        page.fill("[name=password]", PASSWORD)
        page.click("main button")
        page.goto("/guard")
        expect(page.locator("hg-live[state=live]")).to_be_visible()
        town.happens("door.forced", device="east-gate")
        expect(page.locator("#cases").get_by_text(forced)).to_be_visible()
        assert page.title().startswith("1 · ")
        lasts(119)
        assert receivers.paths() == ["/gate"]
        _, headers, body = receivers.heard[0]
        assert is_signed(headers, body, secrets["gate"]) and not is_signed(headers, body, secrets["office"])
        assert json.loads(body)["cases"][0]["kind"] == "forced"
        lasts(3)
        assert receivers.paths() == ["/gate", "/office"]
        page.goto("/cases")
        page.get_by_role("button", name=take).first.click()
        expect(page.get_by_text("gate", exact=False).first).to_be_visible()
        receivers.heard.clear()
        town.happens("emergency.began", device="gym-turnstile", point="", zone="gym", cause="smoke")
        lasts(1)
        assert sorted(receivers.paths()) == ["/gate", "/office"]
        lasts(60)
        assert sorted(receivers.paths()) == ["/gate", "/gate", "/office", "/office"]
        page.goto("/cases")
        page.get_by_role("button", name=take).first.click()
        page.wait_for_load_state()
        lasts(180)
        assert len(receivers.paths()) == 4
