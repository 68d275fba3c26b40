"""The page about the cost of a change is true: its figures are counted, and its changes are made and tested."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from dev import ROOT
from tests.house.changes import Change, changes, copy_of_the_project, section

PAGE = ROOT / "docs" / "explanation" / "what-a-change-costs.md"
ROW = re.compile(
    r"^\| \[(?P<name>[^]]+)\]\((?P<page>[\w./-]*)#?(?P<anchor>[\w-]*)\).*\| (?P<new>\d) \| (?P<edited>\d) \|$",
    re.MULTILINE,
)
ROWS = {row["name"]: row for row in ROW.finditer(PAGE.read_text(encoding="utf-8"))}
KIND = ROWS.pop("a kind of station")
NOT_COUNTED = ("tests/", "cloud/web/locale/")
KEEPERS = (
    *("contract/test_reasons.py", "contract/test_decide.py", "contract/test_explain.py"),
    *("contract/test_commands.py", "contract/test_kinds.py"),
    *("cloud/web/test_words.py", "cloud/web/test_domain.py", "cloud/people/test_members.py"),
    *("edge/remote/test_table_of_commands.py", "edge/stations/test_stations.py", "house/test_reference.py"),
)
"""The tests that fail where a table, or a list that somebody keeps of it, is not whole."""


def shown(row: "re.Match[str]") -> list[Change]:
    """The changes that the page of a row shows."""
    page = PAGE.parent / row["page"] if row["page"] else PAGE
    return changes(section(page.read_text(encoding="utf-8"), row["anchor"]))


def run_in(folder: Path, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr


@pytest.mark.parametrize("row", [KIND, *ROWS.values()], ids=lambda row: row["name"])
def test_change_costs_the_files_that_are_said(row: "re.Match[str]") -> None:
    is_there = {change.path: (ROOT / change.path).exists() for change in shown(row)}
    counted = Counter(there for path, there in is_there.items() if not path.startswith(NOT_COUNTED))
    assert (counted[False], counted[True]) == (int(row["new"]), int(row["edited"]))


@pytest.mark.slow
def test_changes_need_no_other_file(tmp_path: Path) -> None:
    """All of them are made in a copy. Their tests pass there, and so do the tests of the tables."""
    copy_of_the_project(tmp_path)
    for kind_file in shown(KIND):
        kind_file.apply(tmp_path / "park")
    made = [change for row in ROWS.values() for change in shown(row)]
    for change in made:
        change.apply(tmp_path)
    tests = {change.path for change in made if change.path.startswith("tests/") and change.path.endswith(".py")}
    run_in(tmp_path, "tests.house.reference")
    run_in(tmp_path, "ruff", "check", "--no-cache", ".")
    run_in(tmp_path, "ruff", "format", "--no-cache", "--check", ".")
    run_in(tmp_path, "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *tests, *(f"tests/{one}" for one in KEEPERS))


def test_edit_that_does_not_fit_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\ntwo\none\n")
    for text in (" four\n+five\n", "+zero\n one\n"):
        with pytest.raises(ValueError, match="does not have these lines exactly once"):
            Change("a.txt", text, is_edit=True).apply(tmp_path)
    Change("a.txt", " two\n-one\n+three\n", is_edit=True).apply(tmp_path)
    assert (tmp_path / "a.txt").read_text() == "one\ntwo\nthree\n"
