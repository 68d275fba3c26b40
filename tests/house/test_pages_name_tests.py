"""The pages that promise something name the tests that hold us to it, and those tests exist."""

import re

import pytest

from dev import ROOT
from tests.house import sources

PAGES = {"what-others-lost.md": 29, "attacks.md": 63}
"""Each with the rows that its table has at least."""
NAMED = re.compile(r"`((?:test_|Test)\w+)`")
DEFINED = re.compile(r"\b((?:test_|Test)\w+)(?=\(| =)")

every_page = pytest.mark.parametrize(("name", "rows"), list(PAGES.items()), ids=list(PAGES))


def text(name: str) -> str:
    return (ROOT / "docs" / "explanation" / name).read_text()


def missing(page: str, tests: str) -> list[str]:
    there = set(DEFINED.findall(tests))
    return [name for name in NAMED.findall(page) if name not in there]


@every_page
def test_every_test_that_a_page_names_is_there(name: str, rows: int) -> None:
    tests = "\n".join(path.read_text() for path in sources.files("tests", suffix=".py"))
    assert missing(text(name), tests) == []


@every_page
def test_every_row_of_a_page_names_a_test(name: str, rows: int) -> None:
    found = [line for line in text(name).splitlines() if line.startswith("| ")][1:]
    assert len(found) >= rows
    assert [row for row in found if not NAMED.search(row)] == []


def test_a_test_that_is_gone_is_found() -> None:
    assert missing("`test_a` `test_b` `TestC`", "def test_a() -> None: ...\ndef test_bb() -> None: ...") == [
        "test_b",
        "TestC",
    ]
