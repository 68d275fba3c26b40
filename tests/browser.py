"""One Chromium for all tests of a process: to start one takes longer than most tests that drive it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, ViewportSize, sync_playwright

QUIET = [
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"),
    *("--disable-component-update", "--disable-sync"),
]
PHONE = ViewportSize(width=390, height=844)
SMALLEST_TARGET_PX = 44


class SharedBrowser:
    """A browser that stays open behind tests which run event loops of their own. Playwright's loop counts as running
    in this thread between two of its calls, and only while somebody uses the browser may it."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self._loop = asyncio.get_running_loop()

    def wake(self) -> None:
        asyncio._set_running_loop(self._loop)

    def rest(self) -> None:
        for context in self.browser.contexts:
            context.close()
        asyncio._set_running_loop(None)


@contextmanager
def shared_browser(chromium: Path) -> Iterator[SharedBrowser]:
    with sync_playwright() as playwright:
        shared = SharedBrowser(playwright.chromium.launch(executable_path=chromium, args=QUIET))
        shared.rest()
        yield shared
        shared.wake()
        shared.browser.close()
