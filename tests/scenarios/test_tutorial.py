"""The tutorial, from top to bottom: its commands are typed, its bold words pressed and filled in, in a real browser."""

import os
import re
import shlex
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from dev import ROOT
from firmware_sim.worlds.demo.brokers import SYSTEM_FOLDERS, free_port
from firmware_sim.worlds.demo.processes import die_with_parent, scripts

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("mosquitto")]
WITHIN_S = 60.0
LOOKS = 30
LOOK_MS = 1_500
RUNS_ON = {"oak/broker/broker.sh", "serve", "adopt", "device"}
"""Second words of the commands that are left running in a terminal of their own."""
STEP = re.compile(
    r"^```sh\n(?P<block>.*?)^```"
    r'|\*\*(?P<field>[^*]+)\*\*: "(?P<value>[^"]+)"'
    r"|\*\*(?P<press>[^*]+)\*\*"
    r"|(?<!\*)\*(?P<see>[^*\n]+)\*",
    re.MULTILINE | re.DOTALL,
)
SHOWN = {
    "init": ("PASSWORD", r"password (\S+)"),
    "broker-config": ("FINGERPRINT", r"authority: ([0-9a-f]{64})"),
    "adopt": ("CODE", r"code of \S+ is +([0-9A-Z-]+)"),
}
"""What a command shows and the reader types elsewhere."""
READY = {"serve": "startup complete", "device": "Ctrl-C ends it"}


class Step(NamedTuple):
    """One thing that the page has its reader do: ``type`` a command, ``fill`` a field, ``press`` or ``see`` a word."""

    act: str
    word: str
    value: str = ""


def steps_of(text: str) -> Iterator[Step]:
    for one in STEP.finditer(text):
        if one["block"]:
            yield from (Step("type", line) for line in one["block"].splitlines() if line.strip())
        elif one["field"]:
            yield Step("fill", one["field"], one["value"])
        else:
            yield Step("press", one["press"]) if one["press"] else Step("see", one["see"])


class Terminal:
    """A program that was started, and what it has printed."""

    def __init__(self, command: list[str], folder: Path) -> None:
        path = os.pathsep.join([os.environ.get("PATH", os.defpath), *SYSTEM_FOLDERS])
        self.printed = ""
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - it makes one call of the kernel
        )
        self._more = threading.Condition()
        self._reading = threading.Thread(target=self._read)
        self._reading.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                with self._more:
                    self.printed += line
                    self._more.notify_all()

    def shows(self, pattern: str) -> str:
        """What the pattern catches, once it is printed."""
        with self._more:
            assert self._more.wait_for(lambda: re.search(pattern, self.printed), WITHIN_S), self.printed
        found = re.search(pattern, self.printed)
        assert found
        return found[1] if found.groups() else found[0]

    def ended(self) -> str:
        """All that it printed; it has to end well."""
        code = self.process.wait(WITHIN_S)
        self._reading.join(WITHIN_S)
        assert code == 0, self.printed
        return self.printed

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self._reading.join(WITHIN_S)


class Reader:
    """Somebody with the page before them, a browser and as many terminals as they need."""

    def __init__(self, page: Page, folder: Path) -> None:
        self.page, self._folder = page, folder
        broker, console = str(free_port()), str(free_port())
        self.url = f"http://127.0.0.1:{console}"
        self._ports = {"localhost:8883": f"localhost:{broker}", "http://127.0.0.1:8400": self.url}
        self._more = {
            "broker-config": ["--port", broker, "--bind", "127.0.0.1"],
            "serve": ["--port", console],
        }
        self._shown: dict[str, str] = {}
        self.terminals: dict[str, Terminal] = {}
        self._opened = ""
        self._tapped: list[str] = []
        """The card that was held to a reader just now, until something is pressed."""

    def do(self, step: Step) -> None:
        getattr(self, f"_{step.act}")(*step[1:])

    def _type(self, line: str, _value: str) -> None:
        for theirs, ours in {**self._ports, **self._shown}.items():
            line = line.replace(theirs, ours)
        program, *words = shlex.split(line)
        if words[0] == "device":
            self.terminals.pop("adopt").ended()
        command = [scripts(program) if program.startswith("hearthgate-") else program, *words]
        terminal = Terminal([*command, *self._more.get(words[0], [])], self._folder)
        self._tapped = command if words[0] == "tap" else []
        if words[0] in RUNS_ON:
            self.terminals[words[0]] = terminal
        else:
            terminal.ended()
        if words[0] in SHOWN:
            name, pattern = SHOWN[words[0]]
            self._shown[name] = terminal.shows(pattern)
        if words[0] in READY:
            terminal.shows(READY[words[0]])
        if words[0] == "serve":
            self.page.goto(self.url)

    def _scopes(self) -> list[Locator]:
        """What was unfolded last, and then the whole page."""
        titled = self.page.locator("summary").filter(has_text=whole(self._opened)) if self._opened else None
        unfolded = [self.page.locator("details[open]").filter(has=titled)] if titled else []
        return [*unfolded, self.page.locator("body")]

    def _only(self, found: list[Locator], word: str) -> Locator:
        for one in found:
            if count := one.count():
                assert count == 1, f"{word} stands {count} times on {self.page.url}"
                return one
        pytest.fail(f"{word} is not on {self.page.url}:\n{self.page.locator('main').inner_text()}")

    def _fill(self, label: str, value: str) -> None:
        value = self._shown.get(value, value)
        fields: list[Locator] = []
        for one in self._scopes():
            choices = one.get_by_role("combobox", name=label, exact=True)
            fields.append(one.get_by_label(label, exact=True).or_(choices).filter(visible=True))
        field = self._only(fields, label)
        if field.evaluate("(one) => one.tagName") == "SELECT":
            field.select_option(label=value)
        elif field.get_attribute("type") == "checkbox":
            field.check()
        else:
            field.fill(value)

    def _press(self, word: str, _value: str) -> None:
        found: list[Locator] = []
        for one in self._scopes():
            titles = one.locator("summary").filter(has_text=whole(word))
            named = one.get_by_role("button", name=word, exact=True).or_(one.get_by_role("link", name=word, exact=True))
            found.append(named.or_(titles).filter(visible=True))
        target = self._only(found, word)
        if target.evaluate("(one) => one.tagName") == "SUMMARY":
            self._opened = word
        self._tapped = []
        target.click()

    def _see(self, text: str, _value: str) -> None:
        """It may be on its way: a reader looks again, and holds a card there once more."""
        seen = self.page.get_by_text(re.compile(re.escape(text))).filter(visible=True).first
        for _ in range(LOOKS):
            try:
                expect(seen).to_be_visible(timeout=LOOK_MS)
            except AssertionError:
                if self._tapped:
                    Terminal(self._tapped, self._folder).ended()
                self.page.reload()
            else:
                return
        pytest.fail(f"{text!r} is not on {self.page.url}:\n{self.page.locator('main').inner_text()}")


def whole(text: str) -> re.Pattern[str]:
    return re.compile(rf"^\s*{re.escape(text)}\s*$")


@contextmanager
def reader(browser: Browser, folder: Path) -> Iterator[Reader]:
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
    somebody = Reader(context.new_page(), folder)
    try:
        yield somebody
    finally:
        context.close()
        for terminal in reversed(somebody.terminals.values()):
            terminal.stop()


@pytest.mark.long(25)
def test_tutorial_ends_at_a_working_gym(browser: Browser, tmp_path: Path) -> None:
    text = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    _, makes, text = text.partition("## Make the community")
    assert makes
    with reader(browser, tmp_path) as somebody:
        for step in steps_of(text):
            somebody.do(step)
        events = somebody.page.get_by_role("list", name="Events, newest first")
        said = events.inner_text()
        assert said.index("unknown card") < said.index("Allowed"), said
        allowed = events.get_by_role("listitem").filter(has_text="Allowed")
        expect(allowed).to_contain_text("Li Na")
