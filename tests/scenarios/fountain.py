"""A kind of station that nobody knew, as the four files of the page that tells how to add one."""

from pathlib import Path

from dev import ROOT
from tests.house.changes import changes

PAGE = ROOT / "docs" / "how-to" / "add-a-kind.md"


def write_fountain(folder: Path) -> Path:
    """What both sides know of it, its station, its part and a sample. Returns the sample."""
    files = changes(PAGE.read_text(encoding="utf-8"))
    assert len(files) == 4
    for file in files:
        file.apply(folder)
    return folder / "fountain.toml"
