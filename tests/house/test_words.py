"""Names and words that have no place here."""

import re
import sys
from pathlib import PurePosixPath

import pytest

from tests.house import sources

TEXT_SUFFIXES = {
    *("", ".py", ".md", ".toml", ".lock", ".txt", ".yml", ".yaml", ".json", ".html", ".css", ".js", ".svg"),
    *(".po", ".service", ".conf", ".sh", ".ini", ".mako", ".sql"),
}
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|root|farm|tmp/hg)(?:/|\b)(?!\w)")
INDEX_ADDRESS = re.compile(r"//[^\s\"')]*/simple\b|python[h]osted|(?<!\w)--(?:extra-)?index-url|(?<!\w)--find[-]links")
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "base"}
CONTRACT_LIBRARIES = {"cbor2", "cryptography", "msgspec", "contract"}


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    """`file:line` of every match in the project's texts."""
    texts = [file for file in sources.files() if file.suffix in TEXT_SUFFIXES]
    return [
        f"{sources.relative(file)}:{number}"
        for file in texts
        for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]


def vague_parts(path: str) -> set[str]:
    """The parts of a module's path that say nothing."""
    return set(PurePosixPath(path).with_suffix("").parts) & VAGUE_NAMES


def foreign_imports(names: set[str]) -> set[str]:
    """What `contract` may not import: anything but the standard library and its three libraries."""
    return {name for name in names if sources.top(name) not in CONTRACT_LIBRARIES | sys.stdlib_module_names}


def test_no_file_names_a_place_on_one_machine() -> None:
    assert lines_with(MACHINE_PATH) == []


def test_no_file_names_a_package_index() -> None:
    assert lines_with(INDEX_ADDRESS) == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    modules = sources.files(suffix=".py")
    assert [path for file in modules if vague_parts(path := sources.relative(file))] == []


def test_contract_stands_on_three_libraries() -> None:
    found = {
        name
        for file in sources.files("contract", suffix=".py")
        for name in foreign_imports(sources.imports(file.read_text()))
    }
    assert found == set()


@pytest.mark.parametrize("path", ["work/main", "root/x.py", "tmp/hg/notes"])
def test_a_place_on_one_machine_is_found(path: str) -> None:
    assert MACHINE_PATH.search(f"see /{path}")
    assert MACHINE_PATH.search(f'open("/{path}")')


@pytest.mark.parametrize("harmless", ["https://example.org/work/day", "net/work/", "/workshop/", "../root/"])
def test_an_innocent_path_is_left_alone(harmless: str) -> None:
    assert not MACHINE_PATH.search(harmless)


@pytest.mark.parametrize("rest", ["index-url x", "extra-index-url x", "find-links x"])
def test_an_index_is_found(rest: str) -> None:
    assert INDEX_ADDRESS.search(f"pip install --{rest}")
    assert INDEX_ADDRESS.search("https://example.org/" + "simple")


def test_a_vague_name_is_found() -> None:
    assert vague_parts("edge/utils.py") == {"utils"}
    assert vague_parts("cloud/common/rows.py") == {"common"}
    assert vague_parts("edge/baseline.py") == set()


def test_a_foreign_import_is_found() -> None:
    assert foreign_imports({"msgspec", "hashlib", "requests.get"}) == {"requests.get"}
