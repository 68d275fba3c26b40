"""The locks are the whole environment, each package by its hashes, and fit pyproject.toml."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from dev import LOCK, ROOT, RUNTIME_LOCK

PINNED = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[^\s;]+)")


def entries(lock: str) -> list[str]:
    """One text for each package, its hashes with it."""
    return [entry.replace("\\\n", " ") for entry in re.split(r"\n(?=\S)", lock.strip())]


def unpinned(lock: str) -> list[str]:
    """The entries that are not one version of one package with at least one hash, or that name a place."""
    return [e for e in entries(lock) if not PINNED.match(e) or "--hash=sha256:" not in e or "/" in e]


def unmet(wanted: list[str], lock: str) -> list[str]:
    """The requirements that the lock does not meet."""
    matches = [match for entry in entries(lock) if (match := PINNED.match(entry))]
    versions = {canonicalize_name(match["name"]): match["version"] for match in matches}

    def met(requirement: Requirement) -> bool:
        version = versions.get(canonicalize_name(requirement.name))
        return version is not None and requirement.specifier.contains(version)

    return [text for text in wanted if not met(Requirement(text))]


def project() -> Any:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def of_programs() -> list[str]:
    """What the programs ask for, with every extra but the one for a Pi's pins."""
    extras = project()["project"]["optional-dependencies"]
    named = [text for extra, texts in extras.items() if extra != "pi" for text in texts]
    return [*project()["project"]["dependencies"], *(text for text in named if not text.startswith("hearthgate["))]


@pytest.mark.parametrize("lock", [LOCK, RUNTIME_LOCK], ids=lambda lock: lock.name)
def test_every_package_is_pinned_by_hash_and_names_no_place(lock: Path) -> None:
    assert unpinned(lock.read_text()) == []


def test_the_lock_meets_what_the_project_asks_for() -> None:
    assert unmet(of_programs(), RUNTIME_LOCK.read_text()) == []
    assert unmet([*of_programs(), *project()["dependency-groups"]["dev"]], LOCK.read_text()) == []


def test_tools_are_locked_beside_the_same_runtime() -> None:
    """What is tested is what the image installs."""
    assert set(entries(RUNTIME_LOCK.read_text())) - set(entries(LOCK.read_text())) == set()


def test_no_tool_is_installed_with_the_programs() -> None:
    tools = [Requirement(text).name for text in project()["dependency-groups"]["dev"]]
    assert [tool for tool in tools if unmet([tool], RUNTIME_LOCK.read_text()) == []] == []


@pytest.mark.parametrize(
    "entry",
    ["rich==15.0", "rich>=15 --hash=sha256:00", "--find-" + "links x", "rich @ file:///x --hash=sha256:00"],
)
def test_a_loose_entry_is_found(entry: str) -> None:
    assert unpinned(f"typer==0.29 \\\n    --hash=sha256:00\n{entry}\n") == [entry]


def test_a_requirement_without_its_package_is_found() -> None:
    lock = "Rich_Text==14.0 \\\n    --hash=sha256:00\n"
    assert unmet(["rich-text>=14", "rich-text>=15", "typer"], lock) == ["rich-text>=15", "typer"]
