"""A kind of station that nobody knew, as the four files of the page that tells how to add one."""

import re
from pathlib import Path

from dev import ROOT

PAGE = ROOT / "docs" / "how-to" / "add-a-kind.md"
FILE = re.compile(r"^`([a-z/]+\.\w+)`\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def write_fountain(folder: Path) -> Path:
    """What both sides know of it, its station, its part and a sample. Returns the sample."""
    files = dict(FILE.findall(PAGE.read_text(encoding="utf-8")))
    assert len(files) == 4
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder / "fountain.toml"
