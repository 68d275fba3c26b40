"""Imports are a DAG: the packages meet in `contract`, and only the command lines and worlds put them together."""

import pytest

from dev import ROOT
from tests.house import measure, sources

MAY_IMPORT = {
    "contract": {"contract"},
    "service": {"service"},
    "edge": {"contract", "service", "edge"},
    "cloud": {"contract", "service", "cloud"},
    "firmware_sim": {"contract", "service", "firmware_sim"},
}
NEVER_IMPORTED = {"tests", "benchmarks", "dev"}


def composes(module: str) -> bool:
    """True for the places where whole systems are put together."""
    return module.endswith(".cli") or module.startswith("firmware_sim.worlds.")


def complaints(module: str, names: set[str]) -> list[str]:
    """What is wrong with the imports of one module."""
    forbidden = set(NEVER_IMPORTED)
    if not composes(module):
        forbidden |= set(sources.PACKAGES) - MAY_IMPORT[sources.top(module)]
    return sorted(
        f"{module} imports {name}" for name in names if not name[0].isalpha() or sources.top(name) in forbidden
    )


def test_packages_import_only_what_lies_below_them() -> None:
    found = [line for module, names in sources.module_graph().items() for line in complaints(module, names)]
    assert found == []


def test_no_module_imports_itself_by_a_detour() -> None:
    assert sources.circles(sources.import_edges(sources.module_graph())) == []


@pytest.mark.parametrize("package", sources.PACKAGES)
def test_no_folder_imports_itself_by_a_detour(package: str) -> None:
    assert measure.folder_circles(measure.read_tree(ROOT, (package,)).files) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("edge.agent.agent", "import firmware_sim.board.board"),
        ("edge.agent.agent", "from firmware_sim.board import board"),
        ("cloud.ingest", "def late() -> None:\n    from edge.journal.journal import Journal"),
        ("contract.decide", "import edge"),
        ("contract.decide", "from service import notify"),
        ("service.notify", "import contract"),
        ("firmware_sim.board.board", "from cloud.store import rows"),
        ("edge.agent.agent", "from .runner import Runner"),
        ("edge.cli", "from tests.house import sources"),
    ],
)
def test_an_import_against_the_grain_is_found(module: str, source: str) -> None:
    assert complaints(module, sources.imports(source))


def test_a_command_line_may_compose() -> None:
    assert complaints("firmware_sim.cli", {"edge.agent.agent.Agent"}) == []
    assert complaints("firmware_sim.worlds.demo.run", {"cloud.app.create"}) == []


def test_a_cycle_is_found() -> None:
    graph = {"edge.a": {"edge.b.thing"}, "edge.b": {"edge.c"}, "edge.c": {"edge.a"}, "edge": {"edge.a"}}
    assert sources.circles(sources.import_edges(graph)) == [["edge.a", "edge.b", "edge.c"]]
