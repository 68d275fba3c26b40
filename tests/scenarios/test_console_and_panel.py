"""A person starts the demo, taps a card on the panel, and an operator sees the line on the console."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Page, expect

from firmware_sim.worlds.demo.brokers import free_port

pytestmark = pytest.mark.browser

ENDS_WITHIN_S = 60


class Demo(NamedTuple):
    """A running demo as it introduced itself."""

    process: "subprocess.Popen[str]"
    console: str
    panel: str
    password: str


@contextmanager
def running_demo(folder: Path) -> Iterator[Demo]:
    """The demo as a person starts it, ended by Ctrl-C."""
    command = [sys.executable, "-m", "firmware_sim.cli", "demo", "--state", str(folder)]
    command += ["--port", str(free_port()), "--panel-port", str(free_port())]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    assert process.stdout is not None
    said = ""
    try:
        for line in process.stdout:
            said += line
            if "Ctrl-C" in line:
                break
        console, panel = re.findall(r"http://127\.0\.0\.1:\d+/", said)
        found = re.search(r"password (\S+)", said)
        assert found is not None, said
        yield Demo(process, console, panel, found[1])
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=ENDS_WITHIN_S)


def log_in(page: Page, demo: Demo) -> None:
    page.goto(demo.console)
    page.get_by_label("Operator name").fill("admin")
    page.get_by_label("Password").fill(demo.password)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("status").get_by_text("Live", exact=True)).to_be_visible()


@pytest.mark.long(20)
def test_a_card_tapped_on_the_panel_appears_on_the_console(browser: Browser, tmp_path: Path, pictures: Path) -> None:
    with running_demo(tmp_path / "demo") as demo:
        context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
        console, panel = context.new_page(), context.new_page()
        log_in(console, demo)
        console.evaluate("window.same = true")
        panel.goto(demo.panel)
        panel.bring_to_front()
        panel.get_by_role("radio", name="Yearly member").check(force=True)
        panel.get_by_role("button", name="Tap · in: Yearly member at gym-turnstile").click()
        gym = panel.locator("article", has_text="gym-turnstile")
        expect(gym.get_by_text("Welcome")).to_be_visible()
        expect(gym.get_by_text("Passed in 1")).to_be_visible()
        # How fast this machine was just now is no news for the README, and stands upon the cards.
        panel.locator(".said").evaluate_all("(all) => all.forEach((one) => { one.style.visibility = 'hidden'; })")
        panel.screenshot(path=pictures / "panel.png")
        console.bring_to_front()
        lines = console.get_by_role("list", name="Events, newest first").get_by_role("listitem")
        mine = lines.filter(has_text="Gym turnstile").filter(has_text="Li Si")
        expect(mine.filter(has_text="Allowed").first).to_be_visible()
        expect(mine.filter(has_text="Entered").first).to_be_visible()
        assert console.evaluate("window.same"), "the console was loaded anew"
        console.screenshot(path=pictures / "console.png")
        expect(console.get_by_text("DEMO", exact=True)).to_be_visible()
        expect(panel.get_by_text("DEMO", exact=True)).to_be_visible()
        context.close()
    assert demo.process.returncode == 0
