"""What pages name in backticks exists: files and folders, classes, functions, and the folders of the architecture."""

import ast
import functools
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from dev import ROOT
from tests.house import sources
from tests.house.changes import BLOCK
from tests.house.reference import picture

HISTORY = ("CHANGELOG.md", "docs/decisions/", "docs/reference/")
"""They tell what was, or are made from what is."""
PAGES = [file for file in sources.files(suffix=".md") if not sources.relative(file).startswith(HISTORY)]
FOREIGN = {"BasicAuthPassword", "ExecStopPost", "None"}
"""Names of OCPP, of systemd and of Python itself."""
FENCED = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)
QUOTED = re.compile(r"`([^`\n]+)`")
PATH = re.compile(r"(?:[a-z_.]+/)+(?:[\w.-]+)?|[\w-]+\.(?:py|md)")
NAME = re.compile(r"test_\w+|(?:[A-Z]\w*[a-z]\w*\.)?(?:[A-Z]\w*[a-z]\w*|[a-z]\w*(?=\(\)))(?:\(\))?(?:\.[a-z_]\w*)?")
OURS = (*sources.PACKAGES, "config", "docs", "tests", "benchmarks")
ROOMS = ("edge", "cloud", "firmware_sim")
SVG = {"svg": "http://www.w3.org/2000/svg"}


@functools.cache
def defined() -> frozenset[str]:
    """Every name that a file of ours defines, sets or imports."""
    names = set(FOREIGN)
    for file in sources.files(*sources.PACKAGES, "tests", suffix=".py"):
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    names.add(name)
                case ast.alias(name=name):
                    names.add(name)
                case ast.Name(id=name) | ast.Attribute(attr=name) if isinstance(node.ctx, ast.Store):
                    names.add(name)
    return frozenset(names)


def complaints(page: str) -> list[str]:
    """What a page names in backticks and is not there."""
    quoted = {found[1] for found in QUOTED.finditer(FENCED.sub("", BLOCK.sub("", page)))}
    paths = [name for name in quoted if PATH.fullmatch(name) and name.startswith(tuple(f"{one}/" for one in OURS))]
    names = [name for name in quoted if NAME.fullmatch(name)]
    missing = [path for path in paths if not (ROOT / path).exists()]
    return sorted(missing + [name for name in names if not set(re.findall(r"\w+", name)) <= defined()])


@pytest.mark.parametrize("page", PAGES, ids=sources.relative)
def test_everything_named_is_there(page: Path) -> None:
    assert complaints(page.read_text(encoding="utf-8")) == []


def test_name_of_nothing_is_found() -> None:
    page = "`edge/nowhere.py` `edge/agent/` `NoSuchClass` `Agent.handle` `Agent.no_such` `no_such()`"
    assert complaints(f"{page}\n```sh\n`Nothing`\n```") == [
        "Agent.no_such",
        "NoSuchClass",
        "edge/nowhere.py",
        "no_such()",
    ]


def drawn(package: str) -> dict[str, int]:
    """The rooms of a package in the picture, each with how far down it stands."""
    texts = ElementTree.parse(picture.FILE).iterfind(f".//svg:g[@id='{package}']/svg:text[@class='name']", SVG)
    return {str(text.text): int(text.attrib["y"]) for text in texts}


@pytest.mark.parametrize("package", ROOMS)
def test_architecture_names_every_folder(package: str) -> None:
    page = (ROOT / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")
    assert {room for room in picture.rooms(package) if f"| `{package}/{room}/` |" not in page} == set()
    assert drawn(package).keys() == picture.rooms(package)


def test_picture_is_made_from_the_folders() -> None:
    """Where this fails, ``python3 dev.py reference`` draws it anew."""
    assert picture.FILE.read_text("utf-8") == picture.drawn()


@pytest.mark.parametrize("package", ROOMS)
def test_picture_has_what_is_imported_below(package: str) -> None:
    place = drawn(package)
    pairs = {(room, other) for room, others in picture.imports_of(package).items() for other in others}
    wrong = {(a, b) for a, b in pairs if a in place and b in place and place[a] >= place[b]}
    assert wrong == set()
