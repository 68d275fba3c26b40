"""The pages of ``docs/reference/``: each is made from tables of the product, and nothing in it is written by hand."""

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from dev import ROOT
from tests.house.reference import figures, programs, settings, wire

FOLDER = ROOT / "docs" / "reference"
INDEX = "README.md"
MADE = "<!-- Made by `python3 dev.py reference`: edit the table that it is made from. -->\n\n"


class Page(Struct, frozen=True):
    """A page: its title, what it tells, the file or folder that its table stands in, and what makes it."""

    title: str
    about: str
    source: str
    body: Callable[[], str]


PAGES = {
    "events.md": Page("Events", "what a device records, with its data and its words", "contract/kinds", wire.events),
    "reasons.md": Page("Reasons", "why somebody is let in or refused", "contract/reasons.py", wire.reasons),
    "commands.md": Page("Commands", "what an operator may order of a device", "contract/commands.py", wire.commands),
    "channels.md": Page(
        "MQTT channels", "what devices and cloud tell each other", "contract/messages.py", wire.channels
    ),
    "programs.md": Page("Command lines", "every command of the three programs", "pyproject.toml", programs.programs),
    "settings.md": Page("Configuration", "a device's file, key by key", "edge/config/tables.py", settings.settings),
    "figures.md": Page("Figures", "what monitoring is shown", "cloud/overview/metrics.py", figures.figures),
}


def pages() -> dict[str, str]:
    """The text of every page, by its file. Raises ``Undocumented``."""
    made = {file: f"# {page.title}\n\n{_from(page)}\n\n{page.body()}" for file, page in PAGES.items()}
    return {file: MADE + text for file, text in {INDEX: _index(), **made}.items()}


def write(folder: Path = FOLDER) -> None:
    """Write every page anew, and remove those that are made no more."""
    folder.mkdir(exist_ok=True)
    made = pages()
    for file in folder.glob("*.md"):
        if file.name not in made:
            file.unlink()
    for name, text in made.items():
        (folder / name).write_text(text, "utf-8", newline="\n")


def _from(page: Page) -> str:
    return f"{page.about.capitalize()}. From [{page.source}](../../{page.source})."


def _index() -> str:
    lines = [f"- [{page.title}]({file}): {page.about}\n" for file, page in PAGES.items()]
    return (
        "# Reference\n\n"
        "`python3 dev.py reference` writes these pages from the tables that the programs go by. A test fails where a\n"
        "page says something else than its table, and where a table names something that nothing explains.\n\n"
        + "".join(lines)
    )
