"""What a program imports is installed with its extra: nobody who follows `pip install 'hearthgate[edge]'` lacks one."""

import tomllib
from collections.abc import Iterable
from importlib import metadata
from sys import stdlib_module_names

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from dev import ROOT
from tests.house import sources

EXTRAS_OF = {
    "contract": [],
    "service": [],
    "edge": ["edge", "charging"],
    "cloud": ["cloud"],
    "firmware_sim": ["sim"],
}
ON_A_PI = {"lgpio"}
"""Asked for where it is there: the pins of a Raspberry Pi."""


def with_what_they_need(requirements: Iterable[str]) -> set[str]:
    """The names of the distributions, and of those that they install without an extra."""
    found: set[str] = set()
    waiting = [Requirement(text) for text in requirements]
    while waiting:
        requirement = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        if requirement.name not in found:
            found.add(requirement.name)
            waiting += map(Requirement, metadata.requires(requirement.name) or ())
    return found


def installed_with(extras: list[str]) -> set[str]:
    """What `pip install 'hearthgate[EXTRAS]'` installs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    optional = project["optional-dependencies"]
    texts, waiting = list(project["dependencies"]), list(extras)
    while waiting:
        for text in optional[waiting.pop()]:
            requirement = Requirement(text)
            waiting += requirement.extras if requirement.name == "hearthgate" else ()
            texts += [] if requirement.name == "hearthgate" else [text]
    return {canonicalize_name(name) for name in with_what_they_need(texts)}


@pytest.mark.parametrize("package", sources.PACKAGES)
def test_imports_are_installed_with_the_extra(package: str) -> None:
    distributions = metadata.packages_distributions()
    modules = {module: names for module, names in sources.module_graph().items() if sources.top(module) == package}
    imported = {sources.top(name) for names in modules.values() for name in names if not name.startswith(".")}
    theirs = imported - stdlib_module_names - set(sources.PACKAGES) - ON_A_PI
    installed = installed_with(EXTRAS_OF[package])
    assert {name for name in theirs if installed.isdisjoint(map(canonicalize_name, distributions[name]))} == set()
