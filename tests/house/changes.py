"""Changes to the project as pages show them: a line with a file's name, and below it a fenced block.

A ``diff`` block is an edit. Any other block is a whole file, or what is added to the end of a file that is there.
"""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from dev import ROOT
from tests.house import sources

BLOCK = re.compile(r"^`(?P<path>[\w./-]+)`\n\n```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(?P<marks>#+) +(?P<title>.+)$", re.MULTILINE)
COPIED = (*sources.PACKAGES, "config", "docs", "tests")


class Change(NamedTuple):
    """One block of a page: the file it is about, and the text as it stands in the block."""

    path: str
    text: str
    is_edit: bool

    def apply(self, root: Path) -> None:
        """Make the change below this folder. Raises ``ValueError`` for an edit that does not fit its file."""
        file = root / self.path
        file.parent.mkdir(parents=True, exist_ok=True)
        text = self.text
        if file.is_file():
            before = file.read_text(encoding="utf-8")
            text = self._edited(before) if self.is_edit else f"{before}\n\n{text}"
        file.write_text(text, encoding="utf-8")

    def _edited(self, before: str) -> str:
        lines = [(line[:1].strip(), line[1:]) for line in self.text.splitlines(keepends=True)]
        removed, added = ("".join(line for mark, line in lines if mark != other) for other in "+-")
        if before.count(removed) != 1:
            raise ValueError(f"{self.path} does not have these lines exactly once:\n{removed}")
        return before.replace(removed, added)


def changes(page: str) -> list[Change]:
    """Every change that a page shows, in its order."""
    return [Change(found["path"], found["text"], found["kind"] == "diff") for found in BLOCK.finditer(page)]


def section(page: str, anchor: str) -> str:
    """The part of a page under one of its headings; the whole page without an anchor."""
    return dict(_sections(page))[anchor] if anchor else page


def _sections(page: str) -> Iterator[tuple[str, str]]:
    headings = list(HEADING.finditer(page))
    for number, heading in enumerate(headings):
        above = (one.start() for one in headings[number + 1 :] if len(one["marks"]) <= len(heading["marks"]))
        yield heading["title"].lower().replace(" ", "-"), page[heading.start() : next(above, None)]


def copy_of_the_project(folder: Path) -> Path:
    """A copy of everything that tests need, for changes to be made in it."""
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    for name in ("dev.py", "pyproject.toml", "README.md", "README.zh-CN.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        shutil.copyfile(ROOT / name, folder / name)
    return folder
