"""The page of what others lost names tests that exist."""

import re

from dev import ROOT
from tests.house import sources

PAGE = ROOT / "docs" / "explanation" / "what-others-lost.md"
NAMED = re.compile(r"`((?:test_|Test)\w+)`")


def missing(page: str, tests: str) -> list[str]:
    return [name for name in NAMED.findall(page) if not re.search(rf"\b{name}\b(?=\(| =)", tests)]


def test_every_test_that_the_page_names_is_there() -> None:
    tests = "\n".join(path.read_text() for path in sources.files("tests", suffix=".py"))
    assert missing(PAGE.read_text(), tests) == []


def test_every_row_of_the_page_names_a_test() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")][1:]
    assert len(rows) == 29
    assert [row for row in rows if not NAMED.search(row)] == []


def test_a_test_that_is_gone_is_found() -> None:
    assert missing("`test_a` `test_b` `TestC`", "def test_a() -> None: ...\ndef test_bb() -> None: ...") == [
        "test_b",
        "TestC",
    ]
